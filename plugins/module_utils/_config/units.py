# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""systemd units: what they are, what they should be, and how to get there and back."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .._core.clock import Deadline
from .._core.errors import CommandError, InputError
from .._core.finding import Finding, fail, ok
from .command import Run

FOLDERS = (Path("/etc/systemd/system"), Path("/run/systemd/system"))
_PROPERTIES = "Id,LoadState,ActiveState,SubState,UnitFileState,NRestarts,MainPID"
_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]+")
_SETTLE = 1.0  # seconds that a unit has to stay up to count as up


@dataclass(frozen=True)
class Unit:
    """What systemd says of a unit."""

    exists: bool = False
    enabled: bool = False
    fixed: bool = False  # neither enabled nor disabled, by its nature
    active: str = "inactive"
    sub: str = "dead"
    life: tuple[str, str] = ("", "")  # differs when it was restarted

    @property
    def up(self) -> bool:
        """Whether it runs, or is on its way to."""
        return self.active in ("active", "reloading", "refreshing", "activating") and self.sub != "auto-restart"


@dataclass(frozen=True)
class Plan:
    """What to do with a unit.

    verbs  of systemctl, in order: ``enable``, ``disable``, ``start``, ``stop``, ``reload-or-restart``, ``restart``
    """

    name: str
    before: Unit
    verbs: tuple[str, ...]
    wanted_up: bool | None

    @property
    def changed(self) -> bool:
        """Whether something is, or would be, done."""
        return bool(self.verbs)

    def diff(self) -> dict[str, str] | None:
        """Whether it is enabled and runs, before and after; None when that stays."""
        before = (self.before.enabled, self.before.up)
        after = (
            "enable" in self.verbs or (before[0] and "disable" not in self.verbs),
            "start" in self.verbs or (before[1] and "stop" not in self.verbs),
        )
        if before == after:
            return None
        header = f"{self.name} (unit)"
        return {"before": _words(*before), "after": _words(*after), "before_header": header, "after_header": header}


def look(names: Sequence[str], run: Run) -> list[Unit]:
    """The state of each unit, by one call."""
    if not names:
        return []
    said = run("read the state of the units", ["systemctl", "show", f"--property={_PROPERTIES}", "--", *names])
    blocks = [dict(line.split("=", 1) for line in block.splitlines() if "=" in line) for block in said.split("\n\n")]
    blocks = [block for block in blocks if block]
    if len(blocks) != len(names):
        raise CommandError("read the state of the units", ", ".join(names), "systemctl's answer has not one for each")
    return [_unit(block) for block in blocks]


def _unit(facts: Mapping[str, str]) -> Unit:
    enabled = facts.get("UnitFileState", "")
    return Unit(
        exists=facts.get("LoadState") not in ("not-found", None),
        enabled=enabled in ("enabled", "enabled-runtime", "alias"),
        fixed=enabled in ("static", "generated", "transient", "indirect"),
        active=facts.get("ActiveState", "inactive"),
        sub=facts.get("SubState", "dead"),
        life=(facts.get("NRestarts", ""), facts.get("MainPID", "")),
    )


def names_fit(wanted: Sequence[Mapping[str, Any]]) -> None:
    """Raise `InputError` for a name that is none, or is there twice."""
    names = [unit["name"] for unit in wanted]
    for name in names:
        if not _NAME.fullmatch(name) or name.startswith("-") or names.count(name) > 1:
            why = "it is listed twice" if names.count(name) > 1 else "that is not the name of a unit"
            raise InputError("use the units wanted", name, why, "Write it as in nginx.service.")


def decide(wanted: Mapping[str, Any], before: Unit, changed: Sequence[Path]) -> Plan:
    """What to do with one unit. changed: files that are about to change."""
    verbs = []
    if wanted["enabled"] is not None and wanted["enabled"] != before.enabled and not before.fixed:
        verbs.append("enable" if wanted["enabled"] else "disable")
    if wanted["state"] == "stopped" and before.up:
        verbs.append("stop")
    if wanted["state"] == "started" and not before.up:
        verbs.append("start")
    elif wanted["state"] != "stopped" and before.up and wanted["on_change"] != "none" and _touched(wanted, changed):
        verbs.append({"reload": "reload-or-restart", "restart": "restart"}[wanted["on_change"]])
    up = {"started": True, "stopped": False}.get(wanted["state"], before.up or None)
    return Plan(wanted["name"], before, tuple(verbs), up)


def _touched(wanted: Mapping[str, Any], changed: Sequence[Path]) -> bool:
    if not wanted["watch"]:
        return bool(changed)
    return any(path.is_relative_to(watched) for path in changed for watched in wanted["watch"])


@dataclass
class Switch:
    """A step: bring the units where they should be. Its `undo` stops and disables what was not up and enabled before.

    That has to be while the new files are still there; `Settle` does the rest once the old ones are back.
    """

    plans: Sequence[Plan]
    reread: bool
    run: Run
    touched: bool = False

    @property
    def record(self) -> dict[str, Any]:
        """What `undo` needs."""
        return {"step": "switch", "reread": self.reread, "units": _records(self.plans)}

    def apply(self) -> None:
        """Do it, unit by unit."""
        self.touched = True
        if self.reread:
            self.run("make systemd read its units again", ["systemctl", "daemon-reload"])
        for plan in self.plans:
            for verb in plan.verbs:
                if plan.before.active == "failed" and verb in ("start", "restart"):
                    with suppress(CommandError):
                        self.run("forget the unit's failure", ["systemctl", "reset-failed", "--", plan.name])
                self.run(f"{verb} the unit", ["systemctl", verb, "--", plan.name])

    def undo(self) -> None:
        """Stop and disable what was not running or not enabled."""
        if not self.touched:
            return
        for plan, now in zip(self.plans, look([plan.name for plan in self.plans], self.run), strict=True):
            if now.active not in ("inactive", "failed") and not plan.before.up and "start" in plan.verbs:
                self.run("stop the unit", ["systemctl", "stop", "--", plan.name])
            if now.enabled and not plan.before.enabled and "enable" in plan.verbs:
                self.run("disable the unit", ["systemctl", "disable", "--", plan.name])


@dataclass
class Settle:
    """The first step, which only undoes: when all files are as they were, the units that use them follow."""

    switch: Switch

    @property
    def record(self) -> dict[str, Any]:
        """What `undo` needs."""
        return {**self.switch.record, "step": "settle"}

    def apply(self) -> None:
        """Do nothing."""

    def undo(self) -> None:
        """Enable and start what was, and have it read the old files."""
        switch = self.switch
        if not switch.touched:
            return
        if switch.reread:
            switch.run("make systemd read its units again", ["systemctl", "daemon-reload"])
        for plan, now in zip(switch.plans, look([plan.name for plan in switch.plans], switch.run), strict=True):
            if plan.before.enabled and not now.enabled and "disable" in plan.verbs:
                switch.run("enable the unit", ["systemctl", "enable", "--", plan.name])
            again = [verb for verb in plan.verbs if verb in ("reload-or-restart", "restart")]
            if plan.before.up and (again or not now.up):
                if now.active == "failed":
                    with suppress(CommandError):
                        switch.run("forget the unit's failure", ["systemctl", "reset-failed", "--", plan.name])
                verb = again[0] if again and now.up else "start"
                switch.run(f"{verb} the unit", ["systemctl", verb, "--", plan.name])


def restore(record: Mapping[str, Any], run: Run) -> Switch | Settle:
    """A step made again from its record, fit to be undone."""
    plans = [
        Plan(unit["name"], _was(unit["enabled"], unit["up"]), tuple(unit["verbs"]), None) for unit in record["units"]
    ]
    switch = Switch(plans, record["reread"], run, touched=True)
    return switch if record["step"] == "switch" else Settle(switch)


def _was(enabled: bool, up: bool) -> Unit:
    return Unit(True, enabled, active="active" if up else "inactive")


def _records(plans: Sequence[Plan]) -> list[dict[str, Any]]:
    return [
        {"name": plan.name, "enabled": plan.before.enabled, "up": plan.before.up, "verbs": list(plan.verbs)}
        for plan in plans
    ]


def verify(plans: Sequence[Plan], run: Run, deadline: Deadline, mask: Callable[[str], str] = str) -> list[Finding]:
    """Wait until each unit is what it should be, and stays so for a moment; a finding for each.

    mask  takes secrets out of what the units said
    """
    waiting = list(plans)
    found: dict[str, Finding] = {}
    last: dict[str, Unit] = {}
    steady: dict[str, tuple[str, str]] = {}
    while waiting:
        for plan, now in zip(waiting, look([plan.name for plan in waiting], run), strict=True):
            last[plan.name] = now
            if now.active == "failed" and plan.wanted_up:
                found[plan.name] = _down(plan, now, run, mask)
            elif plan.wanted_up and now.active == "active" and now.sub != "auto-restart":
                if steady.get(plan.name) == now.life:
                    found[plan.name] = ok("config_tree.unit", plan.name, f"{plan.name} is active.")
                steady[plan.name] = now.life
            elif not plan.wanted_up and (plan.wanted_up is None or now.active in ("inactive", "failed")):
                found[plan.name] = ok("config_tree.unit", plan.name, f"{plan.name} is {now.active}.")
        waiting = [plan for plan in waiting if plan.name not in found]
        if waiting and not deadline.pause(_SETTLE):
            for plan in waiting:
                found[plan.name] = _down(plan, last[plan.name], run, mask)
            break
    return [found[plan.name] for plan in plans]


def _down(plan: Plan, now: Unit, run: Run, mask: Callable[[str], str]) -> Finding:
    said = ""
    command = ["journalctl", "--no-pager", "--output=cat", "--lines=10", f"--unit={plan.name}"]
    with suppress(CommandError):
        said = run("read the journal", command)
    return fail(
        "config_tree.unit",
        plan.name,
        f"{plan.name} does not {'run' if plan.wanted_up else 'stop'}: it is {now.active} ({now.sub}).",
        f"Read what it says: journalctl --unit={plan.name}",
        journal=mask(said.strip()).splitlines(),
    )


def _words(enabled: bool, up: bool) -> str:
    return f"enabled: {str(enabled).lower()}\nstate: {'started' if up else 'stopped'}\n"
