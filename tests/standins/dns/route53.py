# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Amazon Route 53 API 2013-04-01: XML, signed requests, transactional batches, octal escapes, PENDING and INSYNC."""

from __future__ import annotations

import hashlib
import hmac
import itertools
import re
import urllib.parse
import xml.etree.ElementTree as ET

from .vendor import TOKEN, Refused, Vendor

SPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
KEY_ID = "AKIDEXAMPLE"
ZONE = "Z1PA6795UKMFR9"
QUOTED = re.compile(r'("(\\.|[ -!#-\[\]-~]){0,255}" ?)+')
ET.register_namespace("", SPACE)


def text(tree, path):
    return tree.findtext("/".join(f"{{{SPACE}}}{part}" for part in path.split("/")), "")


def octal(value):
    """Route 53 gives back what is not a letter, digit, hyphen, dot or underscore of a name in octal."""
    return re.sub(r"[^a-z0-9._-]", lambda found: f"\\{ord(found[0]):03o}", value)


class Route53(Vendor):
    page = 4
    looks = 1  # how often a change is still pending when it is asked for

    def __init__(self, zone):
        super().__init__()
        self.zone = zone
        self.rrsets = {}
        self.aliases = []
        self.changes = {}
        self.numbers = itertools.count(1)

    def put(self, name, kind, content, ttl=300):
        values, _ttl = self.rrsets.get((name, kind), ([], ttl))
        self.rrsets[name, kind] = ([*values, content], ttl)

    def authorise(self, request):
        """Make the signature again from what came over the wire."""
        given = request.headers.get("Authorization", "")
        found = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\S+), SignedHeaders=(\S+), Signature=(\w+)", given)
        if not found or found[1] != KEY_ID:
            raise self.error(403, "InvalidClientTokenId", "The security token included in the request is invalid.")
        pairs = urllib.parse.parse_qsl(request.raw_query, keep_blank_values=True)
        query = sorted("=".join(urllib.parse.quote(part, safe="-_.~") for part in pair) for pair in pairs)
        lines = [f"{name}:{request.headers[name].strip()}" for name in found[3].split(";")]
        body = hashlib.sha256(request.body).hexdigest()
        whole = "\n".join([request.method, request.path, "&".join(query), *lines, "", found[3], body])
        digest = hashlib.sha256(whole.encode()).hexdigest()
        signed = "\n".join(["AWS4-HMAC-SHA256", request.headers["X-Amz-Date"], found[2], digest])
        key = f"AWS4{TOKEN}".encode()
        for part in (*found[2].split("/"), signed):
            key = hmac.new(key, part.encode(), hashlib.sha256).digest()
        if key.hex() != found[4]:
            raise self.error(403, "SignatureDoesNotMatch", "The request signature we calculated does not match.")

    def error(self, status, code, message):
        body = (
            f'<ErrorResponse xmlns="{SPACE}"><Error><Type>Sender</Type><Code>{code}</Code>'
            f"<Message>{message}</Message></Error><RequestId>1</RequestId></ErrorResponse>"
        )
        return Refused(status, body.encode(), {"Content-Type": "text/xml"})

    def throttled(self):
        refused = self.error(400, "Throttling", "Rate exceeded")
        return refused.status, refused.body, refused.headers

    def good(self, name, content):
        body = f'<?xml version="1.0"?>\n<{name} xmlns="{SPACE}">{content}</{name}>'
        return 200, body.encode(), {"Content-Type": "text/xml"}

    def route(self, request):
        match (request.method, request.parts):
            case ("GET", ["2013-04-01", "hostedzone"]):
                zones = [(f"{ZONE}P", "true"), (ZONE, "false")]
                inner = "".join(
                    f"<HostedZone><Id>/hostedzone/{number}</Id><Name>{self.zone}.</Name>"
                    f"<Config><PrivateZone>{private}</PrivateZone></Config></HostedZone>"
                    for number, private in zones
                )
                content = f"<HostedZones>{inner}</HostedZones><IsTruncated>false</IsTruncated><MaxItems>100</MaxItems>"
                return self.good("ListHostedZonesResponse", content)
            case ("GET", ["2013-04-01", "hostedzone", number, "rrset"]) if number == ZONE:
                return self.listed(request)
            case ("POST", ["2013-04-01", "hostedzone", number, "rrset"]) if number == ZONE:
                return self.good("ChangeResourceRecordSetsResponse", self.change(ET.fromstring(request.body)))
            case ("GET", ["2013-04-01", "change", number]):
                return self.good("GetChangeResponse", self.state(number))
        raise self.error(404, "NoSuchHostedZone", "No hosted zone found.")

    def listed(self, request):
        items = sorted(self.rrsets, key=lambda key: (key[0].split(".")[::-1], key[1]))
        start = (request.query.get("name"), request.query.get("type"))
        first = items.index(start) if start[0] else 0
        shown, after = items[first : first + self.page], items[first + self.page :]
        inner = "".join(self.one(key) for key in shown)
        if not first:
            inner += "".join(self.aliases)
        content = (
            f"<ResourceRecordSets>{inner}</ResourceRecordSets><IsTruncated>{str(bool(after)).lower()}</IsTruncated>"
        )
        if after:
            content += f"<NextRecordName>{after[0][0]}</NextRecordName><NextRecordType>{after[0][1]}</NextRecordType>"
        return self.good("ListResourceRecordSetsResponse", f"{content}<MaxItems>{self.page}</MaxItems>")

    def one(self, key):
        values, ttl = self.rrsets[key]
        one = ET.Element("ResourceRecordSet")
        ET.SubElement(one, "Name").text = f"{octal(key[0])}."
        ET.SubElement(one, "Type").text = key[1]
        ET.SubElement(one, "TTL").text = str(ttl)
        records = ET.SubElement(one, "ResourceRecords")
        for value in values:
            ET.SubElement(ET.SubElement(records, "ResourceRecord"), "Value").text = value
        return ET.tostring(one, "unicode")

    def state(self, number):
        status = "PENDING" if self.changes[number] else "INSYNC"
        self.changes[number] = max(0, self.changes[number] - 1)
        return f"<ChangeInfo><Id>/change/{number}</Id><Status>{status}</Status></ChangeInfo>"

    def change(self, body):
        after, problems = dict(self.rrsets), []
        for one in body.iter(f"{{{SPACE}}}Change"):
            rrset = one.find(f"{{{SPACE}}}ResourceRecordSet")
            key = (text(rrset, "Name").rstrip("."), text(rrset, "Type"))
            values = [value.text for value in rrset.iter(f"{{{SPACE}}}Value")]
            goal = (sorted(values), int(text(rrset, "TTL")))
            there = after.get(key)
            if text(one, "Action") == "DELETE":
                if not there or (sorted(there[0]), there[1]) != goal:
                    problems.append(f"Tried to delete resource record set {key} but the values provided do not match")
                after.pop(key, None)
            elif key in after:
                problems.append(f"Tried to create resource record set {key} but it already exists")
            else:
                after[key] = goal
            if key[1] == "TXT" and not all(
                re.fullmatch(r'("(\\.|[ -!#-\[\]-~]){0,255}" ?)+', value) for value in values
            ):
                problems.append("Invalid Resource Record: TXT")
        if problems:
            messages = "".join(f"<Message>{item}</Message>" for item in problems)
            body = f'<InvalidChangeBatch xmlns="{SPACE}"><Messages>{messages}</Messages></InvalidChangeBatch>'
            raise Refused(400, body.encode(), {"Content-Type": "text/xml"})
        self.rrsets = after
        number = f"C{next(self.numbers)}"
        self.changes[number] = self.looks
        return self.state(number)

    def dump(self):
        return {key: (sorted(values), ttl) for key, (values, ttl) in self.rrsets.items()}
