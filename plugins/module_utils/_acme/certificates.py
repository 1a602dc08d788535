# Copyright (c) Monsterr contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What the module `acme_certificate` does: plan, one check-mode gate, then the work for all certificates at once.

Orders for all that is due; one change of DNS for each zone; one wait for all name servers; the challenges answered;
the orders finalized; each certificate verified and written as a new generation; all put in use; the web server's test,
and back again if it fails; what was shown to the CA taken away, whatever happens.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from .._core.clock import Clock, Deadline
from .._core.errors import CommandError, MonsterrError, RefusedError
from .._core.finding import Finding, fail, ok
from . import challenges, files, pem, plan, report
from .challenges import Challenges, Proof
from .client import Acme, Ask, Document, Wire
from .journal import Journal, Order
from .model import Held, Wanted, Window
from .report import Outcome
from .store import Store

_THREADS = 32
_CLEAN = 30  # seconds for taking away challenges, also after the deadline
_COMMAND = 60  # seconds for one command
_BUSY_ORDER = ("pending", "processing")
_BUSY_AUTHORIZATION = ("pending",)


@dataclass(frozen=True)
class Settings:
    """The module's parameters, as its documentation has them."""

    directory: str
    store: str
    state_dir: str
    email: str = ""
    ca_bundle: str = ""
    terms_agreed: bool = False
    webroot: str = ""
    dns: dict[str, Any] | None = None
    validate: Sequence[Sequence[str]] = ()
    activate: Sequence[Sequence[str]] = ()
    deadline: float = 180


@dataclass
class _Job:
    """One certificate on its way."""

    outcome: Outcome
    document: Document | None = None
    order: Order | None = None
    proofs: list[tuple[Proof, str, str]] = field(default_factory=list)  # proof, challenge URL, authorization URL
    generation: int = 0

    @property
    def wanted(self) -> Wanted:
        return self.outcome.wanted

    @property
    def name(self) -> str:
        return self.outcome.wanted.name

    @property
    def alive(self) -> bool:
        return self.outcome.error is None


class Certificates:
    """All certificates of one host."""

    def __init__(
        self,
        settings: Settings,
        wanted: Sequence[Wanted],
        clock: Clock,
        ask: Ask | None = None,
        connect: Callable[[Deadline], challenges.Dns | None] | None = None,
        command: Callable[[Sequence[str]], None] | None = None,
    ) -> None:
        self._settings = settings
        self._wanted = wanted
        self._clock = clock
        self._ask = ask or Wire(settings.ca_bundle)
        self._command = command or _run
        self._store = Store(settings.store)
        self._journal = Journal(settings.state_dir)
        self._challenges = Challenges(
            settings.webroot, connect or (lambda deadline: challenges.connect(settings.dns, deadline)), self._journal
        )
        self._deadline = Deadline(settings.deadline, clock)

    def ensure(self, check_mode: bool) -> dict[str, Any]:
        """Have all certificates from the CA."""
        outcomes = self._plan(check_mode)
        fine = [one.wanted.name for one in outcomes if one.decision.action == plan.NONE]
        tidy = bool(self._journal.shown() or self._journal.flips() or any(map(self._journal.order, fine)))
        if check_mode or not (tidy or _due(outcomes)):
            return report.answer(outcomes, [], check_mode, tidy)
        findings: list[Finding] = []
        try:
            self._journal.prepare()
            with files.locked(self._journal.folder / "lock", self._deadline, "have the certificates"):
                self._journal.sweep()
                outcomes = self._plan(check_mode)
                findings = self._apply([_Job(one) for one in outcomes])
        except (MonsterrError, OSError) as error:
            self._spread(error, outcomes)
        return report.answer(self._looked(outcomes), findings, check_mode, tidy)

    def ensure_placeholders(self, check_mode: bool) -> dict[str, Any]:
        """Have something to serve for each name, without asking anybody."""
        outcomes = []
        for one in self._wanted:
            live, problem = self._store.live(one.name)
            decision = plan.decide_placeholder(one, live, self._clock.time(), problem)
            outcomes.append(Outcome(one, decision, str(self._store.path(one.name)), live, live))
        if check_mode or not _due(outcomes):
            return report.answer(outcomes, [], check_mode, False)
        try:
            self._journal.prepare()
            with files.locked(self._journal.folder / "lock", self._deadline, "have the certificates"):
                self._each([_Job(one) for one in _due(outcomes)], self._make_placeholder)
        except (MonsterrError, OSError) as error:
            self._spread(error, outcomes)
        return report.answer(self._looked(outcomes), [], check_mode, False)

    def _plan(self, check_mode: bool) -> list[Outcome]:
        now = self._clock.time()
        lives = [self._store.live(one.name) for one in self._wanted]
        windows = self._windows([live for live, _problem in lives if live], now, check_mode)
        outcomes = []
        for one, (live, problem) in zip(self._wanted, lives, strict=True):
            window = windows.get(live.cert_id) if live else None
            staged = self._store.staged(one.name)
            decision = plan.decide(one, live, staged, self._settings.directory, now, window, problem)
            outcomes.append(Outcome(one, decision, str(self._store.path(one.name)), live, live))
        return outcomes

    def _windows(self, lives: Sequence[Held], now: float, check_mode: bool) -> dict[str, Window]:
        """The CA's advice for each certificate, by its id, from the journal while it holds. Only advice: if the CA
        does not answer, the rule by lifetime decides."""
        mine = [one.cert_id for one in lives if one.cert_id and one.directory == self._settings.directory]
        kept = {key: value for key, value in self._journal.advice().items() if key in mine and value["until"] > now}
        acme = Acme(self._settings.directory, None, Deadline(min(10, self._settings.deadline), self._clock), self._ask)
        asked = {}
        try:
            for cert_id in [one for one in mine if one not in kept]:
                window, hold = acme.advice(cert_id)
                asked[cert_id] = {"until": now + max(hold, 60), "window": vars(window) if window else None}
        except MonsterrError:
            pass
        if asked and not check_mode:
            self._journal.save_advice({**kept, **asked})
        return {key: Window(**value["window"]) for key, value in {**kept, **asked}.items() if value["window"]}

    def _apply(self, jobs: Sequence[_Job]) -> list[Finding]:
        findings: list[Finding] = []
        due = [job for job in jobs if job.outcome.decision.action in (plan.ISSUE, plan.RENEW)]
        try:
            if due:
                findings += self._issue(due)
        finally:
            findings += self._clean()
        for job in jobs:
            if job.outcome.decision.action == plan.INSTALL:
                staged = self._store.staged(job.name)
                job.generation = staged.generation if staged else 0
        for job in jobs:  # a generation that is written needs its order no more, whether it is in use or not
            if job.generation or job.outcome.decision.action == plan.NONE:
                self._journal.drop_order(job.name)
        return findings + self._take_up([job for job in jobs if job.generation])

    def _issue(self, jobs: Sequence[_Job]) -> list[Finding]:
        """Have the CA issue for all `jobs`; each that fails has its error, the others go on."""
        box: list[Acme] = []
        self._each(jobs[:1], lambda _job: box.append(self._account()))
        if not box:
            for job in jobs[1:]:
                job.outcome.error = jobs[0].outcome.error
            return []
        acme = box[0]
        self._each(jobs, lambda job: self._begin(job, acme))
        proofs = {proof: None for job in jobs if job.alive for proof, _url, _authorization in job.proofs}
        findings: list[Finding] = []
        try:
            failed, findings = self._challenges.show(list(proofs), self._deadline)
        except OSError as error:
            failed = dict.fromkeys(proofs, _disk(error))
        for job in jobs:
            job.outcome.error = job.outcome.error or next(
                (failed[proof] for proof, _url, _authorization in job.proofs if proof in failed), None
            )
        self._each(jobs, lambda job: self._finish(job, acme))
        return findings

    def _account(self) -> Acme:
        kept = self._journal.account(self._settings.directory)
        email = self._settings.email
        key = pem.load_key(kept["key"]) if kept else pem.new_key("ec-256")
        if not kept:
            self._journal.save_account(self._settings.directory, pem.key_pem(key), email)
        acme = Acme(self._settings.directory, key, self._deadline, self._ask)
        changed = bool(kept) and kept.get("email", "") != email
        acme.register(email, self._settings.terms_agreed, changed)
        if changed:
            self._journal.save_account(self._settings.directory, pem.key_pem(key), email)
        return acme

    def _begin(self, job: _Job, acme: Acme) -> None:
        """Take up the order of an earlier run, or begin one; and find out what the CA wants to be shown."""
        job.order = self._journal.order(job.name)
        job.document = self._resume(job, acme)
        if job.document is None:
            key = pem.new_key(job.wanted.key_type)
            before = job.outcome.before
            replaces = before.cert_id if before and before.directory == self._settings.directory else ""
            job.document = acme.new_order(job.wanted.identifiers, replaces)
            identity = (self._settings.directory, job.wanted.identifiers, job.wanted.key_type)
            job.order = Order(*identity, job.document.url, pem.key_pem(key))
            self._journal.save_order(job.name, job.order)
        if job.document.status != "pending":
            return
        for url in job.document.content["authorizations"]:
            self._prove(job, acme, acme.fetch(url, "read what the CA wants to see"))

    def _resume(self, job: _Job, acme: Acme) -> Document | None:
        """The order of an earlier run as it is at the CA now; None if there is none that leads to this certificate."""
        if not job.order or not job.order.fits(job.wanted, self._settings.directory):
            return None
        try:
            found = acme.fetch(job.order.url, "take up the order again")
        except RefusedError:
            return None
        return found if found.status in ("pending", "ready", "processing", "valid") else None

    def _prove(self, job: _Job, acme: Acme, authorization: Document) -> None:
        content = authorization.content
        identifier = ("*." if content.get("wildcard") else "") + content["identifier"]["value"]
        if authorization.status == "valid":
            return
        offered = {item["type"]: item for item in content["challenges"]}
        if authorization.status != "pending":
            self._refuse(job, acme, authorization, identifier)
        wanted = offered.get(job.wanted.challenge)
        if not wanted:
            why = f"the CA offers {', '.join(sorted(offered)) or 'nothing'}, and not {job.wanted.challenge}"
            raise RefusedError("show the challenge", identifier, why, "Use another challenge for this certificate.")
        proof = Proof(job.wanted.challenge, identifier, wanted["token"], acme.authorization(wanted["token"]))
        job.proofs.append((proof, wanted["url"], authorization.url))

    def _finish(self, job: _Job, acme: Acme) -> None:
        """Answer the challenges, finalize, download, verify, and write the new generation."""
        if job.document is None or job.order is None:
            return
        for _proof, url, _authorization in job.proofs:
            acme.respond(url)
        for proof, _url, authorization in job.proofs:
            found = acme.poll(authorization, _BUSY_AUTHORIZATION, "have the challenge looked at")
            if found.status != "valid":
                self._refuse(job, acme, found, proof.identifier)
        attempted = "have the certificate issued"
        order = job.document
        if order.status == "pending":
            order = acme.poll(order.url, ("pending",), attempted)
        key = pem.load_key(job.order.key)
        if order.status == "ready":
            acme.finalize(order, pem.request(key, job.wanted.identifiers))
        if order.status != "valid":
            order = acme.poll(order.url, ("ready", *_BUSY_ORDER), attempted)
        if order.status != "valid":
            self._journal.drop_order(job.name)
            raise acme.problem(order.content.get("error"), attempted, job.name)
        chain = acme.download(order.content["certificate"])
        pem.verify(key, chain, job.wanted.identifiers, job.name)
        job.generation = self._store.add(job.name, job.order.key, chain, self._settings.directory)

    def _refuse(self, job: _Job, acme: Acme, authorization: Document, identifier: str) -> None:
        """Raise what the CA says about an authorization that it does not give. The order is worth nothing then."""
        self._journal.drop_order(job.name)
        errors = [item["error"] for item in authorization.content.get("challenges", ()) if item.get("error")]
        raise acme.problem(errors[0] if errors else None, "prove to the CA that the name is ours", identifier)

    def _make_placeholder(self, job: _Job) -> None:
        key = pem.new_key("ec-256")
        chain = pem.self_signed(key, job.wanted.identifiers, self._clock.time(), plan.PLACEHOLDER_LIFE)
        self._store.use(job.name, self._store.add(job.name, pem.key_pem(key), chain, "", placeholder=True))
        self._store.prune(job.name)

    def _take_up(self, jobs: Sequence[_Job]) -> list[Finding]:
        """Put the new generations in use and have the web server take them up; if it will not, go back to the old."""
        jobs = [job for job in jobs if job.alive and job.generation]
        earlier = self._journal.flips()
        if not jobs and not earlier:
            return []
        flips = {**{job.name: self._store.generation(job.name) for job in jobs}, **earlier}
        try:
            self._journal.save_flips(flips)
            for job in jobs:
                self._store.use(job.name, job.generation)
        except OSError as error:
            for job in jobs:
                job.outcome.error = _disk(error)
            return []
        error = self._commands()
        if error is None:
            self._journal.save_flips({})
            for name in flips:
                self._store.prune(name)
            done = [ok(report.CHECK, "activate", "The new certificates were taken up.")]
            return done if self._settings.activate else []
        for name, before in flips.items():
            if before:
                self._store.use(name, before)
            else:
                self._store.unuse(name)
        for job in jobs:
            job.outcome.error = error
        again = self._commands()
        self._journal.save_flips({})
        blame = "It succeeds with the old ones." if again is None else "It fails with the old ones too."
        hint = "Repair what the command says. The new certificates are kept, and the next run tries them again."
        return [fail(report.CHECK, "activate", f"{error.message} The old certificates were put back. {blame}", hint)]

    def _commands(self) -> MonsterrError | None:
        try:
            for words in [*self._settings.validate, *self._settings.activate]:
                self._command([str(word) for word in words])
        except MonsterrError as error:
            return error
        return None

    def _clean(self) -> list[Finding]:
        try:
            return self._challenges.clean(Deadline(_CLEAN, self._clock))[1]
        except OSError as error:
            return [_disk(error).finding()]

    def _looked(self, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """`outcomes` with what is in use now."""
        for one in outcomes:
            one.after = self._store.live(one.wanted.name)[0]
        return outcomes

    def _spread(self, error: MonsterrError | OSError, outcomes: Sequence[Outcome]) -> None:
        """`error` stopped all that was to be done."""
        for one in _due(outcomes) or outcomes:
            one.error = one.error or (_disk(error) if isinstance(error, OSError) else error)

    def _each(self, jobs: Sequence[_Job], step: Callable[[_Job], None]) -> None:
        """Do `step` for all `jobs` that have no error yet, at the same time; an error stays with its job."""

        def guarded(job: _Job) -> None:
            try:
                step(job)
            except MonsterrError as error:
                job.outcome.error = error
            except OSError as error:
                job.outcome.error = _disk(error, job.name)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                why = f"an answer was not as RFC 8555 has it ({type(error).__name__}: {error})"
                job.outcome.error = RefusedError("have the certificate issued", job.name, why)

        alive = [job for job in jobs if job.alive]
        if alive:
            with ThreadPoolExecutor(min(_THREADS, len(alive))) as pool:
                list(pool.map(guarded, alive))


def _due(outcomes: Iterable[Outcome]) -> list[Outcome]:
    return [one for one in outcomes if one.decision.action != plan.NONE]


def _disk(error: OSError, name: str = "") -> MonsterrError:
    hint = "Make room there, and run it again." if error.errno == 28 else ""
    return MonsterrError(
        "write to the disk", str(error.filename or name or "certificates"), error.strerror or str(error), hint
    )


def _run(words: Sequence[str]) -> None:
    """Run one command, without a shell; `CommandError` with the end of what it said."""
    attempted, line = "run the command", " ".join(words)
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_COMMAND,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise CommandError(attempted, line, f"it did not end within {_COMMAND} s") from None
    except (OSError, ValueError) as error:
        raise CommandError(attempted, line, getattr(error, "strerror", None) or str(error)) from None
    if done.returncode:
        said = " ".join(done.stdout.decode("utf-8", "replace").split()[-60:])
        raise CommandError(
            attempted, line, f"it ended with {done.returncode}: {said or 'without a word'}", rc=done.returncode
        )
