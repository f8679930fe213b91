select
    order_id,
    count(*) as payment_count,
    cast(sum(amount) as decimal(24, 4)) as paid_amount,
    max(paid_at) as last_paid_at
from {{ ref('stg_payments') }}
group by order_id
