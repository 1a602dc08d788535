# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema of the inventory's own words: every ``monsterr_*`` variable, its type and its default."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field, fields
from typing import Literal

from .definition import are_relative, is_absolute, is_name, is_port
from .schema import checked

# Parents before what is in them.
LIBRARY = (
    "media",
    "media/audiobooks",
    "media/books",
    "media/movies",
    "media/music",
    "media/podcasts",
    "media/tv",
    "torrents",
    "usenet",
    "usenet/complete",
    "usenet/incomplete",
)
_INTERFACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,14}")
LETS_ENCRYPT = "https://acme-v02.api.letsencrypt.org/directory"


def is_address(value: str) -> str:
    """Rule: an IPv4 or IPv6 address, or nothing."""
    try:
        if value:
            ipaddress.ip_address(value)
        return ""
    except ValueError:
        return "this has to be an IP address"


def _are_addresses(values: list[str]) -> str:
    return next((f"{item}: {said}" for item in values if (said := is_address(item) or ("" if item else "empty"))), "")


def _are_networks(values: list[str]) -> str:
    try:
        for item in values:
            ipaddress.ip_network(item)
        return ""
    except ValueError as error:
        return str(error)


def _is_hash(value: str) -> str:
    return "" if not value or value.startswith("$argon2id$") else "a hash begins with $argon2id$"


def _is_email(value: str) -> str:
    return "" if re.fullmatch(r"[^@\s<>]+@[^@\s<>]+", value) else "this has to be an e-mail address"


def _are_user_names(values: dict[str, User]) -> str:
    bad = next((name for name in values if not re.fullmatch(r"[a-z][a-z0-9_]{0,30}", name)), "")
    return f"{bad} has to be made of a-z, 0-9 and _, beginning with a letter" if bad else ""


def is_domain(value: str) -> str:
    """Rule: a domain that someone can own: a name of two labels or more."""
    return is_name(value) or ("" if "." in value else "a domain has a dot in it, such as example.org")


def _are_domains(values: list[str]) -> str:
    return next((f"{item}: {said}" for item in values if (said := is_domain(item))), "")


def _are_zones(values: list[str]) -> str:
    bad = ((item, said) for item in values if (said := is_domain(item.removeprefix("_acme-challenge."))))
    return next((f"{item}: {said}" for item, said in bad), "")


def _is_master(value: str) -> str:
    return "" if len(value) >= 32 else "it is shorter than 32 characters"


def _is_url(value: str) -> str:
    return "" if value.startswith("https://") else "this has to be an https:// address"


def _is_id(value: int) -> str:
    return "" if 0 < value < 2**31 else "services do not run as root: use a number above 0"


def _is_ttl(value: int) -> str:
    return "" if 1 <= value <= 604800 else "a TTL is between 1 and 604800 seconds"


def _is_anything(_value: str) -> str:
    return ""


def _is_percentage(value: int) -> str:
    return "" if 0 <= value <= 100 else "a percentage is between 0 and 100"


def _is_owner(value: str) -> str:
    fine = len(value) <= 100 and value.isascii() and value.isprintable() and " " not in value
    return "" if fine else "this has to be a word of at most 100 characters, such as your domain"


@dataclass(frozen=True)
class Nameserver:
    """A name server of your own."""

    # the host that it runs on
    host: str
    # what NS records call it
    name: str = checked(is_domain)
    # at which the world reaches it. Default: the host's own address
    addresses: list[str] = checked(_are_addresses, default_factory=list)


def _are_interfaces(values: list[str]) -> str:
    return next((f"{item!r} is not the name of an interface" for item in values if not _INTERFACE.fullmatch(item)), "")


def _is_confirmation(value: int) -> str:
    return "" if 15 <= value <= 600 else "it is between 15 and 600 seconds"


@dataclass(frozen=True)
class Opening:
    """A port of your own that the firewall lets through."""

    # the port
    port: int = checked(is_port)
    # its transport
    protocol: Literal["tcp", "udp"] = "tcp"
    # networks that may reach it. Default: anyone
    sources: list[str] = checked(_are_networks, default_factory=list)


@dataclass(frozen=True)
class Firewall:
    """What reaches the host, beyond what its services need."""

    # whether there is one
    enabled: bool = True
    # networks that SSH answers to. Default: anyone
    ssh_sources: list[str] = checked(_are_networks, default_factory=list)
    # further ports
    open: list[Opening] = field(default_factory=list)
    # interfaces whose traffic the host passes on, such as those of a VPN or of virtual machines
    forward: list[str] = checked(_are_interfaces, default_factory=list)
    # seconds after which new rules are undone, unless a fresh connection has confirmed them
    confirm_seconds: int = checked(_is_confirmation, default=60)


@dataclass(frozen=True)
class Ssh:
    """How SSH is hardened."""

    # whether it is
    enabled: bool = True
    # auto: logins by password end once a run has come in by a key. keep: they are left as they are
    passwords: Literal["auto", "keep"] = "auto"


@dataclass(frozen=True)
class User:
    """Somebody who logs in."""

    # Where the login writes to, for a new password or device.
    email: str = checked(_is_email)
    # In a vault; or give password_hash.
    password: str = checked(lambda value: "" if len(value) >= 8 or not value else "too short", secret=True, default="")
    # In place of a password: what `authelia crypto hash generate argon2` prints.
    password_hash: str = checked(_is_hash, secret=True, default="")
    # For people. Default: the name to log in with.
    name: str = ""
    # What rules may refer to.
    groups: list[str] = field(default_factory=list)
    # Whether the login is refused, without forgetting the user.
    disabled: bool = False
    # Raise it to set the inventory's password again, over one that was chosen in the portal.
    reset: int = 0


@dataclass(frozen=True)
class Rule:
    """A service that is not for every user: only for those named here."""

    # The service.
    service: str
    # Users who may reach it.
    users: list[str] = field(default_factory=list)
    # Groups whose members may.
    groups: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Smtp:
    """The mail server that the login sends through."""

    # As submissions://smtp.example.org:465 or submission://smtp.example.org:587.
    address: str
    # Who writes.
    sender: str = checked(_is_email)
    # Its account. The password is the secret authelia.smtp_password.
    username: str = ""


@dataclass(frozen=True)
class Stack:
    """Variables that hold for the whole stack: the same on every host."""

    # Your domain. A service is at <its subdomain>.<this>.
    monsterr_domain: str = checked(is_domain)
    # What every password and key is derived from: 32 characters or more, in a vault.
    monsterr_secret: str = checked(_is_master, secret=True)
    # More domains of yours that a service may be under (web.domain).
    monsterr_extra_domains: list[str] = checked(_are_domains, default_factory=list)
    # Raise a secret's number to rotate it: {sonarr.api_key: 2}.
    monsterr_secret_generations: dict[str, int] = field(default_factory=dict)
    # Secrets of your own, in place of derived ones: {service.name: value}.
    monsterr_secrets: dict[str, str] = field(default_factory=dict)
    # Addresses that DNS records point at. Default: that of the edge host.
    monsterr_public_addresses: list[str] = checked(_are_addresses, default_factory=list)
    # Whether an image has to have the digest that its definition names.
    monsterr_image_digests: bool = True
    # How DNS records are made. none: you make them yourself.
    monsterr_dns_provider: Literal[
        "none", "rfc2136", "powerdns", "cloudflare", "desec", "hetzner", "digitalocean", "route53", "exec"
    ] = "none"
    # rfc2136: the primary name server that takes updates.
    monsterr_dns_server: str = ""
    # Its port.
    monsterr_dns_port: int = checked(is_port, default=53)
    # TSIG key: its name. route53: the access key ID.
    monsterr_dns_key_name: str = ""
    # TSIG key: its algorithm.
    monsterr_dns_key_algorithm: str = "hmac-sha256"
    # TSIG key: its secret in base64, in a vault. route53: the secret access key.
    monsterr_dns_key_secret: str = checked(_is_anything, secret=True, default="")
    # powerdns: the address of its API, such as https://ns1.example.org:8081. The others have theirs.
    monsterr_dns_endpoint: str = ""
    # Token of the provider's API, in a vault.
    monsterr_dns_token: str = checked(_is_anything, secret=True, default="")
    # PEM file with certificates to trust for the API, if it is one of your own.
    monsterr_dns_ca_file: str = ""
    # exec: the command and its arguments.
    monsterr_dns_command: list[str] = field(default_factory=list)
    # Name that records are registered under in the zone, so that no other's are changed. Default: your domain.
    monsterr_dns_owner: str = checked(_is_owner, default="")
    # Whether records that left the plan are deleted. Only those that we made.
    monsterr_dns_prune: bool = True
    # Whether records that are there already, and that we did not make, are taken over.
    monsterr_dns_adopt: bool = False
    # Percentage of a zone's records that may be deleted, or changed without being ours, in one run.
    monsterr_dns_threshold: int = checked(_is_percentage, default=30)
    # Set for one run, to go over the threshold.
    monsterr_dns_force: bool = False
    # Whether zones are signed (powerdns, cloudflare, desec, exec). The DS records for the registrar are reported.
    monsterr_dns_dnssec: bool = False
    # TTL of the records in seconds.
    monsterr_dns_ttl: int = checked(_is_ttl, default=300)
    # Resolvers to ask. Default: those of the computer that asks.
    monsterr_dns_resolvers: list[str] = checked(_are_addresses, default_factory=list)
    # Name servers of your own, the primary first: [{host: box, name: ns1.example.org}]. Default: none.
    monsterr_nameservers: list[Nameserver] = field(default_factory=list)
    # The zones that they serve. Default: monsterr_domain and monsterr_extra_domains.
    monsterr_nameserver_zones: list[str] = checked(_are_zones, default_factory=list)
    # Addresses of further secondaries, that are not hosts of ours.
    monsterr_nameserver_secondaries: list[str] = checked(_are_addresses, default_factory=list)
    # Directory of the ACME CA.
    monsterr_acme_directory: str = checked(_is_url, default=LETS_ENCRYPT)
    # Where the CA may write to.
    monsterr_acme_email: str = ""
    # How the CA sees that a name is yours. dns-01 makes one wildcard certificate per domain.
    monsterr_acme_challenge: Literal["http-01", "dns-01"] = "http-01"
    # PEM file on the controller with roots to trust for the directory, for a CA of your own.
    monsterr_acme_ca_file: str = ""
    # Whether the library is the same storage on all hosts, such as a network mount. Then no host is warned of it.
    monsterr_shared_library: bool = False
    # Who may log in, by name. Without any there is no login in front of services.
    monsterr_users: dict[str, User] = checked(_are_user_names, secret=True, default_factory=dict)
    # Services that are for some users only.
    monsterr_login_rules: list[Rule] = field(default_factory=list)
    # Sends what the login has to tell. Default: it goes into a file on the host.
    monsterr_smtp: Smtp | None = None
    # Networks of proxies in front of the edge host, which may say who the client is.
    monsterr_trusted_proxies: list[str] = checked(_are_networks, default_factory=list)


@dataclass(frozen=True)
class Host:
    """Variables that may differ from host to host."""

    # The services that run here.
    monsterr_services: list[str] = field(default_factory=list)
    # Services that ran here once, and whose data is to be deleted now. Nothing else ever deletes data.
    monsterr_purge: list[str] = field(default_factory=list)
    # Private address, at which the other hosts reach this one. Default: ansible_host, if it is one.
    monsterr_address: str = checked(is_address, default="")
    # The library: one tree on one file system, so that hard links work.
    monsterr_media_path: str = checked(is_absolute, default="/srv/media")
    # Folders in the library, parents first.
    monsterr_library: list[str] = checked(are_relative, default_factory=lambda: list(LIBRARY))
    # User that the services run as and that owns the library.
    monsterr_uid: int = checked(_is_id, default=13000)
    # Its group.
    monsterr_gid: int = checked(_is_id, default=13000)
    # Time zone of the services.
    monsterr_timezone: str = "Etc/UTC"
    # Whose packages of Docker: Debian's, or Docker's own repository.
    monsterr_docker_source: Literal["debian", "docker"] = "debian"
    # Seconds that a service has to become healthy.
    monsterr_deadline: int = 300
    # The firewall: whether there is one, and what it lets through beyond what the services need.
    monsterr_firewall: Firewall = field(default_factory=Firewall)
    # How SSH is hardened.
    monsterr_ssh: Ssh = field(default_factory=Ssh)


# Variables that our own plays set or read, and that say nothing about the desired state.
OTHER = frozenset(
    {
        "monsterr_plan",
        "monsterr_rehearsal",
        "monsterr_rehearse_keep",
        "monsterr_report_dir",
        "monsterr_check_mode",
        "monsterr_plan_json",
        "monsterr_plan_mermaid",
    }
)
STACK = frozenset(spec.name for spec in fields(Stack))
HOST = frozenset(spec.name for spec in fields(Host))
