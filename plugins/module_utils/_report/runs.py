# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the log of a run means: has a host drifted, did a second run leave everything alone? Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.finding import FAIL, Finding, fail, ok, warn
from .model import Line

Log = Mapping[str, Any]
_SHOWN = 8  # lines of a difference that fit into a finding


def drift(log: Log, complete: bool = True) -> list[Line]:
    """A finding for everything that a run in check mode would change, and for every host that could not be looked at.

    complete  whether the run went well: after one that did not, nobody knows that a silent host is as planned
    """
    lines = []
    for name, host in log["hosts"].items():
        found = [*_trouble(name, host), *(finding for change in host["changed"] for finding in _differences(change))]
        if not found:
            unsure = warn(
                "drift", name, f"No difference was seen on {name}, but the run failed.", "See its other findings."
            )
            found = [ok("drift", name, f"{name} is as planned.") if complete else unsure]
        lines += [Line(name, finding) for finding in found]
    return lines


def repeat(first: Log, second: Log, budget: int) -> list[Line]:
    """Verdicts on a second run: it has to change nothing, restart nothing, and cost little.

    budget  the most remote module executions that it may cost on a host
    """
    lines = []
    for name, host in second["hosts"].items():
        found = list(_trouble(name, host))
        for change in host["changed"]:
            found += [
                fail("repeat.changed", item.target, f"A second run changed it: {item.summary}", "")
                for item in _differences(change)
            ]
        was, now = _containers(first["hosts"].get(name, {})), _containers(host)
        for service in sorted(was.keys() & now.keys()):
            if was[service] != now[service]:
                summary = f"{service} was restarted by a run that had nothing to do."
                found.append(fail("repeat.restarted", service, summary, "", before=was[service], after=now[service]))
        if host["executions"] > budget:
            summary = (
                f"A run with nothing to do cost {host['executions']} remote module executions, more than {budget}."
            )
            found.append(fail("repeat.cost", name, summary, ""))
        if not found:
            cost = f"{host['executions']} remote module executions"
            found = [ok("repeat", name, f"A second run changed nothing and restarted nothing ({cost}).")]
        lines += [Line(name, finding) for finding in found]
    return lines


def _trouble(name: str, host: Mapping[str, Any]) -> Iterator[Finding]:
    if host["unreachable"]:
        hint = "See whether it is up, and whether you can log in to it with ssh."
        yield fail("host.unreachable", name, f"{name} cannot be reached.", hint)
    told = False
    for item in host["findings"]:
        if item.get("status") == FAIL:
            told = True
            yield Finding(**{key: item[key] for key in ("check", "target", "status", "summary", "hint")})
    for failure in host["failed"] if not told else ():
        yield fail("host.failed", name, f"{failure['task']}: {failure['msg']}", "Mend the cause, then run again.")


def _differences(change: Mapping[str, Any]) -> list[Finding]:
    """A finding for each difference of a task that would change something; one for the task when it shows none."""
    diffs = change["diff"] if isinstance(change["diff"], list) else [change["diff"]]
    found = [
        _difference(change["task"], diff)
        for diff in diffs
        if isinstance(diff, Mapping) and ("before" in diff or "prepared" in diff)
    ]
    return found or [
        fail("drift", change["task"], f"{change['task']}: something would change.", "Run the site playbook.")
    ]


def _difference(task: str, diff: Mapping[str, Any]) -> Finding:
    target = str(diff.get("after_header") or diff.get("before_header") or task)
    if "prepared" in diff:
        lines = str(diff["prepared"]).splitlines()
    else:
        before, after = str(diff["before"]).splitlines(), str(diff.get("after", "")).splitlines()
        lines = [
            line for line in difflib.unified_diff(before, after, lineterm="", n=0) if line[:3] not in ("---", "+++")
        ]
        lines = [line for line in lines if not line.startswith("@@")]
    more = f" ... and {len(lines) - _SHOWN} lines more" if len(lines) > _SHOWN else ""
    summary = f"It differs from the plan: {'; '.join(lines[:_SHOWN])}{more}"
    return fail(
        "drift", target, summary, "Run the site playbook to put it back, or change the inventory to what you want."
    )


def _containers(host: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Service: its container and when it was started, by the last run of the module stack in a log."""
    return {
        service["name"]: (service["container_id"], service["started_at"])
        for result in host.get("results", {}).get("stack", ())[-1:]
        for service in result["services"]
    }
