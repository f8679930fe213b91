"""The ``fakelivy`` command."""

from __future__ import annotations

import contextlib
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from fakelivy.engine import ENGINES
from fakelivy.identity.options import IdentityOptions, TokenMode
from fakelivy.journal import Entry, Request
from fakelivy.knob_values import turned
from fakelivy.knobs import Dialect, Knobs
from fakelivy.profiles import PROFILE, as_yaml, lakehouse_named, profile
from fakelivy.usage import FakeLivyError

if TYPE_CHECKING:
    from fakelivy.server import FakeLivy

_lakehouse = click.option(
    "--lakehouse",
    "lakehouses",
    metavar="NAME",
    multiple=True,
    default=("lakehouse",),
    show_default="lakehouse",
    help="Name of a lakehouse; may be repeated, the first is the default one.",
)
_schemas = click.option(
    "--schemas/--no-schemas", default=True, show_default=True, help="Whether the lakehouses have schemas."
)
_token = click.option("--token", default="fakelivy", show_default=True, help="The bearer token of Fabric requests.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="dbt-fabricspark", prog_name="fakelivy")
def main() -> None:
    """A fake Apache Livy and Fabric Livy server that really executes Spark SQL."""


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8998, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option("--engine", default="sail", show_default=True, type=click.Choice(sorted(ENGINES)), help="SQL engine.")
@click.option(
    "--spark-url",
    metavar="URL",
    envvar="FAKELIVY_SPARK_URL",
    show_envvar=True,
    help="Spark Connect server of the engine spark, e.g. sc://127.0.0.1:15002.",
)
@click.option(
    "--warehouse",
    default=Path("fakelivy-warehouse"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="Folder of the tables; they survive a restart.",
)
@_lakehouse
@_schemas
@_token
@click.option("--seed", type=int, help="What ids and faults are decided by; random unless given.")
@click.option(
    "--fault", "faults", metavar="SPEC", multiple=True, help="What goes wrong, e.g. get_statement:before:delay(5)."
)
@click.option(
    "--knob",
    "knobs",
    metavar="NAME=VALUE",
    multiple=True,
    help="Wire behaviour, e.g. create_reply=full, or fabric.idle_timeout=60 for one dialect: docs/knobs.md.",
)
@click.option("--tls", is_flag=True, help="Serve https, with a certificate made at start.")
@click.option(
    "--tokens",
    default=TokenMode.STATIC.value,
    show_default=True,
    type=click.Choice([mode.value for mode in TokenMode]),
    help="Which bearer tokens Fabric requests may show: static: --token, or one of this server's token endpoints; "
    "any: all; verify: those of this server's token endpoints only.",
)
@click.option(
    "--token-lifetime",
    default=3600,
    show_default=True,
    type=click.IntRange(min=1),
    help="Seconds for which a token of the token endpoints is good.",
)
@click.option(
    "--az",
    metavar="FOLDER",
    type=click.Path(path_type=Path),
    help="Folder to write a stand-in for the Azure CLI into, whose tokens come from this server.",
)
@click.option("--journal", type=click.Path(path_type=Path), help="File to append every event to, as JSON lines.")
@click.option("--allow-public", is_flag=True, help="Allow addresses that other machines can reach.")
@click.option("--verbose", "-v", is_flag=True, help="A line for each request.")
def serve(
    host: str,
    port: int,
    engine: str,
    spark_url: str | None,
    warehouse: Path,
    lakehouses: tuple[str, ...],
    schemas: bool,
    token: str,
    tls: bool,
    tokens: str,
    token_lifetime: int,
    az: Path | None,
    seed: int | None,
    faults: tuple[str, ...],
    knobs: tuple[str, ...],
    journal: Path | None,
    allow_public: bool,
    verbose: bool,
) -> None:
    """Serve until Ctrl-C. It executes the code it is sent: keep it on loopback."""
    given = click.get_current_context().get_parameter_source("spark_url")
    if engine != "spark" and given is ParameterSource.COMMANDLINE:
        raise click.UsageError("--spark-url needs --engine spark")
    with _stop_signal() as wait, _plain_errors():
        from fakelivy.server import FakeLivy

        server = FakeLivy(
            engine=engine,
            spark_url=spark_url if engine == "spark" else None,
            warehouse=None if engine == "spark" else warehouse,
            host=host,
            port=port,
            lakehouses=lakehouses,
            schemas=schemas,
            token=token,
            tls=tls,
            identity=IdentityOptions(mode=TokenMode(tokens), lifetime=token_lifetime),
            seed=seed,
            faults=faults,
            knobs=turned(Knobs(), knobs),
            journal_file=journal,
            allow_public=allow_public,
        )
        if verbose:
            server.journal.listen(_print_request)
        with server:
            # Whoever started us may read a pipe and wait for this line; click flushes.
            click.echo(f"fakelivy is listening on {server.url}")
            tables = "tables where Spark has them" if engine == "spark" else f"warehouse {server.warehouse}"
            click.echo(f"engine {engine}, {tables}, seed {server.seed}")
            for armed in server.armed:
                click.echo(f"fault {armed.fault}")
            click.echo("It executes the code it is sent. Stop it with Ctrl-C.\n")
            for name, value in server.client_environment().items():
                click.echo(f"export {name}={shlex.quote(value)}")
            if az:
                click.echo(f'export PATH={shlex.quote(str(_write_az(server, az)))}:"$PATH"')
            click.echo("# A profiles.yml for it; this is also what `fakelivy profile` prints:")
            click.echo(as_yaml(server.profile()))
            wait()
        click.echo("fakelivy stopped")


@main.command("profile")
@click.option(
    "--dialect",
    default="both",
    show_default=True,
    type=click.Choice([*(dialect.value for dialect in Dialect), "both"]),
    help="Which targets to print.",
)
@click.option("--url", default="http://127.0.0.1:8998", show_default=True, help="Where the server listens.")
@click.option("--name", default=PROFILE, show_default=True, help="The `profile:` of your dbt_project.yml.")
@_lakehouse
@_schemas
@_token
def profile_command(dialect: str, url: str, name: str, lakehouses: tuple[str, ...], schemas: bool, token: str) -> None:
    """Print a profiles.yml for a server: --url as the server printed it, the rest as the server was given it."""
    dialects = list(Dialect) if dialect == "both" else [Dialect(dialect)]
    lakehouse = lakehouse_named(lakehouses[0], schemas=schemas)
    (targets,) = profile(dialects, url.rstrip("/"), lakehouse, token).values()
    click.echo(as_yaml({name: targets}), nl=False)


def _write_az(server: FakeLivy, folder: Path) -> Path:
    try:
        return server.write_az(folder)
    except OSError as error:
        raise FakeLivyError(f"cannot write az into {folder}: {error.strerror or error}") from None


def _print_request(entry: Entry) -> None:
    if isinstance(entry.event, Request):
        event = entry.event
        with contextlib.suppress(OSError):  # nobody reads any more; the request goes on
            click.echo(f"{entry.at:%H:%M:%S} {event.status} {event.method} {event.path}")


@contextlib.contextmanager
def _plain_errors() -> Iterator[None]:
    """One line on stderr and exit code 1 instead of a traceback."""
    try:
        yield
    except FakeLivyError as error:
        raise click.ClickException(str(error)) from error
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("fakelivy"):
            raise
        # The command comes with the adapter, what the server needs only with the extra.
        text = f"{error.name} is not installed; pip install 'dbt-fabricspark[fakelivy]'"
        raise click.ClickException(text) from error


@contextlib.contextmanager
def _stop_signal() -> Iterator[Callable[[], None]]:
    """Ctrl-C and SIGTERM end the wait instead of the process; further ones do not disturb the clean-up."""
    stop = threading.Event()

    def wait() -> None:
        # In slices, because a wait without end cannot be interrupted on every platform.
        while not stop.wait(0.5):
            pass

    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wait
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
