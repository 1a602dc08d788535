# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The DNS providers as data: what each needs to be told, and what it can hold. Pure, and without dnspython.

A module takes `SPEC` into its arguments and calls `check`, so that all of them know the same providers.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.errors import InputError

ALGORITHMS = ("hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")
_ALL = frozenset({"A", "AAAA", "CAA", "CNAME", "HTTPS", "MX", "NS", "PTR", "SRV", "SSHFP", "SVCB", "TLSA", "TXT"})
_MAX_TTL = 2**31 - 1


@dataclass(frozen=True)
class Traits:
    """One provider.

    title     what its users call it
    needs     the options without which it cannot be asked
    endpoint  where its API is, unless the user names another place
    ttl       the least and the most seconds that it takes
    types     the types that it can hold
    batch     how many RRsets it changes at once, all or none
    dnssec    whether it can be told to sign a zone
    hint      what to look at if it refuses the credentials
    """

    title: str
    needs: tuple[str, ...]
    endpoint: str = ""
    ttl: tuple[int, int] = (0, _MAX_TTL)
    types: frozenset[str] = _ALL
    batch: int = 1
    dnssec: bool = False
    hint: str = "Check the token."


PROVIDERS = {
    "rfc2136": Traits("dynamic update", ("server", "key_name", "key_secret"), batch=200),
    "powerdns": Traits(
        "PowerDNS",
        ("endpoint", "token"),
        batch=500,
        dnssec=True,
        hint="Check the token against api-key in pdns.conf, and webserver-allow-from.",
    ),
    "cloudflare": Traits(
        "Cloudflare",
        ("token",),
        "https://api.cloudflare.com/client/v4",
        ttl=(60, 86400),
        batch=50,  # RRsets; the limit is 200 records, removed and added ones together
        dnssec=True,
        hint="The token needs the permissions Zone Read and DNS Write for the zone; DNSSEC needs Zone Settings Write.",
    ),
    "desec": Traits(
        "deSEC",
        ("token",),
        "https://desec.io/api/v1",
        ttl=(3600, 86400),  # the least is the domain's own `minimum_ttl`; this is the usual one
        batch=500,
        dnssec=True,
        hint="Check the token, its policies and the networks that it may be used from.",
    ),
    "hetzner": Traits(
        "Hetzner",
        ("token",),
        "https://api.hetzner.cloud/v1",
        ttl=(60, _MAX_TTL),
        hint="Use a token of the Hetzner Console's project that has the zone, with read and write permission. "
        "Tokens of the old dns.hetzner.com do not work any more.",
    ),
    "digitalocean": Traits(
        "DigitalOcean",
        ("token",),
        "https://api.digitalocean.com/v2",
        ttl=(30, _MAX_TTL),
        types=frozenset({"A", "AAAA", "CAA", "CNAME", "MX", "NS", "SRV", "TXT"}),
        hint="The token needs the scopes domain:read, domain:create, domain:update and domain:delete.",
    ),
    "route53": Traits(
        "Route 53",
        ("key_name", "key_secret"),
        "https://route53.amazonaws.com",
        batch=100,  # RRsets; the limit is 1000 values
        hint="The key needs route53:ListHostedZones, ListResourceRecordSets, ChangeResourceRecordSets and GetChange.",
    ),
    "exec": Traits("the command", ("command",), batch=1, dnssec=True, hint="See what the command says."),
}

SPEC: dict[str, dict[str, Any]] = {
    "provider": {"type": "str", "choices": list(PROVIDERS), "default": "rfc2136"},
    "server": {"type": "str", "default": ""},
    "port": {"type": "int", "default": 53},
    "key_name": {"type": "str", "default": "", "no_log": False},
    "key_algorithm": {"type": "str", "choices": list(ALGORITHMS), "default": "hmac-sha256", "no_log": False},
    "key_secret": {"type": "str", "default": "", "no_log": True},
    "endpoint": {"type": "str", "default": ""},
    "token": {"type": "str", "default": "", "no_log": True},
    "ca_file": {"type": "path", "default": ""},
    "command": {"type": "list", "elements": "str", "default": []},
}


def missing(provider: str, given: Mapping[str, Any]) -> list[str]:
    """The options that `provider` needs and that are not among those `given`."""
    return [name for name in PROVIDERS[provider].needs if not given.get(name)]


def check(options: Mapping[str, Any]) -> Traits:
    """The traits of the provider that `options` name; `InputError` for one that is not known or not told enough."""
    name = options.get("provider") or "rfc2136"
    if name not in PROVIDERS:
        raise InputError("use the DNS provider", str(name), f"it is not one of {', '.join(sorted(PROVIDERS))}")
    absent = missing(name, options)
    if absent:
        why = f"it needs {' and '.join(absent)}"
        raise InputError("use the DNS provider", name, why, f"Set {' and '.join(absent)}.")
    return PROVIDERS[name]
