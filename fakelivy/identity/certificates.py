"""A certificate authority of the server's own: made when it starts, gone when it ends, trusted by nobody else."""

from __future__ import annotations

import ssl
from pathlib import Path

import trustme

_NAMES = ("localhost", "127.0.0.1", "::1")


def server_context(folder: Path, host: str) -> tuple[ssl.SSLContext, Path]:
    """What a server on ``host`` needs for https, and the file its clients must trust.

    The private keys stay in memory, but for the moment in which the standard library can only read one from a file.

    Raises:
        OSError: ``folder`` is not writable.
    """
    authority = trustme.CA(organization_name="fakelivy")
    certificate = authority.issue_cert(*dict.fromkeys((*_NAMES, host)))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    trusted = folder / "fakelivy-ca.pem"
    authority.cert_pem.write_to_path(str(trusted))
    return context, trusted
