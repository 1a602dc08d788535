# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What a lab is made of: names, addresses and paths. Pure."""

from __future__ import annotations

import ipaddress
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from .._core.errors import InputError

STATE = Path("/var/lib/monsterr-lab")
INFRA = "infra"  # the machine with the name server and the CA
FIRST_TWIN = 10  # host part of the first twin's address
DNS_KEY = "monsterr-lab"
DNS_ALGORITHM = "hmac-sha256"
ACME_PORT = 14000
ACME_MANAGEMENT_PORT = 15000
_NAME = re.compile(r"(?!all$)[a-z][a-z0-9-]{0,15}")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_SIZE = re.compile(r"[1-9][0-9]*[kKmMgG]")


@dataclass(frozen=True)
class Machine:
    """One container that boots like a host.

    host     inventory name, or ``infra``
    name     name among all machines of this computer; also its host name without the lab's prefix
    address  IPv4 address in the lab's network
    root     its file system
    limits   paths with a small file system of their own, and its size: {"/var/lib/monsterr": "64M"}
    """

    host: str
    name: str
    hostname: str
    address: str
    root: Path
    limits: Mapping[str, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Its folder in the lab's state."""
        return self.root.parent


@dataclass(frozen=True)
class Lab:
    """A named set of machines with a network of its own.

    name     tells labs apart; part of every name that the computer sees
    hosts    inventory names of the hosts that get a twin
    domains  zones that the lab's name server is authoritative for
    network  IPv4 network in CIDR notation, /24 or larger
    limits   host -> path -> size, see `Machine.limits`
    state    folder that all labs of this computer share
    """

    name: str
    hosts: tuple[str, ...]
    domains: tuple[str, ...]
    network: ipaddress.IPv4Network
    limits: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    state: Path = STATE

    @property
    def folder(self) -> Path:
        """Everything that the lab keeps; gone with it."""
        return self.state / self.name

    @property
    def bridge(self) -> str:
        """Name of the bridge: at most 15 characters, different for each lab."""
        return f"mlab{zlib.crc32(self.name.encode()):08x}"

    @property
    def table(self) -> str:
        """Name of the nftables table."""
        return f"monsterr_lab_{self.name.replace('-', '_')}"

    @property
    def gateway(self) -> str:
        """Address of this computer in the lab's network."""
        return str(self.network[1])

    @property
    def infra(self) -> Machine:
        """The machine with the name server and the CA."""
        return self._machine(INFRA, f"{self.name}-{INFRA}", INFRA, 2)

    @property
    def twins(self) -> dict[str, Machine]:
        """Inventory name -> twin, in the order of the inventory."""
        return {
            host: self._machine(host, f"{self.name}-{label(host)}", label(host.partition(".")[0]), FIRST_TWIN + index)
            for index, host in enumerate(self.hosts)
        }

    @property
    def machines(self) -> list[Machine]:
        """All machines, the one that the others need first."""
        return [self.infra, *self.twins.values()]

    @property
    def directory(self) -> str:
        """URL of the CA's ACME directory (RFC 8555 section 7.1.1)."""
        return f"https://{self.infra.address}:{ACME_PORT}/dir"

    def _machine(self, host: str, name: str, hostname: str, number: int) -> Machine:
        root = self.folder / "machines" / label(host) / "root"
        return Machine(host, name, hostname, str(self.network[number]), root, self.limits.get(host, {}))


def label(host: str) -> str:
    """`host` as one DNS label, still different from the label of any other host."""
    clean = re.sub(r"[^a-z0-9-]+", "-", host.lower()).strip("-")[:32].strip("-") or "host"
    if clean == host and clean != INFRA:
        return clean
    return clean if host == INFRA else f"{clean}-{zlib.crc32(host.encode()):08x}"


def lab(
    name: str,
    hosts: Sequence[str] = (),
    domains: Sequence[str] = (),
    network: str = "10.213.77.0/24",
    limits: Mapping[str, Mapping[str, str]] | None = None,
    state: Path = STATE,
) -> Lab:
    """A lab from what the user wrote; `InputError` for what cannot be."""
    if not _NAME.fullmatch(name):
        raise InputError(
            "name the lab",
            name,
            "a name has a-z, 0-9 and -, begins with a letter, at most 16 characters, and is not all",
        )
    try:
        net = ipaddress.IPv4Network(network)
    except ValueError as error:
        raise InputError("lay out the lab's network", network, str(error)) from None
    if not net.is_private or net.prefixlen > 24:
        raise InputError(
            "lay out the lab's network",
            network,
            "it has to be a private network of /24 or larger",
            "10.213.77.0/24 is one.",
        )
    if len(set(hosts)) != len(hosts) or INFRA in hosts:
        raise InputError("name the twins", ", ".join(hosts), f"each host is named once, and none is named {INFRA}")
    if len(hosts) > net.num_addresses - FIRST_TWIN - 1:
        raise InputError("address the twins", network, f"it has no room for {len(hosts)} hosts")
    zones = [domain.rstrip(".").lower() for domain in domains]
    for zone in zones:
        if not _DOMAIN.fullmatch(zone):
            raise InputError("serve the domain", zone, "it is not a domain name")
    for host, paths in (limits or {}).items():
        for path, size in paths.items():
            if host not in hosts or not path.startswith("/") or not _SIZE.fullmatch(str(size)):
                raise InputError(
                    "limit the disk",
                    f"{host} {path} {size}",
                    "that is not a host of the lab, a path and a size such as 64M",
                )
    return Lab(name, tuple(hosts), tuple(dict.fromkeys(zones)), net, limits or {}, state)
