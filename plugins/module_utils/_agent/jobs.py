# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent's jobs. Each does its work and returns findings; what runs it sees to locks, deadlines and records."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from .._core.clock import Clock, Deadline
from .._core.errors import InputError, MonsterrError
from .._core.files import write_atomically
from .._core.finding import Finding, fail, ok
from .._health import history, metrics
from .._health.probes import check_all
from . import notify
from .config import Config
from .message import news
from .state import State, verdict

RENEW_AGE = 24 * 3600.0  # seconds: the timer has it run four times as often


def health(config: Config, state: State, clock: Clock) -> list[Finding]:
    """Look at everything, compare with before, write the metrics, tell what has changed; the findings as they stand."""
    found = check_all(config.probes, Deadline(config.deadline, clock), ca_bundle=config.ca_bundle)
    now = clock.time()
    found = history.starting(found, config.probes, now)
    told = state.read("told") or {}
    if config.renew:
        found.append(verdict("renew", state.read("job-renew"), now, RENEW_AGE))
    found += [_delivered(name, told.get(name) or {}) for name in notify.channels(config.notify)]
    past, found = history.judge(history.load(state.read("history")), found, now)
    state.write("history", history.dump(past))
    write_metrics(config, found, now)
    _tell(config, state, found, clock)
    return found


def write_metrics(config: Config, findings: list[Finding], now: float) -> None:
    """Write what Prometheus reads, by way of node_exporter's textfile collector."""
    folder = Path(config.metrics)
    folder.mkdir(mode=0o755, parents=True, exist_ok=True)
    extra = {"monsterr_health_last_run_timestamp_seconds": ("When the agent looked last.", now)}
    write_atomically(folder / "monsterr_health.prom", metrics.render(findings, extra).encode(), 0o644)


def _tell(config: Config, state: State, findings: list[Finding], clock: Clock) -> None:
    """Tell each channel what it has not been told. What could not be told is told by the next run, and is a finding."""
    told = state.read("told") or {}
    deadline = Deadline(3 * notify.PATIENCE, clock)
    for name, channel in notify.channels(config.notify).items():
        before = told.get(name) or {}
        item = news(findings, before.get("standing") or {}, config.notify.at)
        after = {"standing": dict(item.standing), "error": ""}
        if item:
            try:
                notify.tell(name, channel, item, config.host, deadline, config.ca_bundle)
            except MonsterrError as error:
                after = {"standing": before.get("standing") or {}, "error": error.message}
        if after != before:
            told[name] = after
            # At once: what was told is not told again, should this run be killed before the next channel.
            state.write("told", told)


def _delivered(name: str, told: dict[str, str]) -> Finding:
    """Whether the last message got through."""
    if told.get("error"):
        return fail(f"notify.{name}", f"notify {name}", told["error"], "It is tried again each time.")
    return ok(f"notify.{name}", f"notify {name}", f"Messages by {name} get through.")


def renew(config: Config, state: State, clock: Clock) -> list[Finding]:
    """Renew the certificates that are due, as the module `acme_certificate` does."""
    if not config.renew:
        return [ok("agent.renew", config.host, "There are no certificates on this host.")]
    try:
        from .._acme import model
        from .._acme.certificates import Certificates, Settings
    except ImportError as error:
        hint = "Install python3-cryptography and python3-dnspython."
        raise InputError("renew certificates", config.host, f"a Python library is missing: {error}", hint) from None
    options = asdict(config.renew)
    wanted = model.read(options.pop("certificates"))
    return Certificates(Settings(**options), wanted, clock).ensure(check_mode=False)["findings"]


def say_hello(config: Config, _state: State, clock: Clock) -> list[Finding]:
    """Send every channel a message, to see that it gets through."""
    hello = news([fail("agent.hello", "test", "This is a test. All is well.", "Nothing is to be done.")], {}, "fail")
    found = []
    for name, channel in notify.channels(config.notify).items():
        try:
            notify.tell(name, channel, hello, config.host, Deadline(notify.PATIENCE, clock), config.ca_bundle)
            found.append(ok(f"notify.{name}", f"notify {name}", f"A message was sent by {name}."))
        except MonsterrError as error:
            found.append(error.finding())
    return found


@dataclass(frozen=True)
class Job:
    """A job: what it does, and the seconds after which it is given up."""

    work: Callable[[Config, State, Clock], list[Finding]]
    seconds: float
    judged: bool  # whether it fails when one of its findings does; a look succeeds whatever it sees


JOBS = {
    "health": Job(health, 90, judged=False),
    "renew": Job(renew, 900, judged=True),
    "hello": Job(say_hello, 60, judged=True),
}
