select
    order_id,
    customer_id,
    status,
    currency,
    ordered_at,
    cast(ordered_at as date) as order_date,
    updated_at,
    {{ empty_string('coupon') }} as coupon,
    {{ empty_string('comment') }} as comment,
    shipping_fee,
    loaded_at
from {{ source('raw', 'raw_orders') }}
