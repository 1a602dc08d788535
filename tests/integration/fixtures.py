# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Fixtures for the name servers and the CA. A conftest.py takes in those it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from .servers import KEY_NAME, KEY_SECRET, PRIMARY, SECONDARY, Knot, Pebble, Web, free_port, zone_text


@dataclass
class NameServers:
    """A primary and a secondary for two zones; in each, every name leads to this machine."""

    primary: Knot
    secondary: Knot
    port: int

    zones = ("example.test", "other.test")

    @property
    def update(self) -> dict[str, Any]:
        """How to change the zones, as the modules take it."""
        return {"server": PRIMARY, "port": self.port, "key_name": KEY_NAME, "key_secret": KEY_SECRET}

    @property
    def resolver(self) -> str:
        """The address that answers for all zones."""
        return f"{PRIMARY}#{self.port}"

    @property
    def servers(self) -> dict[str, list[str]]:
        """Every authoritative server of each zone."""
        return {zone: [self.resolver, f"{SECONDARY}#{self.port}"] for zone in self.zones}


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NameServers]:
    """Knot, twice."""
    folder, port = tmp_path_factory.mktemp("knot"), free_port(PRIMARY, SECONDARY)
    zones = {zone: zone_text(zone, "host A 127.0.0.1\n*.wild A 127.0.0.1") for zone in NameServers.zones}
    found = NameServers(
        Knot(folder / "primary", PRIMARY, port, zones),
        Knot(folder / "secondary", SECONDARY, port, zones, primary=PRIMARY),
        port,
    )
    try:
        found.primary.start()
        found.secondary.start()
        yield found
    finally:
        found.secondary.stop()
        found.primary.stop()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Web]:
    """A web root, served."""
    server = Web(tmp_path_factory.mktemp("web"))
    yield server
    server.stop()


@pytest.fixture(scope="module")
def pebble(names: NameServers, web: Web, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pebble]:
    """A CA that refuses 5 % of all nonces, as Pebble does by itself."""
    server = Pebble(tmp_path_factory.mktemp("pebble") / "ca", web.port, f"{PRIMARY}:{names.port}")
    try:
        server.start()
        yield server
    finally:
        server.stop()
