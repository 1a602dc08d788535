# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The ACME protocol (RFC 8555), from the client's side: nothing about files, DNS or web servers."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from .._core.clock import Deadline
from .._core.errors import InputError, RefusedError, UnreachableError
from .._core.http import Client, Response
from .model import Window, is_address
from .pem import PrivateKey, base64url

# method, whole URL, body, headers, what it is for, deadline
Ask = Callable[[str, str, "bytes | None", Mapping[str, str], str, Deadline], Response]

ERROR = "urn:ietf:params:acme:error:"
LIMIT = 1024 * 1024  # bytes of one answer
_TRIES = 4  # of a request whose connection breaks
_POLL = 0.25  # seconds until the first look, where the CA does not say
_POLL_MAX = 5.0
_LONG = 366 * 86400.0  # seconds: the longest wait that is worth telling
_ADVICE_HOLDS = 21600.0  # seconds, where the CA does not say (RFC 9773 section 4.3.2)
_HINTS = {  # RFC 8555 section 6.7
    "caa": "Allow this CA in the domain's CAA records, or remove them.",
    "connection": "Port 80 of every address of the name has to reach this host from the internet, for http-01.",
    "dns": "Check the name's A and AAAA records, and that the name servers of the domain answer.",
    "externalAccountRequired": "This CA wants an account made on its web site first, which is not supported yet.",
    "incorrectResponse": "Something else answers for this name: check its A and AAAA records.",
    "invalidContact": "Correct the e-mail address.",
    "rateLimited": "Wait until then, or use the CA's staging directory for tests.",
    "rejectedIdentifier": "This CA does not issue for the name: remove it, or use another CA.",
    "unauthorized": "What the CA found for the name is not what we showed: check its records, and its web server.",
    "userActionRequired": "Read the CA's message: it wants something to be done in a browser.",
}


@dataclass(frozen=True)
class Document:
    """An object at the CA: its address, its content, and how long to wait before the next look (None: not said)."""

    url: str
    content: dict[str, Any]
    wait: float | None = None

    @property
    def status(self) -> str:
        """Its status (RFC 8555 section 7.1.6)."""
        return str(self.content.get("status", ""))


@dataclass
class _Session:
    nonces: deque[str] = field(default_factory=deque)
    account: str = ""


class Wire(threading.local):
    """`Ask` on real connections: one to each server for each thread, kept open. `trust` is PEM, empty: the system's."""

    def __init__(self, trust: str = "") -> None:
        self._trust = trust
        self._clients: dict[str, Client] = {}

    def __call__(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        attempted: str,
        deadline: Deadline,
    ) -> Response:
        parts = urlsplit(url)
        base = f"{parts.scheme}://{parts.netloc}"
        if base not in self._clients:
            self._clients[base] = Client(base, ca_data=self._trust, limit=LIMIT)
        path = url[len(base) :] or "/"
        return self._clients[base].request(
            method, path, attempted=attempted, deadline=deadline, headers=headers, body=body
        )


class Acme:
    """One account at one CA. May be used by many threads at a time."""

    def __init__(self, directory: str, key: PrivateKey | None, deadline: Deadline, ask: Ask) -> None:
        self.url = directory
        self.deadline = deadline
        self._key = key
        self._ask = ask
        self._directory: dict[str, Any] | None = None
        self._lock = threading.Lock()
        self._session = _Session()

    def directory(self) -> dict[str, Any]:
        """The CA's directory (RFC 8555 section 7.1.1), fetched once."""
        with self._lock:
            if self._directory is None:
                found = self._get(self.url, "read the CA's directory").json("read the CA's directory")
                if not isinstance(found, dict) or not all(found.get(key) for key in ("newNonce", "newOrder")):
                    raise RefusedError("read the CA's directory", self.url, "this is no ACME directory")
                self._directory = found
            return self._directory

    def terms(self) -> str:
        """Where the CA's terms of service are; empty if it has none."""
        return str((self.directory().get("meta") or {}).get("termsOfService", ""))

    def advice(self, cert_id: str) -> tuple[Window | None, float]:
        """When the CA would like the certificate renewed (RFC 9773), and how long that answer holds, in seconds."""
        base = self.directory().get("renewalInfo")
        if not base or not cert_id:
            return None, _ADVICE_HOLDS
        attempted = "read the CA's advice on renewal"
        answer = self._get(f"{base.rstrip('/')}/{cert_id}", attempted)
        content = answer.json(attempted)
        try:
            window = content["suggestedWindow"]
            start, end = _moment(window["start"]), _moment(window["end"])
        except (TypeError, KeyError, ValueError):
            raise RefusedError(attempted, self.url, "its answer has no window of time") from None
        told = str(content.get("explanationURL", ""))
        hold = _retry_after(answer, self.deadline)
        return (Window(start, end, told) if start < end else None), _ADVICE_HOLDS if hold is None else hold

    def register(self, email: str, agreed: bool, changed: bool) -> None:
        """Have an account for our key (RFC 8555 section 7.3): made now, or found.

        email    where the CA may write to; empty: nowhere
        agreed   whether the user agrees to the CA's terms of service
        changed  whether `email` differs from what the CA was told last
        """
        terms = self.terms()
        if terms and not agreed:
            raise InputError(
                "open an account at the CA", self.url, f"its terms of service have to be agreed to: {terms}",
                "Read them, and set terms_agreed to true.",
            )  # fmt: skip
        contact = [f"mailto:{email}"] if email else []
        payload = {"termsOfServiceAgreed": True, **({"contact": contact} if contact else {})}
        answer = self.post(self.directory()["newAccount"], payload, "open an account at the CA")
        self._session.account = _location(answer, "open an account at the CA")
        if changed and answer.status == 200:
            self.post(self._session.account, {"contact": contact}, "tell the CA the new e-mail address")

    def new_order(self, identifiers: Sequence[str], replaces: str = "") -> Document:
        """Begin an order (RFC 8555 section 7.4); `replaces` is the id of the certificate that it renews (RFC 9773)."""
        payload: dict[str, Any] = {
            "identifiers": [{"type": "ip" if is_address(one) else "dns", "value": one} for one in identifiers]
        }
        if replaces and self.directory().get("renewalInfo"):
            payload["replaces"] = replaces
        try:
            answer = self.post(self.directory()["newOrder"], payload, "order the certificate")
        except RefusedError as error:
            if "replaces" not in payload or error.details.get("type") != "alreadyReplaced":
                raise
            return self.new_order(identifiers)
        return Document(_location(answer, "order the certificate"), _content(answer, "order the certificate"))

    def fetch(self, url: str, attempted: str) -> Document:
        """An object at the CA as it is now (POST-as-GET, RFC 8555 section 6.3)."""
        answer = self.post(url, None, attempted)
        return Document(url, _content(answer, attempted), _retry_after(answer, self.deadline))

    def poll(self, url: str, busy: Sequence[str], attempted: str) -> Document:
        """Look at an object until its status is none of `busy`; `DeadlineError` when the time is over."""
        pause = _POLL
        while True:
            found = self.fetch(url, attempted)
            if found.status not in busy:
                return found
            self.deadline.pause(pause if found.wait is None else max(found.wait, 0.1))
            self.deadline.check(attempted, url, f"the CA still says {found.status} when the time is over")
            pause = min(_POLL_MAX, pause * 1.5)

    def respond(self, url: str) -> None:
        """Tell the CA that a challenge can be looked at (RFC 8555 section 7.5.1)."""
        self.post(url, {}, "have the challenge looked at")

    def finalize(self, order: Document, request: bytes) -> None:
        """Send the signing `request` (DER). An order that is past that point already is left to be looked at."""
        try:
            self.post(order.content["finalize"], {"csr": base64url(request)}, "finalize the order")
        except RefusedError as error:
            if error.details.get("type") != "orderNotReady":
                raise

    def download(self, url: str) -> str:
        """The certificate with its chain in PEM (RFC 8555 section 7.4.2)."""
        answer = self.post(url, None, "download the certificate", Accept="application/pem-certificate-chain")
        return answer.body.decode("ascii", "replace")

    def authorization(self, token: str) -> str:
        """What to show for the challenge `token` (RFC 8555 section 8.1)."""
        thumbprint = hashlib.sha256(json.dumps(self._jwk(), sort_keys=True, separators=(",", ":")).encode()).digest()
        return f"{token}.{base64url(thumbprint)}"

    def post(self, url: str, payload: Mapping[str, Any] | None, attempted: str, **headers: str) -> Response:
        """A signed request (RFC 8555 section 6.2); None as `payload` only reads.

        A nonce that the CA does not like any more is replaced as often as it takes, and `Retry-After` is waited for,
        both within the deadline. Any other error of the CA is a `RefusedError` with its problem document in `details`.
        """
        broken = 0
        while True:
            body = self._signed(url, payload)
            sent = {"Content-Type": "application/jose+json", **headers}
            try:
                answer = self._ask("POST", url, body, sent, attempted, self.deadline)
            except UnreachableError as error:
                broken += 1
                if error.details.get("kind") not in ("closed", "connect") or broken == _TRIES:
                    raise
                self.deadline.pause(0.25 * 2**broken)
                continue
            self._keep_nonce(answer)
            if answer.status < 400:
                return answer
            kind = _word(_problem(answer), "type").removeprefix(ERROR)
            if kind == "badNonce":
                self.deadline.check(attempted, url, "the CA refused every nonce until the time was over")
                continue
            wait = _retry_after(answer, self.deadline)
            if answer.status in (429, 503) and wait is not None and wait < self.deadline.remaining():
                self.deadline.pause(max(wait, 0.25))
                continue
            raise self._refused(answer, attempted, wait)

    def problem(self, document: Mapping[str, Any] | None, attempted: str, target: str) -> RefusedError:
        """A problem document inside an order or a challenge, as an error."""
        return _refused(document or {}, attempted, target, 0, None, self.deadline)

    def _get(self, url: str, attempted: str) -> Response:
        for attempt in range(1, _TRIES + 1):
            try:
                answer = self._ask("GET", url, None, {}, attempted, self.deadline)
                break
            except UnreachableError as error:
                if error.details.get("kind") not in ("closed", "connect") or attempt == _TRIES:
                    raise
                self.deadline.pause(0.25 * 2**attempt)
        self._keep_nonce(answer)
        if answer.status != 200:
            raise self._refused(answer, attempted, _retry_after(answer, self.deadline))
        return answer

    def _signed(self, url: str, payload: Mapping[str, Any] | None) -> bytes:
        protected: dict[str, Any] = {"alg": "ES256", "nonce": self._nonce(), "url": url}
        if self._session.account:
            protected["kid"] = self._session.account
        else:
            protected["jwk"] = self._jwk()
        head = base64url(json.dumps(protected).encode())
        text = "" if payload is None else base64url(json.dumps(payload).encode())
        r, s = decode_dss_signature(self._key.sign(f"{head}.{text}".encode(), ec.ECDSA(SHA256())))
        signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big"))
        return json.dumps({"protected": head, "payload": text, "signature": signature}).encode()

    def _nonce(self) -> str:
        try:
            return self._session.nonces.pop()
        except IndexError:
            answer = self._ask("HEAD", self.directory()["newNonce"], None, {}, "ask for a nonce", self.deadline)
            nonce = answer.headers.get("replay-nonce", "")
            if not nonce:
                raise self._refused(answer, "ask for a nonce", None) from None
            return nonce

    def _keep_nonce(self, answer: Response) -> None:
        if nonce := answer.headers.get("replay-nonce"):
            self._session.nonces.append(nonce)

    def _jwk(self) -> dict[str, str]:
        """Our public key (RFC 7517), with its members in the order of the thumbprint (RFC 7638)."""
        numbers = self._key.public_key().public_numbers()
        x, y = (base64url(number.to_bytes(32, "big")) for number in (numbers.x, numbers.y))
        return {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def _refused(self, answer: Response, attempted: str, wait: float | None) -> RefusedError:
        return _refused(_problem(answer), attempted, answer.target, answer.status, wait, self.deadline)


def _refused(
    problem: Mapping[str, Any], attempted: str, target: str, status: int, wait: float | None, deadline: Deadline
) -> RefusedError:
    """A problem document (RFC 7807, RFC 8555 section 6.7) as one readable error that keeps its parts."""
    kind = _word(problem, "type").removeprefix(ERROR)
    story = [_word(problem, "detail")]
    listed = problem.get("subproblems")
    subproblems = [item for item in listed if isinstance(item, Mapping)] if isinstance(listed, list) else []
    for item in subproblems:
        identifier = item.get("identifier")
        name = _word(identifier, "value") if isinstance(identifier, Mapping) else ""
        story.append(f"{name}: {_word(item, 'detail')}".removeprefix(": "))
    why = "; ".join(part for part in story if part) or f"it answered {status} without a reason"
    if wait is not None and status in (429, 503):
        moment = time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(deadline.clock.time() + wait))
        why += f"; it asks to come back after {moment}"
    said = f"the CA says {kind}: {why}" if kind else why
    return RefusedError(
        attempted, target, said, _HINTS.get(kind, ""), type=kind, status=status, subproblems=subproblems
    )


def _word(data: Mapping[str, Any], key: str) -> str:
    return str(data.get(key) or "").rstrip(". ")


def _problem(answer: Response) -> Mapping[str, Any]:
    try:
        found = json.loads(answer.body)
    except ValueError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _content(answer: Response, attempted: str) -> dict[str, Any]:
    found = answer.json(attempted)
    if not isinstance(found, dict):
        raise RefusedError(attempted, answer.target, "the answer is no object")
    return found


def _location(answer: Response, attempted: str) -> str:
    url = answer.headers.get("location", "")
    if not url:
        raise RefusedError(attempted, answer.target, "the answer does not say where the object is")
    return url


def _retry_after(answer: Response, deadline: Deadline) -> float | None:
    """Seconds to wait by the Retry-After header, which has seconds or a date (RFC 9110 section 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), _LONG)
    try:
        wait = parsedate_to_datetime(text).timestamp() - deadline.clock.time() if text else None
        return None if wait is None else min(max(0.0, wait), _LONG)
    except (ValueError, TypeError, OverflowError):
        return None


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
