-- A rate holds until the next one: Friday's covers the weekend.
select
    currency,
    rate_to_eur,
    rate_date as valid_from,
    lead(rate_date) over (partition by currency order by rate_date) as valid_before
from {{ source('raw', 'raw_currency_rates') }}
