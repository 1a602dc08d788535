# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Whether what was found on a host is safe. Pure: facts and the plan in, findings out.

Each finding says what, where, why it matters and what to do. A check with nothing to complain of says so in one
finding, so that a report shows what was looked at.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from .._core.finding import Finding, fail, ok, warn

Facts = Mapping[str, Any]
# Programs that listen for the sake of the host itself, on loopback or for its own network set-up.
_HARMLESS = {"systemd-resolve", "systemd-network", "dhclient", "chronyd", "systemd-timesyn"}
_DANGEROUS = {"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "NET_ADMIN"}
_SOCKETS = ("/var/run/docker.sock", "/run/docker.sock")
_WEAK_LYNIS = 60  # a hardening index below this is worth a warning; a fresh Debian has about 60


def judge(facts: Facts, ports: Sequence[Mapping[str, Any]], allowed: Sequence[int]) -> list[Finding]:
    """All findings. ports: those of the plan for this host; allowed: further ports that the user knows of."""
    checks: list[tuple[str, str, Iterable[Finding]]] = [
        ("audit.port", "ports", _ports(facts["listening"], ports, {*allowed, *_ssh_ports(facts["ssh"])})),
        ("audit.container", "containers", _containers(facts["containers"], ports)),
        ("audit.ssh", "sshd", _ssh(facts["ssh"])),
        ("audit.secret", "secrets", _secrets(facts["secrets"])),
        ("audit.writable", "files", _writable(facts["writable"])),
        ("audit.account", "accounts", _accounts(facts["accounts"])),
        ("audit.update", "packages", _updates(facts["updates"], facts["reboot"])),
        ("audit.lynis", "Lynis", _lynis(facts["lynis"])),
    ]
    found = []
    for check, target, findings in checks:
        told = list(findings)
        found += told or [ok(check, target, _WELL[check])]
    return found


_WELL = {
    "audit.port": "Only what is planned listens to others.",
    "audit.container": "No container has more rights than it needs.",
    "audit.ssh": "SSH lets in by keys only.",
    "audit.secret": "Files with secrets are for their owners only.",
    "audit.writable": "Nobody but root and the services writes into our files.",
    "audit.account": "No account is without a password, and only root is root.",
    "audit.update": "No update for security is waiting.",
    "audit.lynis": "Lynis was not asked, or has nothing to say.",
}


def _ssh_ports(settings: Mapping[str, str] | None) -> set[int]:
    return {int((settings or {}).get("port", "22"))}


def _ports(
    listening: Sequence[Mapping[str, Any]], planned: Sequence[Mapping[str, Any]], allowed: set[int]
) -> Iterable[Finding]:
    known = {(port["port"], port["protocol"]): port["address"] for port in planned if port["scope"] != "loopback"}
    seen = set()
    for item in listening:
        port, protocol, address = item["port"], item["protocol"], ipaddress.ip_address(item["address"])
        key = (port, protocol)
        if address.is_loopback or port in allowed or item["process"] in _HARMLESS or key in seen:
            continue
        if protocol == "udp" and port >= 32768 and key not in known:
            continue  # a client that waits for its answer
        process = item["process"] or "a program"
        if key not in known:
            seen.add(key)
            yield fail(
                "audit.port",
                f"{port}/{protocol}",
                f"{process} listens on {address} port {port}/{protocol}, which the plan does not have.",
                "Whoever reaches this host reaches it, past the proxy and its login. Stop it, bind it to 127.0.0.1, or "
                f"add {port} to audit_allowed_ports if you want it so.",
                process=item["process"],
            )
        elif address.is_unspecified and known[key] not in ("0.0.0.0", "::"):
            seen.add(key)
            yield fail(
                "audit.port",
                f"{port}/{protocol}",
                f"{process} listens on every address at port {port}/{protocol}; planned is {known[key]} only.",
                "Run site: it publishes the port where the plan has it.",
                process=item["process"],
            )


def _containers(
    containers: Sequence[Mapping[str, Any]] | None, planned: Sequence[Mapping[str, Any]]
) -> Iterable[Finding]:
    if containers is None:
        yield warn(
            "audit.container", "containers", "Docker Engine could not be asked.", "See: systemctl status docker."
        )
        return
    known = {(port["address"], port["port"], port["protocol"]) for port in planned}
    for item in containers:
        name = item["name"]
        yours = "" if item["ours"] else " It is not one of ours: look for what started it."
        say = _saying("audit.container", name)
        if item["privileged"]:
            yield say(f"{name} is privileged: who breaks into it has the whole host.", f"Run it without.{yours}")
        bad = sorted({word.removeprefix("CAP_") for word in item["capabilities"]} & _DANGEROUS)
        if bad and not item["privileged"]:
            hint = f"Take them away (cap_add), or keep it off the internet.{yours}"
            yield say(f"{name} has powers that lead out of the container: {', '.join(bad)}.", hint)
        if item["namespaces"]:
            words = ", ".join(word.removesuffix("Mode").lower() for word in item["namespaces"])
            yield say(f"{name} shares namespaces of the host: {words}.", f"Give it its own.{yours}")
        for mount in item["mounts"]:
            if mount in _SOCKETS:
                hint = f"Do without, or put a proxy that only reads between them.{yours}"
                yield say(f"{name} may talk to Docker Engine, and so has the whole host.", hint)
            elif mount in ("/", "/etc", "/root", "/var", "/var/lib/docker"):
                yield say(f"{name} has the host's {mount} mounted.", f"Mount only what it needs.{yours}")
        for port in item["published"]:
            address = ipaddress.ip_address(port["address"])
            key = (port["address"], port["port"], port["protocol"])
            if not address.is_loopback and key not in known and not _same_everywhere(key, known):
                hint = f"Docker lets it past most firewalls. Bind it to 127.0.0.1.{yours}"
                yield say(f"{name} is published at {address} port {port['port']}/{port['protocol']}, unplanned.", hint)
        if item["ours"] and not any("no-new-privileges" in option for option in item["options"]):
            yield warn(
                "audit.container",
                name,
                f"{name} may gain new privileges.",
                "Run site: its compose file says otherwise.",
            )


def _same_everywhere(key: tuple[str, int, str], known: set[tuple[str, int, str]]) -> bool:
    """Docker says :: for what was published everywhere."""
    return key[0] == "::" and ("0.0.0.0", *key[1:]) in known


def _ssh(settings: Mapping[str, str] | None) -> Iterable[Finding]:
    if settings is None:
        return
    say = _saying("audit.ssh", "sshd")
    if settings.get("permitemptypasswords") == "yes":
        yield say("SSH lets in without a password.", "Set PermitEmptyPasswords no.")
    if settings.get("passwordauthentication") == "yes":
        root = settings.get("permitrootlogin") == "yes"
        who = "root too" if root else "but not root"
        hint = "The whole internet guesses passwords all day. Log in with a key, then set PasswordAuthentication no."
        yield (say if root else _warning("audit.ssh", "sshd"))(f"SSH lets in with a password, {who}.", hint)
    if settings.get("x11forwarding") == "yes":
        yield _warning("audit.ssh", "sshd")("SSH forwards X11, which no server needs.", "Set X11Forwarding no.")
    weak = [word for word in _words(settings, "ciphers") if "cbc" in word or "arcfour" in word or "3des" in word]
    weak += [word for word in _words(settings, "macs") if "md5" in word or word.startswith("hmac-sha1-96")]
    weak += [word for word in _words(settings, "kexalgorithms") if word.endswith("group1-sha1")]
    if weak:
        yield _warning("audit.ssh", "sshd")(f"SSH offers weak algorithms: {', '.join(weak)}.", "Leave them out.")


def _words(settings: Mapping[str, str], key: str) -> list[str]:
    return [word for word in settings.get(key, "").split(",") if word]


def _secrets(files: Sequence[Mapping[str, Any]]) -> Iterable[Finding]:
    for item in files:
        if item["mode"] & 0o007 and item["reachable"]:
            summary = f"Anybody on this host can use {item['path']}, which holds secrets (mode {item['mode']:04o})."
            yield fail("audit.secret", item["path"], summary, f"chmod o= {item['path']}, then run site.")


def _writable(paths: Sequence[str]) -> Iterable[Finding]:
    shown = 10
    for path in paths[:shown]:
        hint = f"chmod o-w {path}. See who wrote to it: what reads it may have been fooled already."
        yield fail("audit.writable", path, f"Anybody on this host can write to {path}.", hint)
    if len(paths) > shown:
        more = f"{len(paths) - shown} more paths can be written to by anybody."
        yield fail("audit.writable", "files", more, "Find them: find FOLDER -perm -o+w -not -type l.")


def _accounts(accounts: Sequence[Mapping[str, Any]] | None) -> Iterable[Finding]:
    for item in accounts or ():
        if item["empty"]:
            hint = f"passwd --lock {item['name']}"
            yield fail("audit.account", item["name"], f"The account {item['name']} has no password at all.", hint)
        if item["uid"] == 0 and item["name"] != "root":
            summary = f"The account {item['name']} is root by another name."
            yield fail("audit.account", item["name"], summary, "Remove it, unless you made it.")


def _updates(packages: Sequence[str] | None, reboot: bool) -> Iterable[Finding]:
    if packages:
        some = ", ".join(packages[:5]) + (f" and {len(packages) - 5} more" if len(packages) > 5 else "")
        hint = "apt-get upgrade; unattended-upgrades does so every night."
        yield warn(
            "audit.update", "packages", f"Updates for security are waiting: {some}.", hint, packages=list(packages)
        )
    if reboot:
        yield warn("audit.update", "reboot", "Updates want a restart of the host to take effect.", "Restart it.")


def _lynis(report: Mapping[str, Any] | None) -> Iterable[Finding]:
    if report is None:
        return
    facts = {"warnings": report["warnings"], "suggestions": report["suggestions"]}
    said = f"Lynis gives this host {report['index']} of 100"
    for text in report["warnings"]:
        hint = "lynis show details " + text.partition(":")[0]
        yield warn("audit.lynis", text.partition(":")[0], f"Lynis warns: {text.partition(': ')[2]}", hint)
    if report["index"] < _WEAK_LYNIS:
        hint = "Its suggestions are in the JSON report, under evidence."
        yield warn("audit.lynis", "index", f"{said}; a fresh Debian has about {_WEAK_LYNIS}.", hint, **facts)
    else:
        yield ok("audit.lynis", "index", f"{said}.", **facts)


def _saying(check: str, target: str) -> Callable[[str, str], Finding]:
    return lambda summary, hint: fail(check, target, summary, hint)


def _warning(check: str, target: str) -> Callable[[str, str], Finding]:
    return lambda summary, hint: warn(check, target, summary, hint)
