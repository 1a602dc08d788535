# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The lab's network: a bridge, and a way out by address translation in an nftables table of its own."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import shutil
from pathlib import Path

from .._core.errors import CommandError, InputError
from .command import PATH, run
from .model import Lab

_FORWARD = Path("/proc/sys/net/ipv4/ip_forward")
_RESOLVERS = (Path("/run/systemd/resolve/resolv.conf"), Path("/etc/resolv.conf"))


def up(lab: Lab) -> None:
    """Make the bridge and the table; what is there already is left as it is."""
    if not exists(lab):
        _check_free(lab)
        run("make the lab's bridge", "ip", "link", "add", lab.bridge, "type", "bridge")
        run("set up the lab's bridge", "ip", "link", "set", lab.bridge, "mtu", str(mtu()), "up")
        address = f"{lab.gateway}/{lab.network.prefixlen}"
        run("address the lab's bridge", "ip", "address", "add", address, "dev", lab.bridge)
    run("make the lab's nftables table", "nft", "-f", "-", content=rules(lab))
    _forward(lab)


def down(lab: Lab) -> None:
    """Remove them, and stop forwarding if it was the lab that began it."""
    if exists(lab):
        run("remove the lab's bridge", "ip", "link", "delete", lab.bridge)
    gone = f"table ip {lab.table}\ndelete table ip {lab.table}\n"
    run("remove the lab's nftables table", "nft", "-f", "-", content=gone)
    _legacy(lab, "-D")
    kept = lab.state / "ip_forward"
    others = [path for path in lab.state.glob("*") if path.is_dir() and path != lab.folder]
    if kept.exists() and not others:
        _FORWARD.write_text(kept.read_text())
        kept.unlink()


def exists(lab: Lab) -> bool:
    """Whether the lab's bridge is there."""
    return Path(f"/sys/class/net/{lab.bridge}").exists()


def rules(lab: Lab) -> str:
    """The nftables table; loading it replaces one that is there, in one step."""
    return f"""table ip {lab.table}
delete table ip {lab.table}
table ip {lab.table} {{
    chain forward {{
        type filter hook forward priority mangle; policy accept;
        iifname "{lab.bridge}" tcp flags syn tcp option maxseg size set rt mtu
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr {lab.network} oifname != "{lab.bridge}" masquerade
    }}
}}
"""


def mtu() -> int:
    """The MTU of the way out, so that twins send nothing that does not fit."""
    with contextlib.suppress(CommandError, ValueError, LookupError, OSError):
        routes = json.loads(run("read the routes", "ip", "-json", "route", "show", "default"))
        return int(Path(f"/sys/class/net/{routes[0]['dev']}/mtu").read_text())
    return 1500


def upstream(resolvers: list[str]) -> str:
    """The resolver that the lab's name server asks for all that is not its own; empty if this computer has none."""
    if resolvers:
        return resolvers[0]
    for path in _RESOLVERS:
        lines = path.read_text().splitlines() if path.is_file() else []
        for words in (line.split() for line in lines):
            if len(words) > 1 and words[0] == "nameserver" and usable(words[1]):
                return words[1]
    return ""


def usable(address: str) -> bool:
    """Whether a twin could ask a resolver at `address`: by IPv4, and not on the loopback of this computer."""
    try:
        return not ipaddress.IPv4Address(address).is_loopback
    except ValueError:
        return False


def _check_free(lab: Lab) -> None:
    for route in json.loads(run("read the routes", "ip", "-json", "-4", "route", "show")):
        with contextlib.suppress(ValueError):
            taken = ipaddress.IPv4Network(route.get("dst", ""), strict=False)
            if taken.prefixlen and taken.overlaps(lab.network):
                raise InputError(
                    "lay out the lab's network",
                    str(lab.network),
                    f"this computer reaches {taken} by {route.get('dev', 'another way')} already",
                    "Choose another network for the lab (lab_network).",
                )


def _forward(lab: Lab) -> None:
    if _FORWARD.read_text().strip() == "0":
        lab.state.mkdir(mode=0o755, parents=True, exist_ok=True)
        (lab.state / "ip_forward").write_text("0")
        _FORWARD.write_text("1")
    _legacy(lab, "-I")


def _legacy(lab: Lab, action: str) -> None:
    """Docker and some firewalls on this computer drop what is forwarded, in a chain that iptables shares with them."""
    if not shutil.which("iptables", path=PATH):
        return
    for flag in ("-i", "-o"):
        rule = ("FORWARD", flag, lab.bridge, "-j", "ACCEPT")
        try:
            run("look for the lab's rule", "iptables", "-w", "-C", *rule)
            there = True
        except CommandError:
            there = False
        if there != (action == "-I"):
            with contextlib.suppress(CommandError):
                run("change the lab's rule", "iptables", "-w", action, *rule)
