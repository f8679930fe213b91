{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partition_by=['event_date'],
) }}

-- The export holds a few days; the days it holds replace ours, older days stay.
select
    event_id,
    visitor_id,
    customer_id,
    event_type,
    url,
    path,
    load_seconds,
    occurred_at,
    event_date
from {{ ref('stg_page_events') }}
{% if is_incremental() -%}
where event_date >= (select date_sub(max(event_date), 3) from {{ this }})
{%- endif %}
