#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: lab
short_description: Throw-away twins of hosts, with a name server and an ACME CA of their own
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Boots a container (systemd-nspawn, a bare Debian with a real systemd and an SSH server) for each host of an
    inventory, in a network of its own on this computer. Beside them runs one machine with a name server (Knot,
    authoritative for the domains, takes signed updates) and an ACME CA (Pebble).
  - Writes an inventory, RV(inventory), to use after the user's own. In it, each host is its twin, and DNS and CA are
    the lab's.
  - Installs what it needs on this computer (C(systemd-container), C(mmdebstrap), C(nftables)), and changes there
    nothing else but what V(state=absent) takes away again. File systems, images and packages are kept in O(cache_dir).
  - The twins' Docker Engine, once it is installed, finds the images of the services under the names that their
    definitions use. Programs that cannot be had without a registry are replaced by stand-ins, and named so.
requirements:
  - cryptography
  - PyYAML
attributes:
  check_mode:
    support: full
    description: Says whether anything would be started or removed.
  diff_mode:
    support: none
    description: What changes are processes, not texts.
  platform:
    support: full
    platforms: debian
    description: Runs on the controller, as root.
options:
  state:
    description:
      - V(present) brings the lab up, V(absent) removes all of it but O(cache_dir).
      - V(stopped) cuts the power of O(hosts), V(started) boots them again with the same file systems.
    type: str
    choices: [present, absent, stopped, started]
    default: present
  name:
    description:
      - Tells labs apart. Labs with different names and networks can be up at the same time.
      - With V(state=absent), V(all) removes every lab of this computer.
    type: str
    default: rehearse
  hosts:
    description:
      - The names of the hosts that get a twin, as in the inventory.
      - With V(state=stopped) and V(state=started), those of an existing lab to stop or start. V(infra) is the machine
        with the name server and the CA.
    type: list
    elements: str
    default: []
  edge:
    description: Those of O(hosts) that face the world. The first of O(hosts) if empty.
    type: list
    elements: str
    default: []
  domains:
    description: The domains that the name server is authoritative for. It asks O(resolvers) for all others.
    type: list
    elements: str
    default: [monsterr.test]
  network:
    description: The private IPv4 network of the lab.
    type: str
    default: 10.213.77.0/24
  resolvers:
    description: The resolvers to ask for other names, only the first is used. Those of this computer if empty.
    type: list
    elements: str
    default: []
  cache_dir:
    description: Where to keep what is costly to make.
    type: path
    default: ~/.cache/monsterr
  roles:
    description: The folder of the service roles. Their definitions name the images to have.
    type: path
  services:
    description: The services to have the images of. All that O(roles) define if empty.
    type: list
    elements: str
    default: []
  images:
    description: The images to have by service, in place of those that O(roles) name.
    type: dict
    default: {}
  image_recipes:
    description: The folder with the recipes of images. C(lab/files/images) in O(roles) if empty.
    type: path
  stand_ins:
    description: The folder with the programs that stand in for those that cannot be had.
    type: path
  disk_limits:
    description:
      - Paths of twins to put on a small file system, to see what happens when it is full. By host, then by path, the
        size, such as V(64M).
    type: dict
    default: {}
  fresh:
    description:
      - Begin with new machines, even if the lab is up.
      - Without it, a lab that is up and described by the same options is left as it is; what is stopped is started.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Bring up twins of two hosts
  monsterr.media.lab:
    hosts: [edge, media]
    domains: [monsterr.test]
    roles: roles
  delegate_to: localhost
  register: lab

- name: Cut the power of one of them
  monsterr.media.lab:
    state: stopped
    hosts: [media]

- name: Leave nothing behind but the cache
  monsterr.media.lab:
    state: absent
    name: all
"""

RETURN = r"""
twins:
  description: The twins, by the host's name.
  returned: V(state=present)
  type: dict
  sample: {edge: {address: 10.213.77.10, root: /var/lib/monsterr-lab/rehearse/machines/edge/root, pid: 4242}}
infra:
  description: The machine with the name server and the CA.
  returned: V(state=present)
  type: dict
  sample: {address: 10.213.77.2, root: /var/lib/monsterr-lab/rehearse/machines/infra/root, pid: 4241}
dns:
  description: The name server, and where the key for updates is.
  returned: V(state=present)
  type: dict
  sample:
    address: 10.213.77.2
    port: 53
    key_name: monsterr-lab
    key_algorithm: hmac-sha256
    key_file: /var/lib/monsterr-lab/rehearse/dns.key
acme:
  description: The CA. C(ca_file) is to be trusted for its directory, C(root_file) is what certificates are signed by.
  returned: V(state=present)
  type: dict
  sample:
    directory: https://10.213.77.2:14000/dir
    ca_file: /var/lib/monsterr-lab/rehearse/acme/ca.pem
    root_file: /var/lib/monsterr-lab/rehearse/acme/root.pem
ssh:
  description: How to log in as root.
  returned: V(state=present)
  type: dict
  sample: {key: /var/lib/monsterr-lab/rehearse/ssh/key, known_hosts: /var/lib/monsterr-lab/rehearse/ssh/known_hosts}
inventory:
  description: The inventory to use after the user's own.
  returned: V(state=present)
  type: str
  sample: /var/lib/monsterr-lab/rehearse/inventory
images:
  description: The images that the twins' engines will have, and the services that there is none for.
  returned: V(state=present)
  type: dict
  sample: {loaded: ['lscr.io/linuxserver/sonarr:4.0.16'], stand_ins: [sonarr], missing: [plex]}
hosts:
  description: The hosts that were stopped or started.
  returned: V(state=stopped) and V(state=started)
  type: list
  elements: str
  sample: [media]
seconds:
  description: How long each step took.
  returned: V(state=present)
  type: dict
  sample: {file systems: 0.0, machines: 2.1, network: 0.1, boot: 3.2, certificates: 0.1}
findings:
  description: What is worth knowing, such as services that the lab has no image for.
  returned: always
  type: list
  elements: dict
  sample:
    - check: lab.image
      target: plex
      status: warn
      summary: 'The lab has no image for plex: there is no recipe for one.'
      hint: It cannot be rehearsed, and is left out.
      evidence: {}
"""

import traceback
from pathlib import Path
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run
from ansible_collections.monsterr.media.plugins.module_utils._lab import command, model

LIBRARY_ERROR = YAML_ERROR = None
try:
    from ansible_collections.monsterr.media.plugins.module_utils._lab import lab as labs
except ImportError:
    LIBRARY_ERROR = traceback.format_exc()
try:
    from ansible_collections.monsterr.media.plugins.module_utils._lab import definitions
except ImportError:
    YAML_ERROR = traceback.format_exc()

ALL = "all"  # no lab's name, see `model.lab`
SPEC: dict[str, dict[str, Any]] = {
    "state": {"type": "str", "choices": ["present", "absent", "stopped", "started"], "default": "present"},
    "name": {"type": "str", "default": "rehearse"},
    "hosts": {"type": "list", "elements": "str", "default": []},
    "edge": {"type": "list", "elements": "str", "default": []},
    "domains": {"type": "list", "elements": "str", "default": ["monsterr.test"]},
    "network": {"type": "str", "default": "10.213.77.0/24"},
    "resolvers": {"type": "list", "elements": "str", "default": []},
    "cache_dir": {"type": "path", "default": "~/.cache/monsterr"},
    "roles": {"type": "path"},
    "services": {"type": "list", "elements": "str", "default": []},
    "images": {"type": "dict", "default": {}},
    "image_recipes": {"type": "path"},
    "stand_ins": {"type": "path"},
    "disk_limits": {"type": "dict", "default": {}},
    "fresh": {"type": "bool", "default": True},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Do what the state says."""
    cache = Path(params["cache_dir"])
    if params["state"] == "present":
        lab = model.lab(
            params["name"], params["hosts"], params["domains"], params["network"], params["disk_limits"]
        )  # fmt: skip
        settings = labs.Settings(
            cache, params["edge"], definitions.images(params), params["resolvers"], params["fresh"]
        )  # fmt: skip
        if context.check_mode:
            command.check()
            todo = labs.needs(lab, settings)
            return {**labs.result(lab, settings), "changed": bool(todo), "seconds": {}, "todo": todo}
        return labs.up(lab, settings, context.clock)
    if params["state"] == "absent":
        found = labs.every() if params["name"] == ALL else [labs.existing(params["name"], params["network"])]
        gone = [labs.exists(lab) if context.check_mode else labs.down(lab, cache) for lab in found]
        return {"changed": any(gone)}
    change = labs.stop if params["state"] == "stopped" else labs.start
    hosts = change(labs.existing(params["name"], params["network"]), params["hosts"], context.check_mode)
    return {"changed": bool(hosts), "hosts": hosts}


def main() -> None:
    """Run as a module."""
    run(SPEC, work, [("cryptography", LIBRARY_ERROR), ("PyYAML", YAML_ERROR)])


if __name__ == "__main__":
    main()
