"""The example's generator and the figures it is checked against."""

from __future__ import annotations

import csv
import filecmp
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from examples import figures
from examples.webshop import generate, truth

AS_OF = generate.utc("2026-03-03T12:00:00")
REFERENCE = Path(truth.__file__).with_name("seeds") / "reference"
SMALL = 0.001

Load = Callable[..., Path]


def make(day: int, folder: Path, seed: int = 7) -> Path:
    generate.write(generate.generate(day, seed=seed, scale=SMALL, as_of=AS_OF), folder)
    return folder


def raw(folder: Path, name: str, key: str) -> dict[str, dict[str, str]]:
    with (folder / f"raw_{name}.csv").open(encoding="utf-8", newline="") as file:
        return {row[key]: row for row in csv.DictReader(file)}


# -- the generator ---------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    first, again, other = make(2, tmp_path / "a"), make(2, tmp_path / "b"), make(2, tmp_path / "c", seed=8)
    names = sorted(path.name for path in first.iterdir())
    assert filecmp.cmpfiles(first, again, names, shallow=False) == (names, [], [])
    assert filecmp.cmpfiles(first, other, names, shallow=False)[1] == names


def test_day_two_changes_what_it_says_and_leaves_the_rest_byte_identical(tmp_path: Path) -> None:
    one, two = make(1, tmp_path / "1"), make(2, tmp_path / "2")
    for name, key in (("orders", "order_id"), ("customers", "customer_id"), ("products", "product_id")):
        before, after = raw(one, name, key), raw(two, name, key)
        changed = [k for k in before.keys() & after.keys() if before[k] != after[k]]
        assert changed
        assert all(after[k]["loaded_at"] > before[k]["loaded_at"] for k in changed)
        assert after.keys() - before.keys(), "new rows"
        assert name == "products" or before.keys() - after.keys(), "purged or erased rows"


def test_erased_customers_never_bought_anything(tmp_path: Path) -> None:
    one, two = make(1, tmp_path / "1"), make(2, tmp_path / "2")
    erased = raw(one, "customers", "customer_id").keys() - raw(two, "customers", "customer_id").keys()
    buyers = {row["customer_id"] for day in (one, two) for row in raw(day, "orders", "order_id").values()}
    assert erased
    assert not erased & buyers


def test_the_second_event_export_holds_three_days_one_of_them_rewritten(tmp_path: Path) -> None:
    def by_day(folder: Path) -> dict[str, set[tuple[str, ...]]]:
        days: dict[str, set[tuple[str, ...]]] = {}
        for row in raw(folder, "page_events", "event_id").values():
            days.setdefault(row["occurred_at"][:10], set()).add(tuple(row.values()))
        return days

    before, after = by_day(make(1, tmp_path / "1")), by_day(make(2, tmp_path / "2"))
    assert len(before) == generate.EVENT_DAYS
    assert sorted(after) == ["2026-03-01", "2026-03-02", "2026-03-03"]
    assert after["2026-03-01"] == before["2026-03-01"]
    assert before["2026-03-02"] - after["2026-03-02"], "robots removed"
    assert after["2026-03-02"] - before["2026-03-02"], "late events"


def test_the_data_is_awkward_at_the_smallest_scale(tmp_path: Path) -> None:
    folder = make(1, tmp_path)
    customers = raw(folder, "customers", "customer_id").values()
    assert {row["note"] for row in customers} == {note or "" for note in generate.NOTES}
    assert all(int(row["external_ref"]) > 2**53 for row in customers)
    assert any(row["postal_code"].startswith("0") for row in customers)
    tokens = [row["token_amount"] for row in raw(folder, "payments", "payment_id").values() if row["token_amount"]]
    assert any(Decimal(token) != Decimal(float(token)) for token in tokens)


def test_no_field_is_taken_for_null_by_dbts_csv_reader(tmp_path: Path) -> None:
    """It strips a text and takes "null" for NULL; only the really empty field may be."""
    for path in make(2, tmp_path).iterdir():
        with path.open(encoding="utf-8", newline="") as file:
            fields = [field for row in csv.reader(file) for field in row]
        assert not [field for field in fields if field and field.strip().lower() in ("", "null")], path.name
        # Its file is opened with universal newlines, which would turn these into \n.
        assert not [field for field in fields if "\r" in field], path.name


@pytest.mark.parametrize(("day", "scale"), [(3, 1.0), (1, 0.0), (1, -1.0)])
def test_a_day_or_scale_that_makes_no_sense_is_refused(day: int, scale: float) -> None:
    with pytest.raises(ValueError, match="must be"):
        generate.generate(day, scale=scale, as_of=AS_OF)


def test_a_folder_that_cannot_be_written_is_an_error_on_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    assert generate.main(["--out", str(tmp_path / "file" / "sub"), "--scale", str(SMALL)]) == 2
    assert capsys.readouterr().err.startswith("generate: ")


# -- the truth -------------------------------------------------------------------------------------------------


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """Write a load out of a generated one in which the given tables are replaced or edited."""
    count = 0

    def write(**edits: Callable[[list[generate.Row]], list[generate.Row]]) -> Path:
        nonlocal count
        count += 1
        tables = generate.generate(1, scale=SMALL, as_of=AS_OF)
        for name, edit in edits.items():
            tables[f"raw_{name}"] = edit(tables[f"raw_{name}"])
        generate.write(tables, tmp_path / str(count))
        return tmp_path / str(count)

    return write


def figure(shop: truth.Shop, name: str) -> truth.Figure:
    return shop.figures()[name]


def test_truth_and_tables_are_asked_for_the_same_figures(load: Load) -> None:
    shop = truth.Shop(REFERENCE)
    shop.load(load())
    asked = {f"{name}.{one}" for name, ones in figures.VALUES.items() for one in ("rows", *ones)}
    asked |= {f"{name}.{one}" for name, ones in figures.SETS.items() for one in ones}
    assert shop.figures().keys() == asked


def test_sums_are_exact_beyond_the_usual_28_digits(load: Load) -> None:
    tokens = ("123456789012345.123456789012345678", "0.000000000000000001")

    def two(rows: list[generate.Row]) -> list[generate.Row]:
        return [row | {"token_amount": token} for row, token in zip(rows, tokens, strict=False)]

    shop = truth.Shop(REFERENCE)
    shop.load(load(payments=two))
    assert figure(shop, "stg_payments.token_amount_sum") == Decimal("123456789012345.123456789012345679")


def test_a_purged_order_stays_and_a_booked_one_keeps_its_rate(load: Load) -> None:
    shop = truth.Shop(REFERENCE)
    shop.load(load())
    booked = figure(shop, "fct_orders.total_eur_sum")
    rows = figure(shop, "fct_orders.rows")
    shop.load(
        load(
            orders=lambda orders: [row for row in orders if str(row["updated_at"]) < "2026-02-01"][1:],
            currency_rates=lambda rates: [row | {"rate_to_eur": "9.000000"} for row in rates],
        )
    )
    assert figure(shop, "fct_orders.rows") == rows
    assert figure(shop, "fct_orders.total_eur_sum") == booked


@pytest.mark.parametrize(("updated", "taken"), [("2026-02-28 00:00:00.0", True), ("2026-02-20 00:00:00.0", False)])
def test_a_late_order_is_merged_within_the_lookback_only(load: Load, updated: str, taken: bool) -> None:
    shop = truth.Shop(REFERENCE)
    shop.load(load(orders=lambda rows: rows[1:]))
    rows = figure(shop, "fct_orders.rows")
    shop.load(load(orders=lambda orders: [orders[0] | {"updated_at": updated}, *orders[1:]]))
    assert (figure(shop, "fct_orders.rows") != rows) is taken


def test_exported_days_replace_ours_and_the_others_stay(load: Load) -> None:
    def only(day: str, count: int) -> Callable[[list[generate.Row]], list[generate.Row]]:
        return lambda rows: [row for row in rows if str(row["occurred_at"]).startswith(day)][:count]

    shop = truth.Shop(REFERENCE)
    shop.load(load())
    shop.load(load(page_events=only("2026-03-02", 3)))
    assert len(shop.events[date(2026, 3, 2)]) == 3
    assert len(shop.events) == generate.EVENT_DAYS


def test_customer_versions_open_and_close(load: Load) -> None:
    shop = truth.Shop(REFERENCE)
    shop.load(load())
    count = len(shop.customers)
    shop.load(load(customers=lambda rows: [rows[0] | {"updated_at": "2026-03-03 00:00:00.0"}, *rows[2:]]))
    assert figure(shop, "snap_customers.open") == count - 1
    assert figure(shop, "snap_customers.closed") == 2
    assert figure(shop, "rpt_customer_history.changed") == 1
    assert figure(shop, "rpt_customer_history.erased") == 1


@pytest.mark.parametrize(("column", "versions"), [("list_price", 1), ("product_name", 0)])
def test_a_new_price_makes_a_version_and_a_new_name_does_not(load: Load, column: str, versions: int) -> None:
    shop = truth.Shop(REFERENCE)
    shop.load(load())
    shop.load(load(products=lambda rows: [rows[0] | {column: "1.0000"}, *rows[1:]]))
    assert figure(shop, "snap_product_prices.closed") == versions


def test_half_an_hour_belongs_to_the_visit_and_a_moment_more_does_not(load: Load) -> None:
    times = ("10:00:00.000000", "10:30:00.000000", "11:00:00.000001")

    def visit(rows: list[generate.Row]) -> list[generate.Row]:
        return [
            row | {"visitor_id": "v", "occurred_at": f"2026-03-01 {time}"}
            for row, time in zip(rows, times, strict=False)
        ]

    shop = truth.Shop(REFERENCE)
    shop.load(load(page_events=visit))
    assert shop.visits() == {("v", 1): 2, ("v", 2): 1}


def test_a_folder_without_exports_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no raw_\*\.csv"):
        truth.Shop(REFERENCE).load(tmp_path)
