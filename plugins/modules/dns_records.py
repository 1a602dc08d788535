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
  - All changes of one zone go in one message where the provider can, which takes or refuses it as a whole. A change by
    somebody else in between makes it fail instead of being overwritten.
  - A provider that is busy is asked again when it says, within O(deadline).
  - One zone that fails does not keep the others from being changed.
requirements:
  - dnspython >= 2.3
attributes:
  check_mode:
    support: full
    description:
      - With O(provider=rfc2136), asks the server whether it would take the changes, by a message that has the
        prerequisites and no change. So a wrong key shows in check mode too. The others are only read from.
  diff_mode:
    support: full
    description: Shows the RRsets that change as lines of a zone file.
  platform:
    support: full
    platforms: posix
    description: Needs Python and network access to the DNS server or the API. Usually runs on the controller.
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
        description:
          - How long others may keep the answer, in seconds. A provider that takes no such value gets the nearest that
            it takes; the least of V(desec) is usually 3600.
        type: int
        default: 300
      zone:
        description: The zone that holds the name. Found by asking the server if it is empty.
        type: str
        default: ''
  provider:
    description:
      - How the zones are changed. V(rfc2136) is dynamic update, signed with TSIG, as Knot, BIND, PowerDNS and others
        take it. V(powerdns), V(cloudflare), V(desec), V(hetzner), V(digitalocean) and V(route53) are the APIs of these
        names. V(exec) is a command of your own.
    type: str
    choices: [rfc2136, powerdns, cloudflare, desec, hetzner, digitalocean, route53, exec]
    default: rfc2136
  server:
    description: Name or address of the primary name server. Needed for O(provider=rfc2136).
    type: str
    default: ''
  port:
    description: The port that it listens on.
    type: int
    default: 53
  key_name:
    description:
      - The name of the TSIG key. Needed for O(provider=rfc2136).
      - With O(provider=route53), where it is needed too, the access key ID.
    type: str
    default: ''
  key_algorithm:
    description: The algorithm of the TSIG key.
    type: str
    choices: [hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512]
    default: hmac-sha256
  key_secret:
    description:
      - The secret of the TSIG key, in base64. Needed for O(provider=rfc2136).
      - With O(provider=route53), where it is needed too, the secret access key.
    type: str
    default: ''
  endpoint:
    description:
      - The address of the API, such as V(https://ns1.example.org:8081). Needed for O(provider=powerdns); the others
        have theirs.
    type: str
    default: ''
  token:
    description:
      - The token of the API. Needed for O(provider=powerdns), O(provider=cloudflare), O(provider=desec),
        O(provider=hetzner) and O(provider=digitalocean).
      - With O(provider=route53), the session token of temporary credentials. With O(provider=exec), handed to the
        command on its standard input.
    type: str
    default: ''
  ca_file:
    description: PEM file with the certificates to trust for the API. Without one, those of the system.
    type: path
    default: ''
  command:
    description:
      - The command and its arguments. Needed for O(provider=exec). It gets a JSON object on its standard input for each
        thing to do, and answers with one; see the collection's page on DNS.
    type: list
    elements: str
    default: []
  owner:
    description:
      - The name that records are registered under, in a TXT record C(_monsterr) of the zone. It holds short hashes, and
        no names.
      - An RRset that is there, differs from what is listed, and is not registered under this name is then left as it
        is, and told of. Without an owner, what is listed is made so whoever made what is there.
    type: str
    default: ''
  prune:
    description:
      - Whether records that are registered under O(owner) and not listed any more are deleted. Needs a provider that
        tells all records of a zone; with O(provider=rfc2136), zone transfers have to be allowed for the key.
    type: bool
    default: false
  adopt:
    description: Whether records that are there, and not registered under O(owner), are taken over.
    type: bool
    default: false
  threshold:
    description:
      - The percentage of the RRsets of a zone that may be deleted, and that may be changed, by one call. A zone in
        which more would be is left as it is. Zones of less than ten RRsets are not counted, nor are changes of what is
        registered as O(owner)'s.
      - Where the provider does not tell all records of a zone, those listed are counted.
    type: int
    default: 30
  force:
    description: Ignore O(threshold).
    type: bool
    default: false
  dnssec:
    description:
      - Have the zones signed, and return the DS records for the registrar. With O(provider=powerdns),
        O(provider=cloudflare), O(provider=desec) (which signs anyway) and O(provider=exec).
    type: bool
    default: false
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

- name: The same at Cloudflare, signed, without touching what others made, and without what is not listed any more
  monsterr.media.dns_records:
    provider: cloudflare
    token: "{{ monsterr_dns_token }}"
    owner: example.org
    prune: true
    dnssec: true
    records:
      - {name: sonarr.example.org, type: A, values: [192.0.2.10]}
  delegate_to: localhost
  register: made

- name: Show what the registrar has to be given
  ansible.builtin.debug:
    msg: "{{ made.zones }}"

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
zones:
  description: One entry for each zone that holds any of O(records).
  returned: always, unless the records cannot be used
  type: list
  elements: dict
  contains:
    name:
      description: The name of the zone.
      type: str
      sample: example.org
    pruned:
      description: Names and types that were deleted because of O(prune).
      type: list
      elements: str
      sample: [old.example.org A]
    ds:
      description: The DS records of the zone, with O(dnssec).
      type: list
      elements: str
      sample: ["12345 13 2 5BA9..."]
findings:
  description: One verdict for each of O(records), in the same order. Then those on what was pruned and on signatures.
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
from ansible_collections.monsterr.media.plugins.module_utils._dns import options

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
    **options.SPEC,
    "owner": {"type": "str", "default": ""},
    "prune": {"type": "bool", "default": False},
    "adopt": {"type": "bool", "default": False},
    "threshold": {"type": "int", "default": 30},
    "force": {"type": "bool", "default": False},
    "dnssec": {"type": "bool", "default": False},
    "deadline": {"type": "int", "default": 60},
}


_POLICY = ("owner", "prune", "adopt", "threshold", "force", "dnssec")


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Read the records, and make them so."""
    wanted = model.read(params["records"])
    provider = base.connect(params, Deadline(params["deadline"], context.clock))
    policy = records.Policy(**{name: params[name] for name in _POLICY})
    return records.ensure(provider, wanted, context.check_mode, policy)


def main() -> None:
    """Run as a module."""
    run(SPEC, work, [("dnspython", LIBRARY_ERROR)])


if __name__ == "__main__":
    main()
