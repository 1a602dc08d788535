# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The inventory that goes on top of the user's: each host is its twin, DNS and CA are the lab's. Pure.

All of it is host variables, so that it wins over whatever the user's inventory says for groups.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .model import DNS_ALGORITHM, DNS_KEY, Lab

_SSH = {
    "UserKnownHostsFile": "{known_hosts}",
    "GlobalKnownHostsFile": "/dev/null",
    "StrictHostKeyChecking": "yes",
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "ConnectTimeout": "10",
    "ServerAliveInterval": "5",
    "ServerAliveCountMax": "6",
    "LogLevel": "ERROR",
}


def ssh_options(known_hosts: Path) -> list[str]:
    """Options of ssh that keep everything of the user's own (agent, known hosts) out of the lab, and the other way."""
    options = {**_SSH, "UserKnownHostsFile": str(known_hosts)}
    return ["-F", "none", *(word for name, value in options.items() for word in ("-o", f"{name}={value}"))]


def variables(lab: Lab, host: str, edge: Sequence[str], secrets: Mapping[str, str]) -> dict[str, Any]:
    """All variables of one twin.

    edge     inventory names of the hosts that face the world
    secrets  ``dns`` (the TSIG key, base64) and ``monsterr`` (the secret that all others come from)
    """
    twins, ssh = lab.twins, lab.folder / "ssh"
    address = twins[host].address
    return {
        "ansible_connection": "ssh",
        "ansible_host": address,
        "ansible_port": 22,
        "ansible_user": "root",
        "ansible_password": "",
        "ansible_ssh_private_key_file": str(ssh / "key"),
        "ansible_ssh_common_args": "",
        "ansible_ssh_extra_args": "",
        "ansible_ssh_args": " ".join(
            [*ssh_options(ssh / "known_hosts"), "-o", "ControlMaster=auto", "-o", "ControlPersist=60s"]
        ),
        "ansible_control_path": str(ssh / "%%C"),
        "ansible_pipelining": True,
        "ansible_become": False,
        "ansible_python_interpreter": "/usr/bin/python3",
        "monsterr_rehearsal": lab.name,
        "monsterr_secret": secrets["monsterr"],
        "monsterr_address": address,
        "monsterr_public_addresses": [twins[name].address for name in edge],
        "monsterr_image_digests": False,
        "monsterr_dns_provider": "rfc2136",
        "monsterr_dns_server": lab.infra.address,
        "monsterr_dns_port": 53,
        "monsterr_dns_key_name": DNS_KEY,
        "monsterr_dns_key_algorithm": DNS_ALGORITHM,
        "monsterr_dns_key_secret": secrets["dns"],
        "monsterr_dns_endpoint": "",
        "monsterr_dns_token": "",
        "monsterr_dns_command": [],
        "monsterr_dns_dnssec": False,
        "monsterr_dns_resolvers": [lab.infra.address],
        "monsterr_acme_directory": lab.directory,
        "monsterr_acme_ca_file": str(lab.folder / "acme" / "trust.pem"),
        "monsterr_acme_email": f"hostmaster@{lab.domains[0]}" if lab.domains else "",
    }


def files(lab: Lab, edge: Sequence[str], secrets: Mapping[str, str]) -> dict[str, str]:
    """Path in the overlay -> content. JSON, which is YAML too and needs no library to be written."""
    hosts = {"all": {"hosts": {host: {} for host in lab.hosts}}}
    return {
        "hosts.yml": _plain(hosts),
        **{f"host_vars/{host}.yml": _plain(variables(lab, host, edge, secrets)) for host in lab.hosts},
    }


def _plain(value: Any) -> str:
    return json.dumps(value, indent=2) + "\n"
