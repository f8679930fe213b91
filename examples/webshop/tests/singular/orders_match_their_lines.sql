-- The order's total is its lines and its shipping, to the last decimal.
select o.order_id
from {{ ref('fct_orders') }} as o
inner join (
    select order_id, sum(amount) as amount from {{ ref('fct_order_lines') }} group by order_id
) as l on o.order_id = l.order_id
where o.total <> l.amount + o.shipping_fee
