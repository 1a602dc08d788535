# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A real lab: it boots, its hosts are hosts, its services serve, and nothing of it stays behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.query
import dns.tsig
import dns.update
import pytest
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.http import Client
from ansible_collections.monsterr.media.plugins.module_utils._lab import command, machine, model

from ..conftest import RunningLab, call_lab, need_lab

pytestmark = [pytest.mark.integration, pytest.mark.lab]

OTHER = {"name": "other", "network": "10.213.99.0/24"}


def mine(name: str) -> list[str]:
    """Everything of the lab `name` that this computer shows."""
    lab = model.lab(name)
    links = subprocess.run(["ip", "-brief", "link"], capture_output=True, text=True, check=True).stdout
    tables = command.run("list", "nft", "list", "tables")
    mounts = Path("/proc/self/mountinfo").read_text()
    groups = [str(path) for path in Path("/sys/fs/cgroup").glob(f"**/monsterr-lab/{name}-*")]
    found = [line for line in links.splitlines() if lab.bridge in line or f"vb-{name}-" in line]
    found += [line for line in tables.splitlines() if line.endswith(lab.table)]
    found += [line for line in mounts.splitlines() if str(lab.folder) in line]
    found += [str(path) for path in machine.leftovers(lab.folder)] + groups
    return found + [str(path) for path in [lab.folder] if path.exists()]


@pytest.fixture
def other() -> Iterator[dict[str, str]]:
    """A second lab's name and network; nothing of it is left after the test."""
    need_lab()
    yield OTHER
    call_lab(state="absent", **OTHER)
    assert not mine(OTHER["name"])


def test_twins_are_bare_hosts_that_can_be_logged_in_to(lab: RunningLab) -> None:
    for host in ("edge", "media"):
        assert lab.ssh(host, "hostname").strip() == host
        assert lab.ssh(host, "systemctl is-system-running --wait").strip() == "running"
        assert json.loads(lab.ssh(host, "cat /etc/monsterr-lab"))["host"] == host
        assert lab.ssh(host, "grep VERSION_CODENAME /etc/os-release").strip() == "VERSION_CODENAME=trixie"


def test_twins_resolve_the_lab_and_the_world_and_reach_their_mirror(lab: RunningLab) -> None:
    assert lab.ssh("media", "getent ahostsv4 ns1.monsterr.test").split()[0] == lab.dns["address"]
    lab.ssh("media", "apt-get -qq update")


def test_the_name_server_takes_signed_updates_only(lab: RunningLab) -> None:
    secret = Path(lab.dns["key_file"]).read_text().strip()
    update = dns.update.Update("monsterr.test")
    update.replace("tried", 60, "A", lab.address("media"))
    refused = dns.query.tcp(update, lab.dns["address"], timeout=5)
    assert refused.rcode() != dns.rcode.NOERROR
    update.use_tsig(dns.tsig.Key(lab.dns["key_name"], secret, lab.dns["key_algorithm"]))
    dns.query.tcp(update, lab.dns["address"], timeout=5)
    question = dns.message.make_query("tried.monsterr.test", "A")
    answer = dns.query.udp(question, lab.dns["address"], timeout=5)
    assert [item.address for rrset in answer.answer for item in rrset] == [lab.address("media")]


def test_the_ca_is_trusted_by_the_root_we_were_given(lab: RunningLab) -> None:
    directory, ca_file = lab.acme["directory"], lab.acme["ca_file"]
    with Client(directory, ca_file=ca_file) as client:
        answer = client.request("GET", directory, attempted="read the directory", deadline=Deadline(10))
    assert answer.json()["newOrder"].startswith(f"https://{lab.dns['address']}")
    assert "BEGIN CERTIFICATE" in Path(lab.acme["root_file"]).read_text()


def test_secrets_of_the_lab_are_for_root_only(lab: RunningLab) -> None:
    secret = Path(lab.dns["key_file"]).read_text().strip()
    assert secret not in json.dumps(lab.result)
    files = [*Path(lab.inventory).rglob("*.yml"), Path(lab.dns["key_file"]), Path(lab.result["ssh"]["key"])]
    assert {oct(path.stat().st_mode & 0o777) for path in files} == {"0o600"}


def test_the_overlay_makes_a_users_inventory_lead_to_the_twins(lab: RunningLab, tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text(
        "monsterr: {hosts: {edge: {ansible_host: 192.0.2.1, ansible_user: admin}, media: {ansible_host: 192.0.2.2}},"
        " vars: {ansible_become: true, ansible_password: hunter2, ansible_port: 2222}}\n"
    )
    program = Path(sys.executable).with_name("ansible")
    words = [program, "monsterr", "-i", tmp_path, "-i", lab.inventory, "-m", "command", "-a", "hostname -I"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert lab.address("edge") in done.stdout and lab.address("media") in done.stdout


def test_a_lab_that_is_up_is_left_as_it_is(lab: RunningLab) -> None:
    started = lab.ssh("media", "uptime -s")
    again = call_lab(**{**lab.parameters, "fresh": False})
    assert again["changed"] is False
    assert again["twins"] == lab.result["twins"]
    assert lab.ssh("media", "uptime -s") == started
    assert call_lab(check_mode=True, **lab.parameters)["todo"] == ["begin with 3 new machines"]


def test_one_twin_can_lose_its_power_and_come_back_with_its_files(lab: RunningLab) -> None:
    lab.ssh("media", "echo kept > /root/kept; sync")
    assert lab.change("stopped", "media")["hosts"] == ["media"]
    assert lab.change("stopped", "media")["changed"] is False
    assert lab.run("media", "true", 30).returncode == 255
    lab.ssh("edge", "true")
    assert lab.change("started", "media")["hosts"] == ["media"]
    assert lab.ssh("media", "cat /root/kept").strip() == "kept"


def test_an_unknown_host_is_named(lab: RunningLab) -> None:
    said = lab.change("stopped", "medja")
    assert said["failed"] and "medja" in said["msg"] and "media" in said["msg"]


def test_two_labs_live_beside_each_other_and_one_goes_without_a_trace(lab: RunningLab, other: dict[str, str]) -> None:
    result = call_lab(hosts=["only"], disk_limits={"only": {"/var/lib/small": "1M"}}, **other)
    twin = RunningLab(result)
    assert "No space left" in twin.run("only", "head -c 2M /dev/zero > /var/lib/small/file").stderr
    assert lab.run("media", f"timeout 5 bash -c '</dev/tcp/{twin.address('only')}/22'").returncode == 0
    assert len(mine("other")) > 3
    assert call_lab(state="absent", **other)["changed"] is True
    assert not mine("other")
    assert call_lab(state="absent", **other)["changed"] is False
    lab.ssh("media", "getent hosts ns1.monsterr.test && apt-get -qq update")  # the first one still forwards


def test_what_a_killed_run_leaves_is_cleaned_up(other: dict[str, str]) -> None:
    result = call_lab(hosts=["only"], **other)
    (Path(result["inventory"]).parent / "lab.json").unlink()
    os.kill(result["twins"]["only"]["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert mine("other")
    assert call_lab(state="absent", **other)["changed"] is True
    assert not mine("other")


def test_a_network_that_is_taken_is_refused_before_anything_is_made(other: dict[str, str]) -> None:
    routes = json.loads(command.run("read", "ip", "-json", "-4", "route", "show"))
    taken = next(route["dst"] for route in routes if "/" in route["dst"])
    said = call_lab(hosts=["only"], name=other["name"], network=str(taken))
    assert said["failed"] and str(taken) in said["msg"]


def test_the_engine_has_the_images_as_soon_as_it_runs(lab: RunningLab) -> None:
    packages = "docker.io docker-cli docker-compose"
    install = f"DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends -y {packages}"
    lab.ssh("media", install, 300)
    tags = lab.ssh("media", "docker images --format '{{.Repository}}:{{.Tag}}'").split()
    assert sorted(tags) == lab.result["images"]["loaded"]
    assert lab.ssh("media", "docker info --format '{{.Driver}}'").strip() == "overlay2"


RUN = "docker run -d --name {name} -e PUID=13000 -e PGID=13000 -v /srv/{name}:/config -p {port}:{port} {image}"
INSPECT = "docker inspect --format '{{{{.State.Status}}}} {{{{.State.ExitCode}}}}' {name}"
ASK = "curl -s -o /dev/null --retry 30 --retry-connrefused --retry-delay 1 -w '%{{http_code}}' localhost:{port}{path}"


@pytest.mark.parametrize(
    ("service", "port", "path", "status"),
    [("qbittorrent", 8080, "/api/v2/app/version", "403"), ("nzbget", 6789, "/jsonrpc/version", "401")],
)
def test_real_programs_run_as_the_user_asked_for_and_stop_when_told(
    lab: RunningLab, service: str, port: int, path: str, status: str
) -> None:
    image = next(tag for tag in lab.result["images"]["loaded"] if f"/{service}:" in tag and ":lab-" not in tag)
    lab.ssh("media", RUN.format(name=service, port=port, image=image))
    assert lab.ssh("media", ASK.format(port=port, path=path)) == status
    assert lab.ssh("media", f"stat -c %u:%g /srv/{service}/*").split()[0] == "13000:13000"
    lab.ssh("media", f"docker stop --time 20 {service}")
    assert lab.ssh("media", INSPECT.format(name=service)).strip() == "exited 0"


def test_the_tags_that_misbehave_do_so_and_change_the_data(lab: RunningLab) -> None:
    for tag, state in (("lab-broken", "running 0"), ("lab-crash", "exited 1")):
        image = f"lscr.io/linuxserver/sonarr:{tag}"
        lab.ssh("media", RUN.format(name=tag, port=8989, image=image))
        time.sleep(1)
        assert lab.ssh("media", INSPECT.format(name=tag)).strip() == state
        assert lab.ssh("media", f"cat /srv/{tag}/migrated-by-another-version").strip() == tag
        lab.ssh("media", f"docker rm -f {tag}")
