# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Definitions and inventory in, the whole desired state out. Pure: no I/O, no clock, no secret values."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from .._core.finding import Finding, warn
from .check import Checker
from .compose import Composer
from .model import Inventory, Source


def build(sources: Mapping[str, Source], inventory: Inventory) -> tuple[dict[str, Any] | None, list[Finding]]:
    """The plan and what a user should know of it, or None and every problem that stands in its way."""
    checker = Checker(sources, inventory)
    checker.check()
    if checker.reader.problems:
        return None, _grouped(checker.reader.problems)
    plan = Composer(checker).plan()
    shared = checker.stack is not None and checker.stack.monsterr_shared_library
    return plan, _access(plan) + _strangers(plan) + ([] if shared else _library(plan))


def _library(plan: dict[str, Any]) -> list[Finding]:
    """Files that one host downloads, and another has to find in its library."""
    placed = {service["name"]: name for name, host in plan["hosts"].items() for service in host["services"]}
    return [
        warn(
            "plan.library",
            record["service"],
            f"It runs on {name}, and {peer['service']}, which downloads for it, on {placed[peer['service']]}.",
            "Mount the same storage at monsterr_media_path on both, and set monsterr_shared_library.",
        )
        for name, host in plan["hosts"].items()
        for record in host["wiring"]
        for peer in record["connections"]
        if peer["kind"] == "download_client" and placed[peer["service"]] != name
    ]


def _strangers(plan: dict[str, Any]) -> list[Finding]:
    """Hosts that another's firewall has to let in, and cannot tell from a stranger."""
    needed = {
        peer: (name, port["service"])
        for name, host in plan["hosts"].items()
        for port in host["ports"]
        for peer in port["from"]
        if host["firewall"]["enabled"] and not plan["hosts"][peer]["address"]
    }
    return [
        warn(
            "plan.firewall",
            f"host {peer}: monsterr_address",
            f"It has to reach {service} on {name}, whose firewall does not know by which address it comes.",
            "Set it to the address by which the other hosts see this one.",
        )
        for peer, (name, service) in sorted(needed.items())
    ]


def _access(plan: dict[str, Any]) -> list[Finding]:
    """Services that ask for a login where nobody can log in."""
    if plan["login"]:
        return []
    sites = [site for host in plan["hosts"].values() for site in host["sites"]]
    waiting = sorted(site["service"] for site in sites if site["access"] in ("one_factor", "two_factor"))
    if not waiting:
        return []
    return [
        warn(
            "plan.access",
            ", ".join(waiting),
            "There are no monsterr_users, so no login stands in front of these: each has a login of its own only.",
            "Add monsterr_users, or set web.access to lan for what need not be reached from outside.",
        )
    ]


def _grouped(problems: list[Finding]) -> list[Finding]:
    """One finding for a problem that several hosts share: they mostly come from one group variable."""
    hosts: dict[tuple[str, ...], list[str]] = defaultdict(list)
    first: dict[tuple[str, ...], Finding] = {}
    for problem in problems:
        match = re.fullmatch(r"host ([^:]+)(: .*)", problem.target)
        host, rest = match.groups() if match else ("", problem.target)
        key = (problem.check, rest, problem.summary)
        if host not in hosts[key]:
            hosts[key].append(host)
        first.setdefault(key, problem)
    grouped = []
    for (check, rest, summary), names in hosts.items():
        problem = first[(check, rest, summary)]
        if len(names) > 1:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            problem = Finding(check, f"hosts {shown}{rest}", problem.status, summary, problem.hint, {"hosts": names})
        grouped.append(problem)
    return grouped
