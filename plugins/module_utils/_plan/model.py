# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the plan is made from, between reading and composing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .definition import Definition
from .settings import Stack

MEDIA = "media"  # the volume name that stands for the shared library
PROXY_PORTS = ((80, "tcp"), (443, "tcp"), (443, "udp"))


@dataclass(frozen=True)
class Source:
    """One definition as it was found: its file (for messages) and what is in it."""

    where: str
    data: Any


@dataclass(frozen=True)
class Inventory:
    """What the inventory says: each host's variables, and the hosts of the group ``monsterr_edge``."""

    hosts: Mapping[str, Mapping[str, Any]]
    edges: Sequence[str] = ()


@dataclass(frozen=True)
class Placed:
    """A service on the host where it runs, with the user's overrides in it."""

    name: str
    host: str
    definition: Definition
    where: str
    over: Mapping[str, Any] = field(default_factory=dict)

    @property
    def publish(self) -> int:
        """The port on the host."""
        return self.definition.publish or self.definition.port

    @property
    def username(self) -> str:
        """The name of the application's own administrator."""
        return str(self.definition.settings.get("username", "admin"))

    def connections(self) -> Iterator[tuple[str, str]]:
        """Each connection that is wished for: its kind (a key of ``connects``) and the peer."""
        for kind, peers in vars(self.definition.connects).items():
            for peer in peers:
                yield kind, peer

    def site(self, stack: Stack) -> str:
        """The name that browsers use; '' for a service that is not shown."""
        web = self.definition.web
        if not web:
            return ""
        return f"{web.subdomain or self.name.replace('_', '-')}.{web.domain or stack.monsterr_domain}"
