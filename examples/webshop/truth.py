"""What the web shop's tables must hold after each load, worked out from the CSV files alone: no dbt, no SQL.

A `Shop` is given one load after the other and keeps what incremental models and snapshots keep. Its figures are
exact: counts, decimals without rounding, checksums over text (the sum of the CRC-32 of each value) and sets.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from pathlib import Path
from typing import Any
from zlib import crc32

# A figure is a number or text as SQL prints it, or a set of texts.
Figure = Decimal | str | frozenset[str]
Figures = dict[str, Figure]
Row = dict[str, Any]

LOOKBACK = timedelta(days=3)
SILENCE = timedelta(minutes=30)
CALENDAR = (date(2025, 12, 1), date(2026, 3, 31))
CENT, EXACT = Decimal("0.01"), Decimal("0.00000001")
# The tables' decimals have up to 38 digits; nothing may be cut here before it is there.
WIDE = Context(prec=80)

LITERALS = {
    "percent": "100%",
    "format": "%s %d %(name)s %%",
    "quote": "it's",
    "double_quote": 'say "hi"',
    "backslash": "C:\\temp\\",
    "comment_open": "s3://bucket/*",
    "comment_close": "*/ -- not a comment",
    "hint": "/*+ broadcast(x) */",
    "semicolon": "a;b;",
    "newline": "two\nlines",
    "jinja": "{{ not_jinja }}",
    "accents": "Zoë Ångström",
    "cjk": "北京 東京",
    "emoji": "🎉🚀",
    "empty": "",
    "question_mark": "? :name $1 ${x}",
}


def moment(text: str) -> datetime:
    """A timestamp of the export."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S.%f")  # noqa: DTZ007 - the export is UTC and says no zone


def boolean(text: str) -> bool:
    """A boolean of the export."""
    return {"true": True, "false": False}[text]


# Columns that are not text; the rest of each export is.
CONVERT: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("customer_id", "external_ref", "product_id", "order_id", "order_line_id"), int),
    **dict.fromkeys(("payment_id", "event_id", "quantity"), int),
    **dict.fromkeys(("credit_limit", "list_price", "unit_price", "discount_rate", "shipping_fee"), Decimal),
    **dict.fromkeys(("amount", "token_amount", "rate_to_eur"), Decimal),
    **dict.fromkeys(("created_at", "updated_at", "ordered_at", "paid_at", "occurred_at", "loaded_at"), moment),
    **dict.fromkeys(("birth_date", "rate_date"), date.fromisoformat),
    **dict.fromkeys(("marketing_opt_in", "is_active", "is_final", "counts_as_revenue"), boolean),
}


def read(path: Path) -> list[Row]:
    """The rows of one export: an empty field is None, `<empty>` is the empty string."""
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {
                name: None if text == "" else "" if text == "<empty>" else CONVERT.get(name, str)(text)
                for name, text in row.items()
            }
            for row in csv.DictReader(file)
        ]


def checksum(values: Iterable[object]) -> Decimal:
    """The sum of the CRC-32 of each value as text, missing values as `<null>`; the order does not matter."""
    return Decimal(sum(crc32(("<null>" if value is None else str(value)).encode()) for value in values))


def joined(*values: object) -> str:
    """Values as one text; timestamps with all six digits."""
    return "|".join(v.strftime("%Y-%m-%d %H:%M:%S.%f") if isinstance(v, datetime) else str(v) for v in values)


def total(values: Iterable[Any]) -> Decimal:
    """The exact sum of what is there."""
    return sum((Decimal(value) for value in values if value is not None), Decimal(0))


class Shop:
    """The web shop's warehouse in plain Python: `load` each day's folder, then ask for the `figures`."""

    def __init__(self, reference: Path) -> None:
        self.statuses = {row["status"]: row for row in read(reference / "ref_order_statuses.csv")}
        self.countries = {row["country_code"]: row for row in read(reference / "ref_countries.csv")}
        self.categories = {row["category_code"]: row for row in read(reference / "ref_categories.csv")}
        self.raw: dict[str, list[Row]] = {}
        self.orders: dict[int, Row] = {}
        self.order_log: list[Row] = []
        self.events: dict[date, list[Row]] = {}
        # The open version of each key, and how many versions are closed.
        self.customers: dict[int, Row] = {}
        self.closed_customers: list[Row] = []
        self.prices: dict[int, tuple[object, object]] = {}
        self.closed_prices = 0

    def load(self, folder: Path) -> None:
        """Take in one load: what `dbt seed` and `dbt build` do.

        Raises FileNotFoundError when the folder holds no exports.
        """
        self.raw = {path.stem.removeprefix("raw_"): read(path) for path in folder.glob("raw_*.csv")}
        if not self.raw:
            raise FileNotFoundError(f"no raw_*.csv in {folder}")
        with localcontext(WIDE):
            self.merge_orders()
        seen = max((row["loaded_at"] for row in self.order_log), default=None)
        self.order_log += [row for row in self.raw["orders"] if seen is None or row["loaded_at"] > seen]
        self.overwrite_events()
        self.snapshot_customers()
        self.snapshot_prices()

    def rate(self, currency: str, day: date) -> Decimal:
        """The rate that holds on that day: the last one before or on it."""
        if currency == "EUR":
            return Decimal(1)
        rates = {r["rate_date"]: r["rate_to_eur"] for r in self.raw["currency_rates"] if r["currency"] == currency}
        return Decimal(rates[max(known for known in rates if known <= day)])

    def merge_orders(self) -> None:
        """fct_orders: new and changed orders by key; orders that are no longer exported stay."""
        goods: dict[int, Decimal] = defaultdict(Decimal)
        for line in self.raw["order_lines"]:
            goods[line["order_id"]] += line["quantity"] * line["unit_price"] * (1 - line["discount_rate"])
        newest = max((row["updated_at"] for row in self.orders.values()), default=None)
        for row in self.raw["orders"]:
            if newest is None or row["updated_at"] >= newest - LOOKBACK:
                due = (goods[row["order_id"]] + row["shipping_fee"]).quantize(EXACT)
                in_euro = due * self.rate(row["currency"], row["ordered_at"].date())
                booked = {"total": due, "total_eur": in_euro.quantize(CENT, ROUND_HALF_UP)}
                self.orders[row["order_id"]] = row | booked

    def overwrite_events(self) -> None:
        """fct_page_events: the exported days near our newest replace ours, the other days stay."""
        days: dict[date, list[Row]] = defaultdict(list)
        for row in self.raw["page_events"]:
            days[row["occurred_at"].date()].append(row)
        oldest = max(self.events) - timedelta(days=3) if self.events else date.min
        self.events |= {day: rows for day, rows in days.items() if day >= oldest}

    def snapshot_customers(self) -> None:
        """snap_customers: a later updated_at makes a version, a missing customer closes one."""
        current = {row["customer_id"]: row for row in self.raw["customers"]}
        for key, version in list(self.customers.items()):
            if key not in current or current[key]["updated_at"] > version["updated_at"]:
                self.closed_customers.append(self.customers.pop(key))
        self.customers = current | self.customers

    def snapshot_prices(self) -> None:
        """snap_product_prices: another price or state makes a version, another name does not."""
        for row in self.raw["products"]:
            key, version = row["product_id"], (row["list_price"], row["is_active"])
            self.closed_prices += key in self.prices and self.prices[key] != version
            self.prices[key] = version

    def revenue(self) -> list[Row]:
        """The orders that count for the books."""
        return [row for row in self.orders.values() if self.statuses[row["status"]]["counts_as_revenue"]]

    def visits(self) -> Counter[tuple[str, int]]:
        """rpt_visits: the number of events of each (visitor, visit)."""
        by_visitor: dict[str, list[tuple[datetime, int]]] = defaultdict(list)
        for row in (row for rows in self.events.values() for row in rows):
            by_visitor[row["visitor_id"]].append((row["occurred_at"], row["event_id"]))
        visits: Counter[tuple[str, int]] = Counter()
        for visitor, events in by_visitor.items():
            number, previous = 0, None
            for occurred, _ in sorted(events):
                number += previous is None or occurred > previous + SILENCE
                previous = occurred
                visits[visitor, number] += 1
        return visits

    def payment_states(self) -> Counter[str]:
        """rpt_payment_status: how many orders are in each state."""
        paid: dict[int, Decimal] = defaultdict(Decimal)
        for row in self.raw["payments"]:
            paid[row["order_id"]] += row["amount"]
        states: Counter[str] = Counter()
        for key, order in self.orders.items():
            due = order["total"].quantize(Decimal("0.0001"), ROUND_HALF_UP)
            less, more = paid[key] < due, paid[key] > due
            states["unpaid" if paid[key] == 0 else "underpaid" if less else "overpaid" if more else "paid"] += 1
        return states

    def tiers(self) -> Counter[str]:
        """rpt_customer_value: how many customers are in each tier."""
        revenue: dict[int, Decimal] = defaultdict(Decimal)
        for order in self.revenue():
            if order["customer_id"] is not None:
                revenue[order["customer_id"]] += order["total_eur"]
        tiers: Counter[str] = Counter()
        for key in (row["customer_id"] for row in self.raw["customers"]):
            worth = revenue.get(key)
            small = "small" if worth is not None and worth < 10_000 else "regular"
            tiers["never bought" if worth is None else "whale 🐳" if worth >= 1_000_000 else small] += 1
        return tiers

    def category_path(self, code: str) -> str:
        """The category's name after its parent's."""
        category = self.categories[code]
        parent = self.categories.get(category["parent_code"])
        return (f"{parent['category_name']} / " if parent else "") + str(category["category_name"])

    def figures(self) -> Figures:
        """Every figure of the warehouse as it stands, by "relation.figure"."""
        with localcontext(WIDE):
            return {name: Decimal(count) for name, count in self.counts().items()} | self.sums_and_sets()

    def counts(self) -> dict[str, int]:
        """The figures that are numbers of rows."""
        raw, orders = self.raw, self.orders.values()
        events = [row for rows in self.events.values() for row in rows]
        revenue = self.revenue()
        sold: Counter[int] = Counter()
        for line in raw["order_lines"]:
            sold[line["product_id"]] += line["quantity"]
        visits = self.visits()
        versions = Counter(row["customer_id"] for row in (*self.customers.values(), *self.closed_customers))
        return {
            **{f"raw_{name}.rows": len(rows) for name, rows in raw.items()},
            **{f"stg_{name}.rows": len(rows) for name, rows in raw.items()},
            "ref_countries.rows": len(self.countries),
            "ref_categories.rows": len(self.categories),
            "ref_order_statuses.rows": len(self.statuses),
            "stg_customers.empty_notes": sum(row["note"] == "" for row in raw["customers"]),
            "stg_customers.missing_notes": sum(row["note"] is None for row in raw["customers"]),
            "dim_customers.rows": len(raw["customers"]),
            "dim_products.rows": len(raw["products"]),
            "dim_dates.rows": (CALENDAR[1] - CALENDAR[0]).days + 1,
            "fct_orders.rows": len(orders),
            "fct_order_lines.rows": len(raw["order_lines"]),
            "fct_order_log.rows": len(self.order_log),
            "fct_page_events.rows": len(events),
            "awkward_literals.rows": len(LITERALS),
            "rpt_daily_revenue.rows": len({row["ordered_at"].date() for row in revenue}),
            "rpt_customer_value.rows": len(raw["customers"]),
            "rpt_product_sales.rows": len(raw["products"]),
            "rpt_product_sales.unsold": sum(not sold[row["product_id"]] for row in raw["products"]),
            "rpt_payment_status.rows": len(orders),
            "rpt_visits.rows": len(visits),
            "rpt_visits.longest": max(visits.values()),
            "rpt_customer_history.rows": len(versions),
            "rpt_customer_history.changed": sum(count > 1 for count in versions.values()),
            "rpt_customer_history.erased": len(versions) - len(self.customers),
            "snap_customers.rows": len(self.customers) + len(self.closed_customers),
            "snap_customers.open": len(self.customers),
            "snap_customers.closed": len(self.closed_customers),
            "snap_product_prices.rows": len(self.prices) + self.closed_prices,
            "snap_product_prices.open": len(self.prices),
            "snap_product_prices.closed": self.closed_prices,
        }

    def sums_and_sets(self) -> Figures:
        """The figures that are exact sums, checksums and sets."""
        raw, orders = self.raw, self.orders.values()
        events = [row for rows in self.events.values() for row in rows]
        revenue = self.revenue()
        return {
            "stg_customers.external_ref_sum": total(row["external_ref"] for row in raw["customers"]),
            "stg_customers.credit_limit_sum": total(row["credit_limit"] for row in raw["customers"]),
            "stg_customers.note_checksum": checksum(row["note"] for row in raw["customers"]),
            "stg_customers.notes": frozenset(str(r["note"]) for r in raw["customers"] if r["note"] is not None),
            "stg_products.designer_checksum": checksum(
                json.loads(row["attributes"])["label"] for row in raw["products"]
            ),
            "stg_products.image_path_checksum": checksum(
                json.loads(row["attributes"])["path"] for row in raw["products"]
            ),
            "stg_payments.token_amount_sum": total(row["token_amount"] for row in raw["payments"]),
            "stg_page_events.url_checksum": checksum(row["url"] for row in raw["page_events"]),
            "dim_customers.oldest": str(min(r["birth_date"] for r in raw["customers"] if r["birth_date"])),
            "dim_customers.country_checksum": checksum(
                self.countries[row["country_code"]]["country_name"] for row in raw["customers"]
            ),
            "dim_customers.postal_code_checksum": checksum(row["postal_code"] for row in raw["customers"]),
            "dim_products.category_checksum": checksum(
                self.category_path(row["category_code"]) for row in raw["products"]
            ),
            "fct_orders.total_sum": total(row["total"] for row in orders),
            "fct_orders.total_eur_sum": total(row["total_eur"] for row in orders),
            "fct_orders.checksum": checksum(
                joined(row["order_id"], row["status"], row["updated_at"], row["total_eur"]) for row in orders
            ),
            "fct_order_log.checksum": checksum(
                joined(row["order_id"], row["status"], row["updated_at"]) for row in self.order_log
            ),
            "fct_page_events.by_day": frozenset(f"{day} {len(rows)}" for day, rows in self.events.items()),
            "fct_page_events.event_id_sum": total(row["event_id"] for row in events),
            "fct_page_events.checksum": checksum(
                joined(row["event_id"], row["event_type"], row["occurred_at"]) for row in events
            ),
            "awkward_literals.values": frozenset(f"{label}={text}" for label, text in LITERALS.items()),
            "rpt_daily_revenue.revenue_sum": total(row["total_eur"] for row in revenue),
            "rpt_customer_value.by_tier": frozenset(f"{name} {n}" for name, n in self.tiers().items()),
            "rpt_product_sales.units_sum": total(row["quantity"] for row in raw["order_lines"]),
            "rpt_payment_status.by_status": frozenset(f"{n} {c}" for n, c in self.payment_states().items()),
            "snap_customers.checksum": checksum(
                joined(row["customer_id"], row["updated_at"], state)
                for state, rows in (("open", self.customers.values()), ("closed", self.closed_customers))
                for row in rows
            ),
        }


def main(argv: Sequence[str] | None = None) -> int:
    """Print the figures after the given loads, one a line."""
    parser = argparse.ArgumentParser(description="Print what the web shop's tables must hold after these loads.")
    parser.add_argument("loads", type=Path, nargs="+", help="folders of raw CSV files, in the order of the days")
    parser.add_argument("--reference", type=Path, default=Path(__file__).with_name("seeds") / "reference")
    options = parser.parse_args(argv)
    shop = Shop(options.reference)
    for folder in options.loads:
        shop.load(folder)
    for name, figure in sorted(shop.figures().items()):
        print(name, sorted(figure) if isinstance(figure, frozenset) else figure, sep="\t")
    return 0


if __name__ == "__main__":
    sys.exit(main())
