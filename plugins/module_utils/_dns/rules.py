# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Verdicts on what name servers said about a record. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .._core.finding import Finding, fail, ok, warn
from .model import RRset, Server

CHECK = "dns.record"

ANSWERED = "answered"  # by a server of the zone, with values or without
SILENT = "silent"  # no answer in time, or the connection was refused
UNROUTABLE = "unroutable"  # this machine has no route to that address family: says nothing about the server
LAME = "lame"  # an answer from a server that does not serve the zone (RFC 1912 section 2.8)
REFERRAL = "it is not authoritative for the name"


@dataclass(frozen=True)
class Answer:
    """What one server at one address said."""

    server: Server
    state: str
    values: tuple[str, ...] = ()
    rcode: str = ""
    serial: int | None = None  # of the zone's SOA record at this server
    detail: str = ""

    def as_dict(self) -> dict[str, object]:
        """As a module returns it."""
        return {
            "server": self.server.name,
            "address": self.server.address,
            "state": self.state,
            "rcode": self.rcode,
            "values": list(self.values),
            "serial": self.serial,
            "detail": self.detail,
        }


@dataclass(frozen=True)
class Zone:
    """A zone and every address of its name servers; `problem` says why there are none."""

    name: str
    servers: tuple[Server, ...] = ()
    problem: str = ""
    unresolved: tuple[str, ...] = field(default=())  # name servers without an address


def right(wanted: RRset, answer: Answer, contains: bool = False) -> bool:
    """Whether `answer` is what is wanted; with `contains`, further values beside the wanted ones do no harm."""
    if answer.state != ANSWERED:
        return False
    return set(wanted.values) <= set(answer.values) if contains else set(wanted.values) == set(answer.values)


def settled(wanted: RRset, answers: Sequence[Answer]) -> bool:
    """Whether a record that was just written has reached every server that can be asked."""
    asked = [answer for answer in answers if answer.state != UNROUTABLE]
    return bool(asked) and all(right(wanted, answer, contains=True) for answer in asked)


def behind(wanted: RRset, answers: Sequence[Answer]) -> bool:
    """Whether a server answered, and does not have the record yet: worth waiting for."""
    return any(answer.state == ANSWERED and not right(wanted, answer, contains=True) for answer in answers)


def verdict(wanted: RRset, zone: Zone, answers: Sequence[Answer]) -> Finding:
    """One finding for one record: is it there, everywhere, as wanted; and if not, which record to add or change."""
    target = f"{wanted.name} {wanted.type}"
    evidence = {"zone": zone.name, "expected": list(wanted.values)}
    if zone.problem:
        return fail(CHECK, target, f"{zone.problem}.", _hint_zone(zone), **evidence)
    answered = [answer for answer in answers if answer.state == ANSWERED]
    good = [answer for answer in answered if right(wanted, answer)]
    wrong = [answer for answer in answered if not right(wanted, answer)]
    mute = [answer for answer in answers if answer.state in (SILENT, LAME)]
    if not answered:
        said = "; ".join(f"{answer.server}: {answer.detail or answer.state}" for answer in answers)
        return fail(
            CHECK,
            target,
            f"No name server of {zone.name} gave an answer ({said}).",
            "Check that the name servers run and that port 53 is open to them by UDP and TCP.",
            **evidence,
        )
    if wrong and not good:
        return fail(CHECK, target, _summary(wanted, wrong), _hint_record(wanted, zone, wrong), **evidence)
    if wrong:
        return fail(CHECK, target, _summary_lag(wrong, good), _hint_lag(wrong, good), **evidence)
    if mute or zone.unresolved:
        names = [f"{answer.server} ({answer.detail or answer.state})" for answer in mute]
        names += [f"{name} (it has no address)" for name in zone.unresolved]
        return warn(
            CHECK,
            target,
            f"{target} is as wanted, but not every name server of {zone.name} answers: {', '.join(names)}.",
            "Repair that name server, or take it out of the zone's NS records.",
            **evidence,
        )
    where = "the name server" if len(good) == 1 else f"all {len(good)} name server addresses"
    return ok(CHECK, target, f"{target} is as wanted on {where}.", **evidence)


def _said(answer: Answer) -> str:
    return " and ".join(answer.values) if answer.values else "nothing"


def _summary(wanted: RRset, wrong: Sequence[Answer]) -> str:
    said = list(dict.fromkeys(_said(answer) for answer in wrong))
    name = f"{wanted.name} {wanted.type}"
    if said == ["nothing"]:
        return f"There is no record {name}."
    if not wanted.values:
        return f"{name} should not exist, and is {' or '.join(said)}."
    return f"{name} is {' or '.join(said)}, and should be {' and '.join(wanted.values)}."


def _summary_lag(wrong: Sequence[Answer], good: Sequence[Answer]) -> str:
    late = "; ".join(f"{answer.server} still says {_said(answer)} (serial {_serial(answer)})" for answer in wrong)
    newest = max((answer for answer in good), key=lambda answer: answer.serial or 0)
    return f"The name servers differ: {late}; {newest.server} has it right (serial {_serial(newest)})."


def _hint_lag(wrong: Sequence[Answer], good: Sequence[Answer]) -> str:
    names = ", ".join(str(answer.server) for answer in wrong)
    best = max((answer.serial or 0 for answer in good), default=0)
    if all(answer.serial is not None and answer.serial < best for answer in wrong):
        return f"Wait until {names} has serial {best}; if that takes long, check its zone transfer."
    return f"{names} has an equally new serial and other data: check its zone transfer, or reload the zone there."


def _hint_record(wanted: RRset, zone: Zone, wrong: Sequence[Answer]) -> str:
    if not wanted.values:
        return f"Remove {wanted.name}. {wanted.type} from the zone {zone.name}."
    verb = "Change it to" if any(answer.values for answer in wrong) else "Add"
    return f"{verb} this in the zone {zone.name}: {'; '.join(wanted.lines())}"


def _hint_zone(zone: Zone) -> str:
    if zone.name:
        return f"Check the NS records of {zone.name} at its parent, and that their names have addresses."
    return "Check that the domain is registered, and that the resolvers given can be reached."


def _serial(answer: Answer) -> str:
    return "unknown" if answer.serial is None else str(answer.serial)
