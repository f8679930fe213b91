{{ config(materialized='table') }}
select day, count(*) as entries, sum(amount) as amount
from {{ ref('entries') }}
group by day
