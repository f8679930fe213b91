select
    event_id,
    visitor_id,
    customer_id,
    event_type,
    url,
    split(url, '[?]')[0] as path,
    load_seconds,
    occurred_at,
    loaded_at,
    cast(occurred_at as date) as event_date
from {{ source('raw', 'raw_page_events') }}
