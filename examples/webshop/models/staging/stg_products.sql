select
    product_id,
    sku,
    product_name,
    category_code,
    list_price,
    weight_kg,
    is_active,
    get_json_object(attributes, '$.size') as size_label,
    get_json_object(attributes, '$.path') as image_path,
    get_json_object(attributes, '$.label') as designer,
    loaded_at
from {{ source('raw', 'raw_products') }}
