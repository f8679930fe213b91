select
    payment_id,
    order_id,
    method,
    amount,
    token_amount,
    paid_at,
    loaded_at
from {{ source('raw', 'raw_payments') }}
