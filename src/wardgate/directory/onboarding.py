"""Assurance of a system in one environment: requested, evidence given, approved, live; suspended and resumed (spine 6).

A step is a row of `STEPS`; every step says who took it and when, and the whole story stays with the enrolment. Message
sets are asked for, at the start or later, and granted, at approval or later: what was not asked for cannot be granted.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.errors import InvalidEntries, Problem, WrongStep, shown
from wardgate.directory.forms import ASID, FQDN, LINE
from wardgate.directory.message_set import MessageSet, interactions_of

MAX_EVIDENCE: Final = 100


class State(StrEnum):
    """How far a system is."""

    REQUESTED = "requested"
    EVIDENCE = "evidence"
    APPROVED = "approved"
    LIVE = "live"
    SUSPENDED = "suspended"


class Step(StrEnum):
    """What moves an enrolment on."""

    REQUEST = "request"
    GIVE_EVIDENCE = "give-evidence"
    APPROVE = "approve"
    GO_LIVE = "go-live"
    SUSPEND = "suspend"
    RESUME = "resume"
    ASK_FOR_MORE = "ask-for-more"
    ASK_FOR_SETS = "ask-for-message-sets"
    """More of them than at the start."""
    GRANT = "grant-message-sets"
    """Of a system that was approved before."""
    NAME = "name"
    """Its name on the network was stated, which its certificate carries."""
    TAKE_OVER = "take-over"
    """An entry came from another directory, where it was approved."""


STEPS: Final[Mapping[Step, tuple[frozenset[State], State | None]]] = MappingProxyType({
    Step.GIVE_EVIDENCE: (frozenset({State.REQUESTED, State.EVIDENCE}), State.EVIDENCE),
    Step.APPROVE: (frozenset({State.EVIDENCE}), State.APPROVED),
    Step.GO_LIVE: (frozenset({State.APPROVED}), State.LIVE),
    Step.SUSPEND: (frozenset({State.APPROVED, State.LIVE}), State.SUSPENDED),
    Step.RESUME: (frozenset({State.SUSPENDED}), State.LIVE),
    Step.ASK_FOR_MORE: (frozenset({State.REQUESTED, State.EVIDENCE}), State.REQUESTED),
    Step.ASK_FOR_SETS: (frozenset({State.REQUESTED, State.EVIDENCE, State.APPROVED, State.LIVE}), None),
    Step.GRANT: (frozenset({State.APPROVED, State.LIVE}), None),
    Step.NAME: (frozenset(State), None),
})  # fmt: skip
"""From which states a step starts, and where it ends; None: where it started. `REQUEST` and `TAKE_OVER` start an enrolment, so they have no row."""


class EvidenceKind(StrEnum):
    """What is asked for before a system goes live (spine 6)."""

    CONFORMANCE_LIST = "scal"
    CONFORMANCE_CERTIFICATE = "conformance-certificate"
    SHARING_AGREEMENT = "data-sharing-arrangement"
    TEST_RESULTS = "test-results"
    SECURITY_TOOLKIT = "dspt"
    CLINICAL_SAFETY = "clinical-safety"


@dataclass(frozen=True, slots=True)
class Evidence:
    """One document that was shown; the reference says where it is kept."""

    kind: EvidenceKind
    reference: str


@dataclass(frozen=True, slots=True)
class Moved:
    """One step that was taken. `by` names who took it, as the person or the program is known to Wardgate."""

    step: Step
    by: str
    at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Enrolment:
    """A system's standing in an environment."""

    asid: str
    environment: str
    state: State
    asked: tuple[str, ...]
    """Names of message sets."""
    granted: tuple[str, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    history: tuple[Moved, ...] = ()
    fqdn: str | None = None
    """Its name on the network, beside those of its party key's endpoints: a system that only asks has none."""


def request(asid: str, environment: str, sets: Iterable[str], *, by: str, at: datetime, fqdn: str | None = None) -> Enrolment:
    """Return a new enrolment that asks for message sets. Raises `InvalidEntries` for none of them, or other forms."""
    asked = tuple(dict.fromkeys(sets))
    problems = [] if ASID.holds(asid) else [Problem("enrolment", "asid", ASID.said, shown(asid))]
    problems += [_line("environment", environment)] if not LINE.holds(environment) else []
    problems += [_line("message set", name) for name in asked if not LINE.holds(name)]
    problems += [Problem(f"enrolment of {shown(asid)}", "asked", "at least one message set", "none")] if not asked else []
    problems += [_fqdn(asid, fqdn)] if fqdn is not None and not FQDN.holds(fqdn) else []
    if problems:
        raise InvalidEntries(problems)
    return Enrolment(asid, environment, State.REQUESTED, asked, history=(_moved(Step.REQUEST, by, at),), fqdn=fqdn)


def take_over(asid: str, environment: str, *, by: str, at: datetime, fqdn: str | None = None) -> Enrolment:
    """Return the live enrolment of a system that was approved elsewhere. Raises `InvalidEntries` for other forms."""
    problems = [] if ASID.holds(asid) else [Problem("enrolment", "asid", ASID.said, shown(asid))]
    problems += [_line("environment", environment)] if not LINE.holds(environment) else []
    problems += [_fqdn(asid, fqdn)] if fqdn is not None and not FQDN.holds(fqdn) else []
    if problems:
        raise InvalidEntries(problems)
    return Enrolment(asid, environment, State.LIVE, (), history=(_moved(Step.TAKE_OVER, by, at),), fqdn=fqdn)


def attach(system: AccreditedSystem, enrolment: Enrolment, sets: Iterable[MessageSet]) -> AccreditedSystem:
    """Return a system with the interactions that its enrolment's granted message sets bring; a system taken over keeps its own too.

    Raises `InvalidEntries` for another system's enrolment and for sets that are unknown.
    """
    if system.asid != enrolment.asid:
        raise InvalidEntries([Problem(f"enrolment of {enrolment.asid}", "asid", system.asid, enrolment.asid)])
    taken_over = any(moved.step is Step.TAKE_OVER for moved in enrolment.history)
    own = system.interactions if taken_over else ()
    return replace(system, interactions=tuple(sorted({*own, *interactions_of(enrolment.granted, sets)})))


def give_evidence(enrolment: Enrolment, evidence: Evidence, *, by: str, at: datetime) -> Enrolment:
    """Return it with one more document. Raises `WrongStep`, and `InvalidEntries` for a reference that is no line or one too many."""
    moved = _take(enrolment, Step.GIVE_EVIDENCE, by, at)
    if not LINE.holds(evidence.reference):
        raise InvalidEntries([_line("evidence", evidence.reference)])
    if len(enrolment.evidence) >= MAX_EVIDENCE:
        raise InvalidEntries([Problem(f"enrolment of {enrolment.asid}", "evidence", f"at most {MAX_EVIDENCE}", "one more")])
    return replace(moved, evidence=(*enrolment.evidence, evidence))


def approve(enrolment: Enrolment, sets: Iterable[str], *, by: str, at: datetime, note: str = "") -> Enrolment:
    """Return it with message sets granted. Raises `WrongStep`, and `InvalidEntries` for none or for one that was not asked for."""
    return _granting(_take(enrolment, Step.APPROVE, by, at, note), sets)


def ask_for_sets(enrolment: Enrolment, sets: Iterable[str], *, by: str, at: datetime) -> Enrolment:
    """Return it asking for more message sets. Raises `WrongStep`, and `InvalidEntries` when none of them is new."""
    moved = _take(enrolment, Step.ASK_FOR_SETS, by, at)
    more = tuple(dict.fromkeys(name for name in sets if name not in enrolment.asked))
    problems = [_line("message set", name) for name in more if not LINE.holds(name)]
    if problems or not more:
        raise InvalidEntries(problems or [Problem(f"enrolment of {enrolment.asid}", "asked", "a message set that was not asked for", "none")])
    return replace(moved, asked=(*enrolment.asked, *more))


def grant(enrolment: Enrolment, sets: Iterable[str], *, by: str, at: datetime, note: str = "") -> Enrolment:
    """Return it with more message sets granted. Raises as `approve`."""
    return _granting(_take(enrolment, Step.GRANT, by, at, note), sets)


def _granting(enrolment: Enrolment, sets: Iterable[str]) -> Enrolment:
    granted = tuple(dict.fromkeys(sets))
    unasked = [name for name in granted if name not in enrolment.asked]
    if unasked or not granted:
        received = ", ".join(shown(name) for name in unasked) or "none"
        raise InvalidEntries([Problem(f"enrolment of {enrolment.asid}", "granted", "message sets that were asked for", received)])
    return replace(enrolment, granted=tuple(dict.fromkeys((*enrolment.granted, *granted))))


def go_live(enrolment: Enrolment, *, by: str, at: datetime, note: str = "") -> Enrolment:
    """Return it live. Raises `WrongStep`."""
    return _take(enrolment, Step.GO_LIVE, by, at, note)


def suspend(enrolment: Enrolment, why: str, *, by: str, at: datetime) -> Enrolment:
    """Return it suspended. Raises `WrongStep`, and `InvalidEntries` without a reason."""
    if not LINE.holds(why):
        raise InvalidEntries([_line("reason", why)])
    return _take(enrolment, Step.SUSPEND, by, at, why)


def resume(enrolment: Enrolment, *, by: str, at: datetime, note: str = "") -> Enrolment:
    """Return it as it was before its suspension: live, or approved only. Raises `WrongStep`."""
    moved = _take(enrolment, Step.RESUME, by, at, note)
    was_live = any(step.step in {Step.GO_LIVE, Step.TAKE_OVER} for step in enrolment.history)
    return moved if was_live else replace(moved, state=State.APPROVED)


def ask_for_more(enrolment: Enrolment, why: str, *, by: str, at: datetime) -> Enrolment:
    """Return it to its start, evidence kept, because the evidence does not do. Raises as `suspend`."""
    if not LINE.holds(why):
        raise InvalidEntries([_line("reason", why)])
    return _take(enrolment, Step.ASK_FOR_MORE, by, at, why)


def name(enrolment: Enrolment, fqdn: str, *, by: str, at: datetime) -> Enrolment:
    """Return it with another name on the network. Raises `InvalidEntries` for what is none."""
    if not FQDN.holds(fqdn):
        raise InvalidEntries([_fqdn(enrolment.asid, fqdn)])
    return replace(_take(enrolment, Step.NAME, by, at, fqdn), fqdn=fqdn)


def _take(enrolment: Enrolment, step: Step, by: str, at: datetime, note: str = "") -> Enrolment:
    starts, ends = STEPS[step]
    if enrolment.state not in starts:
        raise WrongStep(f"{enrolment.asid}: {step}: expected a state of {', '.join(sorted(starts))}; received {enrolment.state}")
    return replace(enrolment, state=ends or enrolment.state, history=(*enrolment.history, _moved(step, by, at, note)))


def _moved(step: Step, by: str, at: datetime, note: str = "") -> Moved:
    for name, text in (("by", by), *((("note", note),) if note else ())):
        if not LINE.holds(text):
            raise InvalidEntries([_line(name, text)])
    return Moved(step, by, at, note)


def _fqdn(asid: str, text: str) -> Problem:
    return Problem(f"enrolment of {shown(asid)}", "fqdn", FQDN.said, shown(text))


def _line(what: str, text: str) -> Problem:
    return Problem("enrolment", what, LINE.said, shown(text))
