-- Text that has broken a driver somewhere: it's here so that it breaks ours in the open; "quotes" too.
/* A comment may hold anything: 'one quote's enough', "two", `ticks`, ; a semicolon, -- and 100 %.
   It must reach the engine, or at least do no harm.
*/
select /*+ broadcast(kinds) */
    texts.label,
    texts.value,
    length(texts.value) as characters,
    kinds.kind
from (
    select 'percent' as label, '100%' as value
    union all select 'format', '%s %d %(name)s %%'
    union all select 'quote', 'it\'s'
    union all select 'double_quote', "say \"hi\""
    union all select 'backslash', 'C:\\temp\\'
    union all select 'comment_open', 's3://bucket/*'
    union all select 'comment_close', '*/ -- not a comment' -- but this is one: it's over
    union all select 'hint', '/*+ broadcast(x) */'
    union all select 'semicolon', 'a;b;'
    union all select 'newline', 'two\nlines'
    union all select 'jinja', '{{ "{{ not_jinja }}" }}'
    union all select 'accents', 'Zoë Ångström'
    union all select 'cjk', '北京 東京'
    union all select 'emoji', '🎉🚀'
    union all select 'empty', ''
    -- Spark puts a setting in the place of a dollar sign and braces, in literals too: the sign is written by its number.
    union all select 'question_mark', '? :name $1 \u0024{x}'
) as texts
inner join (select 'text' as kind) as kinds on true
