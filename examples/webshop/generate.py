"""Write the web shop's raw exports as CSV files: a seeded load for day 1, another for day 2, awkward on purpose.

Day 2 is day 1 after a day of business: new, changed, late and purged orders, changed, new and erased
customers, new prices, a restated currency rate, and a page-event export that holds the last three days only,
with one of those days rewritten. The same seed, scale and as-of time give the same bytes.

A CSV reader cannot tell an empty string from a missing value, so the export spells the empty string as
`<empty>`; an empty field is NULL. (dbt also reads the word `null` as NULL, so no text here is that word.)
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, time, timedelta, timezone
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from random import Random

Row = dict[str, str | None]
Tables = dict[str, list[Row]]

DAY_ONE = date(2026, 3, 2)
DAY_TWO = DAY_ONE + timedelta(days=1)
ORDER_DAYS = 60
EVENT_DAYS = 10
EXPORTED_EVENT_DAYS = 3
EVENTS_PER_VISIT = 5
EMPTY = "<empty>"

# Rows at scale 1; order lines and payments follow from the orders.
SIZES = {"customers": 1200, "products": 300, "orders": 4200, "page_events": 5000}
SMALLEST = {"customers": 80, "products": 40, "orders": 120, "page_events": 200}

# The strings that break things, kept as data: quotes, backslashes, comments, formats, Jinja, scripts, emoji.
AWKWARD: dict[str, list[str | None]] = json.loads(Path(__file__).with_name("awkward.json").read_text(encoding="utf-8"))
NAMES, NOTES, COUPONS, URLS = (AWKWARD[name] for name in ("names", "notes", "coupons", "urls"))
COUNTRIES = ("AT", "BE", "CH", "CI", "DE", "FR", "GB", "JP", "NL", "SE", "US")
CATEGORIES = ("001", "002", "010", "011", "020", "100")
CURRENCIES = {"USD": "0.923456", "GBP": "1.172345", "SEK": "0.089123", "JPY": "0.006174", "CHF": "1.051234"}
NEXT_STATUS = {"placed": "paid", "paid": "shipped", "shipped": "delivered", "delivered": "returned"}
EVENT_TYPES = ("view", "view", "view", "search", "add_to_cart", "checkout", "purchase")


def at(day: date, rng: Random) -> datetime:
    """A moment of that day, to the microsecond."""
    return datetime.combine(day, time()) + timedelta(microseconds=rng.randrange(86_400_000_000))


def stamp(moment: datetime) -> str:
    """A timestamp as the export writes it: UTC, microseconds, no zone."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")


def money(rng: Random, top: int, digits: int = 4) -> str:
    """An amount up to `top` with all its decimals used."""
    return f"{rng.randrange(1, top)}.{rng.randrange(10**digits):0{digits}d}"


class Generator:
    """One load in the making: the tables, and the random stream of each of them.

    Each table has a stream of its own, so that a change in one does not reshuffle the others.
    """

    def __init__(self, seed: int, scale: float, as_of: datetime) -> None:
        if scale <= 0:
            raise ValueError(f"scale must be above 0, got {scale}")
        self.seed = seed
        self.sizes = {name: max(SMALLEST[name], int(size * scale)) for name, size in SIZES.items()}
        # Day 1 was loaded a day before the as-of time, so that both days can use the same one.
        self.first_load = stamp(as_of - timedelta(days=1))
        self.second_load = stamp(as_of)
        self.tables: Tables = {}

    def stream(self, name: str) -> Random:
        """The random stream of that name; the same name starts it again."""
        return Random(f"{self.seed}/{name}")

    # -- day 1 ---------------------------------------------------------------------------------------------

    def day_one(self) -> Tables:
        """The first load."""
        self.tables = {
            "raw_customers": [self.customer(key, self.first_load) for key in range(1, self.sizes["customers"] + 1)],
            "raw_products": [self.product(key, self.first_load) for key in range(1, self.sizes["products"] + 1)],
            "raw_currency_rates": self.rates(),
            "raw_orders": [],
            "raw_order_lines": [],
            "raw_payments": [],
            "raw_page_events": [],
        }
        rng = self.stream("orders")
        for key in range(1, self.sizes["orders"] + 1):
            day = DAY_ONE - timedelta(days=rng.randrange(ORDER_DAYS))
            self.add_order(key, at(day, rng), rng, self.first_load)
        rng = self.stream("page_events")
        daily = self.sizes["page_events"] // EVENT_DAYS
        for age in range(EVENT_DAYS):
            numbers = range(age * daily, (age + 1) * daily)
            self.add_visits(numbers, DAY_ONE - timedelta(days=age), rng, self.first_load)
        return self.tables

    def customer(self, key: int, load: str) -> Row:
        """One customer; every note of NOTES turns up, whatever the scale."""
        rng = self.stream(f"customer/{key}")
        born = date(1899, 12, 31) if key == 1 else date(1930, 1, 1) + timedelta(days=rng.randrange(27_000))
        created = at(DAY_ONE - timedelta(days=100 + rng.randrange(900)), rng)
        return {
            "customer_id": str(key),
            "external_ref": str(2**53 + rng.randrange(2**60) * 2 + 1),
            "full_name": NAMES[key % len(NAMES)],
            "email": None if key % 17 == 0 else f"customer{key}+test%{key % 100}@example.com",
            "phone": f"00{rng.randrange(10**9):09d}",
            "country_code": rng.choice(COUNTRIES),
            "postal_code": f"{rng.randrange(100_000):05d}",
            "birth_date": None if key % 11 == 0 else born.isoformat(),
            "marketing_opt_in": rng.choice(("true", "false", None)),
            "note": NOTES[key % len(NOTES)],
            "credit_limit": None if key % 7 == 0 else money(rng, 10**13),
            "created_at": stamp(created),
            "updated_at": stamp(created + timedelta(days=rng.randrange(90), microseconds=key)),
            "loaded_at": load,
        }

    def product(self, key: int, load: str) -> Row:
        """One product; a few are priceless, a few cost a fortune."""
        rng = self.stream(f"product/{key}")
        attributes = {
            "size": f'{key % 40}" wide',
            "path": f"C:\\img\\{key}.png",
            "label": NAMES[key % len(NAMES)],
        }
        return {
            "product_id": str(key),
            "sku": f"{rng.randrange(10**6):06d}-{key:04d}",
            "product_name": f"{rng.choice(('Cup', 'Lamp', 'Sofa', 'Rug 100%', 'Däck'))} N°{key}",
            "category_code": rng.choice(CATEGORIES),
            "list_price": None if key % 50 == 0 else money(rng, 10**9 if key % 100 == 1 else 400),
            "weight_kg": f"{rng.randrange(1, 90_000) / 1000}",
            "is_active": "false" if key % 9 == 0 else "true",
            "attributes": json.dumps(attributes, ensure_ascii=key % 2 == 0),
            "loaded_at": load,
        }

    def rates(self) -> list[Row]:
        """Weekday rates, like a central bank's; they start a week before the first order."""
        rng = self.stream("rates")
        first = DAY_ONE - timedelta(days=ORDER_DAYS + 7)
        days = [first + timedelta(days=n) for n in range((DAY_ONE - first).days + 1)]
        return [
            self.rate(day, currency, rng, self.first_load)
            for day in days
            if day.weekday() < 5
            for currency in CURRENCIES
        ]

    def rate(self, day: date, currency: str, rng: Random, load: str) -> Row:
        """One rate, within two per cent of its usual value."""
        value = Decimal(CURRENCIES[currency]) * (Decimal(9800 + rng.randrange(400)) / 10_000)
        exact = value.quantize(Decimal("0.000001"), ROUND_HALF_UP)
        return {
            "rate_date": day.isoformat(),
            "currency": currency,
            "rate_to_eur": str(exact),
            "loaded_at": load,
        }

    def add_order(
        self, key: int, ordered_at: datetime, rng: Random, load: str, updated: datetime | None = None
    ) -> None:
        """An order with its lines and payments; the last tenth of the customers never buys."""
        buyers = self.sizes["customers"] * 9 // 10
        status = rng.choice(("placed", "paid", "shipped", "delivered", "delivered", "returned", "cancelled"))
        order: Row = {
            "order_id": str(key),
            "customer_id": None if key % 13 == 0 else str(rng.randrange(1, buyers + 1)),
            "status": status,
            "currency": rng.choice(("EUR", "EUR", "EUR", *CURRENCIES)),
            "ordered_at": stamp(ordered_at),
            "updated_at": stamp(updated or min(ordered_at + timedelta(hours=rng.randrange(40)), end_of(DAY_ONE))),
            "coupon": rng.choice(COUPONS) if key % 5 == 0 else None,
            "comment": NOTES[key % len(NOTES)] if key % 3 == 0 else None,
            "shipping_fee": money(rng, 20),
            "loaded_at": load,
        }
        self.tables["raw_orders"].append(order)
        total = Decimal(str(order["shipping_fee"]))
        for position in range(1, rng.randrange(1, 4) + 1):
            line = self.line(key, position, rng)
            self.tables["raw_order_lines"].append(line)
            price, discount = Decimal(str(line["unit_price"])), Decimal(str(line["discount_rate"]))
            total += int(str(line["quantity"])) * price * (1 - discount)
        if status not in ("placed", "cancelled"):
            self.add_payments(key, total, ordered_at, rng, load)

    def line(self, order_id: int, position: int, rng: Random) -> Row:
        """One order line at the price of its day."""
        product = self.tables["raw_products"][rng.randrange(self.sizes["products"])]
        return {
            "order_line_id": str(order_id * 10 + position),
            "order_id": str(order_id),
            "product_id": product["product_id"],
            "quantity": str(rng.randrange(1, 10)),
            "unit_price": product["list_price"] or "0.0001",
            "discount_rate": rng.choice(("0.0000", "0.0000", "0.0500", "0.1250", "0.3333")),
        }

    def add_payments(self, order_id: int, total: Decimal, ordered_at: datetime, rng: Random, load: str) -> None:
        """What was paid for an order: all of it, in one part or two, or (one in nine) a cent too little."""
        due = total.quantize(Decimal("0.0001"), ROUND_HALF_UP)
        if order_id % 9 == 0:
            due -= Decimal("0.01")
        first = (due / 2).quantize(Decimal("0.0001"), ROUND_HALF_UP) if order_id % 4 == 0 else due
        for part, amount in enumerate(a for a in (first, due - first) if a):
            method = rng.choice(("card", "invoice", "wallet", "crypto"))
            self.tables["raw_payments"].append(
                {
                    "payment_id": str(order_id * 10 + part),
                    "order_id": str(order_id),
                    "method": method,
                    "amount": str(amount),
                    "token_amount": money(rng, 10**15, 18) if method == "crypto" else None,
                    "paid_at": stamp(ordered_at + timedelta(seconds=rng.randrange(3600), microseconds=part)),
                    "loaded_at": load,
                }
            )

    def add_visits(self, numbers: range, day: date, rng: Random, load: str) -> None:
        """Page events of one day, one for each number: visitors come, click a few times, and go."""
        visitor, moment = 0, end_of(day)
        for number in numbers:
            if number % EVENTS_PER_VISIT == numbers.start % EVENTS_PER_VISIT:
                visitor, moment = rng.randrange(self.sizes["page_events"] // 12), at(day, rng)
            else:
                moment = min(moment + timedelta(microseconds=rng.randrange(2_400_000_000)), end_of(day))
            # The id is made of the time and a number, and has more digits than a double can hold.
            millis = int(moment.replace(tzinfo=timezone.utc).timestamp()) * 1000
            self.tables["raw_page_events"].append(
                {
                    "event_id": str((millis << 22) | (number & 0x3FFFFF)),
                    "visitor_id": f"{visitor:08x}",
                    "customer_id": str(visitor + 1) if visitor % 3 == 0 and visitor < 50 else None,
                    "event_type": rng.choice(EVENT_TYPES),
                    "url": rng.choice(URLS),
                    "load_seconds": None if number % 23 == 0 else f"{rng.randrange(1, 9000) / 1000}",
                    "occurred_at": stamp(moment),
                    "loaded_at": load,
                }
            )

    # -- day 2 ---------------------------------------------------------------------------------------------

    def day_two(self) -> Tables:
        """The second load; day 1's tables stay as they are."""
        self.tables = copy.deepcopy(self.tables or self.day_one())
        self.change_customers(self.stream("customers/2"))
        self.change_products(self.stream("products/2"))
        self.change_rates(self.stream("rates/2"))
        self.change_orders(self.stream("orders/2"))
        self.change_events(self.stream("page_events/2"))
        return self.tables

    def change_customers(self, rng: Random) -> None:
        """Some moved or changed their mind, some (who never bought) were erased, some are new."""
        customers = self.tables["raw_customers"]
        count = len(customers)
        buyers = count * 9 // 10
        for index in rng.sample(range(buyers), count // 20):
            customers[index].update(
                country_code=rng.choice(COUNTRIES),
                note=rng.choice(NOTES),
                credit_limit=money(rng, 10**13),
                updated_at=stamp(at(DAY_TWO, rng)),
                loaded_at=self.second_load,
            )
        erased = set(rng.sample(range(buyers, count), max(2, count // 80)))
        self.tables["raw_customers"] = [row for index, row in enumerate(customers) if index not in erased]
        for key in range(count + 1, count + 1 + max(2, count // 30)):
            new = self.customer(key, self.second_load) | {"created_at": stamp(at(DAY_TWO, rng))}
            self.tables["raw_customers"].append(new | {"updated_at": new["created_at"]})

    def change_products(self, rng: Random) -> None:
        """New prices, retired products, and new names, which the price snapshot must not notice."""
        products = self.tables["raw_products"]
        chosen = rng.sample(products, len(products) // 5)
        third = len(chosen) // 3
        changes: Sequence[tuple[list[Row], Callable[[Row], Row]]] = (
            (chosen[:third], lambda _: {"list_price": money(rng, 500)}),
            (
                chosen[third : 2 * third],
                lambda row: {"is_active": "true" if row["is_active"] == "false" else "false"},
            ),
            (chosen[2 * third :], lambda row: {"product_name": f"{row['product_name']} (new)"}),
        )
        for rows, change in changes:
            for row in rows:
                row.update(change(row), loaded_at=self.second_load)
        products.extend(self.product(len(products) + n, self.second_load) for n in range(1, 6))

    def change_rates(self, rng: Random) -> None:
        """The rates of the new day, and one old day restated: booked orders keep the rate they had."""
        restated = next(row for row in self.tables["raw_currency_rates"] if row["rate_date"] == "2026-02-20")
        restated.update(rate_to_eur="0.950001", loaded_at=self.second_load)
        self.tables["raw_currency_rates"] += [self.rate(DAY_TWO, c, rng, self.second_load) for c in CURRENCIES]

    def change_orders(self, rng: Random) -> None:
        """Orders move on, some get other quantities; some are new, late, exported late, or purged."""
        orders, lines = self.tables["raw_orders"], self.tables["raw_order_lines"]
        count = len(orders)
        purged = {row["order_id"] for row in orders[: max(2, count // 200)]}
        movable = [row for row in orders if row["status"] in NEXT_STATUS and row["order_id"] not in purged]
        for number, row in enumerate(rng.sample(movable, count // 20)):
            row.update(
                status=NEXT_STATUS[str(row["status"])],
                updated_at=stamp(at(DAY_TWO, rng)),
                loaded_at=self.second_load,
            )
            for line in lines:
                if number % 5 == 0 and line["order_id"] == row["order_id"]:
                    line["quantity"] = str(int(str(line["quantity"])) + 1)
        for name in ("raw_orders", "raw_order_lines", "raw_payments"):
            self.tables[name] = [row for row in self.tables[name] if row["order_id"] not in purged]
        key = count
        for how_many, ordered, updated in (
            (count // 12, DAY_TWO, None),  # new
            (max(3, count // 150), DAY_TWO - timedelta(days=20), DAY_TWO),  # late: old order, new to us
            (max(2, count // 300), DAY_ONE - timedelta(days=2), DAY_ONE - timedelta(days=1)),  # exported late
        ):
            for _ in range(how_many):
                key += 1
                moment = at(ordered, rng)
                self.add_order(key, moment, rng, self.second_load, at(updated, rng) if updated else moment)

    def change_events(self, rng: Random) -> None:
        """The export holds three days: an old one as it was, yesterday rewritten, and today."""
        oldest = (DAY_TWO - timedelta(days=EXPORTED_EVENT_DAYS - 1)).isoformat()
        yesterday = DAY_ONE.isoformat()
        kept = [row for row in self.tables["raw_page_events"] if str(row["occurred_at"])[:10] >= oldest]
        # Yesterday loses its robots (a third of it) and has its searches renamed.
        kept = [row for row in kept if str(row["occurred_at"])[:10] != yesterday or int(str(row["event_id"])) % 3]
        for row in kept:
            if str(row["occurred_at"])[:10] == yesterday and row["event_type"] == "search":
                row.update(event_type="view", loaded_at=self.second_load)
        self.tables["raw_page_events"] = kept
        count = self.sizes["page_events"]
        self.add_visits(range(count, count + count // 100), DAY_ONE, rng, self.second_load)
        self.add_visits(range(2 * count, 2 * count + count // EVENT_DAYS), DAY_TWO, rng, self.second_load)


def end_of(day: date) -> datetime:
    """The last microsecond of that day."""
    return datetime.combine(day, time.max)


def generate(day: int, *, seed: int = 7, scale: float = 1.0, as_of: datetime) -> Tables:
    """The raw tables after that day's load.

    Raises ValueError for a day other than 1 or 2 and for a scale that is not above 0.
    """
    if day not in (1, 2):
        raise ValueError(f"day must be 1 or 2, got {day}")
    generator = Generator(seed, scale, as_of)
    return generator.day_one() if day == 1 else generator.day_two()


def write(tables: Tables, folder: Path) -> int:
    """Write one CSV file per table into the folder (made if missing) and return the number of rows."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in tables.items():
        # newline="": the csv module ends lines itself, and fields with a newline must stay as they are.
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return sum(len(rows) for rows in tables.values())


def utc(text: str) -> datetime:
    """An ISO time as naive UTC, which is what the export writes."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment


def main(argv: Sequence[str] | None = None) -> int:
    """Command line of the generator."""
    parser = argparse.ArgumentParser(description="Write the web shop's raw exports as CSV files for dbt seed.")
    parser.add_argument("--day", type=int, choices=(1, 2), default=1, help="which load to write (default 1)")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).with_name("seeds") / "raw", help="folder to write to"
    )
    parser.add_argument("--seed", type=int, default=7, help="another seed, another shop (default 7)")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the shop: 1 is about 20,000 rows")
    parser.add_argument(
        "--as-of",
        type=utc,
        help="time of the day-2 load, ISO 8601, UTC unless it says otherwise (default now)",
    )
    options = parser.parse_args(argv)
    as_of = options.as_of or datetime.now(timezone.utc).replace(tzinfo=None, microsecond=0)
    try:
        count = write(generate(options.day, seed=options.seed, scale=options.scale, as_of=as_of), options.out)
    except (OSError, ValueError) as error:
        print(f"generate: {error}", file=sys.stderr)
        return 2
    print(f"day {options.day}: {count} rows in {options.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
