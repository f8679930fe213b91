select
    customer_id,
    external_ref,
    full_name,
    lower(email) as email,
    phone,
    country_code,
    postal_code,
    birth_date,
    marketing_opt_in,
    {{ empty_string('note') }} as note,
    credit_limit,
    created_at,
    updated_at,
    loaded_at
from {{ source('raw', 'raw_customers') }}
