# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The login in front of services: Authelia's configuration and users, from the plan. Pure, and without secrets.

Only the proxy knows the paths that need no login. The login decides by site and user alone, so that no spelling of a
path can mean one thing to the proxy and another to the login.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .._core.secret import reference
from .definition import Definition
from .settings import Rule, Stack

SERVICE = "authelia"
USER = "monsterr_users"  # stands for a service in references to hashes of passwords
USERS = "users_database.yml"
ENDPOINT = "/api/authz/auth-request"
_LEVELS = ("one_factor", "two_factor")


def guarded(definition: Definition) -> bool:
    """Whether a login is wished for in front of the service."""
    return definition.web is not None and definition.web.access in _LEVELS


def environment(stack: Stack, portal: str, sites: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What the container is told beyond its definition: its configuration, and the mail server's password."""
    told = {"MONSTERR_CONFIGURATION": json.dumps(configuration(stack, portal, sites), indent=1)}
    if stack.monsterr_smtp and stack.monsterr_smtp.username:
        told["AUTHELIA_NOTIFIER_SMTP_PASSWORD"] = reference(SERVICE, "smtp_password")
    return told


def configuration(stack: Stack, portal: str, sites: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Authelia's ``configuration.yml`` as data. Its secrets come as variables of the container's environment."""
    return {
        "theme": "auto",
        "server": {
            "address": "tcp://:9091/",
            "endpoints": {
                "authz": {"auth-request": {"implementation": "AuthRequest", "authn_strategies": _cookies()}},
                "enable_pprof": False,
                "enable_expvars": False,
            },
        },
        "log": {"level": "info", "format": "text"},
        "telemetry": {"metrics": {"enabled": False}},
        "totp": {"disable": False, "issuer": stack.monsterr_domain, "algorithm": "sha1", "digits": 6, "period": 30},
        "webauthn": {"disable": False, "display_name": stack.monsterr_domain, "user_verification": "preferred"},
        "authentication_backend": {
            "password_reset": {"disable": False},
            "refresh_interval": "1m",
            "file": {
                "path": f"/config/{USERS}",
                "watch": True,
                "password": {"algorithm": "argon2", "argon2": {"variant": "argon2id"}},
            },
        },
        "access_control": {"default_policy": "deny", "rules": rules(stack.monsterr_login_rules, sites)},
        "session": {
            "cookies": [
                {
                    "domain": stack.monsterr_domain,
                    "authelia_url": f"https://{portal}",
                    "same_site": "lax",
                    "inactivity": "1h",
                    "expiration": "12h",
                    "remember_me": "1M",
                }
            ]
        },
        # Five wrong passwords in two minutes: the user cannot log in for ten.
        "regulation": {"max_retries": 5, "find_time": "2m", "ban_time": "10m"},
        "storage": {"local": {"path": "/config/db.sqlite3"}},
        "notifier": _notifier(stack),
    }


def rules(wanted: Sequence[Rule], sites: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """``access_control.rules``: the first that fits decides, and what none fits is denied."""
    made: list[dict[str, Any]] = []
    for site in sites:
        if site["access"] not in _LEVELS:
            continue
        own = [rule for rule in wanted if rule.service == site["service"]]
        subjects = [[f"user:{name}"] for rule in own for name in rule.users]
        subjects += [[f"group:{name}"] for rule in own for name in rule.groups]
        rule = {"domain": site["name"], "policy": site["access"]}
        made.append(rule | {"subject": subjects} if subjects else rule)
    return made


def users(stack: Stack) -> list[dict[str, Any]]:
    """Those who log in, with a reference in place of each password's hash."""
    return [
        {
            "name": name,
            "display_name": user.name or name,
            "email": user.email,
            "groups": user.groups,
            "disabled": user.disabled,
            "reset": user.reset,
            "hash": reference(USER, name),
        }
        for name, user in sorted(stack.monsterr_users.items())
    ]


def _cookies() -> list[dict[str, str]]:
    """Only a session counts. A password in a header would pass by regulation and the second factor."""
    return [{"name": "CookieSession"}]


def _notifier(stack: Stack) -> dict[str, Any]:
    smtp = stack.monsterr_smtp
    if smtp is None:
        return {"filesystem": {"filename": "/config/notification.txt"}}
    told = {"address": smtp.address, "sender": smtp.sender, "username": smtp.username}
    return {"smtp": {key: value for key, value in told.items() if value}, "disable_startup_check": True}
