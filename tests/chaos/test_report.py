"""Reports say what came out, to people and to machines, whatever characters a failure has in it."""

from __future__ import annotations

import dataclasses
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest

from chaos import picture, report
from chaos.results import EXIT_CODES, Finding, Operation, Result, Verdict, Window, read, worst, write
from tests import browser

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
NASTY = "<script>document.title='owned'</script> & \x00 \x1b[31m"


def result(scenario: str = "smoke/lost", seed: int = 1, *, target: str = "ours", **findings: Verdict) -> Result:
    return Result(
        scenario=scenario,
        title=f"The reply of {scenario} is lost",
        why="It happened.",
        target=target,
        seed=seed,
        seconds=2.5,
        findings=[Finding(name, verdict, f"{name} {NASTY}", at=1.2) for name, verdict in findings.items()],
        replay=f"chaos run {scenario} --seed {seed}",
        operations=[
            Operation("thread 1", "submit", 0.0, 1.0, "ok"),
            Operation("thread 1", "poll", 1.1, 2.0, "failed", f"504 {NASTY}"),
            Operation("thread 2", "submit", 0.5, 2.5, "unknown"),
            Operation("thread 2", "poll", 1.5, 1.9, "ok"),
        ],
        windows=[Window("submit_statement:after_commit:reset", 0.5, 1.4)],
        output=NASTY,
    )


class Page(HTMLParser):
    """The text and the attributes of a page."""

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def classes(self, kind: str) -> list[str]:
        return [attributes.get("class") or "" for tag, attributes in self.tags if tag == kind]


def test_the_verdict_of_the_whole_is_the_worst() -> None:
    green, grey, red = result(a=PASS), result(a=PASS, b=UNKNOWN), result(a=UNKNOWN, b=FAIL)
    assert [worst(each) for each in ([green], [green, grey], [green, grey, red], [])] == [PASS, UNKNOWN, FAIL, UNKNOWN]
    assert len({EXIT_CODES[verdict] for verdict in Verdict}) == 3


def test_a_run_of_which_nothing_was_asked_is_unknown() -> None:
    assert result().verdict is UNKNOWN


def test_what_is_written_as_json_is_read_back(tmp_path: Path) -> None:
    results = [result(a=PASS), result(seed=2, a=FAIL)]
    write(results, tmp_path / "results.json")
    assert read(tmp_path / "results.json") == results


def test_a_json_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="not a report"):
        read(tmp_path / "other.json")


def test_the_matrix_has_a_row_per_scenario_and_its_worst_verdicts() -> None:
    results = [result("a", 1, x=PASS), result("a", 2, x=FAIL), result("b", 1, x=PASS, y=UNKNOWN)]
    rows = report.matrix(results)
    assert report.invariants(results) == ["x", "y"]
    assert [(row.scenario, row.runs, row.verdict) for row in rows] == [("a", 2, FAIL), ("b", 1, UNKNOWN)]
    assert [[(cell.mark, cell.bad, cell.runs) for cell in row.cells] for row in rows] == [
        [("✗", 1, 2), ("·", 0, 0)],
        [("✓", 0, 1), ("?", 1, 1)],
    ]


def test_targets_are_compared_over_the_seeds_that_all_of_them_ran() -> None:
    results = [
        result("a", 1, target="ours", x=PASS),
        result("a", 2, target="ours", x=FAIL),
        result("a", 1, target="theirs", x=UNKNOWN),
        result("b", 1, target="ours", x=PASS),
    ]
    compared = report.compare(results)
    assert [(each.scenario, each.seeds, [dict(counts) for counts in each.verdicts]) for each in compared] == [
        ("a", 1, [{PASS: 1}, {UNKNOWN: 1}]),
        ("b", 1, [{PASS: 1}, {}]),
    ]
    page = Page(report.html(results))
    assert "compared" in [attributes.get("id") for _, attributes in page.tags]
    assert "not run" in page.text


def test_each_kind_of_scenario_has_a_matrix_with_its_own_invariants() -> None:
    results = [result("smoke/a", 1, no_leak=PASS), result("processes/smoke/b", 1, **{"ends in time": FAIL})]
    kinds = [(kind.title, kind.invariants, [row.scenario for row in kind.rows]) for kind in report.matrices(results)]
    assert kinds == [
        ("Threads in virtual time", ["no leak"], ["smoke/a"]),
        ("Real dbt processes", ["ends in time"], ["processes/smoke/b"]),
    ]


def test_the_operation_that_a_finding_speaks_of_is_opened() -> None:
    going_on = [Operation("t1", "write write-1", 0.0, 3.0, "ok"), Operation("t2", "write write-2", 1.0, 3.0, "ok")]
    spoken = Finding("writes", FAIL, "write-1 was executed 2 times", at=2.0)
    first = picture.first_violation(dataclasses.replace(result(), operations=going_on, findings=[spoken]))
    assert first is going_on[0]


def test_junit_has_a_case_per_run_and_counts_unknown_as_an_error() -> None:
    results = [result("a", 1, x=PASS), result("a", 2, x=FAIL), result("b", 1, x=UNKNOWN), result("c")]
    suite = ET.fromstring(report.junit(results))
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("4", "1", "2")
    cases = suite.findall("testcase")
    assert [[child.tag for child in case] for case in cases] == [[], ["failure"], ["error"], ["error"]]
    (failure,) = cases[1]
    assert failure.get("message") == "x"
    assert "chaos run a --seed 2" in (failure.text or "")


def test_operations_of_a_lane_that_overlap_lie_below_each_other() -> None:
    bars, lanes = picture.lay_out(result(x=FAIL).operations)
    assert lanes == {"thread 1": (0, 1), "thread 2": (1, 2)}
    assert [bar.row for bar in bars] == [0, 0, 1, 2]


def test_the_first_violation_is_what_went_on_when_it_broke() -> None:
    first = picture.first_violation(result(x=FAIL))
    assert first is not None
    assert (first.lane, first.name) == ("thread 1", "poll")


def test_the_page_shows_each_failure_with_its_timeline_and_the_line_that_replays_it() -> None:
    page = Page(report.html([result("good", x=PASS), result("bad", 7, x=FAIL)]))
    assert page.classes("section") == ["run fail"]
    assert "chaos run bad --seed 7" in page.text
    assert page.classes("rect").count("window") == 1
    assert sorted(each for each in page.classes("rect") if each.startswith("op")) == [
        "op failed first",
        "op ok",
        "op ok",
        "op unknown",
    ]
    opened = [attributes for tag, attributes in page.tags if tag == "details" and "open" in attributes]
    assert [each["class"] for each in opened] == ["first"]
    assert {"thread 1", "thread 2"} <= set(page.text.split("\n"))


def test_the_page_needs_nothing_else_and_runs_nothing() -> None:
    page = Page(report.html([result(x=FAIL)]))
    assert [tag for tag, _ in page.tags if tag in ("script", "link", "img", "iframe")] == []
    references = [attributes[key] for _, attributes in page.tags for key in ("src", "href") if key in attributes]
    assert all((each or "").startswith("#") for each in references)


def test_the_page_says_how_much_it_leaves_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report, "SHOWN", 1)
    page = Page(report.html([result(seed=seed, x=FAIL) for seed in range(3)]))
    assert len(page.classes("section")) == 1
    assert "2 more runs" in page.text


def test_nothing_at_all_is_unknown_and_says_so() -> None:
    assert "0 runs of nothing" in Page(report.html([])).text


def test_a_real_browser_shows_the_page(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    results = [result("good", x=PASS, y=PASS), result("bad", 7, x=FAIL, y=PASS), result("odd", x=PASS, y=UNKNOWN)]
    page.write_text(report.html(results), encoding="utf-8")
    document = browser.dom(page.as_uri(), tmp_path / "profile")
    assert "<title>chaos: fail</title>" in document
    assert Page(document).classes("section") == ["run fail", "run unknown"]
    image = tmp_path / "page.png"
    browser.screenshot(page.as_uri(), tmp_path / "profile", image)
    assert image.read_bytes().startswith(b"\x89PNG")
