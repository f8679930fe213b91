select
    p.product_id,
    p.product_name,
    p.category_path,
    coalesce(sum(l.quantity), 0) as units,
    coalesce(sum(l.amount), 0) as goods_amount,
    count(distinct l.order_id) as order_count
from {{ ref('dim_products') }} as p
left join {{ ref('fct_order_lines') }} as l on p.product_id = l.product_id
group by p.product_id, p.product_name, p.category_path
