# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a plan says, and what holds for every plan."""

from __future__ import annotations

import copy
import json

from ansible_collections.monsterr.media.plugins.module_utils._core.finding import FAIL, worst
from ansible_collections.monsterr.media.plugins.module_utils._core.secret import references
from ansible_collections.monsterr.media.plugins.module_utils._plan import secrets, show
from hypothesis import given, settings
from hypothesis import strategies as st

from .samples import MASTER, definitions, one_host, plan_of, two_hosts


def good(hosts, raw=None, edges=()):
    plan, problems = plan_of(hosts, raw, edges)
    assert {item.check for item in problems} <= {"plan.access", "plan.library"}
    return plan


def test_a_service_is_bound_to_loopback_and_its_values_are_filled_in():
    box = good(one_host())["hosts"]["box"]
    sonarr = next(item for item in box["services"] if item["name"] == "sonarr")
    assert sonarr["ports"] == [{"address": "127.0.0.1", "published": 8989, "target": 8989, "protocol": "tcp"}]
    assert sonarr["environment"] == {"KEY": "<secret:sonarr.api_key>", "PUID": "13000", "TZ": "Etc/UTC"}
    assert sonarr["volumes"][1] == {
        "source": "/srv/media",
        "target": "/data",
        "kind": "media",
        "read_only": False,
    }


def test_only_where_another_host_needs_a_service_is_it_on_the_private_address():
    plan = good(two_hosts(), edges=("edge",))
    ports = {(port["service"], port["address"], port["port"]) for port in plan["hosts"]["media"]["ports"]}
    assert ("qbittorrent", "10.0.0.2", 8080) in ports
    sonarr = [port for port in plan["hosts"]["edge"]["ports"] if port["service"] == "sonarr"]
    assert [port["address"] for port in sonarr] == ["127.0.0.1"]


def test_sites_reach_services_on_this_host_and_on_others():
    sites = {site["name"]: site["upstream"] for site in good(two_hosts(), edges=("edge",))["hosts"]["edge"]["sites"]}
    assert sites == {
        "sonarr.example.org": "http://127.0.0.1:8989",
        "qbittorrent.example.org": "http://10.0.0.2:8080",
    }


def test_a_container_reaches_its_peer_by_name_or_by_the_other_hosts_address():
    near = good(one_host())["hosts"]["box"]["wiring"]
    far = good(two_hosts(), edges=("edge",))["hosts"]["edge"]["wiring"]
    connection = {record["service"]: record for record in near}["sonarr"]["connections"][0]
    assert (connection["host"], connection["port"]) == ("qbittorrent", 8080)
    assert (far[0]["connections"][0]["host"], far[0]["connections"][0]["port"]) == ("10.0.0.2", 8080)
    assert connection["password"] == "<secret:qbittorrent.password>"


def family():
    """Definitions of all kinds of connections."""
    raw = definitions()
    raw["prowlarr"] = {
        "title": "Prowlarr",
        "app": "sonarr",
        "image": "registry.example/prowlarr:2",
        "port": 9696,
        "secrets": {"api_key": "hex", "key": "given"},
        "connects": {"applications": ["sonarr"]},
        "settings": {"indexers": {"One": {"fields": {"apiKey": "{{ secret('key') }}", "url": "http://{{ site }}"}}}},
    }
    raw["plex"] = {
        "title": "Plex",
        "image": "registry.example/plex:1",
        "port": 32400,
        "secrets": {"account_token": {"kind": "given", "optional": True}},
    }
    raw["sonarr"]["connects"]["media_servers"] = ["plex"]
    return raw


def test_who_gives_indexers_is_told_where_it_is_found_itself():
    hosts = two_hosts()
    hosts["edge"]["monsterr_services"] = ["sonarr", "plex"]
    hosts["media"]["monsterr_services"] = ["prowlarr"]
    for host in hosts.values():
        host["monsterr_secrets"] = {"prowlarr.key": "mine"}
    plan = good(hosts, family(), edges=("edge",))
    (record,) = plan["hosts"]["media"]["wiring"]
    (connection,) = record["connections"]
    assert (connection["kind"], connection["host"], connection["port"]) == ("application", "10.0.0.1", 8989)
    assert (connection["back_host"], connection["back_port"]) == ("10.0.0.2", 9696)
    assert connection["api_key"] == "<secret:sonarr.api_key>"
    ports = {(port["service"], port["scope"]): port["from"] for port in plan["hosts"]["media"]["ports"]}
    assert ports["prowlarr", "private"] == ["edge"]
    ports = {(port["service"], port["scope"]): port["from"] for port in plan["hosts"]["edge"]["ports"]}
    assert ports["sonarr", "private"] == ["media"]


def test_settings_are_filled_in_and_an_optional_secret_may_be_absent():
    hosts = one_host(monsterr_services=["sonarr", "prowlarr", "plex"], monsterr_secrets={"prowlarr.key": "mine"})
    box = good(hosts, family())["hosts"]["box"]
    wiring = {record["service"]: record for record in box["wiring"]}
    assert wiring["prowlarr"]["settings"]["indexers"]["One"]["fields"] == {
        "apiKey": "<secret:prowlarr.key>",
        "url": "http://",
    }
    (connection,) = wiring["sonarr"]["connections"]
    assert (connection["kind"], connection["token"]) == ("media_server", "<secret:plex.account_token>")
    values = secrets.values(MASTER, box["secrets"], {"prowlarr.key": "mine"})
    assert (values["plex.account_token"], values["prowlarr.key"]) == ("", "mine")


def test_downloads_on_another_host_need_a_shared_library_and_the_user_is_told():
    _plan, problems = plan_of(two_hosts(), edges=("edge",))
    assert "plan.library" in {item.check for item in problems}
    hosts = two_hosts()
    for host in hosts.values():
        host["monsterr_shared_library"] = True
    _plan, problems = plan_of(hosts, edges=("edge",))
    assert "plan.library" not in {item.check for item in problems}


def test_a_hash_follows_its_password():
    import hashlib

    raw = definitions()
    raw["qbittorrent"]["secrets"]["md5"] = {"kind": "md5", "of": "password"}
    raw["qbittorrent"]["environment"] = {"HASH": "{{ secret('md5') }}"}
    values = secrets.values(MASTER, good(one_host(), raw)["hosts"]["box"]["secrets"], {})
    assert values["qbittorrent.md5"] == hashlib.md5(values["qbittorrent.password"].encode()).hexdigest()


def test_an_image_may_be_run_by_another_program_and_as_the_media_user():
    raw = definitions()
    raw["sonarr"].update(entrypoint=["serve", "--port={{ port }}"], user=True)
    sonarr = good(one_host(), raw)["hosts"]["box"]["services"][1]
    assert (sonarr["entrypoint"], sonarr["user"]) == (["serve", "--port=8989"], "13000:13000")


def test_a_client_learns_who_uses_it():
    wiring = {record["service"]: record for record in good(one_host())["hosts"]["box"]["wiring"]}
    assert wiring["qbittorrent"]["connections"] == [{"kind": "category", "service": "sonarr", "category": "sonarr"}]


def test_a_connection_of_the_definition_to_a_service_that_is_not_placed_is_left_out():
    wiring = {record["service"]: record for record in good(one_host())["hosts"]["box"]["wiring"]}
    assert [item["service"] for item in wiring["sonarr"]["connections"]] == ["qbittorrent"]


def test_certificates_one_a_name_or_one_wildcard_a_domain():
    one = good(one_host())["hosts"]["box"]["certificates"]
    assert [item["identifiers"] for item in one] == [["qbittorrent.example.org"], ["sonarr.example.org"]]
    dns = {"monsterr_dns_server": "192.0.2.53", "monsterr_dns_key_name": "k", "monsterr_dns_key_secret": "c2VjcmV0"}
    hosts = one_host(monsterr_acme_challenge="dns-01", monsterr_dns_provider="rfc2136", **dns)
    wild = good(hosts)["hosts"]["box"]["certificates"]
    assert wild == [{"name": "example.org", "identifiers": ["example.org", "*.example.org"], "challenge": "dns-01"}]


def test_records_point_to_the_edge_or_where_the_user_says():
    assert good(one_host())["records"][0]["values"] == ["192.0.2.10"]
    plan = good(one_host(monsterr_public_addresses=["198.51.100.1", "2001:db8::1"]))
    kinds = {(record["name"], record["type"]): record["values"] for record in plan["records"]}
    assert kinds[("sonarr.example.org", "AAAA")] == ["2001:db8::1"]
    assert kinds[("sonarr.example.org", "A")] == ["198.51.100.1"]


def test_an_override_changes_one_thing_and_leaves_the_rest():
    box = good(one_host(sonarr={"web": {"subdomain": "tv"}, "publish": "9999"}))["hosts"]["box"]
    assert "tv.example.org" in [site["name"] for site in box["sites"]]
    sonarr = next(item for item in box["services"] if item["name"] == "sonarr")
    assert (sonarr["ports"][0]["published"], sonarr["ports"][0]["target"]) == (9999, 8989)
    assert sonarr["image"] == "registry.example/sonarr:4.0.16"


def test_digests_can_be_left_out_where_images_are_not_the_vendors():
    sonarr = good(one_host(monsterr_image_digests=False))["hosts"]["box"]["services"][1]
    assert sonarr["digest"] == ""


def test_the_plan_is_json_and_holds_no_secret():
    plan = good(two_hosts(), edges=("edge",))
    text = json.dumps(plan)
    values = [
        value for host in plan["hosts"].values() for value in secrets.values(MASTER, host["secrets"], {}).values()
    ]
    assert MASTER not in text
    assert not [value for value in values if value in text]


def test_a_host_gets_the_secrets_it_refers_to_and_no_others():
    for host in good(two_hosts(), edges=("edge",))["hosts"].values():
        assert references([host["services"], host["wiring"]]) == set(host["secrets"])


def test_secrets_are_stable_independent_and_rotate_one_at_a_time():
    specs = good(one_host())["hosts"]["box"]["secrets"]
    rotated = good(one_host(monsterr_secret_generations={"sonarr.password": 2}))["hosts"]["box"]["secrets"]
    before, after = secrets.values(MASTER, specs, {}), secrets.values(MASTER, rotated, {})
    assert before == secrets.values(MASTER, specs, {})
    assert len(before["sonarr.api_key"]) == 32
    assert {name for name in before if before[name] != after[name]} == {"sonarr.password"}
    assert after["sonarr.password_previous"] == before["sonarr.password"]
    assert before["sonarr.password"] != before["qbittorrent.password"]


def test_the_hash_that_qbittorrent_is_seeded_with_is_that_of_its_password():
    import base64

    values = secrets.values(MASTER, good(one_host())["hosts"]["box"]["secrets"], {})
    salt = base64.b64decode(values["qbittorrent.hash"].split(":")[0])
    assert values["qbittorrent.hash"] == secrets.qbittorrent_hash(values["qbittorrent.password"], salt)


def test_a_given_value_wins_over_a_derived_one():
    specs = good(one_host())["hosts"]["box"]["secrets"]
    assert secrets.values(MASTER, specs, {"sonarr.api_key": "mine"})["sonarr.api_key"] == "mine"


def test_it_says_which_logins_are_wished_for_and_not_there_yet():
    _plan, [finding] = plan_of(one_host(sonarr={"web": {"access": "lan"}}))
    assert (finding.check, finding.target) == ("plan.access", "qbittorrent")


def test_it_can_be_read():
    plan = good(two_hosts(), edges=("edge",))
    assert "https://sonarr.example.org" in show.table(plan)
    assert "sonarr -.-> qbittorrent" in show.mermaid(plan)


words = st.sampled_from(["sonarr", "qbittorrent", "nzbget"])


@settings(deadline=None, max_examples=60)
@given(
    st.lists(words, unique=True, min_size=1),
    st.integers(1024, 60000),
    st.dictionaries(st.sampled_from(["sonarr.api_key", "qbittorrent.password"]), st.integers(1, 5)),
)
def test_the_same_words_give_the_same_plan_and_inputs_are_left_alone(services, port, generations):
    hosts = one_host(monsterr_services=services, monsterr_secret_generations=generations)
    hosts["box"][services[0]] = {"publish": port}
    raw = definitions()
    kept = copy.deepcopy((hosts, raw))
    first, second = plan_of(hosts, raw), plan_of(hosts, raw)
    assert first == second
    assert (hosts, raw) == kept


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(["image", "port", "web", "health", "secrets", "seeds", "connects", "volumes", "ports"]), anything
)
def test_whatever_a_user_writes_there_is_a_plan_or_a_problem_never_a_crash(key, value):
    plan, problems = plan_of(one_host(sonarr={key: value}))
    assert (plan is None) == (worst(problems) == FAIL)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(st.sampled_from([*one_host()["box"], "monsterr_dns_port", "monsterr_uid"]), anything))
def test_whatever_the_variables_there_is_a_plan_or_a_problem_never_a_crash(variables):
    plan, problems = plan_of(one_host(**variables))
    assert (plan is None) == (worst(problems) == FAIL)
