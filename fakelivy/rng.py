"""One seed per server, split into named streams so that one use of chance never shifts another."""

from __future__ import annotations

import random
import secrets

Stream = random.Random


class Rng:
    """Named random streams below one seed."""

    def __init__(self, seed: int | None = None) -> None:
        self.seed = secrets.randbits(32) if seed is None else seed

    def stream(self, name: str) -> Stream:
        """A generator that depends on the seed and on ``name`` only."""
        return Stream(f"{self.seed}/{name}")
