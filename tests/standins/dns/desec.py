# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""deSEC API v1: RRsets in bulk, all or nothing; cursors; a least TTL; limits on writes; keys of every domain."""

from __future__ import annotations

from .vendor import TOKEN, Refused, Vendor


class Desec(Vendor):
    prefix = "/api/v1"
    page = 4

    def __init__(self, zone):
        super().__init__()
        self.zone = zone
        self.rrsets = {}
        self.ds = ["54321 13 2 7ECE", "54321 13 4 9AAB"]

    def put(self, name, kind, content, ttl=3600):
        subname = name.removesuffix(self.zone).rstrip(".")
        values, _ttl = self.rrsets.get((subname, kind), ([], ttl))
        self.rrsets[subname, kind] = ([*values, content], ttl)

    def authorise(self, request):
        if request.headers.get("Authorization") != f"Token {TOKEN}":
            raise Refused(401, {"detail": "Invalid token."}, {"WWW-Authenticate": "Token"})

    def route(self, request):
        if not request.path.endswith("/"):
            raise Refused(404, {"detail": "Not found."})
        domain = {"name": self.zone, "minimum_ttl": 3600, "published": "2026-01-01T00:00:00Z"}
        match (request.method, request.parts[2:]):
            case ("GET", ["domains"]):
                return [domain]
            case ("GET", ["domains", self.zone]):
                return {**domain, "keys": [{"dnskey": "257 3 13 WFR", "ds": self.ds, "flags": 257, "managed": True}]}
            case ("GET", ["domains", self.zone, "rrsets"]):
                return self.listed(request)
            case ("PATCH", ["domains", self.zone, "rrsets"]):
                return self.bulk(request.json())
        raise Refused(404, {"detail": "Not found."})

    def listed(self, request):
        found = [
            {"subname": sub, "name": self.name(sub) + ".", "type": kind, "records": values, "ttl": ttl}
            for (sub, kind), (values, ttl) in self.rrsets.items()
        ]
        if "cursor" not in request.query:
            if len(found) > self.page:
                raise Refused(400, {"detail": "Pagination required. You can query up to 500 items at a time."})
            return found
        start = int(request.query["cursor"] or 0)
        links = [f'<{self.url}/domains/{self.zone}/rrsets/?cursor=>; rel="first"']
        if start + self.page < len(found):
            links.append(f'<{self.url}/domains/{self.zone}/rrsets/?cursor={start + self.page}>; rel="next"')
        return 200, found[start : start + self.page], {"Link": ", ".join(links)}

    def name(self, subname):
        return f"{subname}.{self.zone}" if subname else self.zone

    def bulk(self, body):
        problems = [self.problem(one) for one in body]
        if any(problems):
            raise Refused(400, problems)
        for one in body:
            key = (one.get("subname", ""), one["type"])
            if one["records"]:
                self.rrsets[key] = (sorted(one["records"]), one["ttl"])
            else:
                self.rrsets.pop(key, None)
        return []

    def problem(self, one):
        if not one["records"]:
            return {}
        if one["ttl"] < 3600:
            return {"ttl": ["Ensure this value is greater than or equal to 3600."]}
        dotted = one["type"] not in ("CNAME", "MX", "SRV", "NS") or all(v.endswith(".") for v in one["records"])
        quoted = one["type"] != "TXT" or all(v.startswith('"') for v in one["records"])
        if not (dotted and quoted):
            return {"records": [f"Record content of type {one['type']} malformed."]}
        return {}

    def dump(self):
        return {(self.name(sub), kind): (sorted(v), ttl) for (sub, kind), (v, ttl) in self.rrsets.items()}
