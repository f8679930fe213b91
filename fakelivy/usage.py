"""What whoever sets the server up is told when it cannot be as asked."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FakeLivyError(Exception):
    """The server cannot be set up as asked; the message is for the person who asked."""


def meant(wrong: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?``, or what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(wrong, names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(names)}"
