select
    o.order_date,
    d.day_name,
    count(*) as order_count,
    sum(o.total_eur) as revenue_eur
from {{ ref('fct_orders') }} as o
inner join {{ ref('ref_order_statuses') }} as s on o.status = s.status
inner join {{ ref('dim_dates') }} as d on o.order_date = d.date_day
where s.counts_as_revenue
group by o.order_date, d.day_name
