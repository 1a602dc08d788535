# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent's configuration: one JSON file that the role `agent` writes and root alone may read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .._core.errors import InputError
from .._plan.notify import Notify
from .._plan.schema import Reader

PATH = Path("/etc/monsterr/agent.json")


@dataclass(frozen=True)
class Renew:
    """What the module `acme_certificate` is called with."""

    certificates: list[Any]
    directory: str
    email: str = ""
    terms_agreed: bool = False
    ca_bundle: str = ""
    webroot: str = "/var/lib/monsterr-acme"
    dns: Any = None
    store: str = "/etc/monsterr/certificates"
    state_dir: str = "/var/lib/monsterr/acme"
    validate: list[list[str]] = field(default_factory=list)
    activate: list[list[str]] = field(default_factory=list)
    deadline: int = 180


@dataclass(frozen=True)
class Config:
    """Everything the agent knows.

    host       the host's name in the inventory, as messages name it
    probes     as the module `service_health_info` takes them
    deadline   seconds for all probes together
    ca_bundle  PEM certificates to trust besides the system's
    renew      the certificates to keep; none on a host without any
    state      folder for what it remembers, for root alone
    metrics    folder for what Prometheus may read
    """

    host: str
    probes: list[dict[str, Any]] = field(default_factory=list)
    deadline: int = 40
    ca_bundle: str = ""
    notify: Notify = field(default_factory=Notify)
    renew: Renew | None = None
    state: str = "/var/lib/monsterr/agent"
    metrics: str = "/var/lib/monsterr-metrics"


def read(text: str, where: str) -> Config:
    """The configuration in `text`; `InputError` with every problem in it. where: its file, for messages."""
    hint = "It is written by the role agent: run the site playbook."
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError("read the agent's configuration", where, f"it is not JSON: {error}", hint) from None
    reader = Reader()
    config = reader.read(Config, data, where)
    if config is None:
        said = "; ".join(f"{item.target}: {item.summary}" for item in reader.problems)
        raise InputError("read the agent's configuration", where, said, hint, reader.problems)
    return config


def load(path: Path) -> Config:
    """The configuration in the file `path`."""
    try:
        return read(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        hint = "It is written by the role agent: run the site playbook."
        raise InputError("read the agent's configuration", str(path), error.strerror or str(error), hint) from None
