select
    day as date_day,
    date_format(day, 'yyyyMMdd') as date_key,
    year(day) as year_number,
    month(day) as month_number,
    date_format(day, 'EEEE') as day_name,
    dayofweek(day) in (1, 7) as is_weekend
from (
    select explode(sequence(
        date '{{ var("calendar_start") }}', date '{{ var("calendar_end") }}', interval 1 day
    )) as day
) as days
