"""What the client is asked to do: each thread's script, then, when everything is healed, a proof of life."""

from __future__ import annotations

from collections.abc import Sequence

from chaos import ledger
from chaos.client import Client
from chaos.history import Call, Phase, claimed, plain
from chaos.scenario import Outcome
from chaos.simulation import Aborted, Scheduler

PROOF = ("write", "read")
"""The script of the liveness phase."""


class Desk:
    """Hands one client the statements of one thread, and writes down what it says."""

    def __init__(self, client: Client, scheduler: Scheduler, thread: str, phase: Phase, calls: list[Call]) -> None:
        self._client = client
        self._scheduler = scheduler
        self._thread = thread
        self._phase = phase
        self._calls = calls
        self._last = ""
        """The mark of the last row that the client says it has written."""

    def go_through(self, script: Sequence[str]) -> None:
        """Do every step, whatever becomes of those before."""
        for number, step in enumerate(script):
            mark = f"{step}-{self._phase[0]}{self._thread}.{number}"
            if step in ("write", "slow"):
                if self._run(step, ledger.append(mark), mark).outcome == "ok":
                    self._last = mark
            elif step == "read":
                self._run("read", ledger.look(self._last or "nothing"), self._last)
            elif step == "wrong":
                self._run("wrong", ledger.wrong(mark), mark)
            else:
                self._build(mark)

    def _build(self, mark: str) -> None:
        listed = self._run("list", ledger.SHOW, "")
        if listed.outcome != "ok":
            return
        if any(ledger.EVENTS in row for row in listed.rows):
            self._run("append", ledger.append(mark, ledger.EVENTS), mark)
        else:
            self._run("rebuild", ledger.rebuild(mark), mark)

    def _run(self, step: str, sql: str, mark: str) -> Call:
        begin = self._scheduler.elapsed
        outcome: Outcome = "unknown"
        rows: tuple[tuple[str, ...], ...] = ()
        error: BaseException | None = None
        try:
            rows = plain(self._client.execute(sql))
            outcome = "ok"
        except Aborted as never:
            error = never
            raise
        except Exception as raised:  # noqa: BLE001  # any client's errors are its answers
            error, outcome = raised, claimed(raised)
        except BaseException as raised:
            error = raised
            raise
        finally:
            call = Call(
                thread=self._thread,
                phase=self._phase,
                step=step,
                sql=sql,
                mark=mark,
                begin=begin,
                end=self._scheduler.elapsed,
                outcome=outcome,
                rows=rows,
                error=type(error).__name__ if error is not None else "",
                message=str(error) if error is not None else "",
            )
            self._calls.append(call)
        return call
