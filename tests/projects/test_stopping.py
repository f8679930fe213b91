"""A real dbt process is gone soon after a signal, whatever it was doing when its server fell silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench.stopping import PHASES, SIGNALS, stop

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", SIGNALS)
def test_a_process_is_gone_soon_in_whatever_phase_its_server_falls_silent(phase: str, how: str, tmp_path: Path) -> None:
    found = stop(PHASES[phase], SIGNALS[how], tmp_path)
    assert found.seconds is not None, f"it had to be killed: {found.output}"
    assert found.code != 0
    print(f"{phase}, {how}: {found.seconds:.1f} s")  # noqa: T201  # the figure, for whoever asks with -s
