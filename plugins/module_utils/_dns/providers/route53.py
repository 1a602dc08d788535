# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Amazon Route 53 (API 2013-04-01, XML): RRsets in change batches that are all or nothing.

A change is a DELETE of exactly what was there and a CREATE, never an UPSERT, so that the batch itself fails if somebody
else was quicker. It is done when its status is INSYNC: then every name server of Amazon has it.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..._core.clock import Deadline
from ..._core.errors import RefusedError
from ..._core.http import Query, Response
from ..model import Key, RRset, plain_name
from ..options import PROVIDERS
from ..plan import Change
from . import sigv4
from .api import Api, Headers, option
from .base import Listing, collected, fitting

_ROOT = "/2013-04-01"
_SPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
_REGION = "us-east-1"  # Route 53 is global, and signed as if it were there
_PAUSE = 2.0  # seconds between two looks at a change
_ESCAPE = re.compile(r"\\([0-9]{3}|.)")
_AGAIN = frozenset({"Throttling", "ThrottlingException", "PriorRequestNotComplete"})


def connect(options: Mapping[str, Any], deadline: Deadline) -> Route53:
    """The hosted zones of the key's account; O(token) is the session token of temporary credentials."""
    traits = PROVIDERS["route53"]
    url = option(options, "endpoint") or traits.endpoint
    secrets = {"secret": option(options, "key_secret"), "token": option(options, "token")}
    return Route53(
        Api(
            traits,
            url,
            deadline,
            headers=_signer(url, option(options, "key_name"), secrets["secret"], secrets["token"], deadline),
            secrets=secrets,
            story=lambda answer: "{1} ({0})".format(*_error(answer)),
            again=lambda answer: _error(answer)[0] in _AGAIN,
            ca_file=option(options, "ca_file"),
        )
    )


def _signer(url: str, key_id: str, secret: str, token: str, deadline: Deadline) -> Headers:
    fixed = {"Host": urlsplit(url).netloc.rpartition("@")[2], **({"X-Amz-Security-Token": token} if token else {})}

    def headers(method: str, path: str, query: Query | None, body: bytes) -> Mapping[str, str]:
        now = deadline.clock.time()
        pairs = list(query.items() if isinstance(query, Mapping) else query or ())
        return sigv4.sign(key_id, secret, _REGION, "route53", now, method, path, pairs, fixed, body)

    return headers


def _error(answer: Response) -> tuple[str, str]:
    """Code and message of an error, or empty."""
    try:
        tree = ET.fromstring(answer.body)
    except ET.ParseError:
        return "", ""
    messages = [item.text or "" for item in tree.iter() if item.tag.endswith("}Message") or item.tag == "Message"]
    codes = [item.text or "" for item in tree.iter() if item.tag.endswith("}Code") or item.tag == "Code"]
    return (codes or [tree.tag.rpartition("}")[2]])[0], "; ".join(messages)


class Route53(Listing):
    """The public hosted zones of one account."""

    traits = PROVIDERS["route53"]

    def __init__(self, api: Api) -> None:
        super().__init__()
        self._api = api
        self._special: set[Key] = set()  # aliases, and records with a routing policy

    def _get(self, path: str, attempted: str, query: Query | None = None) -> ET.Element:
        return _tree(self._api.call("GET", _ROOT + path, attempted, query=query), attempted)

    def _pages(
        self, path: str, attempted: str, query: dict[str, str], following: Callable[[ET.Element], dict[str, str]]
    ) -> Iterator[ET.Element]:
        start: dict[str, str] = {}
        while True:
            page = self._get(path, attempted, {**query, **start})
            yield page
            if _text(page, "IsTruncated") != "true":
                return
            start = following(page)

    def _zones(self) -> dict[str, str]:
        found: dict[str, str] = {}
        pages = self._pages(
            "/hostedzone",
            "list the hosted zones",
            {"maxitems": "100"},
            lambda page: {"marker": _text(page, "NextMarker")},
        )
        for page in pages:
            for zone in page.iter(_tag("HostedZone")):
                if _text(zone, "Config/PrivateZone") != "true":
                    found[plain_name(_decimal(_text(zone, "Name")))] = _text(zone, "Id").rpartition("/")[2]
        return found

    def _read(self, zone: str) -> dict[Key, RRset]:
        records: list[tuple[str, str, str, int]] = []
        path = f"/hostedzone/{self.id(zone)}/rrset"
        for page in self._pages(path, f"read the zone {zone}", {"maxitems": "300"}, _next_record):
            for item in page.iter(_tag("ResourceRecordSet")):
                name, kind = plain_name(_decimal(_text(item, "Name"))), _text(item, "Type")
                values = [_decimal(value.text or "") for value in item.iter(_tag("Value"))]
                if _text(item, "SetIdentifier") or not values:
                    self._special.add((name, kind))
                records += [(name, kind, value, int(_text(item, "TTL") or 0)) for value in values]
        return {key: item for key, item in collected(records).items() if key not in self._special}

    def fit(self, zone: str, rrset: RRset) -> RRset:
        """As it is, unless something of Route 53's own stands in its place."""
        self.list_rrsets(zone)
        if rrset.key in self._special:
            why = "it is an alias, or has a routing policy, and is not ours to change"
            hint = "Remove it there, or choose another name."
            raise RefusedError("make the record", f"{rrset.name} {rrset.type}", why, hint)
        return fitting(self.traits, rrset)

    def _write(self, zone: str, changes: Sequence[Change]) -> None:
        body = ET.Element("ChangeResourceRecordSetsRequest", {"xmlns": _SPACE})
        listed = ET.SubElement(ET.SubElement(body, "ChangeBatch"), "Changes")
        for change in changes:
            for action, item in (("DELETE", change.before), ("CREATE", change.after)):
                if item:
                    _add(listed, action, item)
        attempted = f"change the zone {zone}"
        path = f"{_ROOT}/hostedzone/{self.id(zone)}/rrset"
        content = ET.tostring(body, "utf-8", xml_declaration=True)
        state = _tree(self._api.call("POST", path, attempted, body=content), attempted)
        name = _text(state, "ChangeInfo/Id").rpartition("/")[2]
        deadline = self._api.deadline
        while _text(state, "ChangeInfo/Status") != "INSYNC":
            hint = "The change is accepted. Look again in a minute."
            deadline.check("see the change on all name servers", zone, "it is still pending", hint)
            deadline.pause(_PAUSE)
            state = self._get(f"/change/{name}", "see the change on all name servers")


def _add(listed: ET.Element, action: str, rrset: RRset) -> None:
    change = ET.SubElement(listed, "Change")
    ET.SubElement(change, "Action").text = action
    one = ET.SubElement(change, "ResourceRecordSet")
    ET.SubElement(one, "Name").text = f"{rrset.name}."
    ET.SubElement(one, "Type").text = rrset.type
    ET.SubElement(one, "TTL").text = str(rrset.ttl)
    records = ET.SubElement(one, "ResourceRecords")
    for value in rrset.values:
        ET.SubElement(ET.SubElement(records, "ResourceRecord"), "Value").text = _octal(value)


def _next_zone(page: ET.Element) -> dict[str, str]:
    return {"marker": _text(page, "NextMarker")}


def _next_record(page: ET.Element) -> dict[str, str]:
    given = {part: _text(page, f"NextRecord{part.title()}") for part in ("name", "type", "identifier")}
    return {part: value for part, value in given.items() if value}


def _decimal(text: str) -> str:
    """Route 53 writes a byte as three octal digits, and zone files as three decimal ones (RFC 1035 section 5.1)."""
    return _ESCAPE.sub(lambda found: f"\\{int(found[1], 8):03d}" if found[1].isdigit() else found[0], text)


def _octal(text: str) -> str:
    return _ESCAPE.sub(lambda found: f"\\{int(found[1]):03o}" if found[1].isdigit() else found[0], text)


def _tag(name: str) -> str:
    return f"{{{_SPACE}}}{name}"


def _text(tree: ET.Element, path: str) -> str:
    return tree.findtext("/".join(_tag(part) for part in path.split("/")), "")


def _tree(answer: Response, attempted: str) -> ET.Element:
    try:
        return ET.fromstring(answer.body)
    except ET.ParseError:
        raise RefusedError(attempted, answer.target, "the answer is not XML") from None
