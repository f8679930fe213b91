select
    p.product_id,
    p.sku,
    p.product_name,
    p.category_code,
    coalesce(parent.category_name || ' / ', '') || category.category_name as category_path,
    p.list_price,
    p.is_active,
    p.size_label,
    p.image_path,
    p.designer
from {{ ref('stg_products') }} as p
left join {{ ref('ref_categories') }} as category on p.category_code = category.category_code
left join {{ ref('ref_categories') }} as parent on category.parent_code = parent.category_code
