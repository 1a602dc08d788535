# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The one place where Ansible meets our code, and where errors become ``fail_json``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible.module_utils.basic import AnsibleModule, missing_required_lib

from .clock import Clock
from .errors import MonsterrError
from .finding import Finding


@dataclass
class Context:
    """What the work may know of its surroundings."""

    check_mode: bool
    clock: Clock = field(default_factory=Clock)


Work = Callable[[dict[str, Any], Context], dict[str, Any]]


def run(
    argument_spec: Mapping[str, Any],
    work: Work,
    requires: Sequence[tuple[str, str | None]] = (),
    **options: Any,
) -> None:
    """Run `work(params, context)` as an Ansible module and exit.

    work      returns the result as a dict: `changed`, `findings` (of `Finding`), `diff`, and what is the module's own.
              `failed: true` in it ends the module failed with that very result; `msg` then tells the story.
    requires  pairs of (library name, traceback of its failed import or None)
    options   handed to `AnsibleModule`: `mutually_exclusive`, `required_if`...
    """
    module = AnsibleModule(argument_spec=dict(argument_spec), supports_check_mode=True, **options)
    for library, traceback in requires:
        if traceback:
            module.fail_json(msg=missing_required_lib(library), exception=traceback, changed=False)
    try:
        result = work(module.params, Context(check_mode=module.check_mode))
    except (MonsterrError, OSError) as problem:
        error = problem if isinstance(problem, MonsterrError) else _of_the_system(problem)
        findings = [*error.findings, error.finding()]
        module.fail_json(msg=error.message, changed=False, findings=_plain(findings), error=error.details)
    result["findings"] = _plain(result.get("findings", []))
    if result.pop("failed", False):
        module.fail_json(**{"msg": "Failed: see the findings.", **result})
    module.exit_json(**result)


def _of_the_system(problem: OSError) -> MonsterrError:
    """What the file system or the network said: a full disk, a read-only mount..."""
    return MonsterrError(
        "use a file or an address",
        str(problem.filename or "this host"),
        problem.strerror or str(problem),
        "Mend that, then run again. What had been begun was put back, or is by the next run.",
    )


def _plain(findings: Sequence[Finding | dict[str, Any]]) -> list[dict[str, Any]]:
    return [item.as_dict() if isinstance(item, Finding) else item for item in findings]
