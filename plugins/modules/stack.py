#!/usr/bin/python
# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)

from __future__ import annotations

DOCUMENTATION = r"""
module: stack
short_description: Bring services up as Compose projects, each verified or undone
version_added: 0.1.0
author: Monsterr contributors (@monsterr)
description:
  - Every service becomes a readable Compose project of its own in O(root), which can be run by hand with
    C(docker compose).
  - Each service is a transaction. It is compared with the host first, and left alone when nothing differs. A change is
    applied, the service has to run and answer within its deadline, or what was before is put back.
  - Before the image changes, the private volumes are copied, so that image and data go back together.
  - Services are worked on at the same time. One that fails rolls back only itself; the module ends failed, with a
    finding for each.
  - A run that is killed leaves a journal. The next one undoes the half-made change first, then makes it anew.
attributes:
  check_mode:
    support: full
    description: Tells what would be done to each service and why, on a host without Docker too.
  diff_mode:
    support: full
    description: Shows the project's files before and after. Values of secrets are masked.
  platform:
    description: Runs on the hosts, which are Debian or Ubuntu.
    support: full
    platforms: posix
options:
  services:
    description: The services of this host, as the plan lists them.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the service, its container and its folder.
        type: str
        required: true
      title:
        description: Its name for people.
        type: str
        required: true
      group:
        description: Heading that it belongs under.
        type: str
        default: other
      image:
        description: Image with its tag.
        type: str
        required: true
      digest:
        description: Digest that the image must have. Empty to accept what the tag names.
        type: str
        default: ''
      environment:
        description: Environment. Values may hold references to secrets, as in C(<secret:sonarr.api_key>).
        type: dict
        default: {}
      entrypoint:
        description: Entrypoint in place of the image's own.
        type: list
        elements: str
        default: []
      command:
        description: Command in place of the image's own.
        type: list
        elements: str
        default: []
      ports:
        description: Published ports.
        type: list
        elements: dict
        default: []
        suboptions:
          address:
            description: Address of this host to listen on.
            type: str
            required: true
          published:
            description: Port on this host.
            type: int
            required: true
          target:
            description: Port in the container.
            type: int
            required: true
          protocol:
            description: Transport.
            type: str
            choices: [tcp, udp]
            default: tcp
      volumes:
        description: Folders of this host that the container sees.
        type: list
        elements: dict
        default: []
        suboptions:
          source:
            description: Folder on this host.
            type: path
            required: true
          target:
            description: Path in the container.
            type: str
            required: true
          kind:
            description:
              - V(private) state is created here and goes back when an update is undone. V(media) is shared and left
                alone.
            type: str
            choices: [private, media]
            default: private
          read_only:
            description: Whether the container may only read it.
            type: bool
            default: false
      seeds:
        description:
          - Files to write before the first start, if they are not there. Contents may hold references to secrets.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path on this host.
            type: path
            required: true
          content:
            description: Content.
            type: str
            required: true
          mode:
            description: Permissions.
            type: str
            default: '0600'
      uid:
        description: Owner of the private volumes.
        type: int
        required: true
      gid:
        description: Group of the private volumes.
        type: int
        required: true
      user:
        description: User and group that the container runs as, as in C(13000:13000). Empty for what the image says.
        type: str
        default: ''
      stop_timeout:
        description: Seconds the service gets to stop.
        type: int
        default: 30
      deadline:
        description: Seconds the service gets to become healthy.
        type: int
        default: 300
      after:
        description: Services of this host that are brought up first.
        type: list
        elements: str
        default: []
      probe:
        description: How to tell that the service works, as M(monsterr.media.service_health_info) takes it.
        type: dict
        required: true
  secrets:
    description: The values of the secrets that O(services) refer to, by V(service.name).
    type: dict
    default: {}
  root:
    description: Where the projects are.
    type: path
    default: /opt/monsterr/services
  state_dir:
    description: Where journals, previous revisions and copies of data are kept. Only root can read it.
    type: path
    default: /var/lib/monsterr
  network:
    description: The network on which the containers find each other by name.
    type: str
    default: monsterr
  concurrency:
    description: How many services are worked on at a time.
    type: int
    default: 4
  prune:
    description: Whether projects that are not in O(services) are stopped and removed. Their data stays.
    type: bool
    default: false
  purge:
    description:
      - Names of services whose data is deleted, if they are not in O(services). This cannot be undone.
      - Their part of the media library stays.
    type: list
    elements: str
    default: []
  lock_timeout:
    description: Seconds to wait for another run on this host.
    type: int
    default: 60
requirements:
  - Docker Engine with Compose v2, and python3-docker
"""

EXAMPLES = r"""
- name: Bring the services up
  monsterr.media.stack:
    services: "{{ monsterr_plan.hosts[inventory_hostname].services }}"
    secrets: "{{ lookup('monsterr.media.secrets', monsterr_plan.hosts[inventory_hostname].secrets) }}"
    prune: true
"""

RETURN = r"""
services:
  description: One for each of O(services), in the same order, then those that were pruned.
  type: list
  elements: dict
  returned: always
  contains:
    name:
      description: The service.
      type: str
    action:
      description: V(none), V(create), V(recreate), V(upgrade), V(start) or V(remove).
      type: str
    changed:
      description: Whether the host is different now. False for a change that was undone.
      type: bool
    reasons:
      description: Why something had to be done.
      type: list
      elements: str
    image:
      description: The image that was asked for.
      type: str
    container_id:
      description: The container that is there now.
      type: str
    started_at:
      description: When it was started.
      type: str
    findings:
      description: How it went.
      type: list
      elements: dict
findings:
  description: All findings of all services.
  type: list
  elements: dict
  returned: always
"""

from pathlib import Path
from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._compose.stack import apply
from ansible_collections.monsterr.media.plugins.module_utils._core.run import Context, run

PORT = {
    "address": {"type": "str", "required": True},
    "published": {"type": "int", "required": True},
    "target": {"type": "int", "required": True},
    "protocol": {"type": "str", "choices": ["tcp", "udp"], "default": "tcp"},
}
VOLUME = {
    "source": {"type": "path", "required": True},
    "target": {"type": "str", "required": True},
    "kind": {"type": "str", "choices": ["private", "media"], "default": "private"},
    "read_only": {"type": "bool", "default": False},
}
SEED = {
    "path": {"type": "path", "required": True},
    "content": {"type": "str", "required": True},
    "mode": {"type": "str", "default": "0600"},
}
SERVICE = {
    "name": {"type": "str", "required": True},
    "title": {"type": "str", "required": True},
    "group": {"type": "str", "default": "other"},
    "image": {"type": "str", "required": True},
    "digest": {"type": "str", "default": ""},
    "environment": {"type": "dict", "default": {}},
    "entrypoint": {"type": "list", "elements": "str", "default": []},
    "command": {"type": "list", "elements": "str", "default": []},
    "ports": {"type": "list", "elements": "dict", "default": [], "options": PORT},
    "volumes": {"type": "list", "elements": "dict", "default": [], "options": VOLUME},
    "seeds": {"type": "list", "elements": "dict", "default": [], "options": SEED},
    "uid": {"type": "int", "required": True},
    "gid": {"type": "int", "required": True},
    "user": {"type": "str", "default": ""},
    "stop_timeout": {"type": "int", "default": 30},
    "deadline": {"type": "int", "default": 300},
    "after": {"type": "list", "elements": "str", "default": []},
    "probe": {"type": "dict", "required": True},
}
SPEC = {
    "services": {"type": "list", "elements": "dict", "required": True, "options": SERVICE},
    "secrets": {"type": "dict", "default": {}, "no_log": True},
    "root": {"type": "path", "default": "/opt/monsterr/services"},
    "state_dir": {"type": "path", "default": "/var/lib/monsterr"},
    "network": {"type": "str", "default": "monsterr"},
    "concurrency": {"type": "int", "default": 4},
    "prune": {"type": "bool", "default": False},
    "purge": {"type": "list", "elements": "str", "default": []},
    "lock_timeout": {"type": "int", "default": 60},
}


def work(params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Apply the services, or say what would be done."""
    return apply(
        params["services"],
        params["secrets"],
        root=Path(params["root"]),
        state=Path(params["state_dir"]),
        network=params["network"],
        concurrency=params["concurrency"],
        prune=params["prune"],
        purge=params["purge"],
        lock_timeout=params["lock_timeout"],
        check_mode=context.check_mode,
        clock=context.clock,
    )


def main() -> None:
    """Entry point."""
    run(SPEC, work)


if __name__ == "__main__":
    main()
