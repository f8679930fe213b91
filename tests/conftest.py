"""What every test may count on."""

from __future__ import annotations

import signal

# Started in the background, a shell's children ignore Ctrl-C, and so would every process that a test interrupts.
signal.signal(signal.SIGINT, signal.default_int_handler)
