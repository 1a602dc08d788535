# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whatever the plan: SSH stays open, and nothing of loopback is let in."""

from __future__ import annotations

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._firewall.rules import lets_ssh_in, render
from hypothesis import given
from hypothesis import strategies as st

from .._plan.samples import one_host, plan_of, two_hosts

PORT = st.integers(1, 65535)
OPENING = st.fixed_dictionaries({"port": PORT}, optional={"protocol": st.sampled_from(["tcp", "udp"])})


@given(st.lists(OPENING, max_size=4), PORT, PORT)
def test_any_plan_keeps_the_ports_of_ssh_open(openings, configured, live):
    plan, problems = plan_of(one_host(ansible_port=configured, monsterr_firewall={"open": openings}))
    assert plan, problems
    rules = plan["hosts"]["box"]["firewall"]
    ports = ", ".join(map(str, sorted({configured, live})))
    assert f"        tcp dport {{ {ports} }} accept" in render(rules, live).splitlines()
    assert lets_ssh_in(rules, "203.0.113.9") and lets_ssh_in(rules, "2001:db8::9")


def test_a_service_is_let_in_from_the_hosts_that_need_it_only():
    plan, problems = plan_of(two_hosts(), edges=("edge",))
    assert plan, problems
    media = plan["hosts"]["media"]["firewall"]["openings"]
    assert {"port": 8080, "protocol": "tcp", "address": "10.0.0.2", "sources": ["10.0.0.1"]} in media
    assert 443 not in [opening["port"] for opening in media]
    assert "8080" not in render(plan["hosts"]["edge"]["firewall"])


@pytest.mark.parametrize("client, good", [("10.1.2.3", True), ("::ffff:10.1.2.3", True), ("192.0.2.1", False)])
def test_a_client_outside_of_the_networks_of_ssh_is_noticed(client, good):
    assert lets_ssh_in({"ssh_sources": ["10.0.0.0/8"]}, client) is good


def test_a_misspelt_key_is_refused_and_named():
    plan, problems = plan_of(one_host(monsterr_firewall={"ssh_source": []}))
    assert plan is None
    assert "ssh_sources" in problems[0].hint


def test_a_host_that_cannot_be_told_from_a_stranger_is_named():
    hosts = two_hosts()
    hosts["edge"]["ansible_host"] = "edge.example.org"
    for host in hosts.values():
        host["monsterr_public_addresses"] = ["192.0.2.1"]
    plan, findings = plan_of(hosts, edges=("edge",))
    assert plan, findings
    assert "host edge: monsterr_address" in [finding.target for finding in findings]
