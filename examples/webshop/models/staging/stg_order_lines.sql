select
    order_line_id,
    order_id,
    product_id,
    quantity,
    unit_price,
    discount_rate,
    {{ line_amount('quantity', 'unit_price', 'discount_rate') }} as amount
from {{ source('raw', 'raw_order_lines') }}
