{{ config(materialized='incremental', incremental_strategy='merge', unique_key='account') }}
-- Every account on the first day, every second one on the second: made anew, the odd ones are gone.
select account, {{ var('day') }} as day, sum(amount) as balance
from {{ ref('entries') }}
where account % {{ var('day') }} = 0
group by account
