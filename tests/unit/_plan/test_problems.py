# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Bad input: every problem at once, each with its place and what to do."""

from __future__ import annotations

import pytest

from .samples import MASTER, definitions, one_host, plan_of, two_hosts

KEY = {"monsterr_dns_key_name": "key", "monsterr_dns_key_secret": "c2VjcmV0"}


def told(hosts, raw=None, edges=()):
    """What the user is told: (place, summary, hint) of each problem."""
    plan, problems = plan_of(hosts, raw, edges)
    assert plan is None
    return [(item.target, item.summary, item.hint) for item in problems]


def changed(name, **keys):
    raw = definitions()
    raw[name].update(keys)
    return raw


@pytest.mark.parametrize(
    ("hosts", "raw", "place", "word"),
    [
        (one_host(monsterr_domian="x.org"), None, "host box: monsterr_domian", "Did you mean monsterr_domain?"),
        (one_host(sonarr={"web": {"subdomian": "tv"}}), None, "host box: sonarr.web.subdomian", "mean subdomain?"),
        (one_host(sonar={"image": "a/b:1"}), None, "host box: sonar", "Did you mean sonarr?"),
        (one_host(sonarr={"port": "many"}), None, "host box: sonarr.port", "whole number"),
        (one_host(sonarr={"port": True}), None, "host box: sonarr.port", "whole number"),
        (one_host(sonarr={"image": "untagged"}), None, "host box: sonarr.image", "with its tag"),
        (one_host(sonarr={"port": 70000}), None, "host box: sonarr.port", "65535"),
        (one_host(sonarr=None), None, None, None),
        (one_host(monsterr_services=["sonar"]), None, "host box: monsterr_services", "Did you mean sonarr?"),
        (one_host(monsterr_services="sonarr"), None, "host box: monsterr_services", "a list"),
        (one_host(nzbget={"publish": 1}), None, "host box: nzbget", "placed on no host"),
        (one_host(sonarr={"publish": 8080}), None, "host box: sonarr.publish", "sonarr and qbittorrent"),
        (one_host(sonarr={"publish": 443}), None, "host box: sonarr.publish", "the proxy"),
        (one_host(sonarr={"web": {"subdomain": "qbittorrent"}}), None, "host box: sonarr.web", "both want"),
        (one_host(sonarr={"web": {"domain": "example.com"}}), None, "host box: sonarr.web", "outside your domains"),
        (one_host(sonarr={"web": {"access": "none"}}), None, "host box: sonarr.web.access", "two_factor"),
        (
            one_host(sonarr={"settings": {"a": ["<secret:sonarr.kye>"]}}),
            None,
            "host box: sonarr",
            "kye is not a secret",
        ),
        (one_host(sonarr={"settings": {"a": "<secret:nzbget.password>"}}), None, "host box: sonarr", "another service"),
        (one_host(monsterr_purge=["sonarr"]), None, "host box: monsterr_purge", "is placed here"),
        (one_host(monsterr_purge=["../etc"]), None, "host box: monsterr_purge", "cannot be the name"),
        (
            one_host(sonarr={"connects": {"download_clients": ["deluge"]}}),
            None,
            "host box: sonarr.connects.download_clients",
            "no service deluge",
        ),
        (
            one_host(sonarr={"connects": {"download_clients": ["nzbget"]}}),
            None,
            "host box: sonarr.connects.download_clients",
            "on no host",
        ),
        (one_host(monsterr_secret=None), None, "host box: monsterr_secret", "a string"),
        (one_host(monsterr_secret="short"), None, "host box: monsterr_secret", "32 characters"),
        (one_host(monsterr_domain="localhost"), None, "host box: monsterr_domain", "has a dot"),
        (one_host(ansible_host="box", monsterr_public_addresses=["box"]), None, None, "IP address"),
        (one_host(ansible_host="localhost"), None, "monsterr_public_addresses", "where your names point to"),
        (one_host(monsterr_dns_provider="rfc2136", **KEY), None, "monsterr_dns_server", "needs it"),
        (one_host(monsterr_acme_challenge="dns-01"), None, "monsterr_acme_challenge", "DNS provider"),
        (one_host(monsterr_secret_generations={"sonarr.api_kee": 2}), None, None, "Did you mean sonarr.api_key?"),
        (one_host(), changed("sonarr", prot=1), "roles/sonarr/meta/service.yml: prot", "Did you mean port?"),
        (one_host(), changed("sonarr", depends=["nzbget"]), "roles/sonarr/meta/service.yml: depends", "on no host"),
        (
            one_host(),
            changed("sonarr", environment={"K": "{{ secret('api') }}"}),
            "roles/sonarr/meta/service.yml",
            "api is not a secret",
        ),
        (
            one_host(),
            changed("sonarr", environment={"K": "{{ domain }}"}),
            "roles/sonarr/meta/service.yml",
            "not a placeholder",
        ),
        (one_host(), changed("sonarr", secrets={"api_key": "hex", "token": "given"}), None, "monsterr_secrets"),
        (one_host(), changed("sonarr", seeds={"../etc/passwd": "x"}), None, "a path inside"),
        (one_host(), changed("sonarr", seeds={"media/x": "x"}), None, "not a private volume"),
        (one_host(), {**definitions(), "Bad-Name": {}}, "roles/Bad-Name/meta/service.yml", "cannot be the name"),
        ({}, None, "inventory", "no host in the group monsterr"),
        (two_hosts(), None, "group monsterr_edge", "No host is in it"),
    ],
)
def test_each_problem_names_its_place_and_the_way_out(hosts, raw, place, word):
    if place is None and word is None:
        assert plan_of(hosts, raw)[0] is not None
        return
    problems = told(hosts, raw)
    assert len(problems) == 1, problems
    if place:
        assert problems[0][0] == place
    assert word in " ".join(problems[0])


def test_all_problems_come_at_once():
    raw = changed("sonarr", prot=1)
    hosts = one_host(monsterr_secret="short", monsterr_domian="x.org", qbittorrent={"port": "x", "imgae": "y"})
    places = [place for place, _summary, _hint in told(hosts, raw)]
    assert sorted(places) == [
        "host box: monsterr_domian",
        "host box: monsterr_secret",
        "host box: qbittorrent.imgae",
        "host box: qbittorrent.port",
        "roles/sonarr/meta/service.yml: prot",
    ]


def test_a_secret_is_not_in_the_message():
    assert "hunter2" not in str(told(one_host(monsterr_secret="hunter2")))


def test_a_service_of_which_there_may_be_one_is_refused_on_two_hosts():
    hosts = two_hosts()
    hosts["media"]["monsterr_services"] = ["sonarr", "qbittorrent"]
    problems = told(hosts, edges=("edge",))
    assert problems[0][:2] == ("sonarr", "It is on several hosts (edge, media), but may be on one.")


def test_a_circle_is_shown_whole():
    raw = definitions()
    raw["sonarr"]["depends"] = ["qbittorrent"]
    raw["qbittorrent"]["depends"] = ["sonarr"]
    [(_place, summary, _hint)] = told(one_host(), raw)
    assert summary == "They wait for each other: qbittorrent -> sonarr -> qbittorrent."


def test_a_host_that_others_must_reach_needs_an_address():
    hosts = two_hosts()
    hosts["media"]["ansible_host"] = "media.example.org"
    assert told(hosts, edges=("edge",))[0][0] == "host media: monsterr_address"


def test_variables_of_the_whole_stack_have_to_agree():
    hosts = two_hosts()
    hosts["media"]["monsterr_domain"] = "example.net"
    assert told(hosts, edges=("edge",))[0][:2] == ("host media: monsterr_domain", "It differs from that of host edge.")


def test_a_mistake_in_a_group_variable_is_told_once():
    hosts = {f"host{n}": {**one_host()["box"], "monsterr_services": [], "monsterr_uid": 0} for n in range(5)}
    [(place, _summary, _hint)] = told(hosts, edges=("host0",))
    assert place == "hosts host0, host1, host2 and 2 more: monsterr_uid"


def test_the_master_secret_is_asked_for():
    hosts = one_host()
    del hosts["box"]["monsterr_secret"]
    assert told(hosts)[0][:2] == ("host box: monsterr_secret", "monsterr_secret is missing.")
    assert MASTER not in str(told(hosts))


ANNA = {"anna": {"email": "anna@example.org", "password": "long enough", "groups": ["family"]}}


@pytest.mark.parametrize(
    ("variables", "place", "word"),
    [
        ({"monsterr_users": {"anna": {"email": "a@example.org"}}}, "all hosts: monsterr_users.anna", "no password"),
        ({"monsterr_users": {"anna": {"password": "long enough"}}}, "host box: monsterr_users.anna.email", "missing"),
        ({"monsterr_users": {"Anna": ANNA["anna"]}}, "host box: monsterr_users", "a-z"),
        (
            {"monsterr_users": ANNA, "monsterr_login_rules": [{"service": "sonarr", "groups": ["famly"]}]},
            "all hosts: monsterr_login_rules[0].groups",
            "Did you mean family?",
        ),
        (
            {"monsterr_users": ANNA, "monsterr_login_rules": [{"service": "sonarr", "users": ["ben"]}]},
            "all hosts: monsterr_login_rules[0].users",
            "no ben",
        ),
        (
            {"monsterr_users": ANNA, "monsterr_login_rules": [{"service": "sonarr"}]},
            "all hosts: monsterr_login_rules[0]",
            "nobody",
        ),
    ],
)
def test_users_and_rules_of_the_login(variables, place, word):
    said = told(one_host(**variables))
    assert any(target == place and word in f"{summary} {hint}" for target, summary, hint in said), said
    assert "long enough" not in str(said)
