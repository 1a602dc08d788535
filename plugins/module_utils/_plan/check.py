# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Reads everything that goes into the plan and collects every problem, so that composing never meets bad input."""

from __future__ import annotations

import ipaddress
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import cached_property
from typing import Any

from .._apps.registry import APPLICATIONS
from .._core.secret import references
from .._dns import options
from . import login, nameserver
from . import secrets as secret_derivation
from .definition import NAME, Definition
from .model import MEDIA, PROXY_PORTS, Inventory, Placed, Source
from .schema import Reader, join, merge, nearest
from .settings import HOST, OTHER, STACK, Host, Stack

PLACEHOLDER = re.compile(r"\{\{\s*(?:(uid|gid|timezone|port|username|site)|secret\('([a-z0-9_]+)'\))\s*\}\}")
_LEFTOVER = re.compile(r"\{\{.*?\}\}")


class Checker:
    """Reads definitions, settings and overrides, places services, and checks all that can be checked."""

    def __init__(self, sources: Mapping[str, Source], inventory: Inventory) -> None:
        self.sources = sources
        self.inventory = inventory
        self.reader = Reader()
        self.problem = self.reader.problem
        self.definitions: dict[str, Definition] = {}
        self.stack: Stack | None = None
        self.hosts: dict[str, Host] = {}
        self.placed: dict[str, list[Placed]] = defaultdict(list)  # service: where it runs
        self.listed: set[str] = set()  # services that a host asks for, good or not
        self.edge = ""

    def check(self) -> None:
        self._definitions()
        self._variables()
        self._edge()
        self._placement()
        if self.stack:
            self._names(self.stack)
            self._login(self.stack)
            self._given_secrets(self.stack)
        self._ports()
        self._connections()
        self._addresses()
        if self.stack:
            nameserver.check(self.stack, {host: self.address(host) for host in self.hosts}, self.problem)
        self._circles()

    def _definitions(self) -> None:
        for name, source in self.sources.items():
            if not NAME.fullmatch(name):
                hint = "Name the file a-z, 0-9 and _, beginning with a letter."
                self.problem("plan.value", source.where, f"{name} cannot be the name of a service.", hint)
                continue
            definition = self.reader.read(Definition, source.data, source.where)
            if definition:
                self.definitions[name] = definition
                self._inside(name, definition, source.where)

    def _inside(self, service: str, definition: Definition, where: str) -> None:
        """What a schema cannot say: the parts of one definition have to fit together."""
        for volume in {seed.split("/")[0] for seed in definition.seeds} - (definition.volumes.keys() - {MEDIA}):
            hint = "Begin its path with the name of a volume of the service that is not the media library."
            self.problem("plan.value", join(where, "seeds"), f"{volume} is not a private volume of the service.", hint)
        if definition.app and definition.app not in APPLICATIONS:
            hint = nearest(definition.app, APPLICATIONS) or f"Known: {', '.join(sorted(APPLICATIONS))}."
            self.problem("plan.value", join(where, "app"), f"There is no API client {definition.app}.", hint)
        texts = [*definition.environment.values(), *definition.entrypoint, *definition.command]
        texts += [*definition.seeds.values(), *strings(definition.settings)]
        for reference in sorted(references(texts)):
            owner, _dot, name = reference.partition(".")
            if owner == service:
                self._known_secret(definition, name, where)
            else:
                hint = f"Add a secret to {service}'s own secrets."
                self.problem("plan.secret", where, f"{reference} is a secret of another service.", hint)
        for text in texts:
            for match in PLACEHOLDER.finditer(text):
                self._known_secret(definition, match.group(2), where)
            for leftover in _LEFTOVER.findall(PLACEHOLDER.sub("", text)):
                words = "{{ uid }}, {{ gid }}, {{ timezone }}, {{ port }}, {{ username }} or {{ site }}"
                hint = f"Use {{{{ secret('name') }}}}, {words}."
                self.problem("plan.value", where, f"{leftover} is not a placeholder.", hint)
        for name, secret in definition.secrets.items():
            if secret.kind in secret_derivation.HASHES:
                self._known_secret(definition, secret.of, join(where, f"secrets.{name}.of"))

    def _known_secret(self, definition: Definition, name: str | None, where: str) -> None:
        known = {*definition.secrets, *(f"{each}{secret_derivation.PREVIOUS}" for each in definition.secrets)}
        if name is not None and name not in known:
            hint = nearest(name, known) or "Add it to secrets."
            self.problem("plan.secret", where, f"{name or 'nothing'} is not a secret of this service.", hint)

    def _variables(self) -> None:
        """Read every host's variables; those for the whole stack have to agree."""
        first: tuple[str, dict[str, Any]] | None = None
        for host, variables in self.inventory.hosts.items():
            where = f"host {host}"
            for name in variables:
                if name.startswith("monsterr_") and name not in STACK | HOST | OTHER:
                    self.reader.unknown(where, name, STACK | HOST)
            common = {key: value for key, value in variables.items() if key in STACK}
            if first is None:
                first = (host, common)
                self.stack = self.reader.read(Stack, common, where)
            elif common != first[1]:
                for name in sorted(key for key in STACK if common.get(key) != first[1].get(key)):
                    hint = "Set it once, in group_vars of monsterr or all."
                    self.problem("plan.value", join(where, name), f"It differs from that of host {first[0]}.", hint)
            own = {key: value for key, value in variables.items() if key in HOST}
            settings = self.reader.read(Host, own, where)
            if settings:
                self.hosts[host] = settings
        if first is None:
            self.problem(
                "plan.host", "inventory", "There is no host in the group monsterr.", "Put your hosts into that group."
            )

    def _edge(self) -> None:
        hosts = list(self.inventory.hosts)
        edges = list(self.inventory.edges) or (hosts if len(hosts) == 1 else [])
        if len(edges) == 1:
            self.edge = edges[0]
        elif hosts:
            said = f"It has {len(edges)} hosts: {', '.join(edges)}." if edges else "No host is in it."
            hint = "Put the one host that faces the internet into it."
            self.problem("plan.edge", "group monsterr_edge", said, hint)
        if self.edge and self.edge not in self.inventory.hosts:
            hint = "Add it to the group monsterr."
            self.problem("plan.edge", f"host {self.edge}", "It is in monsterr_edge, but not in monsterr.", hint)

    def _placement(self) -> None:
        merged: dict[tuple[str, str], Definition | None] = {}
        for host, settings in self.hosts.items():
            self.listed.update(settings.monsterr_services)
            for name in dict.fromkeys(settings.monsterr_services):
                if name in self.definitions:
                    placed = self._override(name, host, merged)
                    if placed:
                        self.placed[name].append(placed)
                elif name not in self.sources:
                    hint = nearest(name, self.sources) or f"Known services: {', '.join(sorted(self.sources))}."
                    where = f"host {host}: monsterr_services"
                    self.problem("plan.service", where, f"There is no service {name}.", hint)
            for name in settings.monsterr_purge:
                where = f"host {host}: monsterr_purge"
                if name in settings.monsterr_services:
                    hint = "Take it out of monsterr_services, or of this list."
                    self.problem("plan.placement", where, f"{name} is placed here, so its data cannot go.", hint)
                elif not NAME.fullmatch(name):
                    self.problem("plan.value", where, f"{name!r} cannot be the name of a service.", "Correct it.")
        self._place_login()
        for name, places in self.placed.items():
            if len(places) > 1 and places[0].definition.single:
                hosts = ", ".join(place.host for place in places)
                hint = "Leave it in monsterr_services of one of them."
                self.problem("plan.placement", name, f"It is on several hosts ({hosts}), but may be on one.", hint)
        if self.hosts and not self.placed and not self.reader.problems:
            hint = f"List services there, for example: {', '.join(sorted(self.definitions)[:4])}."
            self.problem("plan.placement", "monsterr_services", "No service is placed on any host.", hint)
        self._unplaced()

    def _place_login(self) -> None:
        """Where somebody can log in and something asks for it, the login runs: on the edge host if on no other."""
        wanted = any(login.guarded(place.definition) for places in self.placed.values() for place in places)
        ready = self.stack and self.stack.monsterr_users and self.edge in self.hosts
        if wanted and ready and login.SERVICE not in self.listed and login.SERVICE in self.definitions:
            placed = self._override(login.SERVICE, self.edge, {})
            self.listed.add(login.SERVICE)
            if placed:
                self.placed[login.SERVICE].append(placed)

    def _login(self, stack: Stack) -> None:
        """Users can log in, rules name what there is, and the login's cookie reaches what it guards."""
        for name, user in stack.monsterr_users.items():
            where = f"all hosts: monsterr_users.{name}"
            if bool(user.password) == bool(user.password_hash):
                said = "It has both a password and a hash of one." if user.password else f"{name} has no password."
                self.problem("plan.user", where, said, "Give it one of password (in a vault) and password_hash.")
        groups = {group for user in stack.monsterr_users.values() for group in user.groups}
        for number, rule in enumerate(stack.monsterr_login_rules):
            where = f"all hosts: monsterr_login_rules[{number}]"
            known = {"service": (set(self.placed), [rule.service])}
            known |= {"users": (set(stack.monsterr_users), rule.users), "groups": (groups, rule.groups)}
            for key, (names, asked) in known.items():
                for name in asked:
                    if name not in names:
                        hint = nearest(name, names) or f"Known: {', '.join(sorted(names)) or 'none'}."
                        self.problem("plan.rule", f"{where}.{key}", f"There is no {name} among the {key}.", hint)
            if not rule.users and not rule.groups:
                self.problem("plan.rule", where, "It names nobody.", "Name users or groups, or remove the rule.")
            for place in self.placed.get(rule.service, ()):
                if not login.guarded(place.definition):
                    hint = f"Set {rule.service}.web.access to one_factor or two_factor."
                    self.problem("plan.rule", where, f"No login stands in front of {rule.service}.", hint)
        if login.SERVICE not in self.placed:
            return
        portal = self.placed[login.SERVICE][0]
        if not stack.monsterr_users:
            hint = "Add monsterr_users, or take it out of monsterr_services."
            self.problem("plan.user", portal.where, "There is a login, and nobody who could pass it.", hint)
        if not portal.definition.web or portal.definition.web.access not in ("public", "lan"):
            hint = "Set authelia.web.access to public."
            self.problem("plan.value", join(portal.where, "web.access"), "It cannot guard itself.", hint)
        for place in self.each:
            behind = place is portal or login.guarded(place.definition)
            if behind and not place.site(stack).endswith(f".{stack.monsterr_domain}"):
                said = f"{place.site(stack)} is outside {stack.monsterr_domain}, where the login's cookie is known."
                hint = "Give it a name there, or another web.access."
                self.problem("plan.name", join(place.where, "web"), said, hint)

    def _override(self, name: str, host: str, merged: dict[tuple[str, str], Definition | None]) -> Placed | None:
        over = self.inventory.hosts[host].get(name)
        source = self.sources[name]
        if over is None:
            return Placed(name, host, self.definitions[name], source.where)
        where = f"host {host}: {name}"
        key = (name, repr(over))
        if key not in merged:
            before = len(self.reader.problems)
            self.reader.read(Definition, over, where, partial=True)
            merged[key] = None
            if len(self.reader.problems) == before:
                merged[key] = self.reader.read(Definition, merge(source.data, over), where)
                if merged[key]:
                    self._inside(name, merged[key], where)
        definition = merged[key]
        return Placed(name, host, definition, where, over) if definition else None

    def _unplaced(self) -> None:
        """Variables for services that run nowhere, and variables that look like a misspelt service."""
        keys = {spec.name for spec in fields(Definition)}
        for host, variables in self.inventory.hosts.items():
            for name, value in variables.items():
                if name in self.definitions and name not in self.listed:
                    hint = f"Add {name} to monsterr_services of a host, or remove the variable."
                    self.problem("plan.placement", f"host {host}: {name}", f"{name} is placed on no host.", hint)
                elif name not in self.sources and isinstance(value, Mapping) and value and set(value) <= keys:
                    hint = nearest(name, self.sources)
                    if hint:
                        said = f"{name} reads like settings of a service, but there is none of that name."
                        self.problem("plan.key", f"host {host}: {name}", said, hint)

    @cached_property
    def each(self) -> list[Placed]:
        """Every placed service, by host, in the order of the inventory. Known once services are placed."""
        places = [place for name in sorted(self.placed) for place in self.placed[name]]
        order = {host: number for number, host in enumerate(self.inventory.hosts)}
        return sorted(places, key=lambda place: order[place.host])

    def _names(self, stack: Stack) -> None:
        domains = (stack.monsterr_domain, *stack.monsterr_extra_domains)
        seen: dict[str, Placed] = {}
        for place in self.each:
            name = place.site(stack)
            if not name:
                continue
            where = join(place.where, "web")
            if not any(name.endswith(f".{domain}") for domain in domains):
                hint = "Add the domain to monsterr_extra_domains if it is yours."
                self.problem("plan.name", where, f"{name} is outside your domains ({', '.join(domains)}).", hint)
            if name in seen:
                other = seen[name]
                said = f"{place.name} and {other.name} both want the name {name}."
                self.problem("plan.name", where, said, f"Give one of them another: {place.name}.web.subdomain.")
            seen.setdefault(name, place)

    def _given_secrets(self, stack: Stack) -> None:
        known = {f"{name}.{key}" for name, each in self.definitions.items() for key in each.secrets}
        # And those that a user's own variables add to a service.
        known |= {f"{place.name}.{key}" for place in self.each for key in place.definition.secrets}
        for variable in ("monsterr_secret_generations", "monsterr_secrets"):
            for name in getattr(stack, variable):
                if name not in known:
                    self.reader.unknown(f"all hosts: {variable}", name, known)
        for place in self.each:
            for key, secret in place.definition.secrets.items():
                name = f"{place.name}.{key}"
                if secret.kind == "given" and not secret.optional and not stack.monsterr_secrets.get(name):
                    hint = f"Put it into your vault and into monsterr_secrets, under {name}."
                    where = f"monsterr_secrets: {name}"
                    self.problem("plan.secret", where, f"{place.name} needs a secret of yours.", hint)
        if stack.monsterr_dns_provider != "none":
            given = {name: getattr(stack, f"monsterr_dns_{name}") for name in options.SPEC}
            for name in options.missing(stack.monsterr_dns_provider, given):
                hint = "Set it, or set monsterr_dns_provider to none and make the records by hand."
                said = f"The provider {stack.monsterr_dns_provider} needs it."
                self.problem("plan.missing", f"monsterr_dns_{name}", said, hint)
        elif stack.monsterr_acme_challenge == "dns-01":
            hint = "Set monsterr_dns_provider, or use the challenge http-01."
            self.problem("plan.value", "monsterr_acme_challenge", "dns-01 needs a DNS provider.", hint)

    def _ports(self) -> None:
        taken: dict[tuple[str, int, str], str] = {(host, 22, "tcp"): "SSH" for host in self.hosts}
        if self.edge:
            taken |= {(self.edge, port, protocol): "the proxy" for port, protocol in PROXY_PORTS}
        for server in self.stack.monsterr_nameservers if self.stack else ():
            taken |= {(server.host, port, protocol): "the name server" for port, protocol in nameserver.PORTS}
        for place in self.each:
            ports = [(place.publish, "tcp")]
            ports += [(port.publish or port.target, port.protocol) for port in place.definition.ports]
            for port, protocol in ports:
                other = taken.setdefault((place.host, port, protocol), place.name)
                if other != place.name:
                    said = f"Port {port}/{protocol} of host {place.host} is wanted by {place.name} and {other}."
                    hint = f"Give one of them another: {place.name}: {{publish: {_free(taken, place.host, port)}}}."
                    self.problem("plan.port", join(place.where, "publish"), said, hint)

    def _connections(self) -> None:
        for place in self.each:
            for kind, peer in place.connections():
                asked = _at(place.over, "connects", kind)
                where = join(place.where, f"connects.{kind}")
                if peer not in self.sources:
                    hint = nearest(peer, self.sources) or "Remove it there."
                    self.problem("plan.connection", where, f"There is no service {peer} to connect to.", hint)
                elif asked is not None and peer not in self.listed:
                    hint = f"Add {peer} to monsterr_services of a host, or remove it there."
                    self.problem("plan.connection", where, f"{peer} is placed on no host.", hint)
            for peer in place.definition.depends:
                if peer not in self.listed:
                    hint = nearest(peer, self.sources) if peer not in self.sources else f"Place {peer} on a host."
                    where = join(place.where, "depends")
                    self.problem("plan.connection", where, f"{place.name} needs {peer}, which is on no host.", hint)

    def _addresses(self) -> None:
        """Where one host has to reach another, the other needs a private address."""
        for host in sorted({place.host for place in self.each if self.needed_from(place)}):
            if not self.address(host):
                hint = "Set it to the address at which the other hosts reach it, in its host_vars."
                self.problem("plan.address", f"host {host}: monsterr_address", "Another host has to reach it.", hint)
        if self.edge in self.hosts and self.stack and not self.public_addresses():
            hint = "Set it to the addresses that your names shall point to, for example your router's."
            said = "It is not known where your names point to."
            self.problem("plan.address", "monsterr_public_addresses", said, hint)

    def needed_from(self, place: Placed) -> set[str]:
        """The other hosts that have to reach `place`."""
        hosts = {self.edge} if place.definition.web and self.edge else set()
        hosts |= {user.host for _kind, user in self.users[place.name]}
        # What is given indexers asks them through the one that gave them.
        hosts |= {peer.host for name in place.definition.connects.applications for peer in self.placed.get(name, ())}
        return hosts - {place.host}

    @cached_property
    def users(self) -> dict[str, list[tuple[str, Placed]]]:
        """Service: the services that are connected to it, each with the key of ``connects``."""
        users: dict[str, list[tuple[str, Placed]]] = defaultdict(list)
        for place in self.each:
            for kind, peer in place.connections():
                users[peer].append((kind, place))
        return users

    def address(self, host: str) -> str:
        """The private address of `host`; '' when none is known."""
        variables = self.inventory.hosts[host]
        for value in (self.hosts[host].monsterr_address, variables.get("ansible_host"), host):
            try:
                found = ipaddress.ip_address(str(value))
            except ValueError:
                continue
            if not found.is_loopback:
                return str(found)
        return ""

    def public_addresses(self) -> list[str]:
        """The addresses that names point to."""
        address = self.address(self.edge)
        return self.stack.monsterr_public_addresses or ([address] if address else [])

    def _circles(self) -> None:
        needs = {name: places[0].definition.depends for name, places in self.placed.items()}
        done: set[str] = set()

        def visit(name: str, path: tuple[str, ...]) -> None:
            if name in path:
                circle = " -> ".join((*path[path.index(name) :], name))
                hint = "Remove one of these from depends."
                self.problem("plan.circle", self.placed[name][0].where, f"They wait for each other: {circle}.", hint)
            elif name not in done:
                for need in needs.get(name, ()):
                    visit(need, (*path, name))
                done.add(name)

        for name in sorted(needs):
            visit(name, ())


def strings(value: Any) -> Iterator[str]:
    """Every text in `value`, any nesting of mappings and lists."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (Mapping, list, tuple)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from strings(item)


def _at(value: Any, *path: str) -> Any:
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _free(taken: Mapping[tuple[str, int, str], str], host: str, port: int) -> int:
    used = {each for owner, each, _protocol in taken if owner == host}
    return next(each for each in range(port + 1, 65536) if each not in used)
