# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How long a large plan takes: 100 hosts with 20 services each. No host is contacted."""

from __future__ import annotations

import time
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._plan.build import build
from ansible_collections.monsterr.media.plugins.module_utils._plan.model import Inventory, Source
from ansible_collections.monsterr.media.plugins.module_utils._plan.secrets import qbittorrent_hash

HOSTS = 100
SERVICES = 20
BUDGET = 2.0  # seconds

__all__ = ["main", "qbittorrent_hash"]


def definition(number: int) -> dict[str, Any]:
    """A service with everything that a service can have."""
    return {
        "title": f"Service {number}",
        "image": f"registry.example/service{number}:1.0",
        "port": 10000 + number,
        "environment": {"KEY": "{{ secret('key') }}", "TZ": "{{ timezone }}", "PUID": "{{ uid }}"},
        "volumes": {"config": "/config", "media": "/data"},
        "web": {"subdomain": f"service{number}"},
        "health": {"path": "/ping"},
        "backup": {"sqlite": ["app.db"]},
        "secrets": {"key": "hex", "password": "password"},
        "seeds": {"config/app.conf": "password={{ secret('password') }}\n"},
    }


def main() -> None:
    """Print the best of three, and the budget."""
    sources, hosts = {}, {}
    for host in range(HOSTS):
        names = [f"s{host}_{number}" for number in range(SERVICES)]
        for number, name in enumerate(names):
            own = definition(number)
            own["web"] = {"subdomain": name.replace("_", "-")}
            sources[name] = Source(f"services/{name}.yml", own)
        hosts[f"host{host}"] = {
            "ansible_host": f"10.0.{host}.1",
            "monsterr_domain": "example.org",
            "monsterr_secret": "x" * 40,
            "monsterr_services": names,
        }
    times = []
    for _round in range(3):
        began = time.perf_counter()
        plan, problems = build(sources, Inventory(hosts, ["host0"]))
        times.append(time.perf_counter() - began)
        if plan is None:
            raise SystemExit(f"no plan: {problems[0].summary}")
    print(
        f"Plan of {HOSTS} hosts x {SERVICES} services: {min(times):.2f} s, "
        f"{min(times) / BUDGET:.2f} of the budget of {BUDGET:.0f} s"
    )
