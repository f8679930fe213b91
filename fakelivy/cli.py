"""The ``fakelivy`` command."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from fakelivy.engine import ENGINES
from fakelivy.errors import FakeLivyError
from fakelivy.journal import Entry, Request
from fakelivy.knobs import Dialect
from fakelivy.profiles import as_yaml, lakehouse_named, profile

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
@click.option("--journal", type=click.Path(path_type=Path), help="File to append every event to, as JSON lines.")
@click.option("--allow-public", is_flag=True, help="Allow addresses that other machines can reach.")
@click.option("--verbose", "-v", is_flag=True, help="A line for each request.")
def serve(
    host: str,
    port: int,
    engine: str,
    warehouse: Path,
    lakehouses: tuple[str, ...],
    schemas: bool,
    token: str,
    seed: int | None,
    faults: tuple[str, ...],
    journal: Path | None,
    allow_public: bool,
    verbose: bool,
) -> None:
    """Serve until Ctrl-C. It executes the code it is sent: keep it on loopback."""
    with _stop_signal() as wait, _plain_errors():
        from fakelivy.server import FakeLivy

        server = FakeLivy(
            engine=engine,
            warehouse=warehouse,
            host=host,
            port=port,
            lakehouses=lakehouses,
            schemas=schemas,
            token=token,
            seed=seed,
            faults=faults,
            journal_file=journal,
            allow_public=allow_public,
        )
        if verbose:
            server.journal.listen(_print_request)
        with server:
            # Whoever started us may read a pipe and wait for this line; click flushes.
            click.echo(f"fakelivy is listening on {server.url}")
            click.echo(f"engine {engine}, warehouse {server.warehouse}, seed {server.seed}")
            for armed in server.armed:
                click.echo(f"fault {armed.fault}")
            click.echo("It executes the code it is sent. Stop it with Ctrl-C.\n")
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
@_lakehouse
@_schemas
@_token
def profile_command(dialect: str, url: str, lakehouses: tuple[str, ...], schemas: bool, token: str) -> None:
    """Print a profiles.yml for a server; give it the options the server was given."""
    dialects = list(Dialect) if dialect == "both" else [Dialect(dialect)]
    lakehouse = lakehouse_named(lakehouses[0], schemas=schemas)
    click.echo(as_yaml(profile(dialects, url.rstrip("/"), lakehouse, token)), nl=False)


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
