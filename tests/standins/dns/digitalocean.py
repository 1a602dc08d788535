# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""DigitalOcean API v2, domain records: single records, final dots wanted and not given back, text without quotes."""

from __future__ import annotations

import itertools

from .vendor import TOKEN, Refused, Vendor

HOSTS = ("CNAME", "MX", "NS", "SRV")
MISSING = {"id": "not_found", "message": "The resource you were accessing could not be found."}
NEEDS = {"MX": ("priority",), "SRV": ("priority", "weight", "port"), "CAA": ("flags", "tag")}


class DigitalOcean(Vendor):
    prefix = "/v2"
    page = 4

    def __init__(self, zone):
        super().__init__()
        self.zone = zone
        self.records = {}
        self.numbers = itertools.count(28448429)

    def put(self, name, kind, content, ttl=1800, **more):
        label = name.removesuffix(self.zone).rstrip(".") or "@"
        number = next(self.numbers)
        self.records[number] = {"id": number, "type": kind, "name": label, "data": content, "ttl": ttl, **more}

    def authorise(self, request):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise Refused(401, {"id": "unauthorized", "message": "Unable to authenticate you"})

    def pages(self, request, what, items):
        size, page = min(int(request.query.get("per_page", 20)), self.page), int(request.query.get("page", 1))
        links = {}
        if page * size < len(items):
            base = f"{self.url}{request.path.removeprefix(self.prefix)}"
            links = {"pages": {"next": f"{base}?page={page + 1}", "last": f"{base}?page={-(-len(items) // size)}"}}
        return {what: items[(page - 1) * size : page * size], "links": links, "meta": {"total": len(items)}}

    def route(self, request):
        match (request.method, request.parts[1:]):
            case ("GET", ["domains"]):
                return self.pages(request, "domains", [{"name": self.zone, "ttl": 1800, "zone_file": ""}])
            case ("GET", ["domains", self.zone, "records"]):
                return self.pages(request, "domain_records", list(self.records.values()))
            case ("POST", ["domains", self.zone, "records"]):
                number = next(self.numbers)
                self.records[number] = self.record(number, request.json())
                return 201, {"domain_record": self.records[number]}, {}
            case (_, ["domains", self.zone, "records", number]) if int(number) not in self.records:
                raise Refused(404, MISSING)
            case ("PUT", ["domains", self.zone, "records", number]):
                self.records[int(number)] = self.record(int(number), request.json())
                return {"domain_record": self.records[int(number)]}
            case ("DELETE", ["domains", self.zone, "records", number]):
                del self.records[int(number)]
                return 204, None, {}
        raise Refused(404, MISSING)

    def record(self, number, sent):
        kind, data = sent["type"], sent["data"]
        others = [one for one in self.records.values() if one["name"] == sent["name"] and one["id"] != number]
        if any("CNAME" in (kind, one["type"]) for one in others):
            raise self.unfit("CNAME records cannot share a name with other records.")
        if sent["ttl"] < 30:
            raise self.unfit("TTL must be at least 30 seconds.")
        if kind in (*HOSTS, "CAA"):
            if not data.endswith("."):
                raise self.unfit("Data needs to end with a dot (.)")
            data = data.rstrip(".")
        if kind == "TXT" and data.startswith('"'):
            raise self.unfit("Text is written without quotes.")
        if any(not isinstance(sent.get(field), (int, str)) for field in NEEDS.get(kind, ())):
            raise self.unfit("A field is missing.")
        fields = {name: sent.get(name) for name in ("priority", "port", "weight", "flags", "tag")}
        return {"id": number, "type": kind, "name": sent["name"], "data": data, "ttl": sent["ttl"], **fields}

    def unfit(self, message):
        return Refused(422, {"id": "unprocessable_entity", "message": message})

    def dump(self):
        found = {}
        for one in self.records.values():
            name = self.zone if one["name"] == "@" else f"{one['name']}.{self.zone}"
            kind, data = one["type"], one["data"]
            data = f"{data}." if kind in HOSTS else f'"{data}"' if kind in ("CAA", "TXT") else data
            value = " ".join([*(str(one[field]) for field in NEEDS.get(kind, ())), data])
            values, _ttl = found.get((name, kind), ([], 0))
            found[name, kind] = (sorted([*values, value]), one["ttl"])
        return found
