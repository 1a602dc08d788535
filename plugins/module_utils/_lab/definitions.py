# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Which images a lab has to have: what the services' definitions name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from .image import Images, collect


def images(params: Mapping[str, Any]) -> Images | None:
    """The images for the module's parameters; None if they name neither images nor roles."""
    roles = Path(params["roles"]) if params["roles"] else None
    wanted = {
        **(named(roles) if roles else {}),
        **{service: _references(value) for service, value in params["images"].items()},
    }
    if params["services"]:
        wanted = {service: wanted.get(service, []) for service in params["services"]}
    recipes = Path(params["image_recipes"]) if params["image_recipes"] else roles and roles / "lab/files/images"
    if not wanted or not recipes:
        return None
    stand_ins = Path(params["stand_ins"]) if params["stand_ins"] else None
    cache = Path(params["cache_dir"]) if params.get("cache_dir") else None
    return collect(wanted, recipes, stand_ins, cache)


def named(roles: Path) -> dict[str, list[str]]:
    """Service -> the image that the definition in its role names."""
    found = {}
    for path in sorted(roles.glob("*/meta/service.yml")):
        image = (yaml.safe_load(path.read_text()) or {}).get("image")
        if image:
            found[path.parent.parent.name] = [image]
    return found


def _references(value: str | Sequence[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
