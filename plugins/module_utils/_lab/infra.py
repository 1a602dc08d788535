# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The files of the lab's machines: how they boot, the name server and the CA. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping

from .model import ACME_MANAGEMENT_PORT, ACME_PORT, DNS_ALGORITHM, DNS_KEY, Lab, Machine

MARK = "etc/monsterr-lab"
IMAGES = "/lab/images"
_CERTIFICATE_DAYS = 90


def machine_files(
    lab: Lab, machine: Machine, authorized: str, host_key: str, machine_id: str, mtu: int
) -> Mapping[str, str]:
    """Path in the machine -> content: what makes a copied file system this very machine."""
    return {
        "etc/hostname": f"{machine.hostname}\n",
        "etc/hosts": f"127.0.0.1 localhost\n::1 localhost\n{machine.address} {machine.hostname}\n",
        "etc/locale.conf": "LANG=C.UTF-8\n",
        "etc/machine-id": f"{machine_id}\n",
        "etc/resolv.conf": f"nameserver {lab.infra.address}\n",
        "etc/systemd/network/10-host0.network": _network(lab, machine, mtu),
        "etc/ssh/ssh_host_ed25519_key": host_key,
        "root/.ssh/authorized_keys": authorized,
        MARK: json.dumps({"lab": lab.name, "host": machine.host}) + "\n",
    }


def twin_files() -> Mapping[str, str]:
    """What only twins have: images come into the engine as soon as there is one, before anybody can miss them.

    The reference to docker.service is all there is of Docker on a new twin; installing it is the roles' work.
    """
    return {
        "etc/systemd/system/docker.service.d/10-lab-images.conf": (
            "[Service]\nExecStartPost=/usr/bin/python3 /lab/load_images.py\n"
        ),
        "lab/load_images.py": _LOADER,
    }


def _network(lab: Lab, machine: Machine, mtu: int) -> str:
    return f"""[Match]
Name=host0

[Link]
MTUBytes={mtu}

[Network]
Address={machine.address}/{lab.network.prefixlen}
Gateway={lab.gateway}
DHCP=no
IPv6AcceptRA=no
LLMNR=no
MulticastDNS=no
"""


def infra_files(lab: Lab, key: str, upstream: str) -> Mapping[str, str]:
    """The name server's and the CA's files, but for the CA's own certificate and key."""
    zones = {f"var/lib/knot/zones/{domain}.zone": zone(lab, domain) for domain in lab.domains}
    return {
        **zones,
        "etc/knot/knot.conf": knot(lab, key, upstream),
        "etc/pebble/config.json": pebble(),
        "etc/systemd/system/pebble.service": _pebble_unit(lab),
    }


def knot(lab: Lab, key: str, upstream: str) -> str:
    """Knot's configuration: authoritative for the lab's domains, everything else is asked upstream."""
    module = "    global-module: mod-dnsproxy/upstream\n" if upstream else ""
    remote = f"  - id: upstream\n    address: {upstream}@53\n" if upstream else ""
    proxy = (
        "mod-dnsproxy:\n  - id: upstream\n    remote: upstream\n    timeout: 5000\n    fallback: on\n"
        if upstream
        else ""
    )
    zones = "".join(f"  - domain: {domain}\n    file: {domain}.zone\n" for domain in lab.domains)
    return f"""server:
    rundir: /run/knot
    user: knot:knot
    listen: [{lab.infra.address}@53, 127.0.0.1@53]
    udp-workers: 4
    tcp-workers: 4
    background-workers: 1
log:
  - target: stderr
    any: info
database:
    storage: /var/lib/knot
key:
  - id: {DNS_KEY}
    algorithm: {DNS_ALGORITHM}
    secret: {key}
{"remote:" if remote else ""}
{remote}acl:
  - id: lab
    key: {DNS_KEY}
    action: [update, transfer]
{proxy}template:
  - id: default
    storage: /var/lib/knot/zones
    acl: lab
    semantic-checks: off
{module}zone:
{zones}"""


def zone(lab: Lab, domain: str) -> str:
    """A zone as a registrar hands it over: with its name server, and nothing else."""
    return f"""$ORIGIN {domain}.
$TTL 60
@ SOA ns1 hostmaster 1 3600 600 86400 5
@ NS ns1
ns1 A {lab.infra.address}
"""


def pebble() -> str:
    """Pebble's configuration: the ports of RFC 8555 section 8, a life of certificates like a public CA's."""
    return json.dumps(
        {
            "pebble": {
                "listenAddress": f"0.0.0.0:{ACME_PORT}",
                "managementListenAddress": f"0.0.0.0:{ACME_MANAGEMENT_PORT}",
                "certificate": "/etc/pebble/cert.pem",
                "privateKey": "/etc/pebble/key.pem",
                "httpPort": 80,
                "tlsPort": 443,
                "ocspResponderURL": "",
                "externalAccountBindingRequired": False,
                "certificateValidityPeriod": _CERTIFICATE_DAYS * 86400,
            }
        },
        indent=2,
    )


def _pebble_unit(lab: Lab) -> str:
    return f"""[Unit]
Description=ACME CA of the lab
After=knot.service network.target

[Service]
Environment=PEBBLE_VA_NOSLEEP=1
ExecStart=/usr/bin/pebble -config /etc/pebble/config.json -dnsserver {lab.infra.address}:53
Restart=on-failure

[Install]
WantedBy=multi-user.target
"""


_LOADER = f'''"""Load the lab's images into this twin's Docker Engine, once. Started by systemd after the engine."""

import http.client
import pathlib
import socket
import sys


class Engine(http.client.HTTPConnection):
    """The engine, by its socket."""

    def connect(self):
        """Connect to the socket in place of a host."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("/run/docker.sock")


for archive in sorted(pathlib.Path("{IMAGES}").glob("*.tar")):
    done = pathlib.Path("/var/lib/docker") / f".lab-{{archive.stem}}"
    if done.exists():
        continue
    engine = Engine("localhost", timeout=600)
    with archive.open("rb") as content:
        headers = {{"Content-Type": "application/x-tar", "Content-Length": str(archive.stat().st_size)}}
        engine.request("POST", "/images/load?quiet=1", body=content, headers=headers)
        answer = engine.getresponse()
        said = answer.read().decode()
    if answer.status != 200 or '"error"' in said:
        sys.exit(f"{{archive.name}}: {{answer.status}} {{said}}")
    done.touch()
'''
