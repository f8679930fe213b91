-- Is an order paid? Compared to a hundredth of a cent, without rounding errors.
select
    o.order_id,
    o.status,
    cast(o.total as decimal(24, 4)) as due_amount,
    coalesce(p.paid_amount, 0) as paid_amount,
    p.last_paid_at,
    case
        when p.paid_amount is null then 'unpaid'
        when p.paid_amount < cast(o.total as decimal(24, 4)) then 'underpaid'
        when p.paid_amount > cast(o.total as decimal(24, 4)) then 'overpaid'
        else 'paid'
    end as payment_status
from {{ ref('fct_orders') }} as o
left join {{ ref('int_order_payments') }} as p on o.order_id = p.order_id
