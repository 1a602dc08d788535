#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: dns_check_info
short_description: Ask every authoritative name server whether records are as they shall be
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Finds the zone of each record and all of its name servers, asks each server at each of its addresses, and compares.
  - All questions are asked at the same time, by UDP, and by TCP where an answer is too long.
  - A server that lags behind is named with its serial. Where a record is missing, the hint is the record to add.
  - Only reads.
requirements:
  - dnspython >= 2.3
attributes:
  check_mode:
    support: full
    description: It never changes anything.
  diff_mode:
    support: none
    description: It never changes anything.
  platform:
    support: full
    platforms: posix
    description: Runs on the controller to look from outside, or on a host to look from inside.
options:
  records:
    description:
      - The records to check. One entry for each name and type.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The whole name, with or without the final dot.
        type: str
        required: true
      type:
        description: The type of the records.
        type: str
        required: true
      values:
        description: All values that are expected. Without values, no such record is expected.
        type: list
        elements: str
        default: []
      ttl:
        description: The TTL to name in the hint. The TTL that a server gives is not compared.
        type: int
        default: 300
      zone:
        description: The zone that holds the name. Found by asking if it is empty.
        type: str
        default: ''
      ca:
        description:
          - For the type V(CAA), the domain of the certificate authority that shall be able to issue for the name, such
            as V(letsencrypt.org). What holds is judged, at the name or above it (RFC 8659), and O(records[].values) is
            not used.
          - The name may then begin with V(*.).
        type: str
        default: ''
      account:
        description: The URI of the ACME account, to compare with C(accounturi) (RFC 8657).
        type: str
        default: ''
      method:
        description: The validation method, such as V(dns-01), to compare with C(validationmethods) (RFC 8657).
        type: str
        default: ''
  resolvers:
    description:
      - Addresses of the resolvers to find zones and name servers by, C(ADDRESS) or C(ADDRESS#PORT). They are used for
        everything, and no others. Without any, those of the machine that the module runs on.
    type: list
    elements: str
    default: []
  servers:
    description:
      - For a zone, the addresses of the name servers to ask, instead of those that its NS records lead to. For split
        horizons and hidden primaries.
    type: dict
    default: {}
  port:
    description: The port that authoritative name servers listen on.
    type: int
    default: 53
  deadline:
    description: The longest that the whole call may take, in seconds.
    type: int
    default: 20
seealso:
  - module: monsterr.media.dns_records
"""

EXAMPLES = r"""
- name: Check that the names lead here
  monsterr.media.dns_check_info:
    resolvers: [9.9.9.9, 1.1.1.1]
    records:
      - {name: sonarr.example.org, type: A, values: [192.0.2.10]}
  register: check
  failed_when: check.findings | rejectattr('status', 'eq', 'ok') | length > 0

- name: Check that Let's Encrypt may issue
  monsterr.media.dns_check_info:
    records:
      - {name: sonarr.example.org, type: CAA, ca: letsencrypt.org, method: http-01}

- name: Ask the servers of the inner view
  monsterr.media.dns_check_info:
    servers: {example.org: [10.0.0.53]}
    records:
      - {name: sonarr.example.org, type: A, values: [10.0.0.10]}
"""

RETURN = r"""
results:
  description: One entry for each of O(records), in the same order.
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
    status:
      description: V(ok), V(warn) or V(fail).
      type: str
      sample: ok
    answers:
      description: What each name server said at each of its addresses.
      type: list
      elements: dict
      sample:
        - server: ns1.example.org
          address: 192.0.2.53
          state: answered
          rcode: NOERROR
          values: [192.0.2.10]
          serial: 2026112401
          detail: ''
findings:
  description: One verdict for each of O(records), in the same order. The module does not fail because of them.
  returned: always
  type: list
  elements: dict
  sample:
    - check: dns.record
      target: sonarr.example.org A
      status: fail
      summary: There is no record sonarr.example.org A.
      hint: 'Add this in the zone example.org: sonarr.example.org. 300 IN A 192.0.2.10'
      evidence: {zone: example.org, expected: [192.0.2.10]}
"""

import traceback
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.clock import Deadline
from ansible_collections.monsterr.media.plugins.module_utils._core.errors import InputError
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run

LIBRARY_ERROR = None
try:
    from ansible_collections.monsterr.media.plugins.module_utils._dns import caa, model, resolver, rules
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
            "ca": {"type": "str", "default": ""},
            "account": {"type": "str", "default": ""},
            "method": {"type": "str", "default": ""},
        },
    },
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "servers": {"type": "dict", "default": {}},
    "port": {"type": "int", "default": 53},
    "deadline": {"type": "int", "default": 20},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Ask all servers about all records, and judge."""
    wanted = model.read(params["records"])
    for record in params["records"]:
        if record["type"].upper() != "CAA" and (record["ca"] or record["account"] or record["method"]):
            why = "ca, account and method are for the type CAA only"
            raise InputError("use the record", f"{record['name']} {record['type']}", why, "Set its type to CAA.")
    deadline = Deadline(params["deadline"], context.clock)
    asker = resolver.Resolver(deadline, params["resolvers"], params["servers"], params["port"])
    looked = asker.check([item.rrset for item in wanted], [item.zone for item in wanted])
    findings = [rules.verdict(item.rrset, *look) for item, look in zip(wanted, looked, strict=True)]
    asked = [
        number for number, record in enumerate(params["records"]) if wanted[number].rrset.type == "CAA" and record["ca"]
    ]
    for number, found in zip(asked, asker.issuance([wanted[number].rrset.name for number in asked]), strict=True):
        record = params["records"][number]
        findings[number] = caa.verdict(
            wanted[number].rrset.name, found, record["ca"], record["account"], record["method"]
        )
    results = [
        {
            "name": item.rrset.name,
            "type": item.rrset.type,
            "zone": zone.name,
            "status": finding.status,
            "answers": [answer.as_dict() for answer in answers],
        }
        for item, (zone, answers), finding in zip(wanted, looked, findings, strict=True)
    ]
    return {"changed": False, "results": results, "findings": findings}


def main() -> None:
    """Run as a module."""
    run(SPEC, work, [("dnspython", LIBRARY_ERROR)])


if __name__ == "__main__":
    main()
