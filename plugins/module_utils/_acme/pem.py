# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Keys, requests and certificates: the one place that knows `cryptography` (38 or newer)."""

from __future__ import annotations

import base64
import datetime
import ipaddress
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import ExtensionOID, NameOID

from .._core.errors import RefusedError
from .model import Held, is_address

PrivateKey = Any  # one of cryptography's EC or RSA keys

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_CURVES: dict[str, ec.EllipticCurve] = {"ec-256": ec.SECP256R1(), "ec-384": ec.SECP384R1()}


def base64url(data: bytes) -> str:
    """Base64 for URLs, without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def new_key(key_type: str) -> PrivateKey:
    """A new private key of one of `model.KEY_TYPES`."""
    if key_type in _CURVES:
        return ec.generate_private_key(_CURVES[key_type])
    return rsa.generate_private_key(65537, int(key_type.removeprefix("rsa-")))


def key_pem(key: PrivateKey) -> str:
    """`key` in PEM (PKCS 8), not encrypted."""
    none = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none).decode()


def load_key(pem: str) -> PrivateKey:
    """The private key in `pem`; ValueError if there is none."""
    try:
        return serialization.load_pem_private_key(pem.encode(), None)
    except (ValueError, TypeError) as error:
        raise ValueError(f"the key cannot be read: {error}") from None


def key_type(public_key: Any) -> str:
    """`public_key` in the words of `model.KEY_TYPES`."""
    if isinstance(public_key, ec.EllipticCurvePublicKey):
        return f"ec-{public_key.curve.key_size}"
    return f"rsa-{public_key.key_size}" if isinstance(public_key, rsa.RSAPublicKey) else type(public_key).__name__


def request(key: PrivateKey, identifiers: Sequence[str]) -> bytes:
    """A certificate signing request in DER (RFC 8555 section 7.4): all identifiers as alternative names."""
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    return (
        builder.add_extension(_alternatives(identifiers), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


def self_signed(key: PrivateKey, identifiers: Sequence[str], now: float, seconds: float) -> str:
    """A certificate in PEM that nobody trusts, for `identifiers`, good for `seconds`."""
    start = datetime.datetime.fromtimestamp(now, datetime.UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "monsterr placeholder")])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - datetime.timedelta(minutes=5))
        .not_valid_after(start + datetime.timedelta(seconds=seconds))
        .add_extension(_alternatives(identifiers), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
        .decode()
    )


def split(pem: str) -> list[str]:
    """Each certificate of a chain in PEM, each ending in a new line."""
    return [f"{block}\n" for block in _PEM.findall(pem)]


def verify(key: PrivateKey, chain: str, identifiers: Sequence[str], target: str) -> None:
    """Raise `RefusedError` unless `chain` (PEM, leaf first) fits `key`, holds `identifiers` and is in order."""
    try:
        certificates = [x509.load_pem_x509_certificate(block.encode()) for block in split(chain)]
        why = _wrong(key, certificates, identifiers)
    except ValueError as error:
        why = f"it cannot be read: {error}"
    if why:
        raise RefusedError("verify the certificate", target, why, "The pair in use was left as it is.")


def _wrong(key: PrivateKey, certificates: Sequence[x509.Certificate], identifiers: Sequence[str]) -> str:
    if not certificates:
        return "there is no certificate in the answer"
    if _spki(certificates[0].public_key()) != _spki(key.public_key()):
        return "it is for another key"
    missing = sorted(set(identifiers) - set(names(certificates[0])))
    if missing:
        return f"it lacks {', '.join(missing)}"
    for number, (below, above) in enumerate(pairwise(certificates)):
        if below.issuer != above.subject or not _signed_by(below, above):
            return f"its chain is out of order: certificate {number + 1} was not issued by the one after it"
    return ""


def inspect(key_pem_text: str, chain: str, generation: int, directory: str, placeholder: bool) -> Held:
    """What a key and its chain in PEM are; ValueError if they cannot be read or do not fit each other."""
    blocks = split(chain)
    if not blocks:
        raise ValueError("there is no certificate in the file")
    certificate = x509.load_pem_x509_certificate(blocks[0].encode())
    if _spki(certificate.public_key()) != _spki(load_key(key_pem_text).public_key()):
        raise ValueError("the key is not the certificate's")
    return Held(
        generation=generation,
        identifiers=names(certificate),
        not_before=_moment(certificate, "not_valid_before"),
        not_after=_moment(certificate, "not_valid_after"),
        issuer=certificate.issuer.rfc4514_string(),
        serial=f"{certificate.serial_number:x}",
        key_type=key_type(certificate.public_key()),
        directory=directory,
        placeholder=placeholder,
        cert_id=cert_id(certificate),
    )


def facts(chain: str) -> list[dict[str, Any]]:
    """What each certificate of a chain in PEM says of itself; ValueError if one cannot be read."""
    return [
        {
            "subject": certificate.subject.rfc4514_string(),
            "issuer": certificate.issuer.rfc4514_string(),
            "not_before": _moment(certificate, "not_valid_before"),
            "not_after": _moment(certificate, "not_valid_after"),
        }
        for certificate in (x509.load_pem_x509_certificate(block.encode()) for block in split(chain))
    ]


def names(certificate: x509.Certificate) -> tuple[str, ...]:
    """The names and addresses that `certificate` is for, sorted."""
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.SUBJECT_ALTERNATIVE_NAME)
    except x509.ExtensionNotFound:
        return ()
    value: Any = extension.value
    addresses = [address.compressed for address in value.get_values_for_type(x509.IPAddress)]
    return tuple(sorted({*value.get_values_for_type(x509.DNSName), *addresses}))


def cert_id(certificate: x509.Certificate) -> str:
    """The name in renewal information (RFC 9773 section 4.1); empty without an authority key identifier."""
    try:
        extension = certificate.extensions.get_extension_for_oid(ExtensionOID.AUTHORITY_KEY_IDENTIFIER)
    except x509.ExtensionNotFound:
        return ""
    authority: Any = extension.value
    if not authority.key_identifier:
        return ""
    number = certificate.serial_number
    serial = number.to_bytes(number.bit_length() // 8 + 1, "big")  # as DER has it: a sign bit of its own
    return f"{base64url(authority.key_identifier)}.{base64url(serial)}"


def _alternatives(identifiers: Sequence[str]) -> x509.SubjectAlternativeName:
    return x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(one)) if is_address(one) else x509.DNSName(one) for one in identifiers]
    )


def _spki(public_key: Any) -> bytes:
    return public_key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def _signed_by(below: x509.Certificate, above: x509.Certificate) -> bool:
    """Whether the key of `above` signed `below`. A key of a kind that we do not know is believed."""
    key: Any = above.public_key()
    algorithm: Any = below.signature_hash_algorithm
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(below.signature, below.tbs_certificate_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(below.signature, below.tbs_certificate_bytes, ec.ECDSA(algorithm))
    except InvalidSignature:
        return False
    return True


def _moment(certificate: x509.Certificate, field: str) -> float:
    """`field` in seconds since 1970-01-01 UTC; `cryptography` below 42 has no time zone in it."""
    aware = getattr(certificate, f"{field}_utc", None)
    return (aware or getattr(certificate, field).replace(tzinfo=datetime.UTC)).timestamp()
