"""The child process: Sail's Spark Connect server on a loopback port, living no longer than its parent.

Started with ``python -m``; prints its port as one line, then waits for the end of its standard input. A pipe's
end is the one sign of a parent's death that comes however the parent dies and on every platform.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from pathlib import Path

from pysail.spark import SparkConnectServer


def main() -> None:
    # Ctrl-C goes to the whole process group; the parent decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError):
        # When memory runs out on Linux, a query's process is the one to go, not the server nor the user's other work.
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    address = server.listening_address
    assert address is not None
    sys.stdout.write(f"{address[1]}\n")
    sys.stdout.flush()
    os.dup2(2, 1)  # nobody reads the pipe from here on
    sys.stdin.buffer.read()
    os._exit(0)  # running queries must not hold the process


if __name__ == "__main__":
    main()
