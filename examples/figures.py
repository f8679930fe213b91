"""How to ask the built tables for each figure that `webshop/truth.py` works out, and whether it is right."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from examples.livy import Livy
from examples.webshop.truth import Figure, Figures

# The schema of a relation is told by its name; what is not listed is in `dbo`.
SCHEMAS = {"raw": "dbo_raw", "stg": "dbo_staging"}


def crc(*columns: str) -> str:
    """The checksum of truth.py in SQL: one value as it is, several joined by a bar."""
    text = f"concat_ws('|', {', '.join(columns)})" if len(columns) > 1 else f"coalesce({columns[0]}, '<null>')"
    return f"sum(crc32({text}))"


def micros(column: str) -> str:
    """A timestamp with all six digits."""
    return f"date_format({column}, 'yyyy-MM-dd HH:mm:ss.SSSSSS')"


# Figures that are one value, besides the number of rows that every relation has.
VALUES: dict[str, dict[str, str]] = {
    **{
        f"{layer}_{name}": {}
        for layer in ("raw", "stg")
        for name in (
            "customers", "products", "orders", "order_lines", "payments", "page_events", "currency_rates",
        )
    },
    "ref_countries": {},
    "ref_categories": {},
    "ref_order_statuses": {},
    "stg_customers": {
        "empty_notes": "count_if(note = '')",
        "missing_notes": "count_if(note is null)",
        "note_checksum": crc("note"),
        "external_ref_sum": "sum(cast(external_ref as decimal(38, 0)))",
        "credit_limit_sum": "sum(credit_limit)",
    },
    "stg_products": {"designer_checksum": crc("designer"), "image_path_checksum": crc("image_path")},
    "stg_payments": {"token_amount_sum": "sum(token_amount)"},
    "stg_page_events": {"url_checksum": crc("url")},
    "dim_customers": {
        "oldest": "min(birth_date)",
        "country_checksum": crc("country_name"),
        "postal_code_checksum": crc("postal_code"),
    },
    "dim_products": {"category_checksum": crc("category_path")},
    "dim_dates": {},
    "fct_orders": {
        "total_sum": "sum(total)",
        "total_eur_sum": "sum(total_eur)",
        "checksum": crc("order_id", "status", micros("updated_at"), "total_eur"),
    },
    "fct_order_lines": {},
    "fct_order_log": {"checksum": crc("order_id", "status", micros("updated_at"))},
    "fct_page_events": {
        "event_id_sum": "sum(cast(event_id as decimal(38, 0)))",
        "checksum": crc("event_id", "event_type", micros("occurred_at")),
    },
    "awkward_literals": {},
    "rpt_daily_revenue": {"revenue_sum": "sum(revenue_eur)"},
    "rpt_customer_value": {},
    "rpt_product_sales": {"units_sum": "sum(units)", "unsold": "count_if(units = 0)"},
    "rpt_payment_status": {},
    "rpt_visits": {"longest": "max(event_count)"},
    "rpt_customer_history": {"changed": "count_if(versions > 1)", "erased": "count_if(is_erased)"},
    "snap_customers": {
        "open": "count_if(dbt_valid_to is null)",
        "closed": "count_if(dbt_valid_to is not null)",
        "checksum": crc(
            "customer_id", micros("updated_at"), "case when dbt_valid_to is null then 'open' else 'closed' end"
        ),
    },
    "snap_product_prices": {
        "open": "count_if(dbt_valid_to is null)",
        "closed": "count_if(dbt_valid_to is not null)",
    },
}  # fmt: skip

# Figures that are a set of texts; each must stay below Livy's 1000 rows.
SETS: dict[str, dict[str, str]] = {
    "stg_customers": {"notes": "select distinct note from {} where note is not null"},
    "fct_page_events": {"by_day": "select concat(event_date, ' ', count(*)) from {} group by event_date"},
    "awkward_literals": {"values": "select concat(label, '=', value) from {}"},
    "rpt_customer_value": {"by_tier": "select concat(tier, ' ', count(*)) from {} group by tier"},
    "rpt_payment_status": {"by_status": "select concat(payment_status, ' ', count(*)) from {} group by payment_status"},
}


@dataclass(frozen=True)
class Check:
    """One figure: what it must be and what the table says."""

    name: str
    expected: Figure | None
    actual: Figure | None

    @property
    def right(self) -> bool:
        """Both are there and equal."""
        return self.expected is not None and self.expected == self.actual


def relation(name: str) -> str:
    """The relation with its schema."""
    return f"{SCHEMAS.get(name.split('_')[0], 'dbo')}.{name}"


def number_or_text(value: str | None) -> Figure | None:
    """What SQL printed, as a number where it is one."""
    if value is None:
        return None
    try:
        return Decimal(value)
    except InvalidOperation:
        return value


def actual_figures(livy: Livy) -> Iterator[tuple[str, Figure | None]]:
    """Ask for every figure; one statement for each relation, one more for each set."""
    for name, figures in VALUES.items():
        columns = {"rows": "count(*)", **figures}
        select = ", ".join(f"cast({sql} as string)" for sql in columns.values())
        (row,) = livy.rows(f"select {select} from {relation(name)}")
        yield from ((f"{name}.{figure}", number_or_text(value)) for figure, value in zip(columns, row, strict=True))
    for name, figures in SETS.items():
        for figure, sql in figures.items():
            yield f"{name}.{figure}", frozenset(str(row[0]) for row in livy.rows(sql.format(relation(name))))


def compare(url: str, expected: Figures) -> list[Check]:
    """Every figure of the warehouse behind that URL next to what it must be, figures of one side only included.

    Raises LivyError when a statement fails.
    """
    with Livy(url) as livy:
        actual = dict(actual_figures(livy))
    return [Check(name, expected.get(name), actual.get(name)) for name in sorted(expected | actual)]
