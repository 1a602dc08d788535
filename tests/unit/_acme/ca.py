# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""An ACME CA in memory, which can be told to misbehave."""

from __future__ import annotations

import base64
import datetime
import json
from collections import Counter
from collections.abc import Mapping
from email.utils import formatdate
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import UnreachableError
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Response
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import NameOID

URL = "https://ca.test"
DIRECTORY = f"{URL}/dir"
ERROR = "urn:ietf:params:acme:error:"
DAY = 86400


def unbase(text: str) -> bytes:
    """Base64 for URLs, decoded."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Ca:
    """Speaks RFC 8555 as far as a client can see. Every knob below may be turned between requests.

    bad_nonces     how many signed requests to refuse for their nonce
    answers        responses to give instead, by the last part of the path, in turn: (status, headers, body) or an error
    retry_after    "seconds", "date" or "": how to ask for patience while busy
    busy           how often an order or authorization says that it is not done yet
    deny           names whose authorization becomes invalid
    window         renewal information for every certificate: (start, end), or None: this CA has none
    """

    def __init__(self, clock: Any) -> None:
        self.clock = clock
        self.bad_nonces = 0
        self.answers: dict[str, list[Any]] = {}
        self.retry_after = ""
        self.busy = 0
        self.deny: set[str] = set()
        self.window: tuple[float, float] | None = None
        self.terms = f"{URL}/terms"
        self.lifetime = 90 * DAY
        self.wrong_key = self.wrong_chain = self.fewer_names = False
        self.offers = ["http-01", "dns-01"]
        self.requests: Counter[str] = Counter()
        self.orders: dict[str, dict[str, Any]] = {}
        self.authorizations: dict[str, dict[str, Any]] = {}
        self.accounts: dict[str, dict[str, Any]] = {}
        self.payloads: list[tuple[str, Any]] = []
        self.certificates: dict[str, str] = {}
        self._nonces: set[str] = set()
        self._count = 0
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
        self.root = self._sign(self._name, self._key.public_key(), [], DAY * 3650)

    def __call__(
        self,
        method: str,
        url: str,
        body: bytes | None,
        headers: Mapping[str, str],
        attempted: str,
        deadline: Deadline,
    ) -> Response:
        deadline.check(attempted, url)
        path = url.removeprefix(URL)
        kind = path.split("/")[1]
        self.requests[kind] += 1
        if self.answers.get(kind):
            told = self.answers[kind].pop(0)
            if isinstance(told, Exception):
                raise told
            return self._response(url, *told)
        if method == "GET" and kind == "dir":
            return self._response(url, 200, {}, self._directory())
        if method == "GET" and kind == "ari" and self.window:
            start, end = (datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat() for at in self.window)
            content = {"suggestedWindow": {"start": start, "end": end}, "explanationURL": f"{URL}/why"}
            return self._response(url, 200, {"retry-after": "3600"}, content)
        if method == "HEAD" and kind == "nonce":
            return self._response(url, 200, {}, {})
        assert method == "POST"
        return self._post(url, kind, json.loads(body or b""))

    def _post(self, url: str, kind: str, message: dict[str, str]) -> Response:
        protected = json.loads(unbase(message["protected"]))
        assert protected["url"] == url
        if protected["nonce"] not in self._nonces or self.bad_nonces:
            self.bad_nonces = max(0, self.bad_nonces - 1)
            return self._problem(url, 400, "badNonce", "the nonce is not known")
        self._nonces.discard(protected["nonce"])
        jwk = protected.get("jwk") or self.accounts[protected["kid"]]["jwk"]
        numbers = (int.from_bytes(unbase(jwk[part]), "big") for part in "xy")
        signature = unbase(message["signature"])
        der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
        public = ec.EllipticCurvePublicNumbers(*numbers, ec.SECP256R1()).public_key()
        public.verify(der, f"{message['protected']}.{message['payload']}".encode(), ec.ECDSA(hashes.SHA256()))
        payload = json.loads(unbase(message["payload"])) if message["payload"] else None
        self.payloads.append((kind, payload))
        return getattr(self, f"_{kind}")(url, payload, jwk)

    def _account(self, url: str, payload: Any, jwk: Any) -> Response:
        account = next((at for at, data in self.accounts.items() if data["jwk"] == jwk), "")
        if url == f"{URL}/account" and not account:
            account = f"{URL}/account/{self._next()}"
            self.accounts[account] = {"jwk": jwk, "contact": payload.get("contact", [])}
            return self._response(url, 201, {"location": account}, {"status": "valid"})
        if url != f"{URL}/account":
            self.accounts[account]["contact"] = payload["contact"]
        return self._response(url, 200, {"location": account}, {"status": "valid"})

    def _new(self, url: str, payload: Any, jwk: Any) -> Response:
        at = f"{URL}/order/{self._next()}"
        names = [item["value"] for item in payload["identifiers"]]
        self.orders[at] = {"names": names, "status": "pending", "busy": self.busy, "authorizations": []}
        for name in names:
            place = f"{URL}/authz/{self._next()}"
            self.authorizations[place] = {"name": name, "status": "pending", "busy": self.busy}
            self.orders[at]["authorizations"].append(place)
        return self._response(url, 201, {"location": at}, self._order_content(at))

    def _order(self, url: str, payload: Any, jwk: Any) -> Response:
        if url not in self.orders:
            return self._problem(url, 404, "malformed", "no such order")
        order = self.orders[url]
        states = {self.authorizations[place]["status"] for place in order["authorizations"]}
        if order["status"] == "pending" and states == {"valid"}:
            order["status"] = "ready"
        if order["status"] == "processing":
            order["busy"] -= 1
            if order["busy"] < 0:
                order["status"] = "valid"
        return self._response(url, 200, self._patience(order["status"]), self._order_content(url))

    def _authz(self, url: str, payload: Any, jwk: Any) -> Response:
        data = self.authorizations[url]
        if data["status"] == "looking":
            data["busy"] -= 1
            if data["busy"] < 0:
                data["status"] = "invalid" if data["name"] in self.deny else "valid"
        told = "pending" if data["status"] == "looking" else data["status"]
        number = url.rsplit("/", 1)[1]
        offered = [
            {"type": kind, "url": f"{URL}/challenge/{number}", "token": f"token-{number}", "status": told}
            for kind in self.offers
        ]
        if told == "invalid":
            offered[0]["error"] = {"type": f"{ERROR}unauthorized", "detail": "what is shown there is not the token"}
        content = {
            "status": told,
            "identifier": {"type": "dns", "value": data["name"].removeprefix("*.")},
            "wildcard": data["name"].startswith("*."),
            "challenges": offered,
        }
        return self._response(url, 200, self._patience(data["status"]), content)

    def _challenge(self, url: str, payload: Any, jwk: Any) -> Response:
        assert payload == {}
        data = self.authorizations[url.replace("challenge", "authz")]
        if data["status"] == "pending":
            data["status"] = "looking"
        return self._response(url, 200, {}, {"status": "processing"})

    def _finalize(self, url: str, payload: Any, jwk: Any) -> Response:
        at = url.replace("finalize", "order")
        order = self.orders[at]
        if order["status"] != "ready":
            return self._problem(url, 403, "orderNotReady", f"the order is {order['status']}")
        request = x509.load_der_x509_csr(unbase(payload["csr"]))
        names = request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.DNSName)
        key: Any = ec.generate_private_key(ec.SECP256R1()).public_key() if self.wrong_key else request.public_key()
        leaf = self._sign(x509.Name([]), key, found[:-1] if self.fewer_names else found, self.lifetime)
        chain = [self.root, leaf] if self.wrong_chain else [leaf, self.root]
        place = at.replace("order", "certificate")
        self.certificates[place] = "".join(chain)
        order.update(status="processing", certificate=place)
        return self._response(url, 200, {"location": at}, self._order_content(at))

    def _certificate(self, url: str, payload: Any, jwk: Any) -> Response:
        return Response(200, self._headers({}), self.certificates[url].encode(), url)

    def _directory(self) -> dict[str, Any]:
        content: dict[str, Any] = {
            "newNonce": f"{URL}/nonce",
            "newAccount": f"{URL}/account",
            "newOrder": f"{URL}/new",
            "meta": {"termsOfService": self.terms} if self.terms else {},
        }
        if self.window:
            content["renewalInfo"] = f"{URL}/ari"
        return content

    def _order_content(self, at: str) -> dict[str, Any]:
        order = self.orders[at]
        content = {
            "status": order["status"],
            "identifiers": [{"type": "dns", "value": name} for name in order["names"]],
            "authorizations": order["authorizations"],
            "finalize": at.replace("order", "finalize"),
        }
        if order["status"] == "valid":
            content["certificate"] = order["certificate"]
        return content

    def _sign(self, subject: x509.Name, key: Any, names: list[str], seconds: float) -> str:
        now = datetime.datetime.fromtimestamp(self.clock.time(), datetime.UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now)
            .not_valid_after(now + datetime.timedelta(seconds=seconds))
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )
        if names:
            alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
            builder = builder.add_extension(alternatives, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def _patience(self, status: str) -> dict[str, str]:
        if status not in ("processing", "looking", "pending") or not self.retry_after:
            return {}
        if self.retry_after == "date":
            return {"retry-after": formatdate(self.clock.time() + 7, usegmt=True)}
        return {"retry-after": "7"}

    def _problem(self, url: str, status: int, kind: str, detail: str) -> Response:
        return self._response(url, status, {}, {"type": ERROR + kind, "detail": detail})

    def _response(self, url: str, status: int, headers: dict[str, str], content: Any) -> Response:
        body = content.encode() if isinstance(content, str) else json.dumps(content).encode()
        return Response(status, self._headers(headers), body, url)

    def _headers(self, headers: dict[str, str]) -> dict[str, str]:
        nonce = f"nonce-{self._next()}"
        self._nonces.add(nonce)
        return {"replay-nonce": nonce, **headers}

    def _next(self) -> int:
        self._count += 1
        return self._count


def down(kind: str = "connect") -> UnreachableError:
    """What a CA that cannot be reached looks like."""
    return UnreachableError("ask the CA", URL, "connection refused", kind=kind)


def problem(kind: str, detail: str, status: int = 403, **headers: str) -> tuple[int, dict[str, str], dict[str, Any]]:
    """A refusal, for `Ca.answers`."""
    return status, headers, {"type": ERROR + kind, "detail": detail}
