select
    order_id,
    count(*) as line_count,
    sum(quantity) as item_count,
    cast(sum(amount) as decimal(24, 8)) as goods_amount
from {{ ref('stg_order_lines') }}
group by order_id
