# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema of the inventory's own words: every ``monsterr_*`` variable, its type and its default."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field, fields
from typing import Literal

from .definition import are_relative, is_absolute, is_name, is_port
from .notify import Notify
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


def is_domain(value: str) -> str:
    """Rule: a domain that someone can own: a name of two labels or more."""
    return is_name(value) or ("" if "." in value else "a domain has a dot in it, such as example.org")


def _are_domains(values: list[str]) -> str:
    return next((f"{item}: {said}" for item in values if (said := is_domain(item))), "")


def _is_master(value: str) -> str:
    return "" if len(value) >= 32 else "it is shorter than 32 characters"


def _is_url(value: str) -> str:
    return "" if value.startswith("https://") else "this has to be an https:// address"


def _is_id(value: int) -> str:
    return "" if 0 < value < 2**31 else "services do not run as root: use a number above 0"


def _is_ttl(value: int) -> str:
    return "" if 1 <= value <= 604800 else "a TTL is between 1 and 604800 seconds"


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
    monsterr_dns_provider: Literal["none", "rfc2136"] = "none"
    # The primary name server that takes updates.
    monsterr_dns_server: str = ""
    # Its port.
    monsterr_dns_port: int = checked(is_port, default=53)
    # TSIG key: its name.
    monsterr_dns_key_name: str = ""
    # TSIG key: its algorithm.
    monsterr_dns_key_algorithm: str = "hmac-sha256"
    # TSIG key: its secret in base64, in a vault.
    monsterr_dns_key_secret: str = ""
    # TTL of the records in seconds.
    monsterr_dns_ttl: int = checked(_is_ttl, default=300)
    # Resolvers to ask. Default: those of the computer that asks.
    monsterr_dns_resolvers: list[str] = checked(_are_addresses, default_factory=list)
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
    # Networks of proxies in front of the edge host, which may say who the client is.
    monsterr_trusted_proxies: list[str] = checked(_are_networks, default_factory=list)
    # Whom the hosts tell when something stops working, or works again. Keep it in a vault.
    monsterr_notify: Notify = field(default_factory=Notify)


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
