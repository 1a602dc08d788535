# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""AWS Signature Version 4 for a request without a payload that is streamed. Pure."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

_ALGORITHM = "AWS4-HMAC-SHA256"


def sign(
    key_id: str,
    secret: str,
    region: str,
    service: str,
    now: float,
    method: str,
    path: str,
    query: Sequence[tuple[str, Any]],
    headers: Mapping[str, str],
    body: bytes = b"",
) -> dict[str, str]:
    """`headers` (with Host) and what signs them: X-Amz-Date and Authorization. `now` is in seconds since 1970."""
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {**headers, "X-Amz-Date": moment}
    lines = sorted((name.lower(), " ".join(value.split())) for name, value in signed.items())
    names = ";".join(name for name, _value in lines)
    request = "\n".join(
        [
            method,
            quote(path, safe="/-_.~"),
            "&".join(f"{name}={value}" for name, value in sorted((_escaped(a), _escaped(b)) for a, b in query)),
            *(f"{name}:{value}" for name, value in lines),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = f"AWS4{secret}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    credential = f"Credential={key_id}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**signed, "Authorization": f"{_ALGORITHM} {credential}"}


def _escaped(value: Any) -> str:
    return quote(str(value), safe="-_.~")
