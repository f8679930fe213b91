with revenue as (
    select
        o.customer_id,
        count(*) as order_count,
        sum(o.total_eur) as revenue_eur,
        min(o.order_date) as first_order_date
    from {{ ref('fct_orders') }} as o
    inner join {{ ref('ref_order_statuses') }} as s on o.status = s.status
    where s.counts_as_revenue and o.customer_id is not null
    group by o.customer_id
)

-- The hint must survive: a driver that "cleans" comments would lose it; the result is the same, the plan isn't.
select /*+ broadcast(c) */
    c.customer_id,
    c.full_name,
    c.country_name,
    coalesce(r.order_count, 0) as order_count,
    coalesce(r.revenue_eur, 0) as revenue_eur,
    r.first_order_date,
    case
        when r.customer_id is null then 'never bought'
        when r.revenue_eur >= 1000000 then 'whale 🐳'
        when r.revenue_eur >= 10000 then 'regular'
        else 'small'
    end as tier,
    dense_rank() over (order by coalesce(r.revenue_eur, 0) desc) as revenue_rank
from {{ ref('dim_customers') }} as c
left join revenue as r on c.customer_id = r.customer_id
