{{ config(materialized='view') }}

-- A visit ends after half an hour of silence.
with gaps as (
    select
        *,
        lag(occurred_at) over (partition by visitor_id order by occurred_at, event_id) as previous_at
    from {{ ref('fct_page_events') }}
),

numbered as (
    select
        *,
        sum(case when previous_at is null or occurred_at > previous_at + interval 30 minutes then 1 else 0 end)
            over (partition by visitor_id order by occurred_at, event_id) as visit_number
    from gaps
)

select
    visitor_id,
    visit_number,
    min(occurred_at) as started_at,
    max(occurred_at) as ended_at,
    count(*) as event_count,
    max(case when event_type = 'purchase' then 1 else 0 end) = 1 as has_purchase
from numbered
group by visitor_id, visit_number
