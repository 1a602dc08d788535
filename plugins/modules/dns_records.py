#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_records
short_description: Make DNS records as they shall be, and leave all others alone
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Compares the records listed with what the DNS server has, and sends the difference.
  - Works on whole RRsets (all values of one name and type). A name or type that is not listed is never touched.
  - All changes of one zone go in one message, which the server takes or refuses as a whole. The message says what we
    saw before, so that a change by somebody else in between makes it fail instead of being overwritten.
  - One zone that fails does not keep the others from being changed.
requirements:
  - dnspython >= 2.3
attributes:
  check_mode:
    support: full
    description:
      - Asks the server whether it would take the changes, by a message that has the prerequisites and no change. So a
        wrong key shows in check mode too.
  diff_mode:
    support: full
    description: Shows the RRsets that change as lines of a zone file.
  platform:
    support: full
    platforms: posix
    description: Needs Python and network access to the DNS server. Usually runs on the controller.
options:
  records:
    description:
      - The records as they shall be. One entry for each name and type.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The whole name, with or without the final dot.
        type: str
        required: true
      type:
        description: The type of the records, such as V(A), V(AAAA), V(CNAME), V(TXT), V(CAA) or V(MX).
        type: str
        required: true
      values:
        description:
          - All values that the name has for this type, in presentation form. Names in them are whole names.
          - Text for V(TXT) may be written without quotes.
          - Without values, the records of this name and type are removed.
        type: list
        elements: str
        default: []
      ttl:
        description: How long others may keep the answer, in seconds.
        type: int
        default: 300
      zone:
        description: The zone that holds the name. Found by asking the server if it is empty.
        type: str
        default: ''
  provider:
    description: How the zones are changed. V(rfc2136) is dynamic update, signed with TSIG.
    type: str
    choices: [rfc2136]
    default: rfc2136
  server:
    description: Name or address of the primary name server.
    type: str
    required: true
  port:
    description: The port that it listens on.
    type: int
    default: 53
  key_name:
    description: The name of the TSIG key.
    type: str
    required: true
  key_algorithm:
    description: The algorithm of the TSIG key.
    type: str
    choices: [hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512]
    default: hmac-sha256
  key_secret:
    description: The secret of the TSIG key, in base64.
    type: str
    required: true
  deadline:
    description: The longest that the whole call may take, in seconds.
    type: int
    default: 60
seealso:
  - module: monsterr.media.dns_check_info
"""

EXAMPLES = r"""
- name: Point two names at the host
  monsterr.media.dns_records:
    server: 192.0.2.53
    key_name: monsterr
    key_secret: "{{ monsterr_dns_key_secret }}"
    records:
      - {name: sonarr.example.org, type: A, values: [192.0.2.10]}
      - {name: plex.example.org, type: A, values: [192.0.2.10], ttl: 3600}
  delegate_to: localhost

- name: Remove a record
  monsterr.media.dns_records:
    server: 192.0.2.53
    key_name: monsterr
    key_secret: "{{ monsterr_dns_key_secret }}"
    records:
      - {name: old.example.org, type: A, values: []}
  delegate_to: localhost
"""

RETURN = r"""
results:
  description: One entry for each of O(records), in the same order, also on failure.
  returned: always, unless the records cannot be used
  type: list
  elements: dict
  contains:
    name:
      description: The name, without the final dot.
      type: str
      sample: sonarr.example.org
    type:
      description: The type.
      type: str
      sample: A
    zone:
      description: The zone that holds the name. Empty if none was found.
      type: str
      sample: example.org
    action:
      description: What is needed, one of V(none), V(create), V(update), V(delete).
      type: str
      sample: create
    changed:
      description: Whether it was done. In check mode, whether it would be.
      type: bool
      sample: true
    before:
      description: The values and TTL that were there.
      type: dict
      sample: {values: [], ttl: 0}
    after:
      description: The values and TTL that are there now. In check mode, that would be.
      type: dict
      sample: {values: [192.0.2.10], ttl: 300}
findings:
  description: One verdict for each of O(records), in the same order.
  returned: always
  type: list
  elements: dict
  sample:
    - check: dns.records
      target: sonarr.example.org A
      status: ok
      summary: sonarr.example.org A was created.
      hint: ''
      evidence: {}
"""

import traceback
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run

LIBRARY_ERROR = None
try:
    from ansible_collections.monsterr.media.plugins.module_utils._dns import model, records
    from ansible_collections.monsterr.media.plugins.module_utils._dns.providers import base
except ImportError:
    LIBRARY_ERROR = traceback.format_exc()

SPEC: dict[str, dict[str, Any]] = {
    "records": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "type": {"type": "str", "required": True},
            "values": {"type": "list", "elements": "str", "default": []},
            "ttl": {"type": "int", "default": 300},
            "zone": {"type": "str", "default": ""},
        },
    },
    "provider": {"type": "str", "choices": ["rfc2136"], "default": "rfc2136"},
    "server": {"type": "str", "required": True},
    "port": {"type": "int", "default": 53},
    "key_name": {"type": "str", "required": True, "no_log": False},
    "key_algorithm": {
        "type": "str",
        "choices": ["hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512"],
        "default": "hmac-sha256",
        "no_log": False,
    },
    "key_secret": {"type": "str", "required": True, "no_log": True},
    "deadline": {"type": "int", "default": 60},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the records, and make them so."""
    wanted = model.read(params["records"])
    provider = base.connect(params, Deadline(params["deadline"], context.clock))
    return records.ensure(provider, wanted, context.check_mode)


def main() -> None:
    """Run as a module."""
    run(SPEC, work, [("dnspython", LIBRARY_ERROR)])


if __name__ == "__main__":
    main()
