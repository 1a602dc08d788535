# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Is this host fit for the plan? Verdicts on facts. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .._core.finding import Finding, fail, ok, warn

REFERENCE = ("debian", "13")
SHOULD_WORK = (("debian", "12"), ("ubuntu", "24.04"))
# Who may hold a port that the plan wants: the programs that our own roles start there.
OURS = ("nginx", "docker-proxy", "dockerd")
ARCHITECTURES = ("x86_64", "aarch64")

Facts = Mapping[str, Any]


def check(facts: Facts, wanted: Mapping[str, Any]) -> list[Finding]:
    """Every verdict.

    wanted  ``host`` (its name), ``ports``, ``address``, ``rehearsal``, ``memory_mb``, ``disk_mb``
    """
    host = wanted["host"]
    findings = [
        *_twin(facts, wanted["rehearsal"], host),
        *_system(facts, host),
        *_room(facts, wanted, host),
        *_ports(facts, wanted["ports"], host),
        *_address(facts, wanted["address"], host),
    ]
    return findings or [ok("preflight.host", host, f"{host} is fit for the plan.")]


def _twin(facts: Facts, rehearsal: str, host: str) -> Iterator[Finding]:
    if rehearsal and facts["lab"].get("lab") != rehearsal:
        summary = f"This is a rehearsal ({rehearsal}), and {host} is not a twin of it. It was not touched."
        yield fail("preflight.twin", host, summary, "Run the rehearsal with: make rehearse")


def _system(facts: Facts, host: str) -> Iterator[Finding]:
    system = (facts["os"]["id"], facts["os"]["version"])
    name = facts["os"]["name"]
    if system in SHOULD_WORK:
        yield warn(
            "preflight.system", host, f"{name} should work, but Debian 13 is what we test on.", "Expect surprises."
        )
    elif system != REFERENCE:
        hint = "Use Debian 13. Debian 12 and Ubuntu 24.04 should work too."
        yield fail("preflight.system", host, f"{name} is not supported.", hint)
    if facts["arch"] not in ARCHITECTURES:
        hint = f"Use one of: {', '.join(ARCHITECTURES)}."
        yield fail("preflight.system", host, f"There are no images for {facts['arch']}.", hint)
    if facts["uid"] != 0:
        yield fail("preflight.root", host, "We are not root there.", "Set ansible_become: true, or ansible_user: root.")
    if not facts["apt"]:
        hint = "Install it there: apt-get install python3-apt"
        yield fail("preflight.system", host, "Python's bindings to apt are not installed.", hint)


def _room(facts: Facts, wanted: Mapping[str, Any], host: str) -> Iterator[Finding]:
    if facts["memory_mb"] < wanted["memory_mb"]:
        summary = f"It has {facts['memory_mb']} MB of memory; {wanted['memory_mb']} are advised."
        yield warn("preflight.memory", host, summary, "Place fewer services there.")
    for path, disk in facts["disk"].items():
        if disk["free_mb"] < wanted["disk_mb"]:
            summary = f"{path} has {disk['free_mb']} MB left; {wanted['disk_mb']} are needed."
            yield fail("preflight.disk", f"{host}: {path}", summary, "Free some space, or mount a larger disk there.")


def _ports(facts: Facts, ports: Sequence[Mapping[str, Any]], host: str) -> Iterator[Finding]:
    for port in ports:
        for held in facts["listening"]:
            same = (held["port"], held["protocol"]) == (port["port"], port["protocol"])
            if not same or held["process"] in OURS or not _meet(held["address"], port["address"]):
                continue
            who = held["process"] or "a program that we cannot see"
            number = f"{port['port']}/{port['protocol']}"
            summary = f"{port['service']} needs port {number}, which {who} holds ({held['address']})."
            hint = f"Stop it, or give {port['service']} another port (publish)."
            yield fail("preflight.port", f"{host}: {number}", summary, hint, **held)
            break


def _meet(one: str, other: str) -> bool:
    return one == other or {one, other} & {"0.0.0.0", "::"} != set()


def _address(facts: Facts, address: str, host: str) -> Iterator[Finding]:
    if address and address not in facts["addresses"]:
        summary = f"{address} is not an address of {host}."
        hint = f"Set monsterr_address to one of: {', '.join(facts['addresses']) or 'none was found'}."
        yield fail("preflight.address", host, summary, hint)
