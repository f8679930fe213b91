"""How long to pause: after a failed attempt, before a query runs again, and when a server says so."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

SHORTEST_RETRY = 0.05
"""Seconds: the least that a back-off takes, whatever chance says."""

FIRST_RETRY = 1.0
"""Seconds: the most that the first back-off takes."""

LONGEST_RETRY = 30.0
"""Seconds: the most that any back-off takes."""

LONGEST_STAY_AWAY = 900.0
"""Seconds. A server that asks for more is believed to be mistaken: quotas are counted in minutes (Fabric docs)."""

QUERY_PAUSES = (5.0, 10.0, 20.0, 40.0, 60.0)
"""Seconds before a query that is known not to have run is run again; the last one is used for every further time."""


def retry_pause(attempt: int, chance: float, longest: float = LONGEST_RETRY) -> float:
    """The pause after failed attempt number ``attempt`` (from 0), in seconds.

    Exponential, capped, with full jitter: many clients that failed together do not come back together.

    Args:
        attempt: how many have failed before.
        chance: a number in [0, 1) from the runtime.
        longest: cap in seconds.
    """
    return max(min(SHORTEST_RETRY, longest), chance * min(longest, FIRST_RETRY * 2.0 ** min(attempt, 30)))


def query_pause(attempt: int) -> float:
    """The pause before query attempt number ``attempt`` + 2, in seconds: 5, 10, 20, 40, then 60."""
    return QUERY_PAUSES[min(attempt, len(QUERY_PAUSES) - 1)]


_UNTIL = re.compile(r"until:?\s*(\d{1,2}/\d{1,2}/\d{4}\s+\d{1,2}:\d{2}:\d{2}\s*[AP]M)", re.IGNORECASE)


def stay_away(headers: Mapping[str, str], body: str, now: dt.datetime) -> float | None:
    """Seconds for which a refusal asks not to come back; ``None`` if it does not say.

    It may say so in ``Retry-After``, as seconds or as an HTTP date (RFC 9110), or in Fabric's own words "until:
    8/31/2026 6:24:38 PM (UTC)" (contract 2.8). What has passed already is 0; what is absurd is cut to
    ``LONGEST_STAY_AWAY``.

    Args:
        headers: of the reply.
        body: of the reply.
        now: the wall clock, UTC.
    """
    said = [_seconds(headers.get("Retry-After", ""), now), _until(body, now)]
    known = [seconds for seconds in said if seconds is not None]
    return min(max(0.0, *known), LONGEST_STAY_AWAY) if known else None


def _seconds(value: str, now: dt.datetime) -> float | None:
    value = value.strip()
    if re.fullmatch(r"[+-]?\d{1,15}(\.\d+)?", value):
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return _from_now(moment, now)


def _until(body: str, now: dt.datetime) -> float | None:
    found = _UNTIL.search(body)
    if found is None:
        return None
    words = " ".join(found[1].upper().split())
    for form in ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M:%S%p"):
        try:
            return _from_now(dt.datetime.strptime(words, form).replace(tzinfo=dt.timezone.utc), now)
        except ValueError:
            continue
    return None


def _from_now(moment: dt.datetime, now: dt.datetime) -> float:
    aware = moment if moment.tzinfo else moment.replace(tzinfo=dt.timezone.utc)
    return (aware - now).total_seconds()
