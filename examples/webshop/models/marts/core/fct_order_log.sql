{{ config(materialized='incremental', incremental_strategy='append') }}

-- One row each time an order was loaded: what did it look like then?
select
    order_id,
    status,
    updated_at,
    loaded_at
from {{ ref('stg_orders') }}
{% if is_incremental() -%}
where loaded_at > (select max(loaded_at) from {{ this }})
{%- endif %}
