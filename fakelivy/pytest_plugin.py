"""Fixtures for other people's suites (docs/testing.md); the server is imported when a test asks for it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Generator, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from fakelivy.server import FakeLivy
    from fakelivy.testing import TestServer

_MARKER = "fakelivy"
_SEED = pytest.StashKey[int]()
_VIEW = pytest.StashKey["TestServer"]()
_WORKER_SEED = "fakelivy_seed"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("fakelivy")
    group.addoption("--fakelivy-seed", type=int, metavar="SEED", help="seed of the fake Livy servers; random if absent")


def pytest_configure(config: pytest.Config) -> None:
    given: int | None = config.getoption("--fakelivy-seed")
    # A worker of pytest-xdist takes the seed of the process that prints it.
    given = getattr(config, "workerinput", {}).get(_WORKER_SEED, given)
    config.stash[_SEED] = secrets.randbits(32) if given is None else given
    config.addinivalue_line(
        "markers",
        "fakelivy(*faults, must_fire=True, **options): the faults are armed while the test runs, and it fails if one "
        "never fires; with options of FakeLivy (seed, clock, engine, ...) the test has a server of its own; "
        "clock='manual' is a ManualClock.",
    )


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """pytest-xdist is about to start a worker."""
    node.workerinput[_WORKER_SEED] = node.config.stash[_SEED]


def pytest_report_header(config: pytest.Config) -> str:
    return f"fakelivy: --fakelivy-seed={config.stash[_SEED]}"


@pytest.fixture(scope="session")
def fakelivy_options() -> Mapping[str, Any]:
    """Arguments of ``FakeLivy`` for the suite's server; override it. The seed is ``--fakelivy-seed`` unless given."""
    return {}


@pytest.fixture(scope="session")
def fakelivy_server(fakelivy_options: Mapping[str, Any], pytestconfig: pytest.Config) -> Iterator[FakeLivy]:
    """The suite's server, one for each worker process, on a free port."""
    from fakelivy.server import FakeLivy

    with FakeLivy(**{"seed": pytestconfig.stash[_SEED], **fakelivy_options}) as server:
        yield server


@pytest.fixture
def fakelivy(request: pytest.FixtureRequest) -> Iterator[TestServer]:
    """The server as this test sees it, with the faults and options of its markers.

    It fails the test for bugs of the server, for faults that never fired and for sessions left alive.
    """
    from fakelivy.server import FakeLivy
    from fakelivy.testing import Marked, TestServer

    marked = Marked.of(request.node.iter_markers(_MARKER))
    with contextlib.ExitStack() as own:
        if marked.options:
            shared = request.getfixturevalue("fakelivy_options")
            seed = {"seed": request.config.stash[_SEED]}
            server = own.enter_context(FakeLivy(**{**seed, **shared, **marked.options}))
        else:
            server = request.getfixturevalue("fakelivy_server")
        begin = 0 if marked.options else None  # what its options brought with it counts too
        view = TestServer(server, request.node.nodeid, must_fire=marked.must_fire, begin=begin)
        request.node.stash[_VIEW] = view
        for fault in marked.faults:
            view.arm(fault)
        yield view
        wrong = view.finish()
    if wrong:
        pytest.fail("fakelivy: " + "\n".join(wrong), pytrace=False)


@pytest.fixture
def fakelivy_profile(fakelivy: TestServer) -> dict[str, Any]:
    """The content of a dbt ``profiles.yml`` for the server, with a schema of this test's own."""
    return fakelivy.profile()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failed report shows what happened on the server, and how to have it happen again."""
    report = yield
    view = item.stash.get(_VIEW, None)
    if report.failed and view is not None:
        report.sections.append(("fakelivy journal", view.tail()))
        report.sections.append(("fakelivy replay", view.replay(item.config.stash[_SEED])))
    return report
