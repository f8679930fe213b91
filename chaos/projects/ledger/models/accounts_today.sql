{{ config(materialized='ephemeral') }}
select id, name, credit + {{ var('day') }} as credit
from {{ ref('accounts') }}
