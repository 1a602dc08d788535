# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""`dns_records` with each provider: the same demands on all of them."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._dns.options import PROVIDERS
from ansible_collections.monsterr.media.plugins.modules import dns_records

from ...standins.dns import command, route53
from ...standins.dns.cloudflare import Cloudflare
from ...standins.dns.desec import Desec
from ...standins.dns.digitalocean import DigitalOcean
from ...standins.dns.hetzner import Hetzner
from ...standins.dns.route53 import Route53
from ...standins.dns.vendor import TOKEN
from ..ansible_module import call
from .name_servers import Bind, PowerDns, ask

pytestmark = pytest.mark.integration

ZONE = "example.test"
STANDINS = {
    "cloudflare": Cloudflare,
    "desec": Desec,
    "hetzner": Hetzner,
    "digitalocean": DigitalOcean,
    "route53": Route53,
}
ALL = ["bind", "powerdns", *STANDINS, "exec"]
FOREIGN = {("www.example.test", "A"): "203.0.113.9", ("mail.example.test", "A"): "203.0.113.25"}


class Place:
    """A zone at a provider: how the module reaches it, and what is there."""

    def __init__(self, options: dict[str, Any], server: Any, secret: str) -> None:
        self.options, self.server, self.secret = options, server, secret

    def make(self, *wanted: dict[str, Any], check_mode: bool = False, **more: Any) -> dict[str, Any]:
        return call(dns_records, check_mode=check_mode, records=list(wanted), **{**self.options, **more})

    def has(self, name: str, kind: str) -> list[str]:
        """The values, as the provider itself has them."""
        if isinstance(self.server, (Bind, PowerDns)):
            return [value.replace('" "', "") for value in ask(self.server.port, name, kind)]
        if isinstance(self.server, Path):
            found = {(one["name"], one["type"]): one["values"] for one in json.loads(self.server.read_text())["rrsets"]}
            return [value.replace('" "', "") for value in found.get((name, kind), [])]
        return [value.replace('" "', "") for value in self.server.dump().get((name, kind), ([], 0))[0]]


@pytest.fixture(params=ALL)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """Each of them, with a zone that has two records of somebody else's."""
    yield from _place(request.param, tmp_path)


def _place(kind: str, folder: Path) -> Iterator[Place]:
    if kind in STANDINS:
        vendor = STANDINS[kind](ZONE)
        options: dict[str, Any] = {"provider": kind, "endpoint": vendor.url, "token": TOKEN}
        if kind == "route53":
            options |= {"key_name": route53.KEY_ID, "key_secret": TOKEN, "token": ""}
        for (name, type_), value in FOREIGN.items():
            vendor.put(name, type_, value)
        yield Place(options, vendor, TOKEN)
        vendor.stop()
    elif kind == "exec":
        path = folder / "zone.json"
        foreign = [{"name": n, "type": t, "values": [value], "ttl": 300} for (n, t), value in FOREIGN.items()]
        path.write_text(json.dumps({"zone": ZONE, "rrsets": foreign}))
        # The second argument is what this stand-in compares the token with that it is handed on standard input.
        options = {"provider": "exec", "command": [sys.executable, command.__file__, str(path), TOKEN], "token": TOKEN}
        yield Place(options, path, TOKEN)
    else:
        records = "\n".join(f"{name}. 300 IN {type_} {value}" for (name, type_), value in FOREIGN.items())
        text = (
            f"$ORIGIN {ZONE}.\n$TTL 60\n@ SOA ns1 hostmaster 1 3600 600 86400 5\n@ NS ns1\nns1 A 127.0.0.1\n{records}\n"
        )
        server = Bind(folder / kind, ZONE, text) if kind == "bind" else PowerDns(folder / kind, ZONE, FOREIGN)
        try:
            server.start()
            yield Place(server.options, server, server.options.get("token") or server.options["key_secret"])
        finally:
            server.stop()


def _record(name: str, kind: str, *values: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "type": kind, "values": list(values), **more}


EVERY_KIND = [
    _record("tv.example.test", "A", "192.0.2.1", "192.0.2.2"),
    _record("tv.example.test", "AAAA", "2001:db8::1"),
    _record("example.test", "MX", "10 mail.example.test"),
    _record("example.test", "CAA", '0 issue "letsencrypt.org"', '128 issuewild "ca.example.net"'),
    _record("alias.example.test", "CNAME", "tv.example.test"),
    _record("*.wild.example.test", "A", "192.0.2.3"),
    _record("_sip._tcp.example.test", "SRV", "10 20 5060 sip.example.test"),
    _record("txt.example.test", "TXT", "v=spf1 -all", "two words; and a semicolon"),
    _record("long.example.test", "TXT", "x" * 300),
]


def test_records_of_every_kind_are_made_once(place: Place) -> None:
    first = place.make(*EVERY_KIND)
    second = place.make(*EVERY_KIND)

    assert [item["summary"] for item in first["findings"] if item["status"] != "ok"] == []
    assert [item["action"] for item in first["results"]] == ["create"] * len(EVERY_KIND)
    assert [item["action"] for item in second["results"]] == ["none"] * len(EVERY_KIND)
    assert (first["changed"], second["changed"]) == (True, False)
    assert place.has("tv.example.test", "A") == ["192.0.2.1", "192.0.2.2"]
    assert place.has("alias.example.test", "CNAME") == ["tv.example.test."]
    assert place.has("example.test", "MX") == ["10 mail.example.test."]
    assert place.has("_sip._tcp.example.test", "SRV") == ["10 20 5060 sip.example.test."]
    assert place.has("example.test", "CAA") == ['0 issue "letsencrypt.org"', '128 issuewild "ca.example.net"']
    assert place.has("long.example.test", "TXT") == [f'"{"x" * 300}"']
    assert place.has("www.example.test", "A") == ["203.0.113.9"]


def test_text_with_quotes_and_letters_beyond_ascii_comes_back_the_same(place: Place) -> None:
    wanted = _record("text.example.test", "TXT", 'say "ü" or \\ 1')

    first, second = place.make(wanted), place.make(wanted)

    assert (first["results"][0]["action"], second["results"][0]["action"]) == ("create", "none")


def test_values_and_ttl_are_changed_and_records_removed(place: Place) -> None:
    place.make(_record("a.example.test", "A", "192.0.2.1", "192.0.2.2"), _record("b.example.test", "A", "192.0.2.1"))

    wanted = [_record("a.example.test", "A", "192.0.2.2", "192.0.2.3", ttl=7200), _record("b.example.test", "A")]
    second, third = place.make(*wanted), place.make(*wanted)

    assert [item["action"] for item in second["results"]] == ["update", "delete"]
    assert [item["action"] for item in third["results"]] == ["none", "none"]
    assert third["results"][0]["before"] == {"values": ["192.0.2.2", "192.0.2.3"], "ttl": 7200}
    assert place.has("a.example.test", "A") == ["192.0.2.2", "192.0.2.3"]
    assert place.has("b.example.test", "A") == []
    assert second["diff"][0]["after"].count("7200 IN A") == 2


def test_an_address_becomes_an_alias_in_one_run(place: Place) -> None:
    place.make(_record("x.example.test", "A", "192.0.2.1"))

    result = place.make(_record("x.example.test", "CNAME", "tv.example.test"), _record("x.example.test", "A"))

    assert [item["action"] for item in result["results"]] == ["create", "delete"], result["findings"]
    assert place.has("x.example.test", "CNAME") == ["tv.example.test."]


def test_check_mode_says_the_same_and_writes_nothing(place: Place) -> None:
    wanted = [_record("new.example.test", "A", "192.0.2.1"), _record("www.example.test", "A", "192.0.2.2")]

    looked = place.make(*wanted, check_mode=True)

    assert place.has("new.example.test", "A") == []
    assert place.has("www.example.test", "A") == ["203.0.113.9"]
    made = place.make(*wanted)
    assert (looked["results"], looked["diff"]) == (made["results"], made["diff"])


def test_what_somebody_else_made_is_left_alone_and_what_we_made_goes(place: Place) -> None:
    mine = {"owner": "stack.example.test", "prune": True}
    place.make(_record("a.example.test", "A", "192.0.2.1"), _record("b.example.test", "A", "192.0.2.1"), **mine)

    result = place.make(
        _record("a.example.test", "A", "192.0.2.9"), _record("www.example.test", "A", "192.0.2.9"), **mine
    )

    assert result["failed"]
    assert [item["status"] for item in result["findings"][:2]] == ["ok", "fail"]
    assert "www.example.test A is there with 203.0.113.9, and was not made by" in result["findings"][1]["summary"]
    assert result["zones"][0]["pruned"] == ["b.example.test A"]
    assert place.has("a.example.test", "A") == ["192.0.2.9"]
    assert place.has("b.example.test", "A") == []
    assert place.has("www.example.test", "A") == ["203.0.113.9"]
    assert place.has("mail.example.test", "A") == ["203.0.113.25"]
    again = place.make(_record("a.example.test", "A", "192.0.2.9"), **mine)
    assert again["changed"] is False
    taken = place.make(_record("www.example.test", "A", "192.0.2.9"), **mine, adopt=True)
    assert place.has("www.example.test", "A") == ["192.0.2.9"]
    assert taken["zones"][0]["pruned"] == ["a.example.test A"]


def test_a_large_part_of_a_zone_is_not_changed_unless_forced(place: Place) -> None:
    names = [f"n{number}.example.test" for number in range(20)]
    place.make(*(_record(name, "A", "192.0.2.1") for name in names))
    wanted = [_record(name, "A") for name in names]

    refused = place.make(*wanted)

    assert refused["failed"]
    assert "RRsets would be deleted, which is more than 30 %" in refused["msg"]
    assert "run it once with force" in refused["findings"][0]["hint"]
    assert place.has(names[0], "A") == ["192.0.2.1"]
    forced = place.make(*wanted, force=True)
    assert not forced.get("failed")
    assert place.has(names[0], "A") == []


def test_a_host_that_moves_changes_all_its_records_at_once(place: Place) -> None:
    names = [f"n{number}.example.test" for number in range(20)]
    place.make(*(_record(name, "A", "192.0.2.1") for name in names), owner="stack")

    moved = [_record(name, "A", "192.0.2.2") for name in names]

    assert "more than 30 %" in place.make(*moved, owner="somebody", adopt=True)["msg"]
    assert not place.make(*moved, owner="stack").get("failed")
    assert place.has(names[-1], "A") == ["192.0.2.2"]


def test_a_wrong_token_is_told_and_never_shown(place: Place) -> None:
    name = "key_secret" if place.options.get("provider") == "route53" or "server" in place.options else "token"
    wrong = {name: "YSB3cm9uZyB0b2tlbg=="}

    result = place.make(_record("a.example.test", "A", "192.0.2.1"), **wrong)

    assert result["failed"]
    assert result["results"][0]["changed"] is False
    assert wrong[name] not in json.dumps(result).replace(json.dumps(result.get("invocation")), "")
    assert place.secret not in json.dumps([result["findings"], result["msg"], result["results"]])
    if place.options.get("provider") in STANDINS:
        assert result["findings"][0]["hint"] == PROVIDERS[place.options["provider"]].hint


def test_a_name_that_no_zone_there_holds_is_told(place: Place) -> None:
    result = place.make(_record("a.nowhere.test", "A", "192.0.2.1"), _record("a.example.test", "A", "192.0.2.1"))

    assert [item["status"] for item in result["findings"]] == ["fail", "ok"]
    assert place.has("a.example.test", "A") == ["192.0.2.1"]
