# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Composes the plan from what `Checker` found good. Nothing is refused here."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

from .._core.secret import reference, references
from . import secrets as secret_derivation
from .check import PLACEHOLDER, Checker
from .model import MEDIA, PROXY_PORTS, Placed
from .settings import Host, Stack

VERSION = 1
SERVICES_ROOT = "/opt/monsterr/services"
LOOPBACK = "127.0.0.1"
ANYWHERE = "0.0.0.0"
NGINX = "/etc/nginx"
CERTIFICATES = "/etc/monsterr/certificates"


class Composer:
    """Composes the plan from what `Checker` found good."""

    def __init__(self, checked: Checker) -> None:
        self.checked = checked
        self.stack: Stack = checked.stack  # type: ignore[assignment]
        self.edge = checked.edge
        self.here: dict[str, list[Placed]] = defaultdict(list)
        for place in checked.each:
            self.here[place.host].append(place)
        self.sites = self._sites()

    def plan(self) -> dict[str, Any]:
        domains = [self.stack.monsterr_domain, *self.stack.monsterr_extra_domains]
        return {
            "version": VERSION,
            "domain": self.stack.monsterr_domain,
            "domains": domains,
            "edge": self.edge,
            "hosts": {host: self._host(host) for host in self.checked.hosts},
            "records": self._records(),
        }

    def _host(self, host: str) -> dict[str, Any]:
        settings = self.checked.hosts[host]
        here = self.here[host]
        edge = host == self.edge
        sites = self.sites if edge else []
        wiring = [self._wiring(place) for place in here if place.definition.app]
        services = [self._service(place, settings) for place in here]
        return {
            "address": self.checked.address(host),
            "media": {"path": settings.monsterr_media_path, "uid": settings.monsterr_uid, "gid": settings.monsterr_gid},
            "services": services,
            "purge": settings.monsterr_purge,
            "sites": sites,
            "certificates": self._certificates() if edge else [],
            "ports": self._ports(here, edge),
            "wiring": wiring,
            "probes": self._probes(here, sites, settings),
            "watches": self._watches(settings, edge),
            "backups": [self._backup(place) for place in here],
            "files": self._library(settings) + (self._proxy_files(sites) if edge else []),
            "secrets": self._secrets([services, wiring]),
        }

    def _service(self, place: Placed, settings: Host) -> dict[str, Any]:
        definition = place.definition
        here = {other.name for other in self.here[place.host]}

        def fill(value: Any) -> Any:
            return self._filled(place, value)

        return {
            "name": place.name,
            "title": definition.title,
            "group": definition.group,
            "image": definition.image,
            "digest": definition.digest if self.stack.monsterr_image_digests else "",
            "environment": fill(definition.environment),
            "entrypoint": fill(definition.entrypoint),
            "command": fill(definition.command),
            "user": f"{settings.monsterr_uid}:{settings.monsterr_gid}" if definition.user else "",
            "ports": [
                {key: port[key] for key in ("address", "published", "target", "protocol")}
                for port in self._published(place)
            ],
            "volumes": [
                {
                    "source": settings.monsterr_media_path if name == MEDIA else f"{SERVICES_ROOT}/{place.name}/{name}",
                    "target": target,
                    "kind": MEDIA if name == MEDIA else "private",
                    "read_only": False,
                }
                for name, target in definition.volumes.items()
            ],
            "seeds": [
                {"path": f"{SERVICES_ROOT}/{place.name}/{path}", "content": fill(content), "mode": "0600"}
                for path, content in definition.seeds.items()
            ],
            "uid": settings.monsterr_uid,
            "gid": settings.monsterr_gid,
            "stop_timeout": definition.stop_timeout,
            "deadline": definition.health.deadline or settings.monsterr_deadline,
            "after": [name for name in definition.depends if name in here],
            "probe": self._probe(place),
        }

    def _filled(self, place: Placed, value: Any) -> Any:
        """`value` (any nesting) with its placeholders filled in."""
        if isinstance(value, dict):
            return {key: self._filled(place, item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._filled(place, item) for item in value]
        if not isinstance(value, str):
            return value
        settings = self.checked.hosts[place.host]
        known = {
            "uid": settings.monsterr_uid,
            "gid": settings.monsterr_gid,
            "timezone": settings.monsterr_timezone,
            "port": place.definition.port,
            "username": place.username,
            "site": place.site(self.stack),
        }

        def filling(match: re.Match[str]) -> str:
            word, secret = match.groups()
            return reference(place.name, secret) if secret else str(known[word])

        return PLACEHOLDER.sub(filling, value)

    def _published(self, place: Placed) -> list[dict[str, Any]]:
        """Every port of a service on its host: loopback, and the private address where another host needs it."""
        definition = place.definition
        address = self.checked.address(place.host)
        where = {"loopback": LOOPBACK, "private": address, "public": ANYWHERE}
        scopes = ["loopback", "private"] if self.checked.needed_from(place) else ["loopback"]
        rows = [(scope, place.publish, definition.port, "tcp") for scope in scopes]
        rows += [(port.scope, port.publish or port.target, port.target, port.protocol) for port in definition.ports]
        return [
            {"address": where[scope], "published": published, "target": target, "protocol": protocol, "scope": scope}
            for scope, published, target, protocol in rows
        ]

    def _ports(self, here: list[Placed], edge: bool) -> list[dict[str, Any]]:
        rows = [
            {
                "service": place.name,
                "address": port["address"],
                "port": port["published"],
                "protocol": port["protocol"],
                "scope": port["scope"],
                "from": sorted(self.checked.needed_from(place)) if port["scope"] == "private" else [],
            }
            for place in here
            for port in self._published(place)
        ]
        if edge:
            proxy = {"service": "proxy", "address": ANYWHERE, "scope": "public", "from": []}
            rows += [{**proxy, "port": port, "protocol": protocol} for port, protocol in PROXY_PORTS]
        return rows

    def _sites(self) -> list[dict[str, Any]]:
        return [
            {
                "service": place.name,
                "name": place.site(self.stack),
                "upstream": f"http://{self._reach(place, self.edge)}:{place.publish}",
                "access": place.definition.web.access,
                "bypass": place.definition.web.bypass,
                "certificate": self._certificate_name(place.site(self.stack)),
                "buffering": place.definition.web.buffering,
                "max_body": place.definition.web.max_body,
            }
            for place in self.checked.each
            if place.definition.web
        ]

    def _reach(self, place: Placed, host: str) -> str:
        """The address at which `host` itself (not a container on it) reaches `place`."""
        if place.host == host:
            return LOOPBACK
        address = self.checked.address(place.host)
        return f"[{address}]" if ":" in address else address

    def _certificate_name(self, site: str) -> str:
        """One certificate a site; with dns-01 one wildcard a domain, for the names it covers."""
        domain = site.split(".", 1)[1]
        wildcard = self.stack.monsterr_acme_challenge == "dns-01"
        domains = (self.stack.monsterr_domain, *self.stack.monsterr_extra_domains)
        return domain if wildcard and domain in domains else site

    def _certificates(self) -> list[dict[str, Any]]:
        names = {self._certificate_name(site["name"]): site["name"] for site in self.sites}
        return [
            {
                "name": name,
                "identifiers": [name] if name == site else [name, f"*.{name}"],
                "challenge": self.stack.monsterr_acme_challenge,
            }
            for name, site in names.items()
        ]

    def _records(self) -> list[dict[str, Any]]:
        by_type: dict[str, list[str]] = defaultdict(list)
        for address in self.checked.public_addresses():
            by_type["AAAA" if ":" in address else "A"].append(address)
        return [
            {"name": site["name"], "type": kind, "values": values, "ttl": self.stack.monsterr_dns_ttl, "zone": ""}
            for site in self.sites
            for kind, values in sorted(by_type.items())
        ]

    def _wiring(self, place: Placed) -> dict[str, Any]:
        secrets = place.definition.secrets
        names = [key for key, secret in secrets.items() if secret.kind not in secret_derivation.HASHES]
        names += [f"{key}{secret_derivation.PREVIOUS}" for key in names if secrets[key].kind == "password"]
        peers = [
            self._connection(kind.removesuffix("s"), place, peer)
            for kind, name in place.connections()
            for peer in self.checked.placed.get(name, ())[:1]
        ]
        users = [
            {"kind": "category", "service": other.name, "category": other.name}
            for kind, other in self.checked.users[place.name]
            if kind == "download_clients"
        ]
        return {
            "service": place.name,
            "app": place.definition.app,
            "url": f"http://{LOOPBACK}:{place.publish}",
            "settings": self._filled(place, place.definition.settings),
            "credentials": {
                "username": place.username,
                **{name: reference(place.name, name) for name in names},
            },
            "connections": peers + users,
            "media_path": place.definition.volumes.get(MEDIA, ""),
            "config_path": f"{SERVICES_ROOT}/{place.name}/config",
        }

    def _connection(self, kind: str, place: Placed, peer: Placed) -> dict[str, Any]:
        """How the container of `place` reaches `peer`: by name on the shared network, or at its host's address."""
        near = place.host == peer.host
        secrets = {"password": "password", "api_key": "api_key", "token": "account_token"}
        return {
            "kind": kind,
            "service": peer.name,
            "app": peer.definition.app,
            "title": peer.definition.title,
            "host": peer.name if near else self.checked.address(peer.host),
            "port": peer.definition.port if near else peer.publish,
            "back_host": place.name if near else self.checked.address(place.host),
            "back_port": place.definition.port if near else place.publish,
            "username": peer.username,
            **{
                key: reference(peer.name, name) if name in peer.definition.secrets else ""
                for key, name in secrets.items()
            },
            "category": place.name,
            "media_path": peer.definition.volumes.get(MEDIA, ""),
        }

    def _probe(self, place: Placed) -> dict[str, Any]:
        health = place.definition.health
        if not health.path:
            return {"name": place.name, "kind": "tcp", "host": LOOPBACK, "port": place.publish}
        url = f"http://{LOOPBACK}:{place.publish}{health.path}"
        return {"name": place.name, "kind": "http", "url": url, "status": health.status}

    def _probes(self, here: list[Placed], sites: list[dict[str, Any]], settings: Host) -> list[dict[str, Any]]:
        """Whether what the plan wants works."""
        docker = {"name": "docker", "kind": "unit", "unit": "docker.service"}
        engine = {"name": "docker engine", "kind": "docker", "depends": ["docker"]}
        nginx = {"name": "nginx", "kind": "unit", "unit": "nginx.service"}
        probes: list[dict[str, Any]] = [docker, engine] if here else []
        names = {place.name for place in here}
        for place in here:
            container = f"{place.name} container"
            probes.append(
                {"name": container, "kind": "container", "container": place.name, "depends": ["docker engine"]}
            )
            probes.append(
                {
                    **self._probe(place),
                    "start_period": place.definition.health.deadline or settings.monsterr_deadline,
                    "depends": [container, *(name for name in place.definition.depends if name in names)],
                }
            )
        if sites:
            probes.append(nginx)
        for site in sites:
            probes.append(
                {
                    "name": site["name"],
                    "kind": "tls",
                    "host": LOOPBACK,
                    "port": 443,
                    "server_name": site["name"],
                    "depends": ["nginx"],
                }
            )
        return probes

    def _watches(self, settings: Host, edge: bool) -> list[dict[str, Any]]:
        """Whether the host itself is well. Not part of a run's own checks: a full disk does not undo a change."""
        watches: list[dict[str, Any]] = [
            {"name": f"{kind} {path}", "kind": kind, "path": path}
            for path in dict.fromkeys(("/", settings.monsterr_media_path))
            for kind in ("disk", "inodes")
        ]
        watches += [{"name": kind, "kind": kind} for kind in ("memory", "load", "clock", "smart")]
        watches.append({"name": "agent", "kind": "unit", "unit": "monsterr-health.timer"})
        certificates = self._certificates() if edge else []
        if certificates:
            watches.append({"name": "renewal", "kind": "unit", "unit": "monsterr-renew.timer"})
        watches += [
            {
                "name": f"certificate {certificate['name']}",
                "kind": "certificate",
                "path": f"{CERTIFICATES}/{certificate['name']}/live/fullchain.pem",
            }
            for certificate in certificates
        ]
        return watches

    def _backup(self, place: Placed) -> dict[str, Any]:
        backup = place.definition.backup
        root = f"{SERVICES_ROOT}/{place.name}"
        config = f"{root}/config"
        private = [f"{root}/{name}" for name in place.definition.volumes if name != MEDIA]
        return {
            "service": place.name,
            "paths": private if backup.paths == ["."] else [f"{config}/{path}" for path in backup.paths],
            "sqlite": [f"{config}/{path}" for path in backup.sqlite],
            "exclude": backup.exclude,
        }

    @staticmethod
    def _library(settings: Host) -> list[dict[str, Any]]:
        """The one tree that downloads and library share. New files in it belong to the group of the tree."""
        owner = {"owner": str(settings.monsterr_uid), "group": str(settings.monsterr_gid)}
        root = settings.monsterr_media_path.rstrip("/")
        return [
            {"path": path, "state": "directory", "mode": "2775", "role": "host", **owner}
            for path in (root, *(f"{root}/{folder}" for folder in settings.monsterr_library))
        ]

    @staticmethod
    def _proxy_files(sites: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The proxy's files: the program's own configuration, then one per site."""
        common = {"state": "file", "role": "proxy", "mode": "0644", "owner": "root", "group": "root"}
        files = [
            {"path": f"{NGINX}/nginx.conf", "template": "nginx.conf.j2", "vars": {}, **common},
            {"path": f"{NGINX}/monsterr/proxy.conf", "template": "proxy.conf.j2", "vars": {}, **common},
        ]
        return files + [
            {
                "path": f"{NGINX}/monsterr/sites/{site['service']}.conf",
                "template": "site.conf.j2",
                "vars": {"site": site},
                **common,
            }
            for site in sites
        ]

    def _secrets(self, slices: Any) -> dict[str, dict[str, Any]]:
        """How each secret that this host's `slices` refer to is derived. No other reaches the host."""
        generations = self.stack.monsterr_secret_generations
        specs = {}
        for full in sorted(references(slices)):
            service, _dot, key = full.partition(".")
            known = self.checked.placed[service][0].definition.secrets
            now = key if key in known else key.removesuffix(secret_derivation.PREVIOUS)
            secret, name = known[now], f"{service}.{now}"
            generation = generations.get(name, 1)
            specs[full] = secret_derivation.spec(
                secret.kind, generation, secret.of, generations.get(f"{service}.{secret.of}", 1)
            )
            if key != now:
                specs[full] |= {"name": name, "generation": max(1, generation - 1)}
        return specs
