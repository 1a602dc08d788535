# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The schema of the inventory's own words: every ``monsterr_*`` variable, its type and its default."""

from __future__ import annotations

import ipaddress
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

    monsterr_domain: str = checked(is_domain)
    monsterr_secret: str = checked(_is_master, secret=True)
    monsterr_extra_domains: list[str] = checked(_are_domains, default_factory=list)
    monsterr_secret_generations: dict[str, int] = field(default_factory=dict)
    monsterr_secrets: dict[str, str] = field(default_factory=dict)
    monsterr_public_addresses: list[str] = checked(_are_addresses, default_factory=list)
    monsterr_image_digests: bool = True
    monsterr_dns_provider: Literal["none", "rfc2136"] = "none"
    monsterr_dns_server: str = ""
    monsterr_dns_port: int = checked(is_port, default=53)
    monsterr_dns_key_name: str = ""
    monsterr_dns_key_algorithm: str = "hmac-sha256"
    monsterr_dns_key_secret: str = ""
    monsterr_dns_ttl: int = checked(_is_ttl, default=300)
    monsterr_dns_resolvers: list[str] = checked(_are_addresses, default_factory=list)
    monsterr_acme_directory: str = checked(_is_url, default=LETS_ENCRYPT)
    monsterr_acme_email: str = ""
    monsterr_acme_challenge: Literal["http-01", "dns-01"] = "http-01"
    monsterr_acme_ca_file: str = ""
    monsterr_trusted_proxies: list[str] = checked(_are_networks, default_factory=list)


@dataclass(frozen=True)
class Host:
    """Variables that may differ from host to host."""

    monsterr_services: list[str] = field(default_factory=list)
    monsterr_address: str = checked(is_address, default="")
    monsterr_media_path: str = checked(is_absolute, default="/srv/media")
    monsterr_library: list[str] = checked(are_relative, default_factory=lambda: list(LIBRARY))
    monsterr_uid: int = checked(_is_id, default=13000)
    monsterr_gid: int = checked(_is_id, default=13000)
    monsterr_timezone: str = "Etc/UTC"
    monsterr_docker_source: Literal["debian", "docker"] = "debian"
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
