# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A plan as a person reads it: a table for the terminal, a Mermaid picture for a page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from .._core.finding import Finding


def problems(findings: Sequence[Finding]) -> str:
    """Every problem that stands in the way of a plan, one to a line, with what to do about it."""
    count = f"{len(findings)} problems" if len(findings) > 1 else "a problem"
    lines = [f"The plan has {count}; nothing was touched.", ""]
    lines += [f"  {item.target}: {item.summary} {item.hint}".rstrip() for item in findings]
    return "\n".join(lines)


def table(plan: dict[str, Any]) -> str:
    """The plan, host by host."""
    lines = [f"Stack {plan['domain']}, {len(plan['hosts'])} host(s), edge {plan['edge']}"]
    for name, host in plan["hosts"].items():
        lines += ["", f"{name} ({host['address'] or 'no private address'})"]
        lines += _section(
            "services",
            (
                (service["name"], service["image"], ", ".join(_port(port) for port in service["ports"]))
                for service in host["services"]
            ),
        )
        lines += _section("sites", ((f"https://{s['name']}", s["upstream"], s["access"]) for s in host["sites"]))
        lines += _section(
            "certificates", ((c["name"], ", ".join(c["identifiers"]), c["challenge"]) for c in host["certificates"])
        )
        lines += _section(
            "wiring",
            (
                (record["service"], connection["kind"].replace("_", " "), connection["service"])
                for record in host["wiring"]
                for connection in record["connections"]
            ),
        )
        lines += _section(
            "files", ((item["path"], item["mode"], f"{item['owner']}:{item['group']}") for item in host["files"])
        )
        lines += _section("backups", ((item["service"], ", ".join(item["paths"]), "") for item in host["backups"]))
    lines += ["", "DNS"]
    lines += _section("records", ((r["name"], r["type"], " ".join(r["values"])) for r in plan["records"]))
    return "\n".join(lines)


def mermaid(plan: dict[str, Any]) -> str:
    """The plan as a Mermaid flowchart: who reaches what, on which host."""
    lines = ["flowchart LR", "  internet((internet)) --> proxy"]
    for number, (name, host) in enumerate(plan["hosts"].items()):
        lines.append(f'  subgraph host{number}["{name}"]')
        if name == plan["edge"]:
            lines.append('    proxy["nginx"]')
        lines += [f'    {service["name"]}["{service["title"]}"]' for service in host["services"]]
        lines.append("  end")
    for host in plan["hosts"].values():
        lines += [f'  proxy -->|"{site["name"]}"| {site["service"]}' for site in host["sites"]]
        lines += [
            f"  {record['service']} -.-> {connection['service']}"
            for record in host["wiring"]
            for connection in record["connections"]
            if connection["kind"] != "category"
        ]
    return "\n".join(lines) + "\n"


def _port(port: dict[str, Any]) -> str:
    protocol = "" if port["protocol"] == "tcp" else f"/{port['protocol']}"
    return f"{port['address']}:{port['published']}{protocol}"


def _section(title: str, rows: Iterable[tuple[str, str, str]]) -> list[str]:
    shown = list(rows)
    if not shown:
        return []
    widths = [max(len(row[column]) for row in shown) for column in (0, 1)]
    lines = [f"  {title}"]
    return lines + [
        f"    {first:<{widths[0]}}  {second:<{widths[1]}}  {third}".rstrip() for first, second, third in shown
    ]
