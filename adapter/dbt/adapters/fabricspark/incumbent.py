"""Fields of the incumbent dbt-fabricspark's profiles that this version does not act on, and what is done about each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dbt.adapters.events.logging import AdapterLogger
from dbt_common.exceptions import DbtRuntimeError

logger = AdapterLogger("FabricSpark")


@dataclass(frozen=True)
class Incumbent:
    """A field this version knows by name only.

    Attributes:
        harmless: values that mean what happens here anyway; accepted in silence.
        refuse: whether any other value is an error, because ignoring it would change what a run does to data;
            else it is dropped with a warning.
        instead: what happens instead, or what to use.
    """

    harmless: tuple[Any, ...]
    refuse: bool
    instead: str


INCUMBENT_FIELDS: dict[str, Incumbent] = {
    "auth": Incumbent((), True, "use 'authentication'"),
    "identifier_prefix": Incumbent((None, ""), True, "name models by 'alias' or generate_alias_name"),
    "retry_all": Incumbent((None, False), False, "a statement is never sent twice"),
    "enable_job_retry": Incumbent((None, False), False, "a statement is never sent twice"),
    "job_retry_on_messages": Incumbent((None, []), False, "a statement is never sent twice"),
    "job_retry_max_attempts": Incumbent((None,), False, "a statement is never sent twice"),
    "job_retry_initial_wait_seconds": Incumbent((None,), False, "a statement is never sent twice"),
    "job_retry_max_wait_seconds": Incumbent((None,), False, "a statement is never sent twice"),
    "auto_optimize": Incumbent((None, False), False, "tables are not optimized after each build"),
    "stream_stop_timeout_seconds": Incumbent((None,), False, "there are no streams"),
    "enable_experimental_unstable": Incumbent((None, False), False, "there are no experimental materializations"),
}


def check_incumbent_fields(data: dict[str, Any]) -> None:
    """Take these fields out of a target.

    Raises:
        DbtRuntimeError: one of them asks for something that must not be ignored.
    """
    for name, known in _present(data).items():
        value = data.pop(name)
        if value in known.harmless:
            continue
        if known.refuse:
            raise DbtRuntimeError(f"field '{name}' is not supported: {known.instead}")
        logger.warning(f"The profile's field '{name}' has no effect: {known.instead}.")


def _present(data: Mapping[str, Any]) -> dict[str, Incumbent]:
    return {name: known for name, known in INCUMBENT_FIELDS.items() if name in data}
