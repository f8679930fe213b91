"""What is known of a statement from the looks at it: where it is, how far, since when."""

from __future__ import annotations

from dbt.adapters.fabricspark.livy.states import StatementPhase, statement_phase
from dbt.adapters.fabricspark.livy.wire import StatementView
from dbt.adapters.fabricspark.resilience.polling import Look


class Seen:
    """A statement as far as it was seen. All moments are seconds on the monotonic clock.

    Attributes:
        session_id, id: where it is, as far as known.
        sends: how often it was sent.
        looks: how often it was looked at.
        view: what was seen last, with the server's progress and times.
        submitted_at, running_at, noticed_at: the submission, the first look that saw it running, the look that saw its
            end; ``None`` until then.
        idle_until: the last moment at which it is known not to have begun.
        queues: whether it waits behind others, as far as is known.
        seen_at: the last look.
    """

    def __init__(self) -> None:
        self.session_id: str | None = None
        self.id: int | None = None
        self.sends = 0
        self.looks = 0
        self.view: StatementView | None = None
        self.submitted_at: float | None = None
        self.running_at: float | None = None
        self.noticed_at: float | None = None
        self.idle_until = self.seen_at = 0.0
        self.queues = False

    @property
    def state(self) -> str:
        """The server's word for how it is, in lower case."""
        return (self.view.state if self.view else "") or "in an unknown state"

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"statement {self.id} of Livy session {self.session_id}"

    @property
    def ran(self) -> float | None:
        """Seconds it ran: by the server's clock, or as far as could be seen; ``None`` before its end."""
        if self.noticed_at is None:
            return None
        seen = self.noticed_at - self.idle_until
        if self.view is not None and 0 < self.view.started <= self.view.completed:
            return min(seen, (self.view.completed - self.view.started) / 1000)
        return seen

    @property
    def left(self) -> float | None:
        """Seconds from the last look to its end, as the server's own progress has it; ``None`` if it says nothing."""
        progress = self.view.progress if self.view is not None and self.view.state == "running" else 0.0
        return (self.seen_at - self.idle_until) * (1 - progress) / progress if 0 < progress <= 1 else None

    def due(self, started: float, expected: float | None) -> Look:
        """The next look. What a statement took last time says nothing of how long it queues behind others.

        Args:
            started: when it was first waited for.
            expected: seconds it took last time.
        """
        return Look(started, self.seen_at) if self.queues else Look(self.idle_until, self.seen_at, expected)

    def _note_turn(self, now: float) -> None:
        """What was before it has ended: it begins now."""
        self.queues, self.idle_until = False, now

    def _note_times(self, view: StatementView, now: float, *, first: bool) -> None:
        """Take down what a look shows.

        Args:
            view: what it shows.
            now: when.
            first: whether it is the reply to the submission, which is no look.
        """
        self.looks += not first
        self.seen_at = now
        if not first:
            self.queues = view.state == "waiting"
            self.idle_until = now if self.queues else self.idle_until
        if view.state == "running" and self.running_at is None:
            self.running_at = now
        if statement_phase(view.state) is not StatementPhase.PENDING:
            self.noticed_at = now
