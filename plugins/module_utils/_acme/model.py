# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Certificates as plain data: what is wanted, and what is held. Needs nothing but the standard library."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import InputError
from .._core.finding import Finding, fail

HTTP = "http-01"
DNS = "dns-01"
KEY_TYPES = ("ec-256", "ec-384", "rsa-2048", "rsa-3072", "rsa-4096")
_FOLDER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,200}")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")


@dataclass(frozen=True)
class Wanted:
    """One certificate as it shall be.

    name         of its folder in the store
    identifiers  host names (a wildcard begins with ``*.``) and IP addresses, sorted
    challenge    how the CA is shown that they are ours: ``http-01`` or ``dns-01``
    key_type     one of `KEY_TYPES`
    """

    name: str
    identifiers: tuple[str, ...]
    challenge: str = HTTP
    key_type: str = "ec-256"


@dataclass(frozen=True)
class Held:
    """One certificate with its key, as it is on disk, and found to fit each other.

    not_before, not_after  seconds since 1970-01-01 UTC
    directory    address of the CA's directory that issued it; empty if we do not know
    placeholder  whether it is our own self-signed one
    cert_id      its name in the CA's renewal information (RFC 9773 section 4.1); empty if it has none
    """

    generation: int
    identifiers: tuple[str, ...]
    not_before: float
    not_after: float
    issuer: str
    serial: str
    key_type: str
    directory: str
    placeholder: bool = False
    cert_id: str = ""


@dataclass(frozen=True)
class Window:
    """When the CA suggests to renew (RFC 9773 section 4.2): seconds since 1970-01-01 UTC."""

    start: float
    end: float
    explanation: str = ""


def is_address(identifier: str) -> bool:
    """Whether `identifier` is an IP address rather than a name."""
    try:
        ipaddress.ip_address(identifier)
        return True
    except ValueError:
        return False


def challenge_name(identifier: str) -> str:
    """The name of the TXT record for `identifier` (RFC 8555 section 8.4)."""
    return f"_acme-challenge.{identifier.removeprefix('*.')}"


def read(records: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    """The user's `records` (name, identifiers, challenge, key_type); `InputError` with every problem in them."""
    wanted: list[Wanted] = []
    problems: list[Finding] = []
    for number, record in enumerate(records):
        where = f"certificates[{number}] {record.get('name', '')}".rstrip()
        try:
            one = _read(record)
            if any(other.name == one.name for other in wanted):
                raise ValueError("another certificate has the same name")
        except ValueError as error:
            problems.append(fail("certificate.input", where, f"{error}.", "Correct this certificate."))
            continue
        wanted.append(one)
    if problems:
        story = "; ".join(f"{item.target}: {item.summary}" for item in problems)
        raise InputError("use the certificates", f"{len(problems)} of {len(records)}", story, findings=problems)
    return wanted


def _read(record: Mapping[str, Any]) -> Wanted:
    name = record["name"]
    if not _FOLDER.fullmatch(name):
        raise ValueError(f"the name {name!r} cannot be a folder's: use letters, digits, dots, - and _")
    challenge = record.get("challenge") or HTTP
    key_type = record.get("key_type") or KEY_TYPES[0]
    if challenge not in (HTTP, DNS):
        raise ValueError(f"the challenge {challenge} is not {HTTP} or {DNS}")
    if key_type not in KEY_TYPES:
        raise ValueError(f"the key type {key_type} is not one of {', '.join(KEY_TYPES)}")
    identifiers = tuple(sorted({_identifier(text, challenge) for text in record.get("identifiers") or ()}))
    if not identifiers:
        raise ValueError("it has no identifiers")
    return Wanted(name, identifiers, challenge, key_type)


def _identifier(text: str, challenge: str) -> str:
    text = text.strip().rstrip(".").lower()
    if is_address(text):
        if challenge == DNS:
            raise ValueError(f"{text} is an address, and {DNS} is for names only (RFC 8738 section 7)")
        return ipaddress.ip_address(text).compressed
    labels = text.removeprefix("*.").split(".")
    if len(text) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f"{text!r} is neither a name in ASCII form nor an IP address")
    if text.startswith("*.") and challenge != DNS:
        raise ValueError(f"{text} is a wildcard, which needs {DNS}")
    return text
