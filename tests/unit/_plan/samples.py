# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A small world to plan for: three definitions, and inventories of one and of two hosts."""

from __future__ import annotations

from typing import Any

from ansible_collections.monsterr.media.plugins.module_utils._core.finding import Finding
from ansible_collections.monsterr.media.plugins.module_utils._plan.build import build
from ansible_collections.monsterr.media.plugins.module_utils._plan.model import Inventory, Source

MASTER = "a master secret that is long enough to be one"


def definitions() -> dict[str, dict[str, Any]]:
    """A fresh copy of three definitions."""
    return {
        "sonarr": {
            "title": "Sonarr",
            "app": "sonarr",
            "image": "registry.example/sonarr:4.0.16",
            "digest": "sha256:" + "a" * 64,
            "port": 8989,
            "environment": {"KEY": "{{ secret('api_key') }}", "PUID": "{{ uid }}", "TZ": "{{ timezone }}"},
            "volumes": {"config": "/config", "media": "/data"},
            "web": {"subdomain": "sonarr", "bypass": ["/api"]},
            "health": {"path": "/ping"},
            "backup": {"sqlite": ["sonarr.db"]},
            "secrets": {"api_key": "hex", "password": "password"},
            "connects": {"download_clients": ["qbittorrent", "nzbget"]},
        },
        "qbittorrent": {
            "title": "qBittorrent",
            "app": "qbittorrent",
            "image": "registry.example/qbittorrent:5.1.2",
            "port": 8080,
            "ports": [{"target": 6881, "scope": "public"}, {"target": 6881, "protocol": "udp", "scope": "public"}],
            "volumes": {"config": "/config", "media": "/data"},
            "secrets": {"password": "password", "hash": {"kind": "qbittorrent_pbkdf2", "of": "password"}},
            "seeds": {"config/qBittorrent.conf": "hash={{ secret('hash') }}\n"},
            "web": {},
        },
        "nzbget": {
            "title": "NZBGet",
            "image": "registry.example/nzbget:24.5",
            "port": 6789,
            "volumes": {"config": "/config"},
            "secrets": {"password": {}},
        },
    }


def one_host(**more: Any) -> dict[str, dict[str, Any]]:
    """One box that runs Sonarr and qBittorrent."""
    variables = {
        "monsterr_domain": "example.org",
        "monsterr_secret": MASTER,
        "monsterr_services": ["sonarr", "qbittorrent"],
        "ansible_host": "192.0.2.10",
    }
    return {"box": {**variables, **more}}


def two_hosts() -> dict[str, dict[str, Any]]:
    """An edge host with Sonarr, and another with the download client."""
    common = {"monsterr_domain": "example.org", "monsterr_secret": MASTER}
    return {
        "edge": {**common, "ansible_host": "10.0.0.1", "monsterr_services": ["sonarr"]},
        "media": {**common, "ansible_host": "10.0.0.2", "monsterr_services": ["qbittorrent"]},
    }


def plan_of(
    hosts: dict[str, dict[str, Any]], raw: dict[str, Any] | None = None, edges: tuple[str, ...] = ()
) -> tuple[dict[str, Any] | None, list[Finding]]:
    """Build a plan from raw definitions and host variables."""
    raw = definitions() if raw is None else raw
    sources = {name: Source(f"roles/{name}/meta/service.yml", data) for name, data in raw.items()}
    return build(sources, Inventory(hosts, edges))
