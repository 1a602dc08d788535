# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The module's answer for each certificate: result, finding, diff. Pure, and without `cryptography`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._core.errors import MonsterrError
from .._core.finding import FAIL, Finding, fail, ok, warn
from .model import DNS, Held, Wanted, challenge_name
from .plan import INSTALL, NONE, PLACEHOLDER, Decision, day

CHECK = "certificate"
FILES = ("privkey.pem", "cert.pem", "chain.pem", "fullchain.pem")


@dataclass
class Outcome:
    """What became of one certificate. `after` is what is in use at the end; in check mode, `before`."""

    wanted: Wanted
    decision: Decision
    path: str
    before: Held | None
    after: Held | None = None
    error: MonsterrError | None = None
    note: str = ""


def answer(outcomes: Sequence[Outcome], more: Sequence[Finding], check_mode: bool, tidied: bool) -> dict[str, Any]:
    """The module's result: results and findings 1:1 with `outcomes`, then the findings `more`.

    tidied  whether something that an earlier run left was, or would be, taken away or put in use
    """
    results = [_result(one, check_mode) for one in outcomes]
    findings = [*(_finding(one, check_mode) for one in outcomes), *more]
    failed = [item for item in findings if item.status == FAIL]
    return {
        "changed": tidied or any(result["changed"] for result in results),
        "results": results,
        "findings": findings,
        "diff": [_diff(one, check_mode) for one in outcomes if _changed(one, check_mode)],
        "failed": bool(failed),
        "msg": " ".join(dict.fromkeys(f"{item.target}: {item.summary}" for item in failed)),
    }


def _changed(one: Outcome, check_mode: bool) -> bool:
    if check_mode:
        return one.decision.action != NONE and one.error is None
    return one.before != one.after


def _result(one: Outcome, check_mode: bool) -> dict[str, Any]:
    held = one.after or one.before
    return {
        "name": one.wanted.name,
        "identifiers": list(one.wanted.identifiers),
        "challenge": one.wanted.challenge,
        "action": one.decision.action,
        "reason": one.decision.reason,
        "changed": _changed(one, check_mode),
        "path": one.path,
        "writes": _writes(one),
        **_facts(held),
    }


def _facts(held: Held | None) -> dict[str, Any]:
    return {
        "generation": held.generation if held else 0,
        "not_before": day(held.not_before) if held else "",
        "not_after": day(held.not_after) if held else "",
        "issuer": held.issuer if held else "",
        "serial": held.serial if held else "",
        "key_type": held.key_type if held else "",
        "directory": held.directory if held else "",
        "placeholder": held.placeholder if held else False,
    }


def _writes(one: Outcome) -> list[str]:
    if one.decision.action == NONE:
        return []
    if one.decision.action == INSTALL:
        return [one.path]
    writes = [f"{one.path}/{name}" for name in FILES]
    if one.wanted.challenge == DNS and one.decision.action != PLACEHOLDER:
        names = dict.fromkeys(challenge_name(identifier) for identifier in one.wanted.identifiers)
        writes += [f"{name} TXT (for the time of the challenge)" for name in names]
    return writes


def _finding(one: Outcome, check_mode: bool) -> Finding:
    name, action = one.wanted.name, one.decision.action
    if one.error:
        return fail(CHECK, name, _story(one, one.error), one.error.hint, **one.error.details)
    reason = one.decision.reason
    if action == NONE:
        return ok(CHECK, name, f"Nothing to do: {reason}.")
    if check_mode:
        verb = {PLACEHOLDER: "A placeholder would be made", INSTALL: "It would be put in use"}.get(
            action, f"A certificate would be had by {one.wanted.challenge}"
        )
        return ok(CHECK, name, f"{verb}: {reason}.")
    held = one.after
    if held is None:
        return warn(CHECK, name, "There is still no certificate.", "Run it again.")
    if action == PLACEHOLDER:
        return ok(CHECK, name, f"A self-signed placeholder is in use: {reason}.")
    return ok(CHECK, name, f"A certificate by {held.issuer} is in use, good until {day(held.not_after)} ({reason}).")


def _story(one: Outcome, error: MonsterrError) -> str:
    held = one.after or one.before
    left = "There is none in use"
    if held:
        left = f"The old one stays, good until {day(held.not_after)}"
        left = "The placeholder stays in use" if held.placeholder else left
    return f"Could not {error.attempted} ({error.target}): {error.why}. {left}."


def _diff(one: Outcome, check_mode: bool) -> dict[str, str]:
    before = _shape(one.before)
    if not check_mode:
        after = _shape(one.after)
    elif one.decision.action == PLACEHOLDER:
        after = {"identifiers": list(one.wanted.identifiers), "placeholder": True}
    else:
        after = {"identifiers": list(one.wanted.identifiers), "key_type": one.wanted.key_type, "placeholder": False}
    header = f"certificate {one.wanted.name}"
    return {"before_header": header, "after_header": header, "before": _text(before), "after": _text(after)}


def _shape(held: Held | None) -> dict[str, Any]:
    if held is None:
        return {}
    return {"identifiers": list(held.identifiers), **_facts(held)}


def _text(data: dict[str, Any]) -> str:
    return json.dumps(data, indent=2, sort_keys=True) + "\n" if data else ""
