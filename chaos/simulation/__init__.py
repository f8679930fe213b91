"""Threads, locks, time and chance that a seed decides: every race has a number, and happens again by it."""

from chaos.simulation.clock import SimulatedClock
from chaos.simulation.runtime import SimulatedRuntime
from chaos.simulation.scheduler import (
    Aborted,
    Deadlock,
    OutOfTime,
    Scheduler,
    SimulationError,
    Stalled,
    Thread,
    TooManySteps,
)
from chaos.simulation.strategies import STRATEGIES

__all__ = [
    "STRATEGIES",
    "Aborted",
    "Deadlock",
    "OutOfTime",
    "Scheduler",
    "SimulatedClock",
    "SimulatedRuntime",
    "SimulationError",
    "Stalled",
    "Thread",
    "TooManySteps",
]
