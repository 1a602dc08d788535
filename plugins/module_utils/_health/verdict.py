# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look means: from facts to findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.finding import FAIL, Finding, fail, ok, warn

WARN_DAYS = 7  # a certificate that is this near its end should have been renewed
DAY = 86400.0


def http(name: str, url: str, status: int, body: str, seconds: float, wanted: Sequence[int], contains: str) -> Finding:
    """An HTTP answer. contains: text that has to be in the body; '' for any."""
    facts = {"url": url, "status": status, "seconds": round(seconds, 3)}
    if status not in wanted:
        expected = ", ".join(str(code) for code in wanted)
        summary = f"{url} answers {status}, not {expected}."
        return fail("health.http", name, summary, "Look into the service's log.", **facts)
    if contains and contains not in body:
        summary = f"{url} answers, but without {contains!r} in it."
        return fail("health.http", name, summary, "Something else may be listening there.", **facts)
    return ok("health.http", name, f"{url} answers {status}.", **facts)


def tls(name: str, place: str, not_after: float, now: float, min_days: float) -> Finding:
    """A certificate that verified. not_after, now: seconds since 1970."""
    days = (not_after - now) / DAY
    facts = {"place": place, "days_left": round(days, 1)}
    if days < min_days:
        summary = f"The certificate that {place} shows ends in {days:.1f} days."
        return warn("health.tls", name, summary, "Run the site playbook: it renews what is due.", **facts)
    return ok("health.tls", name, f"{place} shows a good certificate, for {days:.0f} more days.", **facts)


def container(name: str, seen: Mapping[str, Any] | None) -> Finding:
    """A container's state, as the engine tells it; None when there is none."""
    if seen is None:
        return fail("health.container", name, f"There is no container {name}.", "Run the site playbook.")
    facts = dict(seen)
    status, restarts = seen["status"], seen["restarts"]
    hint = f"Look with: docker logs {seen['name']}"
    if seen["oom_killed"]:
        return fail("health.container", name, f"{name} was killed for want of memory.", hint, **facts)
    if status != "running":
        return fail("health.container", name, f"{name} is {status} (exit code {seen['exit_code']}).", hint, **facts)
    if restarts >= 3:
        return warn("health.container", name, f"{name} runs, but was restarted {restarts} times.", hint, **facts)
    return ok("health.container", name, f"{name} runs.", **facts)


def unit(name: str, unit_name: str, state: Mapping[str, str]) -> Finding:
    """A systemd unit, by the properties that ``systemctl show`` gives."""
    load, active, sub = state.get("LoadState", ""), state.get("ActiveState", ""), state.get("SubState", "")
    facts = {"unit": unit_name, "load": load, "active": active, "sub": sub}
    if load != "loaded":
        return fail("health.unit", name, f"{unit_name} is {load or 'unknown'}.", "Run the site playbook.", **facts)
    if active != "active":
        hint = f"Look with: systemctl status {unit_name}"
        return fail("health.unit", name, f"{unit_name} is {active} ({sub}).", hint, **facts)
    return ok("health.unit", name, f"{unit_name} is active.", **facts)


def caused(findings: Sequence[Finding], depends: Mapping[str, Sequence[str]]) -> list[Finding]:
    """`findings` with each failure that has another one as its cause saying so, so that a cause is told once.

    depends  target: the targets it needs
    """
    failed = {item.target for item in findings if item.status == FAIL}

    def cause(target: str, seen: frozenset[str]) -> str:
        for need in depends.get(target, ()):
            if need in failed and need not in seen:
                return cause(need, seen | {need}) or need
        return ""

    told = []
    for item in findings:
        root = cause(item.target, frozenset({item.target})) if item.status == FAIL else ""
        if root:
            summary = f"{item.target} fails because {root} does."
            item = Finding(item.check, item.target, FAIL, summary, f"Mend {root}.", {**item.evidence, "cause": root})
        told.append(item)
    return told
