"""Fields of the incumbent dbt-fabricspark's profiles that this one knows by name only: taken as far as they ask for
nothing that is not done here anyway, and refused otherwise."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from dbt_common.exceptions import DbtRuntimeError


@dataclass(frozen=True)
class Incumbent:
    """A field this version knows by name only.

    Attributes:
        taken: values that ask for nothing; ``None`` stands for every value.
        instead: what to use instead of any other, or why every value is as good.
    """

    taken: Collection[Any] | None
    instead: str


_TRIED_AGAIN = (
    "remove it: what did not run, or only reads, is tried again by itself (connect_retries), and nothing runs twice"
)

INCUMBENT_FIELDS: dict[str, Incumbent] = {
    "auth": Incumbent((), "use 'authentication'"),
    "identifier_prefix": Incumbent((None, ""), "name models by 'alias' or by a macro generate_alias_name"),
    "retry_all": Incumbent((None, False), _TRIED_AGAIN),
    "enable_job_retry": Incumbent(None, "it only switches job_retry_on_messages"),
    "job_retry_on_messages": Incumbent((None, []), _TRIED_AGAIN),
    "job_retry_max_attempts": Incumbent(None, "it is about job_retry_on_messages"),
    "job_retry_initial_wait_seconds": Incumbent(None, "it is about job_retry_on_messages"),
    "job_retry_max_wait_seconds": Incumbent(None, "it is about job_retry_on_messages"),
    "stream_stop_timeout_seconds": Incumbent(None, "there are no streams to stop"),
    "enable_experimental_unstable": Incumbent(
        (None, False), "there are no streaming tables; materialized views are 'materialized_lake_view'"
    ),
}


def check_incumbent_fields(data: dict[str, Any]) -> None:
    """Take these fields out of a target.

    Raises:
        DbtRuntimeError: one of them asks for something that is not done here.
    """
    for name in [each for each in INCUMBENT_FIELDS if each in data]:
        known, value = INCUMBENT_FIELDS[name], data.pop(name)
        if known.taken is not None and value not in known.taken:
            raise DbtRuntimeError(f"field '{name}' is not supported: {known.instead}")
