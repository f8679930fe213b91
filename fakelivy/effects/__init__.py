"""What each effect does to a request: one registered function each, looked up by the effect's type.

A function answers with the Response to send instead, with the Call to go on with, or with None: nothing replaced.
"""

from __future__ import annotations

# Imported for what they register.
from fakelivy.effects import connection, refusals, replies, truth
from fakelivy.effects.hits import EFFECTS, SURE, Hit, Memory, Missed

__all__ = ["EFFECTS", "SURE", "Hit", "Memory", "Missed", "connection", "refusals", "replies", "truth"]
