select b.account, a.name, b.day, b.balance
from {{ ref('balances') }} as b
join {{ ref('accounts') }} as a on a.id = b.account
