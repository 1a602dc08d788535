# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What of a host is called unsafe, and what is not."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.monsterr.media.plugins.module_utils._audit import rules, sites
from ansible_collections.monsterr.media.plugins.module_utils._audit.facts import read_lynis

PLANNED = [
    {"address": "127.0.0.1", "port": 8989, "protocol": "tcp", "scope": "loopback"},
    {"address": "10.0.0.2", "port": 8080, "protocol": "tcp", "scope": "private"},
    {"address": "0.0.0.0", "port": 443, "protocol": "tcp", "scope": "public"},
]
CONTAINER = {
    "name": "sonarr", "image": "sonarr:4", "ours": True, "privileged": False, "capabilities": [], "namespaces": [],
    "options": ["no-new-privileges:true"], "mounts": ["/srv/media"], "published": [],
}  # fmt: skip
GOOD: dict[str, Any] = {
    "listening": [
        {"address": "127.0.0.1", "port": 8989, "protocol": "tcp", "process": "docker-proxy"},
        {"address": "10.0.0.2", "port": 8080, "protocol": "tcp", "process": "docker-proxy"},
        {"address": "0.0.0.0", "port": 443, "protocol": "tcp", "process": "nginx"},
        {"address": "0.0.0.0", "port": 22, "protocol": "tcp", "process": "sshd"},
        {"address": "0.0.0.0", "port": 51234, "protocol": "udp", "process": "curl"},
    ],
    "containers": [CONTAINER],
    "ssh": {"port": "22", "passwordauthentication": "no", "permitrootlogin": "prohibit-password"},
    "secrets": [{"path": "/opt/secret.env", "mode": 0o600, "reachable": True}],
    "writable": [],
    "accounts": [{"name": "root", "uid": 0, "empty": False, "shell": "/bin/sh"}],
    "updates": [],
    "reboot": False,
    "lynis": None,
}


def bad(allowed=(), **changed):
    """The findings that are not ok, as (check, status, summary)."""
    found = rules.judge({**GOOD, **changed}, PLANNED, allowed)
    return [(item.check, item.status, item.summary) for item in found if item.status != "ok"]


def listener(address, port, process="python3", protocol="tcp"):
    return {"address": address, "port": port, "protocol": protocol, "process": process}


def test_a_good_host_has_one_good_word_for_each_check():
    found = rules.judge(GOOD, PLANNED, [])
    assert {item.status for item in found} == {"ok"}
    assert len(found) == 8


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "192.0.2.1"])
def test_what_listens_unplanned_is_named_with_its_program(address):
    ((check, status, summary),) = bad(listening=[*GOOD["listening"], listener(address, 9000)])
    assert (check, status) == ("audit.port", "fail")
    assert summary.startswith(f"python3 listens on {address} port 9000/tcp")
    assert not bad(allowed=[9000], listening=[*GOOD["listening"], listener(address, 9000)])


def test_what_listens_wider_than_planned_is_named():
    ((_check, status, summary),) = bad(listening=[listener("0.0.0.0", 8080, "docker-proxy")])
    assert status == "fail" and "planned is 10.0.0.2 only" in summary


def test_a_loopback_port_of_the_plan_that_is_open_to_all_is_unplanned():
    assert bad(listening=[listener("0.0.0.0", 8989)])


def test_the_port_of_ssh_is_known_wherever_it_is():
    assert not bad(listening=[listener("0.0.0.0", 2222, "sshd")], ssh={**GOOD["ssh"], "port": "2222"})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"privileged": True}, "privileged"),
        ({"capabilities": ["CAP_SYS_ADMIN", "CHOWN"]}, "SYS_ADMIN"),
        ({"namespaces": ["PidMode"]}, "namespaces of the host: pid"),
        ({"mounts": ["/var/run/docker.sock"]}, "may talk to Docker Engine"),
        ({"mounts": ["/"]}, "the host's / mounted"),
        ({"published": [{"address": "0.0.0.0", "port": 7000, "protocol": "tcp"}]}, "0.0.0.0 port 7000/tcp, unplanned"),
        ({"options": []}, "may gain new privileges"),
    ],
)
def test_what_leads_out_of_a_container_is_named(change, said):
    ((check, _status, summary),) = bad(containers=[{**CONTAINER, **change}])
    assert check == "audit.container" and said in summary


def test_a_planned_port_that_docker_publishes_on_both_families_is_fine():
    published = [{"address": address, "port": 443, "protocol": "tcp"} for address in ("0.0.0.0", "::")]
    assert not bad(containers=[{**CONTAINER, "published": published}])


@pytest.mark.parametrize(
    ("settings", "status", "said"),
    [
        ({"passwordauthentication": "yes", "permitrootlogin": "yes"}, "fail", "root too"),
        ({"passwordauthentication": "yes", "permitrootlogin": "no"}, "warn", "not root"),
        ({"permitemptypasswords": "yes"}, "fail", "without a password"),
        ({"x11forwarding": "yes"}, "warn", "X11"),
        ({"ciphers": "aes256-gcm@openssh.com,3des-cbc"}, "warn", "3des-cbc"),
    ],
)
def test_how_ssh_lets_in_is_judged(settings, status, said):
    ((check, found, summary),) = bad(ssh={**GOOD["ssh"], **settings})
    assert (check, found) == ("audit.ssh", status) and said in summary


def test_a_file_with_secrets_counts_only_where_others_get_to_it():
    file = {"path": "/opt/x", "mode": 0o644}
    assert bad(secrets=[{**file, "reachable": True}])
    assert not bad(secrets=[{**file, "reachable": False}])


def test_many_files_that_anybody_may_write_are_not_a_page_of_them():
    found = bad(writable=[f"/etc/nginx/{number}" for number in range(50)])
    assert len(found) == 11 and "40 more" in found[-1][2]


def test_accounts_updates_and_a_restart():
    accounts = [{"name": "guest", "uid": 1000, "empty": True}, {"name": "toor", "uid": 0, "empty": False}]
    assert [item[0] for item in bad(accounts=accounts)] == ["audit.account"] * 2
    ((_check, status, summary),) = bad(updates=["openssl", "libssl3"])
    assert status == "warn" and "openssl" in summary
    assert bad(reboot=True)[0][1] == "warn"


def test_what_could_not_be_read_is_no_accusation():
    assert bad(ssh=None, accounts=None, updates=None) == []
    assert bad(containers=None)[0][1] == "warn"


def test_a_report_of_lynis_is_read():
    text = "# Lynis\nhardening_index=59\nwarning[]=PKGS-7392|Found one or more vulnerable packages.|-|-|\n"
    text += "suggestion[]=A|b|-|-|\n"
    report = read_lynis(text)
    assert report == {
        "index": 59,
        "warnings": ["PKGS-7392: Found one or more vulnerable packages."],
        "suggestions": ["A: b"],
    }
    assert [item[1] for item in bad(lynis=report)] == ["warn", "warn"]
    assert bad(lynis={**report, "index": 70, "warnings": []}) == []
    assert read_lynis("nonsense") is None


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"trouble": "certificate has expired"}, "audit.tls"),
        ({"old": ["TLS 1.0"]}, "audit.tls"),
        ({"plain": (200, "")}, "audit.redirect"),
        ({"headers": {}}, "audit.headers"),
        ({"cookies": ["sid=1; HttpOnly"]}, "audit.cookie"),
    ],
)
def test_what_of_a_site_is_not_as_it_should_be(change, check):
    good = {
        "plain": (308, "https://a.example/"),
        "headers": dict.fromkeys(sites.HEADERS, "x"),
        "cookies": ["sid=1; Secure"],
    }
    assert [item.status for item in sites.judge(sites.Seen("a.example", **good))] == ["ok"]
    assert [item.check for item in sites.judge(sites.Seen("a.example", **{**good, **change}))] == [check]
