"""Effects on what really happens: to sessions, statements, tokens and the server itself."""

from __future__ import annotations

from fakelivy import mishaps as m
from fakelivy.effects.hits import Hit, Missed, Result, document, effect, ordered, session_of
from fakelivy.wire import ConnectionLost


@effect(m.SlowStart)
def slow_start(hit: Hit, what: m.SlowStart) -> Result:
    return ordered(hit, start_after=what.seconds)


@effect(m.ReapAfter)
def reap_after(hit: Hit, what: m.ReapAfter) -> Result:
    return ordered(hit, reap_after=what.seconds)


@effect(m.Alone)
def alone(hit: Hit, _: m.Alone) -> Result:
    return ordered(hit, alone=True)


@effect(m.CutRows)
def cut_rows(hit: Hit, what: m.CutRows) -> Result:
    return ordered(hit, max_rows=what.rows)


@effect(m.SlowStatement)
def slow_statement(hit: Hit, what: m.SlowStatement) -> Result:
    return ordered(hit, runs_for=what.seconds)


@effect(m.Restart)
def restart(hit: Hit, what: m.Restart) -> Result:
    hit.call.services.restarter.restart(hit.call.dialect, recovery=what.recovery, down=what.down)
    raise ConnectionLost("reset")


@effect(m.SessionTo)
def session_to(hit: Hit, what: m.SessionTo) -> Result:
    key = session_of(hit)
    if not hit.call.store.break_session(key, what.state):
        raise Missed(f"no live session {key}")
    return None


@effect(m.LoseStatement)
def lose_statement(hit: Hit, what: m.LoseStatement) -> Result:
    if what.how == "lost":
        return ordered(hit, lose=True)
    if not hit.call.store.evict(session_of(hit), int(document(hit)["id"]), hit.call.params.get("repl")):
        raise Missed("no such statement")
    return None


@effect(m.RevokeTokens)
def revoke_tokens(hit: Hit, _: m.RevokeTokens) -> Result:
    if hit.call.services.gate.fixed(hit.call.authorization):
        raise Missed("the request bears no token that could be revoked")
    hit.call.services.authority.revoke()
    return None


@effect(m.ClockSkew)
def clock_skew(hit: Hit, what: m.ClockSkew) -> Result:
    if hit.call.services.gate.fixed(hit.call.authorization):
        raise Missed("the request bears no token that has a date")
    return ordered(hit, clock_skew=what.seconds)


@effect(m.TokenLifetime)
def token_lifetime(hit: Hit, what: m.TokenLifetime) -> Result:
    return ordered(hit, token_lifetime=what.seconds)
