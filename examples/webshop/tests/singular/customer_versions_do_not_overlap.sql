-- At any time a customer has one version at most.
select
    a.customer_id,
    a.dbt_valid_from
from {{ ref('snap_customers') }} as a
inner join {{ ref('snap_customers') }} as b
    on
        a.customer_id = b.customer_id
        and a.dbt_scd_id <> b.dbt_scd_id
        and a.dbt_valid_from < coalesce(b.dbt_valid_to, timestamp '9999-12-31 00:00:00')
        and b.dbt_valid_from < coalesce(a.dbt_valid_to, timestamp '9999-12-31 00:00:00')
