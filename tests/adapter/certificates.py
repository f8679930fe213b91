"""A certificate for tests that sign in with one, or have a server that shows one."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

PASSWORD = "certificate-password"


@dataclass(frozen=True)
class Certificate:
    """A self-signed certificate: what others know of it, and the files of who it belongs to."""

    public: str
    plain: Path
    locked: Path


def make_certificate(folder: Path) -> Certificate:
    """A new one, in files of this folder."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "fabricspark tests")])
    begin = dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begin).not_valid_after(begin + dt.timedelta(days=36500))
    hosts = [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("livy.test")]
    builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    public = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    locks: dict[str, serialization.KeySerializationEncryption] = {
        "plain": serialization.NoEncryption(),
        "locked": serialization.BestAvailableEncryption(PASSWORD.encode()),
    }
    for file, lock in locks.items():
        private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock)
        (folder / file).write_bytes(private + public)
    return Certificate(public.decode(), folder / "plain", folder / "locked")
