# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Cloudflare API v4: single records with ids, pages, a batch that is one transaction, TTL 1 for "automatic"."""

from __future__ import annotations

import copy
import itertools

from .vendor import TOKEN, Refused, Vendor

ZONE = "023e105f4ecef8ad9ca31a8372d0c353"
PARTS = {"CAA": ("flags", "tag", "value"), "SRV": ("priority", "weight", "port", "target")}
LIMIT = 200  # records in one batch on the free plan


class Cloudflare(Vendor):
    prefix = "/client/v4"
    page = 4  # records on one page, however many are asked for

    def __init__(self, zone):
        super().__init__()
        self.zone = zone
        self.numbers = itertools.count(1)
        self.records = []
        self.signed = "disabled"

    def put(self, name, kind, content, ttl=300, **more):
        """A record that somebody else made."""
        self.records.append(self.record({"name": name, "type": kind, "content": content, "ttl": ttl, **more}))

    def authorise(self, request):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise self.error(403, 10000, "Authentication error")

    def error(self, status, code, message):
        body = {"success": False, "errors": [{"code": code, "message": message}], "messages": [], "result": None}
        return Refused(status, body)

    def good(self, result, **more):
        return {"success": True, "errors": [], "messages": [], "result": result, **more}

    def pages(self, request, items, most):
        size = min(int(request.query.get("per_page", 20)), most)
        page = int(request.query.get("page", 1))
        shown = items[(page - 1) * size : page * size]
        total = -(-len(items) // size)
        info = {
            "page": page, "per_page": size, "count": len(shown), "total_count": len(items), "total_pages": total,
        }  # fmt: skip
        return self.good(shown, result_info=info)

    def route(self, request):
        match (request.method, request.parts[2:]):
            case ("GET", ["zones"]):
                return self.pages(request, [{"id": ZONE, "name": self.zone, "status": "active"}], 50)
            case ("GET", ["zones", _, "dns_records"]):
                return self.pages(request, self.records, self.page)
            case ("POST", ["zones", _, "dns_records", "batch"]):
                return self.batch(request.json())
            case (method, ["zones", _, "dnssec"]):
                if method == "PATCH" and request.json() == {"status": "active"}:
                    self.signed = "pending"
                ds = f"{self.zone}. 3600 IN DS 16953 13 2 248D0A" if self.signed == "pending" else None
                return self.good({"status": self.signed, "ds": ds, "key_tag": 16953 if ds else None})
        raise self.error(404, 7003, "Could not route to the requested path")

    def batch(self, body):
        if set(body) - {"deletes", "patches", "puts", "posts"} or sum(map(len, body.values())) > LIMIT:
            raise self.error(400, 81063, "Too many or unknown operations in the batch")
        before = copy.deepcopy(self.records)
        try:
            for one in body.get("deletes", []):
                self.records.remove(self.find(one["id"]))
            for one in body.get("patches", []):
                found = self.find(one["id"])
                found |= self.record({**found, **one})
            for one in body.get("posts", []):
                new = self.record(one)
                self.check(new)
                self.records.append(new)
        except Refused:
            self.records = before
            raise
        return self.good({name: [] for name in ("deletes", "patches", "puts", "posts")})

    def find(self, number):
        found = next((one for one in self.records if one["id"] == number), None)
        if not found:
            raise self.error(404, 81044, "Record does not exist.")
        return found

    def record(self, sent):
        """A record as Cloudflare keeps it."""
        kind, proxied = sent["type"], sent.get("proxied", False)
        ttl = sent.get("ttl", 1)
        if ttl != 1 and not 60 <= ttl <= 86400:
            raise self.error(400, 9021, "Invalid TTL. Must be between 60 and 86400 seconds, or 1 for Automatic.")
        one = {"id": sent.get("id") or f"{next(self.numbers):032x}", "name": sent["name"].rstrip("."), "type": kind}
        one |= {"ttl": 1 if proxied else ttl, "proxied": proxied, "proxiable": kind in ("A", "AAAA", "CNAME")}
        if kind in PARTS:
            data = sent["data"]
            if set(data) != set(PARTS[kind]):
                raise self.error(400, 9101, f"{kind} needs its data")
            words = [str(data[part]) for part in PARTS[kind]]
            if kind == "CAA":
                words[-1] = f'"{words[-1]}"'
            return {**one, "data": data, "content": "\t".join(words[1:] if kind == "SRV" else words)}
        one["content"] = sent["content"].rstrip(".") if kind in ("CNAME", "MX", "NS") else sent["content"]
        if kind == "MX":
            one["priority"] = sent["priority"]
        return one

    def check(self, new):
        for one in self.records:
            if (one["name"], one["type"], one["content"]) == (new["name"], new["type"], new["content"]):
                raise self.error(400, 81058, "An identical record already exists.")
            if one["name"] == new["name"] and "CNAME" in (one["type"], new["type"]):
                raise self.error(400, 81053, "An A, AAAA, or CNAME record with that host already exists.")

    def dump(self):
        found = {}
        for one in self.records:
            content = one["content"]
            if one["type"] == "SRV":
                content = f"{one['data']['priority']} {content}".replace("\t", " ")
            if one["type"] == "CAA":
                content = content.replace("\t", " ")
            if one["type"] in ("CNAME", "MX", "SRV"):
                content += "."
            if one["type"] == "MX":
                content = f"{one['priority']} {content}"
            values, _ttl = found.get((one["name"], one["type"]), ([], 0))
            found[one["name"], one["type"]] = (sorted([*values, content]), one["ttl"])
        return found
