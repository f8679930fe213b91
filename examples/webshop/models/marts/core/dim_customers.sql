select
    c.customer_id,
    c.full_name,
    c.email,
    c.postal_code,
    c.country_code,
    r.country_name,
    r.vat_rate,
    r.eu_since is not null as is_eu,
    c.birth_date,
    coalesce(c.marketing_opt_in, false) as marketing_opt_in,
    c.note,
    c.credit_limit,
    c.created_at
from {{ ref('stg_customers') }} as c
left join {{ ref('ref_countries') }} as r on c.country_code = r.country_code
