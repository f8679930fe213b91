"""What can become of a request that brought no usable reply."""

from __future__ import annotations


class TransportError(Exception):
    """No reply. The message is fit for a user: method, address without query, cause."""


class NotSent(TransportError):
    """The request never reached the server: nothing happened there."""


class ReplyLost(TransportError):
    """The request may have reached the server, and may have been carried out; the reply was lost.

    Never a reason to send a request again that is not idempotent.
    """
