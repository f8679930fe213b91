"""``python -m fakelivy``."""

from __future__ import annotations

from fakelivy.cli import main

main()
