# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Every secret of the stack, derived from one: HKDF (RFC 5869) over ``monsterr_secret``.

The same master secret gives a rebuilt host the same keys. Raising a secret's generation gives it a new value and
leaves all others as they are; the value before that stays known as ``NAME_previous``, so that a running application
can still be logged in to and given the new one.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

PREVIOUS = "_previous"
HASHES = ("qbittorrent_pbkdf2", "md5")  # kinds that are the hash of another secret
USER = "user"  # the kind of a user's password, hashed
PASSWORD_LENGTH = 24
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"


def spec(kind: str, generation: int = 1, of: str = "", of_generation: int = 1) -> dict[str, Any]:
    """How one secret is derived: plain data that the plan carries instead of the value."""
    return {"kind": kind, "generation": generation, "of": of, "of_generation": of_generation}


def values(
    master: str,
    specs: Mapping[str, Mapping[str, Any]],
    given: Mapping[str, str],
    users: Mapping[str, Mapping[str, Any]] | None = None,
) -> dict[str, str]:
    """The value of each secret in `specs` (``service.name`` to its `spec`).

    given  the user's own values (``monsterr_secrets``): they win over derived ones
    users  those who log in (``monsterr_users``), for the hashes of their passwords
    """
    return {
        name: user_hash(master, how["of"], (users or {})[how["of"]])
        if how["kind"] == USER
        else given.get(name) or _value(master, how.get("name", name), how, given)
        for name, how in specs.items()
    }


def user_hash(master: str, name: str, user: Mapping[str, Any]) -> str:
    """A user's password as Authelia stores it: Argon2id (RFC 9106) in PHC form, or the hash that the user gave.

    The salt is derived, so that the same password is the same text in the next run.
    """
    if user.get("password_hash"):
        return str(user["password_hash"])
    salt = _derive(master, f"user.{name}", 1, 16)
    made = Argon2id(salt=salt, length=32, iterations=3, lanes=4, memory_cost=65536).derive(
        str(user["password"]).encode()
    )
    shown = [base64.b64encode(part).decode().rstrip("=") for part in (salt, made)]
    return f"$argon2id$v=19$m=65536,t=3,p=4${shown[0]}${shown[1]}"


def _value(master: str, name: str, how: Mapping[str, Any], given: Mapping[str, str]) -> str:
    kind, generation = how["kind"], how["generation"]
    if kind == "hex":
        return _derive(master, name, generation, 16).hex()
    if kind == "password":
        return _password(master, name, generation)
    if kind in HASHES:
        password_name = f"{name.split('.')[0]}.{how['of']}"
        password = given.get(password_name) or _password(master, password_name, how["of_generation"])
        if kind == "md5":
            # What the application stores; it guards nothing that the application does not guard as badly.
            return hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
        return qbittorrent_hash(password, _derive(master, name, how["of_generation"], 16))
    # The user's own, and left out: the plan has seen to it that it may be.
    return ""


def qbittorrent_hash(password: str, salt: bytes) -> str:
    """`password` as qBittorrent stores it: PBKDF2-HMAC-SHA512, 100,000 rounds, 64 bytes; ``salt:hash`` in base64."""
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 100_000, 64)
    return f"{base64.b64encode(salt).decode()}:{base64.b64encode(digest).decode()}"


def _password(master: str, name: str, generation: int) -> str:
    """24 characters of 57 (none that look alike): 139 bits. Each is drawn by remainder of 64 bits, bias below 2^-58."""
    raw = _derive(master, name, generation, 8 * PASSWORD_LENGTH)
    numbers = (int.from_bytes(raw[start : start + 8], "big") for start in range(0, len(raw), 8))
    return "".join(_ALPHABET[number % len(_ALPHABET)] for number in numbers)


def _derive(master: str, name: str, generation: int, length: int) -> bytes:
    info = f"monsterr/1/{name}/{generation}".encode()
    return HKDF(algorithm=SHA256(), length=length, salt=b"monsterr", info=info).derive(master.encode())
