{{ config(materialized='view') }}

select
    customer_id,
    count(*) as versions,
    min(dbt_valid_from) as known_since,
    max(case when dbt_valid_to is null then 1 else 0 end) = 0 as is_erased
from {{ ref('snap_customers') }}
group by customer_id
