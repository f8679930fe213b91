"""A Spark Connect session on a server of somebody else's: reached by URL, told of its end, never killed."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from fakelivy.engine.port import EngineUnavailable
from fakelivy.engine.sail.connect import Link, SailError, warm_up

logger = logging.getLogger(__name__)

_EXCEPTION = re.compile(r"\A\([\w.$]+\) ")

_TRACE = "\n\nJVM stacktrace:"
"""What pyspark puts between the message of Spark 4 and the server's stack, which is not part of it."""

_FIXED = re.compile(r"CANNOT_MODIFY|static config", re.IGNORECASE)


def place(url: str) -> str:
    """``url`` without its parameters, which may hold a token."""
    return url.partition("/;")[0].partition(";")[0]


_CAUSE = re.compile(r"^Caused by: [\w.$]+: (.+)$", re.MULTILINE)


def message(error: Exception) -> str:
    """What Spark said, without the stack of its JVM and the name of its exception.

    Spark 4 says of a row that may not be written only that its task failed. Why is the last cause in the stack.
    """
    said, _, trace = str(error).partition(_TRACE)
    said = _EXCEPTION.sub("", said.strip())
    causes = _CAUSE.findall(trace)
    return f"{said}\nCaused by: {causes[-1]}" if causes and causes[-1] not in said else said


class SparkLink(Link):
    """A new session on the server at ``url``.

    Raises:
        EngineUnavailable: the URL is not one of Spark Connect's.
    """

    def __init__(self, url: str) -> None:
        warm_up()
        from pyspark.errors.exceptions.base import PySparkException
        from pyspark.sql.connect.client import SparkConnectClient

        if not url.startswith("sc://"):
            raise EngineUnavailable(f"a Spark Connect URL looks like sc://127.0.0.1:15002, not {place(url)!r}")
        try:
            self._client = SparkConnectClient(url)
            # With parameters or without: another client of this session adds one.
            self._address = url if "/;" in url else f"{url.rstrip('/')}/"
        except PySparkException as error:
            raise EngineUnavailable(f"{place(url)} is not a Spark Connect URL: {error}") from error
        # The defaults retry a dead server for ten minutes.
        self._client.set_retry_policies([])
        # pyspark prints every failed query with a stack trace; the statement's own failure says it.
        logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
        self._client.disable_reattachable_execute()

    def offer(self, settings: Mapping[str, str]) -> None:
        """Set what can be set now; what a cluster fixes when it starts (memory, cores) stays as it is.

        Raises:
            SailError: a value is not one.
        """
        for key, value in settings.items():
            try:
                self.configure({key: value})
            except SailError as error:
                if not _FIXED.search(str(error)):
                    raise
                logger.info("Spark keeps its own %s: it is set when Spark starts", key)

    def release(self) -> None:
        """Stop what runs, and tell the server that nobody will come back."""
        from pyspark.errors.exceptions.base import PySparkException

        self.interrupt()
        try:
            self._client.release_session()
        except PySparkException:
            return  # Spark before 4.0 forgets a session by itself, after an hour of silence
