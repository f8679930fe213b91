"""What is made of each published class: run as it is, run adapted, a known gap, or not applicable, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from tests.conformance.adapted import ADAPTED
from tests.conformance.published import names_of_tests, published

_NO_FUNCTIONS = (
    "Spark before 4.0 knows no functions whose body is SQL, and Fabric runs 3.5; neither this adapter nor dbt-spark "
    "builds `functions`"
)
_NO_JAVASCRIPT = "Spark has no functions in JavaScript"
_NO_GRANTS = "Spark has no `grant` without an authorizer; in Fabric rights belong to workspaces and OneLake roles"
_NO_SEED_EMPTY = "dbt-core 1.11 has no `seed --empty`: a later version's test"

NOT_APPLICABLE: Mapping[str, str] = {
    "simple_seed.test_seed.TestSeedWithWrongDelimiter": (
        "a header that is not split is one column's name, which Spark takes: the seed is no error"
    ),
    "utils.test_escape_single_quotes.TestEscapeSingleQuotes": (
        "`BaseEscapeSingleQuotesBackslash` says the opposite and passes: Spark escapes a quote by a backslash"
    ),
    "utils.test_current_timestamp.BaseCurrentTimestampNaive": (
        "`TestCurrentTimestamp` says the opposite and passes: Spark's timestamps are instants"
    ),
    "functions.test_js_udfs.BasicJSUDF": _NO_JAVASCRIPT,
    "functions.test_js_udfs.JSUDFMultiLineBody": _NO_JAVASCRIPT,
    "functions.test_js_udfs.JSUDFDeterministicVolatility": _NO_JAVASCRIPT,
    "functions.test_js_udfs.JSUDFNonDeterministicVolatility": _NO_JAVASCRIPT,
    "functions.test_js_udfs.JSUDFStableVolatilityWarns": _NO_JAVASCRIPT,
    "functions.test_js_udfs.JSUDFDefaultArgSupport": _NO_JAVASCRIPT,
    "functions.test_js_udfs.BasicJSAggregateUDF": _NO_JAVASCRIPT,
    "functions.test_js_udfs.JSAggregateUDFVolatilityIgnored": _NO_JAVASCRIPT,
    "functions.test_udafs.BasicSQLUDAF": _NO_FUNCTIONS,
    "functions.test_udafs.PythonUDAFDefaultArgSupport": _NO_FUNCTIONS,
    "functions.test_udfs.DeterministicUDF": _NO_FUNCTIONS,
    "functions.test_udfs.StableUDF": _NO_FUNCTIONS,
    "functions.test_udfs.NonDeterministicUDF": _NO_FUNCTIONS,
    "functions.test_udfs.PythonUDFDefaultArgSupport": _NO_FUNCTIONS,
    "functions.test_udfs.PythonUDFVolatilitySupport": _NO_FUNCTIONS,
    "functions.test_udfs.CanFindScalarFunctionRelation": _NO_FUNCTIONS,
    "functions.test_udfs.PythonUDFWithPackagesSupported": _NO_FUNCTIONS,
    "grants.test_incremental_grants.TestIncrementalGrants": _NO_GRANTS,
    "grants.test_invalid_grants.TestInvalidGrants": _NO_GRANTS,
    "grants.test_model_grants.TestModelGrants": _NO_GRANTS,
    "grants.test_seed_grants.TestSeedGrants": _NO_GRANTS,
    "grants.test_snapshot_grants.TestSnapshotGrants": _NO_GRANTS,
}
"""Published classes that are not run, and the reason, which is true of Spark or Fabric whoever writes the adapter."""

GAPS: Mapping[str, str] = {
    "empty.test_empty.BaseTestEmptySeedFlag::test_seed_empty_creates_table_with_zero_rows": _NO_SEED_EMPTY,
    "empty.test_empty.BaseTestEmptySeedFlag::test_seed_empty_preserves_column_types": _NO_SEED_EMPTY,
    "empty.test_empty.BaseTestEmptySeedFlag::test_build_empty_with_seed": _NO_SEED_EMPTY,
}
"""Published classes, or single tests of them behind ``::``, that fail today. They run; one that passes is noticed."""


@dataclass(frozen=True)
class Verdict:
    """One published class.

    Attributes:
        name: its module and name, below ``dbt.tests.adapter``.
        run: what is collected in its place; ``None`` when it is not run.
        word: ``passes``, ``passes, adapted``, ``known gap`` or ``not applicable``.
        reason: why, where it does not pass as published.
        gaps: the known failures by test; ``""`` stands for all of them.
    """

    name: str
    run: type | None
    word: str
    reason: str
    gaps: Mapping[str, str]


def verdicts() -> list[Verdict]:
    """All published classes, in dbt's order."""
    return [_verdict(name, base) for name, base in published().items()]


def _verdict(name: str, base: type) -> Verdict:
    if name in NOT_APPLICABLE:
        return Verdict(name, None, "not applicable", NOT_APPLICABLE[name], {})
    run = next((adapted for adapted in ADAPTED if issubclass(adapted, base)), base)
    gaps = {key[len(name) :].removeprefix("::"): why for key, why in GAPS.items() if key.split("::")[0] == name}
    reasons = [] if run is base else [_first_line(run)]
    reasons += [f"`{test}`: {why}" if test else why for test, why in gaps.items()]
    word = "known gap" if gaps else "passes" if run is base else "passes, adapted"
    return Verdict(name, run, word, "; ".join(reasons), gaps)


def _first_line(adapted: type) -> str:
    return (adapted.__doc__ or "").strip().splitlines()[0].rstrip(".")


def strangers() -> list[str]:
    """Entries of the tables that name no published class or test: left over from another version, or misspelt."""
    known = published()
    found = [name for name in NOT_APPLICABLE if name not in known]
    for key in GAPS:
        name, _, test = key.partition("::")
        if name not in known or (test and test not in names_of_tests(known[name])):
            found.append(key)
    return found + [each.__qualname__ for each in ADAPTED if not any(issubclass(each, base) for base in known.values())]


def counts() -> str:
    """How many classes got which verdict, as a table."""
    rows = ["| verdict | classes |", "|---|---|"]
    return "\n".join(rows + [f"| {word} | {n} |" for word, n in Counter(v.word for v in verdicts()).most_common()])


def table() -> str:
    """Every published class and what is made of it."""
    rows = ["| class | verdict | why, or what is adapted |", "|---|---|---|"]
    return "\n".join(rows + [f"| `{v.name}` | {v.word} | {v.reason} |" for v in verdicts()])
