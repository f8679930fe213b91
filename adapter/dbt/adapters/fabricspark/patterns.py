"""SQL's patterns of names (``like 'a_b%'``), read here because Spark has no information_schema that reads them."""

from __future__ import annotations

import re
from collections.abc import Callable

_WILD = {"%": ".*", "_": "."}


def like(pattern: str) -> Callable[[str], bool]:
    """Whether a whole name is as ``pattern`` says, as ``ilike`` would: ``%`` is any text, ``_`` any character.

    A backslash takes the next character as it is. Case does not count.
    """
    parts = (
        re.escape(piece[1:] or piece) if piece.startswith("\\") else _WILD.get(piece, re.escape(piece))
        for piece in re.findall(r"\\.|.", pattern, re.DOTALL)
    )
    wanted = re.compile("".join(parts), re.IGNORECASE | re.DOTALL)
    return lambda name: wanted.fullmatch(name) is not None
