# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Findings of all hosts, in one place. The module of the same name documents it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.monsterr.media.plugins.module_utils._core.files import write_atomically
from ansible_collections.monsterr.media.plugins.module_utils._core.finding import FAIL, SEVERITY, Finding, fail
from ansible_collections.monsterr.media.plugins.module_utils._report import html, junit, terminal
from ansible_collections.monsterr.media.plugins.module_utils._report.model import Line, Report, Service, sort

SPEC = {
    "title": {"type": "str", "required": True},
    "collect": {"type": "list", "elements": "str", "default": []},
    "collect_once": {"type": "list", "elements": "str", "default": []},
    "findings": {"type": "list", "elements": "dict", "default": []},
    "services": {"type": "list", "elements": "dict", "default": []},
    "facts": {"type": "dict", "default": {}},
    "fail_on": {"type": "str", "choices": ["fail", "warn", "never"], "default": "fail"},
    "show_ok": {"type": "bool", "default": False},
    "html": {"type": "path"},
    "json": {"type": "path"},
    "junit": {"type": "path"},
}
_FIELDS = ("check", "target", "status", "summary", "hint", "evidence")


class ActionModule(ActionBase):
    """Collects, prints, writes, and fails when there is cause to."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """The findings, with their hosts."""
        super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(SPEC)
        lines = [Line(str(item.get("host", "")), _finding(item)) for item in arguments["findings"]]
        lines += _collected(arguments["collect"], arguments["collect_once"], task_vars or {})
        facts = {str(key): str(value) for key, value in arguments["facts"].items()}
        services = [Service(**item) for item in arguments["services"]]
        report = Report(arguments["title"], sort(lines), services, facts)
        Display().display("\n" + terminal.render(report, arguments["show_ok"] or Display().verbosity > 0) + "\n")
        for key, render in _RENDERERS.items():
            if arguments[key]:
                path = Path(arguments[key])
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, render(report).encode())
        result = {"changed": False, "findings": report.as_dict()["findings"]}
        limit = SEVERITY.get(arguments["fail_on"], len(SEVERITY))
        bad = [line for line in report.lines if SEVERITY[line.finding.status] >= limit]
        if bad:
            first = bad[0]
            more = f" (and {len(bad) - 1} more, above)" if len(bad) > 1 else ""
            host = f"{first.host}: " if first.host else ""
            # All of it is printed above: what Ansible prints of a failed task shall not bury it.
            return {"changed": False, "failed": True, "msg": f"{report.title}: {host}{first.finding.summary}{more}"}
        return {**result, "msg": f"{report.title}: {report.counts}"}


def _collected(names: list[str], once: list[str], task_vars: Mapping[str, Any]) -> Iterator[Line]:
    """The findings in the registered variables of these names; of what ran once for all hosts, those of one host."""
    everyone = list(task_vars.get("ansible_play_hosts_all", ()))
    still_here = set(task_vars.get("ansible_play_hosts", ()))
    hostvars = task_vars["hostvars"]
    for name in once:
        results = (hostvars[host].get(name) for host in everyone)
        result = next((found for found in results if isinstance(found, Mapping) and "findings" in found), {})
        yield from (Line("", _finding(item)) for item in result.get("findings", ()))
    for host in everyone:
        told = False
        for result in (hostvars[host].get(name) for name in names):
            if not isinstance(result, Mapping):
                continue
            if result.get("unreachable"):
                told = True
                yield Line(host, _unreachable(host, str(result.get("msg", ""))))
            for item in result.get("findings") or ():
                told = told or item["status"] == FAIL
                yield Line(host, _finding(item))
        if host not in still_here and not told:
            hint = "The task that failed is shown above. Mend its cause, then run again."
            yield Line(host, fail("host.lost", host, f"{host} dropped out before the end.", hint))


def _unreachable(host: str, message: str) -> Finding:
    said = message.strip().splitlines()
    hint = "See whether it is up, and whether you can log in to it with ssh."
    return fail("host.unreachable", host, f"{host} cannot be reached: {said[-1] if said else 'no reason given'}", hint)


def _finding(item: Mapping[str, Any]) -> Finding:
    return Finding(**{key: item[key] for key in _FIELDS if key in item})


_RENDERERS: dict[str, Callable[[Report], str]] = {
    "html": html.render,
    "json": lambda report: json.dumps(report.as_dict(), indent=2, default=str) + "\n",
    "junit": junit.render,
}
