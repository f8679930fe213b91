"""Every test class that dbt publishes is run, or named with the reason why not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance import on_spark
from tests.conformance.published import needs_their_dbt, published
from tests.conformance.verdicts import NOT_APPLICABLE, strangers, verdicts


@needs_their_dbt
def test_every_published_class_is_run_or_named_with_a_reason() -> None:
    assert len(published()) > 200
    assert [v.name for v in verdicts()] == list(published())
    assert [v.name for v in verdicts() if v.run is None] == [name for name in published() if name in NOT_APPLICABLE]
    assert [v.name for v in verdicts() if v.word != "passes" and not v.reason] == []


@needs_their_dbt
def test_the_tables_name_only_what_is_published() -> None:
    assert strangers() == []


@needs_their_dbt
@pytest.mark.parametrize("version", on_spark.SPARKS)
def test_what_fails_on_spark_only_has_a_reason(version: str) -> None:
    gaps = {each.name for each in verdicts() if each.gaps}
    fails = {name for name, word in on_spark.record(version).items() if word == "fails"}
    assert set(on_spark.record(version)) == {each.name for each in verdicts() if each.run is not None}
    assert fails - gaps <= set(on_spark.WHY)


def test_no_reason_is_given_for_what_passes_everywhere() -> None:
    fails = {name for version in on_spark.SPARKS for name, word in on_spark.record(version).items() if word == "fails"}
    assert set(on_spark.WHY) <= fails


@needs_their_dbt
def test_a_report_says_that_a_class_fails_if_one_of_its_tests_does(tmp_path: Path) -> None:
    case = '<testcase classname="tests.conformance.suite.Test_aliases_test_aliases_Test{0}" name="{1}">{2}</testcase>'
    cases = [("Aliases", "a", ""), ("Aliases", "b", "<failure/>"), ("Aliases", "c", ""), ("AliasErrors", "a", "")]
    report = tmp_path / "report.xml"
    report.write_text(f"<testsuites>{''.join(case.format(*each) for each in cases)}</testsuites>", encoding="utf-8")
    assert on_spark.read(report) == {
        "aliases.test_aliases.TestAliases": "fails",
        "aliases.test_aliases.TestAliasErrors": "passes",
    }
