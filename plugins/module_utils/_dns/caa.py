# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether CAA records let a certificate authority issue for a name (RFC 8659, RFC 8657). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .._core.finding import Finding, fail, ok, warn

CHECK = "dns.caa"
CRITICAL = 128  # RFC 8659 section 4.1
_KNOWN = frozenset({"issue", "issuewild", "iodef"})
_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_PARAMETER = re.compile(r"([A-Za-z0-9]+)[ \t]*=[ \t]*([\x21-\x3a\x3c-\x7e]*)")


@dataclass(frozen=True)
class Property:
    """One CAA record."""

    flags: int
    tag: str  # in lower case: case does not matter (RFC 8659 section 4.1)
    value: str


@dataclass(frozen=True)
class Found:
    """The relevant RRset of a name (RFC 8659 section 3): where it stands; `problem` says why nobody can tell."""

    owner: str = ""
    properties: tuple[Property, ...] = ()
    problem: str = ""
    refused: str = ""  # a name above, whose records these resolvers do not tell, as a private DNS does


def grant(value: str) -> tuple[str, list[tuple[str, str]]]:
    """The issuer and its parameters. A malformed value names no issuer (RFC 8659 section 4.2)."""
    issuer, *parts = (part.strip(" \t") for part in value.split(";"))
    matches = [_PARAMETER.fullmatch(part) for part in parts if part]
    issuer = issuer.lower()
    if not _DOMAIN.fullmatch(issuer) or None in matches:
        return "", []
    return issuer, [(match[1].lower(), match[2]) for match in matches if match]


def verdict(name: str, found: Found, ca: str, account: str = "", method: str = "") -> Finding:
    """One finding: may `ca` issue for `name` to `account`, proven by `method`? What is empty is not guessed."""
    ca = ca.lower().rstrip(".")
    evidence = {"owner": found.owner, "ca": ca, "records": [f'{p.flags} {p.tag} "{p.value}"' for p in found.properties]}
    if found.problem:
        hint = "A CA refuses to issue while CAA cannot be looked up: repair the zone's name servers, or its DNSSEC."
        return fail(
            CHECK, name, f"The CAA records of {name} could not be looked up: {found.problem}.", hint, **evidence
        )
    if found.refused:
        summary = (
            f"No CAA record up to {found.refused} restricts who may issue for {name}; there, it was refused to tell."
        )
        return warn(CHECK, name, summary, "Ask a resolver that also knows the names above.", **evidence)
    strange = [p.tag for p in found.properties if p.flags & CRITICAL and p.tag not in _KNOWN]
    if strange:
        summary = (
            f"CAA at {found.owner} has the critical property {strange[0]}, which stops a CA that does not know it."
        )
        return fail(CHECK, name, summary, "Remove that record, or set its flags to 0.", **evidence)
    issue = [p for p in found.properties if p.tag == "issue"]
    wild = [p for p in found.properties if p.tag == "issuewild"]
    tag = "issuewild" if name.startswith("*.") and wild else "issue"
    relevant = wild if tag == "issuewild" else issue
    if not relevant:
        return ok(CHECK, name, f"No CAA record restricts who may issue for {name}.", **evidence)
    ours = [parameters for issuer, parameters in (grant(p.value) for p in relevant) if issuer == ca]
    hint = _hint(found.owner, tag, ca)
    if not ours:
        return fail(CHECK, name, f"CAA at {found.owner} does not let {ca} issue for {name}.", hint, **evidence)
    judged = [_limits(parameters, account, method) for parameters in ours]
    if "" in judged:
        return ok(CHECK, name, f"CAA at {found.owner} lets {ca} issue for {name}.", **evidence)
    unknown = [why for why in judged if why.startswith("?")]
    if unknown:
        summary = (
            f"CAA at {found.owner} lets {ca} issue for {name} with a limit that was not compared: {unknown[0][1:]}."
        )
        return warn(CHECK, name, summary, "Give the account and the method to compare with.", **evidence)
    return fail(CHECK, name, f"CAA at {found.owner} names {ca}, but {judged[0]}.", hint, **evidence)


def _limits(parameters: Sequence[tuple[str, str]], account: str, method: str) -> str:
    """Why a grant does not hold; empty if it does; with ``?`` in front if it depends on what is not known."""
    unknown = ""
    for key, label, mine in (("accounturi", "account", account), ("validationmethods", "method", method)):
        values = [value for name, value in parameters if name == key]
        if len(values) > 1:  # RFC 8657 sections 3 and 4: then nobody can satisfy it
            return f"has {key} more than once"
        if not values:
            continue
        allowed = values if key == "accounturi" else values[0].split(",")
        if not mine:
            unknown = f"?only the {label} {' or '.join(allowed)}"
        elif mine not in allowed:
            return f"only for the {label} {' or '.join(allowed)}, and ours is {mine}"
    return unknown


def _hint(owner: str, tag: str, ca: str) -> str:
    line = f'{owner}. 300 IN CAA 0 {tag} "{ca}"'
    return f'Add this: {line} (Type: CAA, Name: {owner}, Value: 0 {tag} "{ca}", TTL: 300).'
