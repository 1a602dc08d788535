# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
from __future__ import annotations

from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._dns import rules
from ansible_collections.monsterr.media.plugins.module_utils._dns.model import RRset
from ansible_collections.monsterr.media.plugins.module_utils._dns.resolver import Resolver

from ..clock import FakeClock
from .servers import World, zone

RECURSOR = "10.0.0.1"
NS1, NS2 = "192.0.2.53", "198.51.100.53"
TV = RRset("tv.example.org", "A", ("192.0.2.10",), 300)
RIGHT, WRONG = zone("tv 60 IN A 192.0.2.10"), zone(serial=0)


def _resolver(world: World, clock: FakeClock | None = None, seconds: float = 20, **options) -> Resolver:
    return Resolver(Deadline(seconds, clock or FakeClock()), [RECURSOR], send=world.send, **options)


def _world(first: str = RIGHT, second: str = RIGHT) -> World:
    return World({NS1: {"example.org": first}, NS2: {"example.org": second}, RECURSOR: {}}, (RECURSOR,))


def test_every_server_is_asked_and_answers_with_its_serial() -> None:
    [(home, answers)] = _resolver(_world(RIGHT, WRONG)).check([TV])

    assert home.name == "example.org"
    assert [(str(answer.server), answer.values, answer.serial) for answer in answers] == [
        ("ns1.example.org (192.0.2.53)", ("192.0.2.10",), 1),
        ("ns2.example.org (198.51.100.53)", (), 0),
    ]


def test_a_hundred_names_of_one_zone_find_the_zone_once() -> None:
    world = _world()
    names = [RRset(f"h{number}.example.org", "A", (), 300) for number in range(100)]

    _resolver(world).check(names)

    recursion = [count for (address, _name, _kind), count in world.asked.items() if address == RECURSOR]
    assert sum(recursion) <= 6  # one SOA, one NS, A and AAAA of two servers


def test_only_the_given_resolvers_are_asked_for_recursion() -> None:
    world = _world()

    _resolver(world).check([TV])

    assert {address for address, _name, _kind in world.asked} == {RECURSOR, NS1, NS2}


def test_a_zone_of_its_own_below_is_found_where_the_servers_refer_to_it() -> None:
    parent = zone("tv 60 IN A 192.0.2.10", "sub 60 IN NS ns1.sub", "ns1.sub 60 IN A 203.0.113.53")
    child = "@ 60 IN SOA ns1 admin 9 1 1 1 1\n@ 60 IN NS ns1\nns1 60 IN A 203.0.113.53\nx 60 IN A 192.0.2.7\n"
    world = World(
        {NS1: {"example.org": parent}, NS2: {"example.org": parent}, "203.0.113.53": {"sub.example.org": child}},
        (RECURSOR,),
    )
    below = RRset("x.sub.example.org", "A", ("192.0.2.7",), 300)

    looked = _resolver(world).check([TV, below])

    assert [found.name for found, _answers in looked] == ["example.org", "sub.example.org"]
    assert rules.verdict(below, *looked[1]).status == "ok"


def test_servers_that_are_given_for_a_zone_are_asked_instead() -> None:
    world = World({"10.0.0.53": {"example.org": RIGHT}})

    [(home, answers)] = _resolver(world, servers={"example.org": ["10.0.0.53"]}).check([TV])

    assert rules.verdict(TV, home, answers).status == "ok"
    assert {address for address, _name, _kind in world.asked} == {"10.0.0.53"}


def test_a_server_that_does_not_serve_the_zone_is_lame_and_one_without_route_is_not_to_blame() -> None:
    world = _world()
    world._zones[NS2] = {}

    [(_home, answers)] = _resolver(world).check([TV])
    assert [answer.state for answer in answers] == [rules.ANSWERED, rules.LAME]

    world.broken = {NS2}
    [(_home, answers)] = _resolver(world).check([TV])
    assert [answer.state for answer in answers] == [rules.ANSWERED, rules.UNROUTABLE]


def test_a_second_resolver_is_asked_when_the_first_is_mute() -> None:
    world = _world()
    world.mute = {"10.0.0.9"}
    resolver = Resolver(Deadline(20, FakeClock()), ["10.0.0.9", RECURSOR], send=world.send)

    [(home, answers)] = resolver.check([TV])

    assert rules.verdict(TV, home, answers).status == "ok"


def test_no_resolver_at_all_is_a_finding() -> None:
    world = _world()
    world.mute = {RECURSOR}

    [(home, answers)] = _resolver(world).check([TV])

    found = rules.verdict(TV, home, answers)
    assert found.status == "fail"
    assert "10.0.0.1: no answer within 2 s" in found.summary


def test_resolvers_that_are_mute_are_asked_for_one_name_and_not_for_all() -> None:
    world = _world()
    world.mute = {RECURSOR}
    wanted = [RRset(f"h{number}.example.org", "A", (), 300) for number in range(50)]

    looked = _resolver(world).check(wanted)

    assert sum(world.asked.values()) == 2
    assert all("no answer within 2 s" in home.problem for home, _answers in looked)


def test_one_domain_that_the_resolver_fails_for_does_not_stop_another() -> None:
    broken = RRset("x.broken.test", "A", (), 300)

    first, second = _resolver(_world()).check([broken, TV])

    assert "it answered REFUSED" in first[0].problem
    assert rules.verdict(TV, *second).status == "ok"


def test_an_unknown_domain_is_a_finding() -> None:
    [(home, answers)] = _resolver(World({}, (RECURSOR,))).check([TV])

    assert rules.verdict(TV, home, answers).status == "fail"


def test_a_cname_that_leads_out_of_the_zone_is_followed() -> None:
    here = zone("tv 60 IN CNAME home.dyn.test.")
    there = "@ 60 IN SOA ns1 admin 9 1 1 1 1\n@ 60 IN NS ns1\nhome 60 IN A 192.0.2.10\n"
    world = World({NS1: {"example.org": here}, NS2: {"example.org": here}, "x": {"dyn.test": there}}, (RECURSOR,))

    [(home, answers)] = _resolver(world).check([TV])

    assert rules.verdict(TV, home, answers).status == "ok"


def test_waiting_ends_when_the_laggard_has_caught_up() -> None:
    world, clock = _world(RIGHT, WRONG), FakeClock()
    resolver = _resolver(world, clock)
    sleep = clock.sleep

    def catch_up(seconds: float) -> None:
        sleep(seconds)
        if len(clock.slept) == 3:
            world._zones[NS2] = world._zones[NS1]

    clock.sleep = catch_up  # type: ignore[method-assign]

    assert resolver.wait([TV]) == []
    assert len(clock.slept) == 3


def test_waiting_for_ever_ends_at_the_deadline_and_names_the_laggard() -> None:
    clock = FakeClock()
    start = clock.now

    [(item, home, answers)] = _resolver(_world(RIGHT, WRONG), clock, 10).wait([TV])

    assert clock.now - start == 10
    assert (item, home.name) == (TV, "example.org")
    assert [answer.server.name for answer in answers if not rules.right(TV, answer)] == ["ns2.example.org"]


def test_a_mute_server_is_not_waited_for_until_the_deadline() -> None:
    world, clock = _world(), FakeClock()
    world.mute = {NS2}

    late = _resolver(world, clock, 100).wait([TV])

    assert [answer.state for answer in late[0][2]] == [rules.ANSWERED, rules.SILENT]
    assert len(clock.slept) == 1


def test_cname_records_are_followed_to_their_end() -> None:
    text = zone("a 60 IN CNAME b", "b 60 IN CNAME c", "loop 60 IN CNAME loop")
    world = _world(text, text)

    found = _resolver(world).aliases(["a.example.org", "tv.example.org", "loop.example.org"])

    assert found["a.example.org"] == "c.example.org"
    assert found["tv.example.org"] == "tv.example.org"
