# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Knot DNS on this host, by its own programs, and what other servers say of a zone."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.resolver

from .._config.command import Run
from .._core.clock import Deadline
from .._core.errors import CommandError
from .._core.files import write_atomically
from .._dns.model import server
from . import zone as zones

_ASK = 3.0  # seconds that one server has for an answer
_PAUSE = 0.25


class Knot:
    """The server of one configuration.

    config   its knot.conf
    storage  folder of its zone files, which belong to whom the folder belongs to
    """

    def __init__(self, config: str, storage: Path, run: Run, deadline: Deadline) -> None:
        self.config, self.storage, self.run, self.deadline = config, storage, run, deadline

    def knotc(self, attempted: str, *words: str) -> str:
        """Tell the running server something."""
        return self.run(attempted, ["knotc", "-b", "-c", self.config, *words])

    def file(self, zone: str) -> Path:
        """The zone's file."""
        return self.storage / f"{zone}.zone"

    def begin(self, zone: str, text: str) -> None:
        """Give a zone its first file, and have the server read it."""
        owner = os.stat(self.storage)
        write_atomically(self.file(zone), text.encode(), 0o640, owner.st_uid, owner.st_gid)
        self.knotc(f"load the zone {zone}", "zone-reload", zone)

    def serial(self, zone: str) -> int:
        """The serial that is served; waits until there is one, and a signed one, within the deadline."""
        while True:
            with suppress(CommandError, ValueError):
                text = self.knotc(f"read the zone {zone}", "zone-read", zone, f"{zone}.", "SOA")
                signed = self.knotc(f"read the zone {zone}", "zone-read", zone, f"{zone}.", "DNSKEY")
                if signed.strip():
                    return int(zones.read(text)[0].split()[2])
            if not self.deadline.pause(_PAUSE):
                return int(
                    zones.read(self.knotc(f"read the zone {zone}", "zone-read", zone, f"{zone}.", "SOA"))[0].split()[2]
                )

    def values(self, zone: str, item: zones.RRset) -> list[str]:
        """What is there of an RRset."""
        try:
            return zones.read(self.knotc(f"read {item.name} {item.type}", "zone-read", zone, item.name, item.type))
        except CommandError:
            return []  # it says "no such record" with an error

    def edit(self, zone: str, commands: Sequence[Sequence[str]]) -> None:
        """Make changes as one transaction: all of them or none."""
        attempted = f"change the zone {zone}"
        with suppress(CommandError):
            self.knotc(attempted, "zone-abort", zone)  # that of a killed run
        self.knotc(attempted, "zone-begin", zone)
        try:
            for verb, *rest in commands:
                self.knotc(attempted, verb, zone, *rest)
            self.knotc(attempted, "zone-commit", zone)
        except CommandError:
            with suppress(CommandError):
                self.knotc(attempted, "zone-abort", zone)
            raise

    def ds(self, zone: str) -> list[zones.Ds]:
        """The DS records of the zone's keys."""
        return zones.ds(self.run(f"read the keys of {zone}", ["keymgr", "-c", self.config, f"{zone}.", "ds"]))


def is_installed() -> bool:
    """Whether there is a Knot on this host."""
    return shutil.which("knotc", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is not None


def parent_ds(zone: str, resolvers: Sequence[str], deadline: Deadline) -> list[zones.Ds] | None:
    """The DS records that resolvers find for a zone; None if they give no answer. resolvers: none are this host's."""
    try:
        asker = dns.resolver.Resolver(configure=not resolvers)
        if resolvers:
            known = [server(text) for text in resolvers]
            asker.nameservers = [one.address for one in known]
            asker.nameserver_ports = {one.address: one.port for one in known}
        asker.lifetime = max(0.5, min(2 * _ASK, deadline.remaining()))
        answer = asker.resolve(f"{zone}.", "DS", raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return []
    except (dns.exception.DNSException, OSError):
        return None
    found = answer.rrset or ()
    return sorted(
        zones.Ds(item.key_tag, int(item.algorithm), int(item.digest_type), item.digest.hex().upper()) for item in found
    )


def serial_at(zone: str, address: str, port: int, wanted: int, deadline: Deadline) -> int | str:
    """The serial that a server has of a zone, once it is `wanted` or the deadline is over; or why it has none."""
    while True:
        said = _serial(zone, address, port, min(_ASK, max(0.5, deadline.remaining())))
        if said == wanted or not deadline.pause(_PAUSE):
            return said


def _serial(zone: str, address: str, port: int, seconds: float) -> int | str:
    query = dns.message.make_query(f"{zone}.", "SOA")
    try:
        answer, _tcp = dns.query.udp_with_fallback(query, address, timeout=seconds, port=port)
    except dns.exception.Timeout:
        return "gives no answer"
    except (dns.exception.DNSException, OSError) as error:
        return f"gives no answer ({error})"
    for rrset in answer.answer:
        if rrset.rdtype == dns.rdatatype.SOA:
            return int(rrset[0].serial)
    return f"answers {dns.rcode.to_text(answer.rcode())} without the zone"
