#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: wiring
short_description: Set up applications and connect them to each other through their APIs
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Compares the wanted settings of each application with those it has, and sends only what differs. Settings that are
    not mentioned are left alone. A second run sends no write.
  - Works on all applications of the host at the same time; one is set up before those that connect to it. An
    application that is still starting is waited for. One that fails does not stop the others.
  - A secret that an application does not show is neither taken for a change nor written back masked. The application is
    asked to use it instead, once, so that one that was changed by hand is found and put back.
  - After a write the settings are read again; one that the application did not keep is a finding.
attributes:
  check_mode:
    support: full
    description: >-
      Reads each application and tells what would change. For one that does not run, that is everything.
  diff_mode:
    support: full
    description: Shows each setting before and after, with secrets masked.
  platform:
    description: Runs on the hosts, which are Debian or Ubuntu.
    support: full
    platforms: posix
options:
  wiring:
    description:
      - The applications of this host, as the plan lists them.
      - References to secrets, as in C(<secret:sonarr.api_key>), may stand wherever a text may.
    type: list
    elements: dict
    required: true
    suboptions:
      service:
        description: The name of the service.
        type: str
        required: true
      app:
        description: Which API it has, as in C(sonarr) or C(qbittorrent).
        type: str
        required: true
      url:
        description: Where this host reaches it.
        type: str
        required: true
      settings:
        description: The settings that are wanted, by the names of the application's own API.
        type: dict
        default: {}
      credentials:
        description: How to get in, with V(username), V(password), V(api_key), and either of them with
          V(_previous) behind it for the value before its last rotation.
        type: dict
        default: {}
      connections:
        description: The peers it connects to, and the categories that it keeps for those that connect to it.
        type: list
        elements: dict
        default: []
      media_path:
        description: Where the library is in its container.
        type: str
        default: ''
      config_path:
        description: Where its own files are on the host.
        type: str
        default: ''
  secrets:
    description: The values of the secrets that O(wiring) refers to, by V(service.name).
    type: dict
    default: {}
  state_dir:
    description:
      - Where to keep keyed digests of the secrets that were given to applications, so that a rotated one is known to
        differ. The secrets themselves are not kept.
    type: path
    default: /var/lib/monsterr
  deadline:
    description: Seconds that each application gets to come up and be set up.
    type: float
    default: 180
seealso:
  - module: monsterr.media.stack
"""

EXAMPLES = r"""
- name: Connect the applications
  monsterr.media.wiring:
    wiring: "{{ monsterr_plan.hosts[inventory_hostname].wiring }}"
    secrets: "{{ lookup('monsterr.media.secrets', monsterr_plan.hosts[inventory_hostname].secrets) }}"

- name: Keep one setting of Sonarr
  monsterr.media.wiring:
    wiring:
      - service: sonarr
        app: sonarr
        url: http://127.0.0.1:8989
        settings: {config: {naming: {renameEpisodes: true}}}
        credentials: {username: admin, password: <secret:sonarr.password>, api_key: <secret:sonarr.api_key>}
    secrets: "{{ my_secrets }}"
"""

RETURN = r"""
results:
  description: One entry for each of O(wiring), in the same order.
  returned: always, unless the parameters cannot be used
  type: list
  elements: dict
  contains:
    service:
      description: The name of the service.
      type: str
      sample: sonarr
    state:
      description: >-
        V(wired); in check mode V(differs) where something would change and V(pending) where the application does not
        run; V(failed) where a finding says why.
      type: str
      sample: wired
    changed:
      description: Whether something was, or would be, changed.
      type: bool
    changes:
      description: Each setting that was, or would be, changed. Secrets are masked.
      type: list
      elements: dict
      sample:
        - {setting: 'download client qBittorrent: tvCategory', before: tv, after: sonarr}
    writes:
      description: How many requests were sent that change something.
      type: int
writes:
  description: The sum of the writes of all applications.
  returned: always, unless the parameters cannot be used
  type: int
findings:
  description: What was found, at least one for each of O(wiring).
  returned: always
  type: list
  elements: dict
  sample:
    - check: wiring
      target: sonarr
      status: ok
      summary: sonarr is wired as planned.
      hint: ''
      evidence: {}
"""

from pathlib import Path
from typing import Any

from ..module_utils._apps.engine import diff, wire_all
from ..module_utils._apps.ledger import Ledger
from ..module_utils._apps.registry import APPLICATIONS
from ..module_utils._core.run import Context, run

RECORD = {
    "service": {"type": "str", "required": True},
    "app": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "settings": {"type": "dict", "default": {}},
    "credentials": {"type": "dict", "default": {}},
    "connections": {"type": "list", "elements": "dict", "default": []},
    "media_path": {"type": "str", "default": ""},
    "config_path": {"type": "str", "default": ""},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Wire everything, or tell what that would do."""
    outcomes = wire_all(
        params["wiring"],
        params["secrets"],
        Ledger(Path(params["state_dir"], "wiring.json"), frozen=context.check_mode),
        params["deadline"],
        context.check_mode,
        context.clock,
        APPLICATIONS,
    )
    results = [outcome.as_dict() for outcome in outcomes]
    return {
        "changed": any(result["changed"] for result in results),
        "failed": any(outcome.state == "failed" for outcome in outcomes),
        "results": results,
        "writes": sum(outcome.writes for outcome in outcomes),
        "findings": [finding for outcome in outcomes for finding in outcome.findings],
        "diff": diff(outcomes),
    }


def main() -> None:
    """Run as an Ansible module."""
    run(
        {
            "wiring": {"type": "list", "elements": "dict", "required": True, "options": RECORD},
            "secrets": {"type": "dict", "default": {}, "no_log": True},
            "state_dir": {"type": "path", "default": "/var/lib/monsterr"},
            "deadline": {"type": "float", "default": 180},
        },
        work,
    )


if __name__ == "__main__":
    main()
