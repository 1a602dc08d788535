# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Hetzner Cloud API v1, zones and rrsets: one RRset a call, actions that take a while, an own or the zone's TTL."""

from __future__ import annotations

import itertools

from .vendor import TOKEN, Refused, Vendor


class Hetzner(Vendor):
    prefix = "/v1"
    page = 4
    looks = 1  # how often an action is still running when it is asked for

    def __init__(self, zone):
        super().__init__()
        self.zone = zone
        self.rrsets = {}
        self.actions = {}
        self.fails = ""  # a code that the next action ends with
        self.numbers = itertools.count(1)

    def put(self, name, kind, content, ttl=None):
        label = name.removesuffix(self.zone).rstrip(".") or "@"
        values, _ttl = self.rrsets.get((label, kind), ([], ttl))
        self.rrsets[label, kind] = ([*values, content], ttl)

    def authorise(self, request):
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            raise self.error(401, "unauthorized", "unable to authenticate")

    def error(self, status, code, message, headers=None):
        return Refused(status, {"error": {"code": code, "message": message, "details": None}}, headers)

    def pages(self, request, what, items):
        size = min(int(request.query.get("per_page", 25)), self.page)
        page = int(request.query.get("page", 1))
        last = max(1, -(-len(items) // size))
        following = page + 1 if page < last else None
        pagination = {"page": page, "per_page": size, "next_page": following, "last_page": last}
        return {what: items[(page - 1) * size : page * size], "meta": {"pagination": pagination}}

    def action(self, status=201, **more):
        number = next(self.numbers)
        self.actions[number] = [self.looks, self.fails]
        self.fails = ""
        return status, {**more, "action": self.state(number)}, {}

    def state(self, number):
        left, failed = self.actions[number]
        status = "running" if left else "error" if failed else "success"
        error = {"code": failed, "message": "the change failed"} if status == "error" else None
        self.actions[number][0] = max(0, left - 1)
        return {"id": number, "status": status, "progress": 0 if left else 100, "error": error}

    def route(self, request):
        match (request.method, request.parts[1:]):
            case ("GET", ["zones"]):
                return self.pages(request, "zones", [{"id": 42, "name": self.zone, "ttl": 3600, "mode": "primary"}])
            case ("GET", ["actions", number]):
                return {"action": self.state(int(number))}
            case ("GET", ["zones", "42", "rrsets"]):
                return self.pages(request, "rrsets", [self.shown(key) for key in self.rrsets])
            case ("POST", ["zones", "42", "rrsets"]):
                return self.create(request.json())
            case (_, ["zones", "42", "rrsets", label, kind, *_]) if (label, kind) not in self.rrsets:
                raise self.error(404, "not_found", "rrset not found")
            case ("DELETE", ["zones", "42", "rrsets", label, kind]):
                del self.rrsets[label, kind]
                return self.action()
            case ("POST", ["zones", "42", "rrsets", label, kind, "actions", "set_records"]):
                values = self.values(kind, request.json()["records"])
                self.rrsets[label, kind] = (values, self.rrsets[label, kind][1])
                return self.action()
            case ("POST", ["zones", "42", "rrsets", label, kind, "actions", "change_ttl"]):
                self.rrsets[label, kind] = (self.rrsets[label, kind][0], request.json()["ttl"])
                return self.action()
        raise self.error(404, "not_found", "no such path")

    def shown(self, key):
        values, ttl = self.rrsets[key]
        records = [{"value": value, "comment": ""} for value in values]
        return {"id": "/".join(key), "name": key[0], "type": key[1], "ttl": ttl, "labels": {}, "records": records}

    def values(self, kind, records):
        values = [one["value"] for one in records]
        if kind == "TXT" and not all(value.startswith('"') for value in values):
            raise self.error(422, "invalid_input", "invalid input in field 'records': TXT has to be quoted")
        return values

    def create(self, body):
        key = (body["name"], body["type"])
        if key in self.rrsets:
            raise self.error(409, "uniqueness_error", "an RRSet with this name and type exists")
        if body["ttl"] < 60 or key[0].endswith("."):
            raise self.error(422, "invalid_input", "invalid input in field 'ttl'")
        self.rrsets[key] = (self.values(key[1], body["records"]), body["ttl"])
        return self.action(rrset=self.shown(key))

    def dump(self):
        return {
            (self.zone if label == "@" else f"{label}.{self.zone}", kind): (sorted(values), ttl or 3600)
            for (label, kind), (values, ttl) in self.rrsets.items()
        }
