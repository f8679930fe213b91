select
    l.order_line_id,
    l.order_id,
    o.order_date,
    o.customer_id,
    l.product_id,
    l.quantity,
    l.unit_price,
    l.discount_rate,
    l.amount
from {{ ref('stg_order_lines') }} as l
inner join {{ ref('stg_orders') }} as o on l.order_id = o.order_id
