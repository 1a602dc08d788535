#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: audit_sites_info
short_description: Look at sites as the world sees them
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - For each site, whether TLS is good and only new versions of it are spoken, whether plain HTTP is sent to HTTPS,
    which headers for browsers are missing, and whether cookies may go over plain HTTP.
  - Whether a name that is not yours gets a certificate.
  - Only asks; each site is sent a few requests for its first page.
attributes:
  check_mode:
    support: full
    description: It only reads, in check mode too.
  diff_mode:
    support: none
    description: There is nothing to compare.
  platform:
    description: Runs anywhere, best where the world's view is had.
    support: full
    platforms: posix
options:
  sites:
    description: The names of the sites.
    type: list
    elements: str
    required: true
  address:
    description: Where they are. If not set, each name is looked up.
    type: str
    default: ''
  port:
    description: The port for HTTPS.
    type: int
    default: 443
  plain_port:
    description: The port for plain HTTP.
    type: int
    default: 80
  ca_bundle:
    description: Certificates in PEM to trust besides the system's.
    type: str
    default: ''
  deadline:
    description: Seconds that all of it may take.
    type: int
    default: 60
"""

EXAMPLES = r"""
- name: Look at two sites from the controller
  monsterr.media.audit_sites_info:
    sites: [sonarr.example.org, plex.example.org]
  delegate_to: localhost
"""

RETURN = r"""
findings:
  description: What is to be said of each site. One that is as careful as it can be has one finding that says so.
  returned: always
  type: list
  elements: dict
  sample:
    - check: audit.site
      target: sonarr.example.org
      status: ok
      summary: sonarr.example.org is as careful as it can be.
      hint: ''
      evidence: {}
"""

from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._audit import sites
from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run

SPEC: dict[str, dict[str, Any]] = {
    "sites": {"type": "list", "elements": "str", "required": True},
    "address": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 443},
    "plain_port": {"type": "int", "default": 80},
    "ca_bundle": {"type": "str", "default": ""},
    "deadline": {"type": "int", "default": 60},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Ask all of them, then judge."""
    names, port = params["sites"], params["port"]
    deadline = Deadline(params["deadline"], context.clock)
    seen = sites.look(names, params["address"], port, params["plain_port"], params["ca_bundle"], deadline)
    findings = [finding for one in seen for finding in sites.judge(one)]
    reached = next((one.name for one in seen if not one.trouble), "")
    if reached:
        findings.append(sites.strangers(params["address"] or reached, port, deadline))
    return {"changed": False, "findings": findings}


def main() -> None:
    """Run as a module."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
