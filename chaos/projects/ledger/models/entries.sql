{{ config(materialized='incremental', incremental_strategy='append') }}
-- Run twice, an append shows; made anew, the days before are gone.
select id as account, {{ var('day') }} as day, id * 10 + {{ var('day') }} as amount
from {{ ref('accounts') }}
{% if is_incremental() -%}
where not exists (select 1 from {{ this }} as old where old.day = {{ var('day') }})
{%- endif %}
