# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The agent's command line: ``monsterr-agent JOB``. Run by systemd timers, or by hand."""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from .._core.clock import Clock
from .._core.errors import DeadlineError, MonsterrError
from .._core.finding import FAIL, OK, Finding, fail, worst
from . import config as configuration
from .jobs import JOBS, Job
from .state import State, record

WELL, FAILED, BUSY = 0, 1, 75  # exit codes; 75 is EX_TEMPFAIL: another run is at it


class _Overdue(BaseException):
    """The time is over. Not an Exception: nothing on the way may take it for a failure of its own."""


def main(arguments: Sequence[str] | None = None, clock: Clock | None = None) -> int:
    """Run a job; its exit code."""
    parser = argparse.ArgumentParser(prog="monsterr-agent", description="Watches over a host of a Monsterr stack.")
    jobs = "check: read the configuration; health: look; renew: certificates; hello: send a test message"
    parser.add_argument("job", choices=["check", *JOBS], help=jobs)
    parser.add_argument("--config", type=Path, default=configuration.PATH, help="default: %(default)s")
    options = parser.parse_args(arguments)
    try:
        config = configuration.load(options.config)
        if options.job == "check":
            return _check(config)
        return run(options.job, JOBS[options.job], config, clock or Clock())
    except MonsterrError as error:
        print(error.message, file=sys.stderr)
        return FAILED


def run(name: str, job: Job, config: configuration.Config, clock: Clock) -> int:
    """Run `job` alone and in its time, and remember how it went."""
    state = State(Path(config.state))
    state.prepare()
    with _locked(state, name, clock) as ours:
        if not ours:
            return BUSY
        began = clock.time()
        try:
            with _within(job.seconds):
                findings = job.work(config, state, clock)
            done = not job.judged or worst(findings) != FAIL
        except MonsterrError as error:
            findings, done = [*error.findings, error.finding()], False
        except _Overdue:
            hint = f"See what hangs: journalctl --unit monsterr-{name}"
            said = f"The job {name} was not done after {job.seconds:g} s, and was given up."
            findings, done = [fail("agent.deadline", f"job {name}", said, hint)], False
        except Exception as error:  # a mistake of ours: still a finding, and the next run comes
            said = f"The job {name} ended with {type(error).__name__}: {error}"
            findings, done = [fail("agent.error", f"job {name}", said, "Please report this.")], False
        result = record(findings, began, clock.time())
        state.write(f"job-{name}", result if done else {**result, "status": FAIL})
    for item in findings:
        if item.status != OK or job.judged:
            print(_line(item))
    print(f"{name}: {len(findings)} findings, {sum(item.status != OK for item in findings)} of them not well.")
    return WELL if done else FAILED


def _check(config: configuration.Config) -> int:
    """See that all that the jobs need can be loaded."""
    if config.renew:
        try:
            importlib.import_module(".._acme.certificates", __package__)
        except ImportError as error:
            print(f"Certificates cannot be renewed here: {error}", file=sys.stderr)
            return FAILED
    print("The configuration is good.")
    return WELL


@contextmanager
def _locked(state: State, name: str, clock: Clock) -> Iterator[bool]:
    """Whether the lock is ours; it is given back at the end."""
    lock = state.lock(name, clock)
    try:
        lock.__enter__()
    except DeadlineError as error:
        print(error.message, file=sys.stderr)
        yield False
        return
    try:
        yield True
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def _within(seconds: float) -> Iterator[None]:
    """Raise `_Overdue` in the block when it takes longer."""

    def over(*_: object) -> None:
        raise _Overdue

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        with suppress(TypeError):  # None: it was not set from Python
            signal.signal(signal.SIGALRM, before)


def _line(item: Finding) -> str:
    return f"{item.status.upper()} {item.target}: {item.summary} {item.hint}".rstrip()
