# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory on top of the user's, and the files of the lab's machines."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml
from ansible_collections.monsterr.media.plugins.module_utils._lab import infra, model, network, overlay

SECRETS = {"dns": "ZG5z", "monsterr": "throw-away"}
LAB = model.lab("rehearse", ["edge", "media"], ["example.org", "example.net"])


def host_vars(host: str, edge: tuple[str, ...] = ("edge",)) -> dict[str, Any]:
    return yaml.safe_load(overlay.files(LAB, edge, SECRETS)[f"host_vars/{host}.yml"])


def test_every_host_of_the_user_becomes_its_twin() -> None:
    hosts = yaml.safe_load(overlay.files(LAB, ["edge"], SECRETS)["hosts.yml"])
    assert hosts == {"all": {"hosts": {"edge": {}, "media": {}}}}
    for host, address in (("edge", "10.213.77.10"), ("media", "10.213.77.11")):
        found = host_vars(host)
        assert (found["ansible_host"], found["monsterr_address"]) == (address, address)
        assert (found["ansible_connection"], found["ansible_user"], found["ansible_become"]) == ("ssh", "root", False)


def test_nothing_of_a_rehearsal_reaches_the_users_own_dns_or_ca() -> None:
    found = host_vars("media")
    assert found["monsterr_dns_server"] == "10.213.77.2"
    assert found["monsterr_dns_resolvers"] == ["10.213.77.2"]
    assert found["monsterr_acme_directory"] == "https://10.213.77.2:14000/dir"
    assert found["monsterr_public_addresses"] == ["10.213.77.10"]
    assert found["monsterr_rehearsal"] == "rehearse"
    assert found["monsterr_secret"] == "throw-away"


def test_ssh_uses_the_labs_keys_and_nothing_of_the_users() -> None:
    found = host_vars("edge")
    assert found["ansible_ssh_private_key_file"] == "/var/lib/monsterr-lab/rehearse/ssh/key"
    for part in ("-F none", "known_hosts", "StrictHostKeyChecking=yes", "IdentityAgent=none", "ControlPersist"):
        assert part in found["ansible_ssh_args"]
    # A path of a socket has to fit in 108 bytes, and %C is 40 of them.
    longest = model.lab("a" * 16, ["edge"])
    path = overlay.variables(longest, "edge", ["edge"], SECRETS)["ansible_control_path"]
    assert len(path.replace("%%C", "c" * 40)) + 20 < 108


def test_zones_come_with_their_name_server_only() -> None:
    files = infra.infra_files(LAB, "a2V5", "192.0.2.53")
    assert "ns1 A 10.213.77.2" in files["var/lib/knot/zones/example.net.zone"]
    knot = files["etc/knot/knot.conf"]
    assert "domain: example.org" in knot and "domain: example.net" in knot
    assert "address: 192.0.2.53@53" in knot


def test_without_a_resolver_to_ask_the_name_server_asks_none() -> None:
    assert "dnsproxy" not in infra.knot(LAB, "a2V5", "")


def test_a_twin_says_that_it_is_one_and_knows_nothing_of_docker_but_a_hook() -> None:
    twin = LAB.twins["media"]
    files = infra.machine_files(LAB, twin, "ssh-ed25519 AAAA", "key", "0" * 32, 1400)
    assert json.loads(files["etc/monsterr-lab"]) == {"lab": "rehearse", "host": "media"}
    assert "Address=10.213.77.11/24" in files["etc/systemd/network/10-host0.network"]
    assert "MTUBytes=1400" in files["etc/systemd/network/10-host0.network"]
    hooks = infra.twin_files()
    assert "ExecStartPost=" in hooks["etc/systemd/system/docker.service.d/10-lab-images.conf"]
    compile(hooks["lab/load_images.py"], "load_images.py", "exec")


def test_only_the_labs_own_addresses_are_translated() -> None:
    rules = network.rules(LAB)
    assert f'ip saddr 10.213.77.0/24 oifname != "{LAB.bridge}" masquerade' in rules
    assert rules.count("delete table") == 1


@pytest.mark.parametrize(
    ("address", "usable"), [("192.0.2.53", True), ("127.0.0.53", False), ("::1", False), ("localhost", False)]
)
def test_a_resolver_on_loopback_is_of_no_use_to_a_twin(address: str, usable: bool) -> None:
    assert network.usable(address) is usable
