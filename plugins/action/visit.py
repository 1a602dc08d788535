# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Visit sites from the controller, as a browser would. The module of the same name documents it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._health.probes import check_all

# Without a login an application shows its own page, sends to one, or refuses: each means that it is there.
THERE = (200, 301, 302, 303, 307, 308, 401, 403)
SPEC = {
    "sites": {"type": "list", "elements": "dict", "required": True},
    "address": {"type": "str", "default": ""},
    "ca_bundle": {"type": "str", "default": ""},
    "deadline": {"type": "float", "default": 30},
}


class ActionModule(ActionBase):
    """Visits."""

    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """One service and one finding for each site, in order."""
        super().run(tmp, task_vars)
        _spec, arguments = self.validate_argument_spec(SPEC)
        probes = [
            {
                "name": site["name"],
                "kind": "http",
                "url": f"https://{site['name']}/",
                "address": arguments["address"],
                "status": THERE,
            }
            for site in arguments["sites"]
        ]
        findings = check_all(probes, Deadline(arguments["deadline"]), wait=True, ca_bundle=arguments["ca_bundle"])
        services = [
            {
                "name": site["service"],
                "url": probe["url"],
                "status": finding.status,
                "seconds": finding.evidence.get("seconds", 0.0),
            }
            for site, probe, finding in zip(arguments["sites"], probes, findings, strict=True)
        ]
        return {"changed": False, "services": services, "findings": [item.as_dict() for item in findings]}
