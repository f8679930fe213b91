{{ config(
    materialized='incremental',
    incremental_strategy='merge',
    unique_key='order_id',
) }}

/* One row per order ever seen. The export purges old orders; this table keeps them, and an order keeps the
   currency rate it was booked with: it's only rewritten when the order itself changes; "restated" rates don't count. */
select
    o.order_id,
    o.customer_id,
    o.status,
    o.currency,
    o.ordered_at,
    o.order_date,
    o.updated_at,
    o.loaded_at,
    o.coupon,
    o.comment,
    a.line_count,
    a.item_count,
    o.shipping_fee,
    cast(a.goods_amount + o.shipping_fee as decimal(24, 8)) as total,
    case when o.currency = 'EUR' then cast(1 as decimal(12, 6)) else r.rate_to_eur end as rate_to_eur,
    cast(
        cast(a.goods_amount + o.shipping_fee as decimal(24, 8))
        * case when o.currency = 'EUR' then cast(1 as decimal(12, 6)) else r.rate_to_eur end
        as decimal(20, 2)
    ) as total_eur
from {{ ref('stg_orders') }} as o
inner join {{ ref('int_order_amounts') }} as a on o.order_id = a.order_id
left join {{ ref('stg_currency_rates') }} as r
    on
        o.currency = r.currency
        and o.order_date >= r.valid_from
        and (o.order_date < r.valid_before or r.valid_before is null)
{% if is_incremental() -%}
where
    -- Late exports are a fact of life; look back {{ var('order_lookback_days') }} days.
    o.updated_at >= (select max(updated_at) from {{ this }}) - interval {{ var('order_lookback_days') }} days
{%- endif %}
