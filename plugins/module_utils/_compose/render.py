# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""A service of the plan as a Compose project that a person can read and run by hand. Pure.

Secrets never stand in ``compose.yaml``: the environment that holds one goes into ``secret.env``, which only root reads.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from .._core.secret import references, resolve

COMPOSE = "compose.yaml"
SECRETS = "secret.env"
REVISION = "media.monsterr.revision"

Service = Mapping[str, Any]


def image(service: Service) -> str:
    """The image, by digest too where the plan has one."""
    return f"{service['image']}@{service['digest']}" if service.get("digest") else service["image"]


def compose(service: Service, network: str) -> str:
    """The text of ``compose.yaml``. It names its own revision: a container of another one is out of date."""
    text = _text(service, network, "")
    return _text(service, network, revision(text))


def revision(text: str) -> str:
    """A short name for the content of a compose file."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def environment(service: Service, secrets: Mapping[str, str]) -> dict[str, str]:
    """The whole environment that the container shall have, secrets put in."""
    return {key: resolve(str(value), secrets) for key, value in service["environment"].items()}


def secret_env(service: Service, secrets: Mapping[str, str]) -> str:
    """The text of ``secret.env``; '' when no variable holds a secret."""
    hidden = {key: value for key, value in environment(service, secrets).items() if key in _hidden(service)}
    return "".join(f"{key}={_quoted(value)}\n" for key, value in sorted(hidden.items()))


def _hidden(service: Service) -> set[str]:
    return {key for key, value in service["environment"].items() if references(value)}


def _quoted(value: str) -> str:
    """`value` for an env file of Compose: as it is in single quotes, or escaped in double ones."""
    if "'" not in value and "\n" not in value and "\\" not in value:
        return f"'{value}'"
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("$", "\\$").replace("\n", "\\n")
    return f'"{escaped}"'


def _text(service: Service, network: str, revision_name: str) -> str:
    name = service["name"]
    open_environment = {k: v for k, v in service["environment"].items() if k not in _hidden(service)}
    lines = [
        f"# {service['title']}. Written by Monsterr, and written anew when the plan changes.",
        "# By hand, in this folder: docker compose up -d, docker compose logs -f, docker compose down",
        f"name: monsterr-{name}",
        "services:",
        f"  {name}:",
        f"    image: {_scalar(image(service))}",
        f"    container_name: {name}",
        "    restart: unless-stopped",
        f"    stop_grace_period: {service['stop_timeout']}s",
        *([f"    user: {_scalar(service['user'])}"] if service.get("user") else []),
        "    security_opt:",
        "      - no-new-privileges:true",
        *_list("entrypoint", [_scalar(word) for word in service.get("entrypoint", ())]),
        *_list("command", [_scalar(word) for word in service.get("command", ())]),
        *_mapping("environment", {key: str(value) for key, value in open_environment.items()}),
        *_list("env_file", [SECRETS] if _hidden(service) else []),
        *_list("ports", [_scalar(_port(port)) for port in service["ports"]]),
    ]
    if service["volumes"]:
        lines.append("    volumes:")
    for volume in service["volumes"]:
        lines += [
            "      - type: bind",
            f"        source: {_scalar(volume['source'])}",
            f"        target: {_scalar(volume['target'])}",
            *(["        read_only: true"] if volume["read_only"] else []),
            "        bind:",
            "          create_host_path: false",
        ]
    return "\n".join(
        [
            *lines,
            "    networks:",
            f"      - {network}",
            "    labels:",
            f"      {REVISION}: {_scalar(revision_name)}",
            "networks:",
            f"  {network}:",
            "    external: true",
            "",
        ]
    )


def _port(port: Mapping[str, Any]) -> str:
    address = f"[{port['address']}]" if ":" in port["address"] else port["address"]
    return f"{address}:{port['published']}:{port['target']}/{port['protocol']}"


def _list(key: str, items: list[str]) -> list[str]:
    return [f"    {key}:", *(f"      - {item}" for item in items)] if items else []


def _mapping(key: str, items: Mapping[str, str]) -> list[str]:
    return [f"    {key}:", *(f"      {name}: {_scalar(value)}" for name, value in items.items())] if items else []


def _scalar(value: str) -> str:
    """A string for YAML, which JSON's strings are; Compose would take a single $ for a variable."""
    return json.dumps(value.replace("$", "$$"), ensure_ascii=False)
