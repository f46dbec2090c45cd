"""Assurance of systems: which step starts from which state, and what each leaves behind."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.directory.samples import AT, READ, SLOTS, SYSTEM
from wardgate.directory import onboarding
from wardgate.directory.errors import InvalidEntries, WrongStep
from wardgate.directory.message_set import MessageSet, interactions_of
from wardgate.directory.onboarding import Enrolment, Evidence, EvidenceKind, State, Step

SETS = (MessageSet("NRL", (READ,)), MessageSet("GPConnect-Appointments-1", (SLOTS, READ)))
PROOF = Evidence(EvidenceKind.CONFORMANCE_LIST, "SCAL 12 of 2026")
ACTIONS: dict[Step, Callable[[Enrolment], Enrolment]] = {
    Step.GIVE_EVIDENCE: lambda found: onboarding.give_evidence(found, PROOF, by="supplier", at=AT),
    Step.APPROVE: lambda found: onboarding.approve(found, ["NRL"], by="assurer", at=AT, note="all rows seen"),
    Step.GO_LIVE: lambda found: onboarding.go_live(found, by="assurer", at=AT),
    Step.SUSPEND: lambda found: onboarding.suspend(found, "certificate lost", by="duty officer", at=AT),
    Step.RESUME: lambda found: onboarding.resume(found, by="assurer", at=AT),
    Step.ASK_FOR_MORE: lambda found: onboarding.ask_for_more(found, "row 7 is empty", by="assurer", at=AT),
    Step.ASK_FOR_SETS: lambda found: onboarding.ask_for_sets(found, [f"set {len(found.asked)}"], by="supplier", at=AT),
    Step.GRANT: lambda found: onboarding.grant(found, ["GPConnect-Appointments-1"], by="assurer", at=AT),
    Step.NAME: lambda found: onboarding.name(found, f"n{len(found.history)}.nhs.uk", by="supplier", at=AT),
}
REQUESTED = onboarding.request(SYSTEM.asid, "int", ["NRL", "GPConnect-Appointments-1", "NRL"], by="supplier", at=AT)


def _after(*steps: Step) -> Enrolment:
    found = REQUESTED
    for step in steps:
        found = ACTIONS[step](found)
    return found


def test_the_way_to_live() -> None:
    """Each step is kept: who, when, why; message sets are granted at approval."""
    live = _after(Step.GIVE_EVIDENCE, Step.APPROVE, Step.GO_LIVE)
    assert (live.state, live.asked, live.granted, live.evidence) == (State.LIVE, ("NRL", "GPConnect-Appointments-1"), ("NRL",), (PROOF,))
    assert [(moved.step, moved.by, moved.note) for moved in live.history] == [
        (Step.REQUEST, "supplier", ""), (Step.GIVE_EVIDENCE, "supplier", ""), (Step.APPROVE, "assurer", "all rows seen"), (Step.GO_LIVE, "assurer", ""),
    ]  # fmt: skip
    assert {moved.at for moved in live.history} == {AT}


STARTS = {
    State.REQUESTED: {Step.GIVE_EVIDENCE, Step.ASK_FOR_MORE, Step.ASK_FOR_SETS, Step.NAME},
    State.EVIDENCE: {Step.GIVE_EVIDENCE, Step.APPROVE, Step.ASK_FOR_MORE, Step.ASK_FOR_SETS, Step.NAME},
    State.APPROVED: {Step.GO_LIVE, Step.SUSPEND, Step.ASK_FOR_SETS, Step.GRANT, Step.NAME},
    State.LIVE: {Step.SUSPEND, Step.ASK_FOR_SETS, Step.GRANT, Step.NAME},
    State.SUSPENDED: {Step.RESUME, Step.NAME},
}
REACHED = {
    State.REQUESTED: _after(), State.EVIDENCE: _after(Step.GIVE_EVIDENCE), State.APPROVED: _after(Step.GIVE_EVIDENCE, Step.APPROVE),
    State.LIVE: _after(Step.GIVE_EVIDENCE, Step.APPROVE, Step.GO_LIVE),
    State.SUSPENDED: _after(Step.GIVE_EVIDENCE, Step.APPROVE, Step.GO_LIVE, Step.SUSPEND),
}  # fmt: skip


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", ACTIONS)
def test_steps_from_every_state(state: State, step: Step) -> None:
    """A step that does not start from a state is refused and says where it does."""
    if step in STARTS[state]:
        assert ACTIONS[step](REACHED[state]).history[-1].step is step
    else:
        with pytest.raises(WrongStep, match=f"200000100001: {step}: expected a state of .*; received {state}"):
            ACTIONS[step](REACHED[state])


@given(st.lists(st.sampled_from(tuple(ACTIONS)), max_size=12))
def test_nothing_is_live_without_approval(steps: list[Step]) -> None:
    """Whatever is tried in whatever order: live means that evidence was given, sets were granted and somebody let it go live."""
    found = REQUESTED
    for step in steps:
        try:
            found = ACTIONS[step](found)
        except WrongStep:
            continue
    if found.state is State.LIVE:
        assert found.evidence
        assert found.granted
        assert {Step.GIVE_EVIDENCE, Step.APPROVE, Step.GO_LIVE} <= {moved.step for moved in found.history}


def test_resuming_what_was_not_live() -> None:
    """A system that was suspended before it went live is approved again, not live."""
    assert _after(Step.GIVE_EVIDENCE, Step.APPROVE, Step.SUSPEND, Step.RESUME).state is State.APPROVED
    assert _after(Step.GIVE_EVIDENCE, Step.APPROVE, Step.GO_LIVE, Step.SUSPEND, Step.RESUME).state is State.LIVE


def test_more_message_sets_for_a_live_system() -> None:
    """They are asked for and granted while it is live, and it stays live; its interactions follow."""
    more = onboarding.ask_for_sets(REACHED[State.LIVE], ["RA", "NRL", "RA"], by="supplier", at=AT)
    assert (more.state, more.asked, more.granted) == (State.LIVE, ("NRL", "GPConnect-Appointments-1", "RA"), ("NRL",))
    granted = onboarding.grant(more, ["GPConnect-Appointments-1"], by="assurer", at=AT, note="seen")
    assert (granted.state, granted.granted, granted.history[-1].note) == (State.LIVE, ("NRL", "GPConnect-Appointments-1"), "seen")
    assert onboarding.attach(SYSTEM, granted, SETS).interactions == tuple(sorted((READ, SLOTS)))


REFUSED: list[tuple[Callable[[], object], str]] = [
    (lambda: onboarding.request("1", "in\nt", [], by="s", at=AT), "enrolment: asid: expected an ASID, 12 digits; received '1'"),
    (lambda: onboarding.request(SYSTEM.asid, "int", [], by="s", at=AT), "asked: expected at least one message set; received none"),
    (lambda: onboarding.request(SYSTEM.asid, "int", ["NRL"], by="", at=AT), "enrolment: by: expected one line of text"),
    (lambda: onboarding.take_over("1", "int", by="s", at=AT), "enrolment: asid: expected an ASID, 12 digits; received '1'"),
    (lambda: onboarding.approve(REACHED[State.EVIDENCE], ["RA"], by="s", at=AT), "granted: expected message sets that were asked for; received 'RA'"),
    (lambda: onboarding.approve(REACHED[State.EVIDENCE], [], by="s", at=AT), "granted: expected message sets that were asked for; received none"),
    (lambda: onboarding.grant(REACHED[State.LIVE], ["RA"], by="s", at=AT), "granted: expected message sets that were asked for; received 'RA'"),
    (lambda: onboarding.ask_for_sets(REACHED[State.LIVE], ["NRL"], by="s", at=AT), "asked: expected a message set that was not asked for; received none"),
    (lambda: onboarding.ask_for_sets(REACHED[State.LIVE], ["a\nb"], by="s", at=AT), "enrolment: message set: expected one line of text"),
    (lambda: onboarding.suspend(REACHED[State.LIVE], "", by="s", at=AT), "enrolment: reason: expected one line of text"),
    (lambda: onboarding.give_evidence(REQUESTED, Evidence(EvidenceKind.TEST_RESULTS, "a\nb"), by="s", at=AT), "enrolment: evidence: expected one line"),
    (lambda: interactions_of(["RA"], SETS), "message set: name: expected a set that is known; received 'RA'"),
    (lambda: MessageSet("", ("a b",)), "message set '': interactions: expected an interaction id, 1 to 300 visible characters; received 'a b'"),
    (lambda: MessageSet("RA", ()), "message set 'RA': interactions: expected at least one; received none"),
]


@pytest.mark.parametrize(("act", "message"), REFUSED)
def test_refused(act: Callable[[], object], message: str) -> None:
    """What breaks a rule is told of with what was expected and what came."""
    with pytest.raises(InvalidEntries, match=re.escape(message)):
        act()


def test_evidence_has_an_end() -> None:
    """A hundred documents are enough for anybody."""
    found = REQUESTED
    for _ in range(onboarding.MAX_EVIDENCE):
        found = ACTIONS[Step.GIVE_EVIDENCE](found)
    with pytest.raises(InvalidEntries, match="evidence: expected at most 100; received one more"):
        ACTIONS[Step.GIVE_EVIDENCE](found)


def test_interactions_come_with_message_sets() -> None:
    """A system has what was granted and no more; one that was taken over keeps its own as well."""
    approved = REACHED[State.APPROVED]
    assert onboarding.attach(SYSTEM, approved, SETS).interactions == (READ,)
    taken = onboarding.take_over(SYSTEM.asid, "int", by="s", at=AT + timedelta(1))
    assert onboarding.attach(SYSTEM, taken, SETS).interactions == tuple(sorted((READ, SLOTS)))
    with pytest.raises(InvalidEntries, match="enrolment of 200000100009: asid: expected 200000100001; received 200000100009"):
        onboarding.attach(SYSTEM, onboarding.take_over("200000100009", "int", by="s", at=AT), SETS)


def test_a_name_on_the_network() -> None:
    """It may be stated at the start and at any time after, as a step; what is no domain name is refused."""
    asked = onboarding.request("200000100001", "demo", ["NRL"], by="a", at=AT, fqdn="one.nhs.uk")
    named = onboarding.name(onboarding.name(asked, "two.nhs.uk", by="b", at=AT), "three.nhs.uk", by="c", at=AT)
    assert (asked.fqdn, named.fqdn, named.state) == ("one.nhs.uk", "three.nhs.uk", asked.state)
    assert [(moved.step.value, moved.by, moved.note) for moved in named.history[1:]] == [("name", "b", "two.nhs.uk"), ("name", "c", "three.nhs.uk")]
    for wrong in ("*.nhs.uk", "localhost", "a b.nhs.uk", ""):
        with pytest.raises(InvalidEntries, match="fqdn: expected a domain name"):
            onboarding.name(asked, wrong, by="b", at=AT)
        with pytest.raises(InvalidEntries, match="fqdn: expected a domain name"):
            onboarding.take_over("200000100001", "demo", by="a", at=AT, fqdn=wrong)
