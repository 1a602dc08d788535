# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a look means: from facts to findings. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._core.finding import FAIL, Finding, fail, ok, warn

DAY = 86400.0
HOUR = 3600.0
# Percent in use at which the user is warned, and at which it fails.
SPACE = (90.0, 97.0)
# Runnable tasks for each processor, over 15 minutes. A busy host is not a broken one: it never fails by itself.
LOAD = (4.0, float("inf"))


def http(
    name: str,
    url: str,
    status: int,
    body: str,
    seconds: float,
    wanted: Sequence[int],
    contains: str,
    location: str = "",
    redirect: str = "",
) -> Finding:
    """An HTTP answer.

    contains  text that has to be in the body; '' for any
    location  where the answer leads to; `redirect` is where it should, '' for anywhere
    """
    facts = {"url": url, "status": status, "seconds": round(seconds, 3)}
    if status not in wanted:
        expected = ", ".join(str(code) for code in wanted)
        summary = f"{url} answers {status}, not {expected}."
        return fail("health.http", name, summary, "Look into the service's log.", **facts)
    if redirect and location != redirect:
        summary = f"{url} leads to {location or 'nowhere'}, not to {redirect}."
        return fail("health.http", name, summary, "Look into the web server's configuration.", **facts)
    if contains and contains not in body:
        summary = f"{url} answers, but without {contains!r} in it."
        return fail("health.http", name, summary, "Something else may be listening there.", **facts)
    return ok("health.http", name, f"{url} answers {status}.", **facts)


def late(not_before: float, not_after: float, now: float, min_days: float | None) -> bool:
    """Whether a certificate should have been renewed by now: fewer than `min_days` are left.

    Without `min_days`, less than a quarter of its lifetime is left: it is renewed when a third is (a half of a short
    one), so there has been time for more than one try, and there is still time to do something about it.
    """
    enough = (not_after - not_before) / 4 if min_days is None else min_days * DAY
    return not_after - now < enough


def tls(
    name: str, place: str, not_before: float, not_after: float, now: float, min_days: float | None = None
) -> Finding:
    """A certificate that a server shows, and that verified. not_before, not_after, now: seconds since 1970."""
    days = (not_after - now) / DAY
    facts = {"place": place, "days_left": round(days, 1)}
    if late(not_before, not_after, now, min_days):
        summary = f"The certificate that {place} shows ends in {days:.1f} days, and should have been renewed."
        hint = "Run the site playbook, or on the host: systemctl start monsterr-renew"
        return warn("health.tls", name, summary, hint, **facts)
    return ok("health.tls", name, f"{place} shows a good certificate, for {days:.0f} more days.", **facts)


def certificate(
    name: str, path: str, chain: Sequence[Mapping[str, Any]], now: float, min_days: float | None = None
) -> Finding:
    """A certificate file.

    chain  leaf first, each with ``subject``, ``issuer``, ``not_before`` and ``not_after`` (seconds since 1970)
    """
    check, hint = "health.certificate", "Run the site playbook, or on the host: systemctl start monsterr-renew"
    if not chain:
        return fail(check, name, f"There is no certificate in {path}.", hint, path=path)
    days = (chain[0]["not_after"] - now) / DAY
    facts = {"path": path, "days_left": round(days, 1)}
    for number, item in enumerate(chain):
        which = "The certificate" if not number else f"Certificate {number + 1} of the chain"
        if item["not_after"] <= now:
            return fail(
                check, name, f"{which} in {path} ended {(now - item['not_after']) / DAY:.1f} days ago.", hint, **facts
            )
        if item["not_before"] > now:
            wrong = "See whether the host's clock is right."
            return fail(check, name, f"{which} in {path} is not valid yet.", wrong, **facts)
        if number and chain[number - 1]["issuer"] != item["subject"]:
            return fail(check, name, f"{which} in {path} is not that of who issued the one before it.", hint, **facts)
    if chain[0]["issuer"] == chain[0]["subject"]:
        return warn(check, name, f"{path} has a placeholder that no browser trusts.", hint, **facts)
    if late(chain[0]["not_before"], chain[0]["not_after"], now, min_days):
        summary = f"The certificate in {path} ends in {days:.1f} days, and should have been renewed."
        return warn(check, name, summary, hint, **facts)
    return ok(check, name, f"{path} is good for {days:.0f} more days.", **facts)


def dns(name: str, question: str, values: Sequence[str], wanted: Sequence[str], seconds: float) -> Finding:
    """What a name server answers. question: name and type in words; wanted: all values it should have, none for any."""
    facts = {"question": question, "values": sorted(values), "seconds": round(seconds, 3)}
    if not values:
        return fail("health.dns", name, f"There is no record {question}.", "See the records of the zone.", **facts)
    if wanted and sorted(values) != sorted(wanted):
        summary = f"{question} is {', '.join(sorted(values))}, not {', '.join(sorted(wanted))}."
        return fail("health.dns", name, summary, "See the records of the zone, and wait for their TTL.", **facts)
    return ok("health.dns", name, f"{question} is {', '.join(sorted(values))}.", **facts)


def docker(name: str, seconds: float) -> Finding:
    """Docker Engine answered."""
    return ok("health.docker", name, "Docker Engine answers.", seconds=round(seconds, 3))


def _share(
    check: str, name: str, what: str, percent: float, limits: tuple[float, float], hint: str, **facts: Any
) -> Finding:
    facts["percent"] = round(percent, 1)
    summary = f"{what} {percent:.0f} % in use."
    if percent >= limits[1]:
        return fail(check, name, summary, hint, **facts)
    if percent >= limits[0]:
        return warn(check, name, summary, hint, **facts)
    return ok(check, name, summary, **facts)


def disk(name: str, path: str, used: int, free: int, limits: tuple[float, float] = SPACE) -> Finding:
    """Room on the file system of `path`. used: bytes in use; free: bytes that a user who is not root may still have."""
    percent = 100 * used / max(1, used + free)
    hint = f"See what takes the room: du --one-file-system --human-readable --max-depth=2 {path}"
    return _share("health.disk", name, f"The file system of {path} is", percent, limits, hint, path=path, free=free)


def inodes(name: str, path: str, total: int, free: int, limits: tuple[float, float] = SPACE) -> Finding:
    """Inodes on the file system of `path`; a file system without a limit has a total of 0."""
    if not total:
        return ok("health.inodes", name, f"The file system of {path} has no limit of files.", path=path)
    percent = 100 * (total - free) / total
    hint = f"See which folder has so many files: du --inodes --one-file-system --max-depth=2 {path}"
    return _share("health.inodes", name, f"The inodes of {path} are", percent, limits, hint, path=path, free=free)


def memory(name: str, total: int, available: int, limits: tuple[float, float] = SPACE) -> Finding:
    """Main memory, in bytes."""
    percent = 100 * (total - available) / max(1, total)
    hint = "See what takes it: ps --sort=-rss -eo rss,comm | head, and docker stats --no-stream"
    return _share("health.memory", name, "The memory is", percent, limits, hint, total=total, available=available)


def load(name: str, average: float, processors: int, limits: tuple[float, float] = LOAD) -> Finding:
    """How many tasks want a processor, over 15 minutes."""
    each = average / max(1, processors)
    facts = {"load": round(average, 2), "processors": processors}
    summary = f"{average:.1f} tasks want one of {processors} processors."
    hint = "See which: top -o %CPU, and docker stats --no-stream"
    if each >= limits[1]:
        return fail("health.load", name, summary, hint, **facts)
    if each >= limits[0]:
        return warn("health.load", name, summary, hint, **facts)
    return ok("health.load", name, summary, **facts)


def clock(name: str, synchronised: bool) -> Finding:
    """Whether the host's clock is kept right; a wrong one breaks certificates, logins and backups."""
    if synchronised:
        return ok("health.clock", name, "The clock is kept right.")
    hint = "Install systemd-timesyncd or chrony, and look with: timedatectl"
    return warn("health.clock", name, "Nothing keeps the clock right.", hint)


def smart(name: str, disks: Mapping[str, Mapping[str, Any]]) -> Finding:
    """What the disks say of themselves. disks: device: the answer of ``smartctl --json --health --attributes``."""
    told = {device: said["smart_status"].get("passed") for device, said in disks.items() if "smart_status" in said}
    bad = sorted(device for device, passed in told.items() if not passed)
    if bad:
        summary = f"{', '.join(bad)} expects to fail."
        hint = f"Back up now, and replace it. Its own words: smartctl --all {bad[0]}"
        return fail("health.smart", name, summary, hint, disks=told)
    if not told:
        return ok("health.smart", name, "No disk tells how it is.", disks={})
    return ok("health.smart", name, f"{len(told)} disk(s) say that they are well.", disks=told)


def backup(name: str, path: str, newest: float | None, now: float, max_age: float) -> Finding:
    """How old the newest file is. newest, now: seconds since 1970, None for no file; max_age: hours."""
    hint = "See why none was made, and make one now."
    if newest is None:
        return fail("health.backup", name, f"There is no backup at {path}.", hint, path=path)
    hours = max(0.0, now - newest) / HOUR
    facts = {"path": path, "age_hours": round(hours, 1)}
    if hours > max_age:
        summary = f"The newest backup at {path} is {hours:.0f} hours old, and should be at most {max_age:g}."
        return fail("health.backup", name, summary, hint, **facts)
    return ok("health.backup", name, f"The newest backup at {path} is {hours:.0f} hours old.", **facts)


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
    if seen.get("health") == "unhealthy":
        hint = f"See what its check says: docker inspect --format '{{{{json .State.Health.Log}}}}' {seen['name']}"
        return fail("health.container", name, f"{name} runs, but its own health check fails.", hint, **facts)
    if restarts >= 3:
        return warn("health.container", name, f"{name} runs, but was restarted {restarts} times.", hint, **facts)
    # Docker itself ends a start that takes too long: the check is unhealthy then.
    how = {"starting": " and starts", "healthy": " and is healthy"}.get(seen.get("health", ""), "")
    return ok("health.container", name, f"{name} runs{how}.", **facts)


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
