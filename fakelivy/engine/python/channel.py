"""Messages between the server and an interpreter over a pair of pipes: a length, then the message.

The interpreter runs anybody's code, so what comes from it is JSON and no more than that; what goes to it is pickled,
because rows of SQL hold dates, decimals and bytes.
"""

from __future__ import annotations

import json
import pickle
import struct
from typing import Any, BinaryIO

LARGEST = 1 << 30
"""Bytes of a message; a length beyond that is noise on the pipe."""

_LENGTH = struct.Struct(">Q")


class Closed(Exception):
    """The other side is gone."""


def send_json(stream: BinaryIO, message: Any) -> None:
    _send(stream, json.dumps(message).encode())


def receive_json(stream: BinaryIO) -> Any:
    """The next message.

    Raises:
        Closed: there is none, or it is no message.
    """
    body = _receive(stream)
    try:
        return json.loads(body)
    except ValueError as error:
        raise Closed(f"not a message: {error}") from error


def send_values(stream: BinaryIO, message: Any) -> None:
    _send(stream, pickle.dumps(message))


def receive_values(stream: BinaryIO) -> Any:
    """The next message of our own parent.

    Raises:
        Closed: there is none.
    """
    return pickle.loads(_receive(stream))


def _send(stream: BinaryIO, body: bytes) -> None:
    try:
        stream.write(_LENGTH.pack(len(body)) + body)
        stream.flush()
    except (OSError, ValueError) as error:  # ValueError: the stream is closed
        raise Closed(str(error)) from error


def _receive(stream: BinaryIO) -> bytes:
    try:
        (length,) = _LENGTH.unpack(_exactly(stream, _LENGTH.size))
        if length > LARGEST:
            raise Closed(f"a message of {length} bytes")
        return _exactly(stream, length)
    except (OSError, ValueError) as error:
        raise Closed(str(error)) from error


def _exactly(stream: BinaryIO, size: int) -> bytes:
    body = stream.read(size)
    if len(body) < size:
        raise Closed("end of the stream")
    return body
