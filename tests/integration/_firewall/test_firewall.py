# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Real nftables in network namespaces: what is let in, and what becomes of rules that nobody confirms."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import uuid

import pytest

from ...conftest import REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.skipif(os.geteuid() != 0, reason="only root may make namespaces")]
SERVE = (
    "import socket as s,sys;l=s.create_server(('',int(sys.argv[1])),family=s.AF_INET6,dualstack_ipv6=True)\n"
    "print(flush=True)\nwhile 1:l.accept()[0].close()"
)
DOCKER = """table ip docker {
    chain pre {
        type nat hook prerouting priority dstnat;
        tcp dport { 8080, 8081 } dnat to 172.30.0.2:80
    }
}
"""
CALL = (
    "import json,sys;from ansible.module_utils.testing import patch_module_args as p;"
    "from ansible_collections.monsterr.media.plugins.modules import firewall as f\n"
    "with p(json.loads(sys.argv[1])):f.main()"
)


class World:
    """A host and a stranger, each in a namespace, with a cable between them; behind the host, a container."""

    def __init__(self, folder):
        self.folder, tag = folder, uuid.uuid4().hex[:6]
        self.host, self.stranger, self.container = f"h{tag}", f"s{tag}", f"c{tag}"
        self.processes = []
        for name in (self.host, self.stranger, self.container):
            subprocess.run(["ip", "netns", "add", name], check=True)
            self.inside(name, "ip", "link", "set", "lo", "up")
        self.cable("eth0", self.host, "192.0.2.1/24", self.stranger, "192.0.2.2/24")
        self.cable("br-test", self.host, "172.30.0.1/24", self.container, "172.30.0.2/24")
        self.inside(self.container, "ip", "route", "add", "default", "via", "172.30.0.1")
        self.inside(self.host, "sysctl", "-qw", "net.ipv4.ip_forward=1")

    def cable(self, name, one, address, other, peer):
        self.inside(one, "ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", other)
        for where, link, own in ((one, name, address), (other, "eth0", peer)):
            self.inside(where, "ip", "address", "add", own, "dev", link)
            self.inside(where, "ip", "link", "set", link, "up")

    def inside(self, where, *words, check=True, **more):
        command = ["ip", "netns", "exec", where, *words]
        return subprocess.run(command, check=check, capture_output=True, text=True, **more)

    def serve(self, where, port):
        command = ["ip", "netns", "exec", where, sys.executable, "-c", SERVE, str(port)]
        self.processes.append(subprocess.Popen(command, stdout=subprocess.PIPE))
        self.processes[-1].stdout.readline()

    def reaches(self, port, address="192.0.2.1"):
        script = f"import socket;socket.create_connection(('{address}',{port}),1)"
        return self.inside(self.stranger, sys.executable, "-c", script, check=False).returncode == 0

    def firewall(self, state="applied", client="", check=False, **rules):
        paths = {"path": str(self.folder / "firewall.nft"), "state_dir": str(self.folder / "state")}
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "build/collections")}
        environment |= {"SSH_CONNECTION": f"{client} 5000 192.0.2.1 2222"} if client else {}
        arguments = json.dumps({"rules": rules, "state": state, **paths, "_ansible_check_mode": check})
        done = self.inside(self.host, sys.executable, "-c", CALL, arguments, check=False, env=environment)
        return json.loads(done.stdout)

    def rules(self):
        return self.inside(self.host, "nft", "list", "ruleset").stdout

    def end(self):
        for process in self.processes:
            process.kill()
            process.wait()
        guard = self.folder / "state/guard"
        if guard.exists() and guard.read_text().isdigit():
            os.killpg(int(guard.read_text()), signal.SIGKILL)
        for name in (self.host, self.stranger, self.container):
            subprocess.run(["ip", "netns", "delete", name], check=False)


@pytest.fixture
def world(tmp_path):
    found = World(tmp_path)
    yield found
    found.end()


def within(seconds, question):
    end = time.monotonic() + seconds
    while not (answer := question()) and time.monotonic() < end:
        time.sleep(0.1)
    return answer


def test_what_is_open_is_reached_and_the_rest_is_not(world):
    for port in (22, 8443, 9000):
        world.serve(world.host, port)
    assert world.reaches(9000)
    assert world.firewall(openings=[{"port": 8443}])["armed"]
    assert world.firewall("confirmed")["findings"][0]["status"] == "ok"
    assert [world.reaches(port) for port in (22, 8443, 9000)] == [True, True, False]
    again = world.firewall(openings=[{"port": 8443}])
    assert (again["changed"], again["armed"]) == (False, False)


def test_a_published_port_is_held_to_the_rules_and_others_rules_stay(world):
    world.serve(world.container, 80)
    world.inside(world.host, "nft", "-f", "-", input=DOCKER)
    assert world.reaches(8080) and world.reaches(8081)
    world.firewall(openings=[{"port": 8081, "sources": ["192.0.2.2"], "address": "192.0.2.1"}])
    assert (world.reaches(8080), world.reaches(8081)) == (False, True)
    assert "dnat to 172.30.0.2:80" in world.rules()


def test_rules_that_nobody_confirms_are_undone(world):
    world.serve(world.host, 9000)
    world.firewall(openings=[{"port": 9000}])
    world.firewall("confirmed")
    assert world.firewall(confirm_seconds=2)["armed"]
    assert not world.reaches(9000)
    assert within(20, lambda: world.reaches(9000))
    late = world.firewall("confirmed")
    assert late["failed"] and "former rules" in late["msg"]


def test_the_first_rules_leave_nothing_behind_when_they_are_undone(world):
    world.firewall(confirm_seconds=1)
    assert "monsterr" in world.rules()
    assert within(20, lambda: "monsterr" not in world.rules())


def test_rules_that_shut_out_the_run_itself_are_refused(world):
    result = world.firewall(client="203.0.113.5", ssh_sources=["10.0.0.0/8"])
    assert result["failed"] and "ssh_sources" in result["msg"]
    assert "monsterr" not in world.rules()


def test_the_port_of_the_run_stays_open(world):
    world.serve(world.host, 2222)
    world.firewall(client="192.0.2.2")
    assert world.reaches(2222)


def test_without_a_firewall_its_table_goes(world):
    world.firewall()
    world.firewall("confirmed")
    world.firewall(enabled=False)
    world.firewall("confirmed")
    assert "monsterr" not in world.rules()
    assert not world.firewall(enabled=False)["changed"]


def test_a_run_that_is_killed_in_the_middle_is_undone_and_the_next_one_is_well(world):
    """Killed after the rules were loaded: nobody is left who could confirm them."""
    world.serve(world.host, 9000)
    world.firewall(confirm_seconds=60)
    pid = int((world.folder / "state/guard").read_text())
    os.killpg(pid, signal.SIGKILL)  # as if the host had lost its power: neither the run nor its guard is left
    assert not (world.folder / "firewall.nft").exists()
    assert world.firewall(openings=[{"port": 9000}])["armed"]
    world.firewall("confirmed")
    assert world.reaches(9000)


def test_check_mode_only_says_what_it_would_do(world):
    before = world.rules()
    result = world.firewall(check=True)
    assert (result["changed"], result["armed"]) == (True, False)
    assert world.rules() == before and not (world.folder / "state").exists()


def test_the_same_holds_for_ipv6(world):
    for where, link, address in ((world.host, "eth0", "2001:db8::1/64"), (world.stranger, "eth0", "2001:db8::2/64")):
        world.inside(where, "ip", "address", "add", address, "dev", link, "nodad")
    for port in (8443, 9000):
        world.serve(world.host, port)
    assert world.reaches(9000, "2001:db8::1")
    sources = ["10.0.0.0/8", "2001:db8::/64"]
    world.firewall(openings=[{"port": 8443, "sources": sources}], ssh_sources=sources)
    assert [world.reaches(port, "2001:db8::1") for port in (8443, 9000)] == [True, False]
