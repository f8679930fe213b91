-- Counted by hand; a lost or doubled backslash, percent or quote shows at once.
select label, characters
from {{ ref('awkward_literals') }}
where characters <> case label
    when 'percent' then 4
    when 'format' then 17
    when 'quote' then 4
    when 'double_quote' then 8
    when 'backslash' then 8
    when 'comment_open' then 13
    when 'empty' then 0
    when 'newline' then 9
    else characters
end
