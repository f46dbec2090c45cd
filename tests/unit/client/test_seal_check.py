"""Every check of opening, in order: what is told as held did hold, whatever fails."""

import dataclasses
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from message_world import DAY, NOW, World
from unit.client.test_message import TO, WAYS, WORKFLOW, letter
from wardgate.client.message_seal import SealOptions, seal_message
from wardgate.client.seal_check import CHECKS, SealReport, check_seal
from wardgate.itk3 import Rules, write
from wardgate.sealing.keys import State, Trust, Use
from wardgate.sealing.model import Sealed, Suite, Transport

SUITES = {name: WAYS[name] for name in ("modern", "header readable", "cms", "xml", "xml, signed", "detached")}
BEFORE_THE_SIGNER = ("seal-suite-refused", "seal-too-large", "seal-malformed", "seal-algorithm-refused")


@pytest.fixture
def world() -> World:
    """X26 signs, RY6 opens."""
    made = World()
    made.add("X26", Use.SIGNING)
    made.add("RY6", Use.ENCRYPTION)
    return made


def sealed(world: World, options: SealOptions) -> Sealed:
    """A letter."""
    return seal_message(letter(), TO, WORKFLOW, keys=world, options=options, now=NOW)


def checked(world: World, seal: Sealed, **changes: Any) -> SealReport:
    """What the doctor finds."""
    asked: dict[str, Any] = {"body": seal.body, "transport": None, "now": NOW} | changes
    return check_seal(keys=world, signature=seal.signature, **asked)


def failed(report: SealReport) -> str | None:
    """Which check."""
    return next((check.code for check in report.checks if check.outcome == "failed"), None)


def outcome(report: SealReport, code: str) -> str | None:
    """How one check came out; None: it is none of this seal's."""
    return next((check.outcome for check in report.checks if check.code == code), None)


@pytest.mark.parametrize("way", SUITES)
def test_a_good_one(world: World, way: str) -> None:
    """All checks hold that such a seal has, and the message is read."""
    report = checked(world, sealed(world, SUITES[way]))
    assert report.passed
    assert {check.outcome for check in report.checks} == {"passed"}
    assert report.message == letter()
    codes = {check.code for check in report.checks}
    assert ("seal-undecryptable" in codes) is (way not in {"detached", "xml, signed"})
    assert ("signature-wrapped" in codes) is (way in {"xml", "xml, signed", "header readable"})
    assert all(check.states for check in report.checks)


def no_key(world: World) -> None:
    """RY6 lost its key."""
    world.held = {kid: held for kid, held in world.held.items() if not kid.startswith("ry6")}


def unknown(world: World) -> None:
    """X26 never published its key."""
    world.keys = {kid: key for kid, key in world.keys.items() if not kid.startswith("x26")}
    world.held = {kid: held for kid, held in world.held.items() if not kid.startswith("x26")}


def changed(world: World, **more: Any) -> None:
    """X26's key in the directory is another way."""
    kid = next(kid for kid in world.keys if kid.startswith("x26"))
    world.keys[kid] = dataclasses.replace(world.keys[kid], **more)


FAULTS: dict[str, tuple[Callable[[World], Any], dict[str, Any], str, str]] = {
    "not for us": (no_key, {}, "seal-not-for-us", "seal-algorithm-refused"),
    "an unknown signer": (unknown, {}, "signer-unknown", "seal-undecryptable"),
    "of another organisation": (lambda world: changed(world, organisation="RQX"), {}, "signer-organisation", "signer-unknown"),
    "by an encryption key": (lambda world: changed(world, use=Use.ENCRYPTION), {}, "signer-key-usage", "signer-organisation"),
    "by nobody we believe": (lambda world: world.trusts.update(X26=Trust()), {}, "signer-untrusted", "signer-expired"),
    "by a revoked key": (lambda world: changed(world, state=State.REVOKED, revoked_at=NOW - DAY), {}, "signer-revoked", "signer-untrusted"),
    "by nobody whose list is at hand": (lambda world: world.trusts.update(X26=dataclasses.replace(world.believed(), revocations=())), {}, "signer-revocation-unknown", "signer-revoked"),
    "on another route": (lambda _: None, {"transport": Transport("X26OT001", "RY6OT002", "OTHER")}, "seal-context", "signature-invalid"),
    "ahead of time": (lambda _: None, {"now": NOW - timedelta(minutes=10)}, "seal-stale", "seal-context"),
    "a suite that is not allowed": (lambda _: None, {"suites": ()}, "seal-suite-refused", ""),
}


@pytest.mark.parametrize("way", ["modern", "cms", "xml"])
@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_wrong_is_named(world: World, way: str, fault: str) -> None:
    """The one check that fails; those before it held, those after it nobody came to."""
    seal = sealed(world, SUITES[way])
    spoil, changes, code, last = FAULTS[fault]
    spoil(world)
    report = checked(world, seal, **changes)
    assert (failed(report), report.passed, report.message) == (code, False, None)
    assert outcome(report, last) in ({"passed"} if last else {None})
    order = [check.outcome for check in report.checks]
    assert order == sorted(order, key=("passed", "failed", "not-reached").index)
    assert order.count("failed") == 1


@pytest.mark.parametrize("way", SUITES)
def test_a_changed_octet(world: World, way: str) -> None:
    """Anywhere: nothing is told as held that depends on it."""
    seal = sealed(world, SUITES[way])
    for at in range(40, len(seal.body), len(seal.body) // 7):
        report = checked(world, seal, body=seal.body[:at] + bytes([seal.body[at] ^ 1]) + seal.body[at + 1 :])
        assert not report.passed
        assert outcome(report, "signature-invalid") != "passed" or failed(report) in {"seal-context", None}, failed(report)


def test_an_early_fault_of_context_claims_nothing_later(world: World) -> None:
    """A JWE without a context: nobody came to the signer."""
    body = json.loads(sealed(world, SUITES["modern"]).body)
    del body["aad"]
    report = check_seal(json.dumps(body).encode(), keys=world, now=NOW)
    assert failed(report) == "seal-context"
    assert outcome(report, "signer-untrusted") == outcome(report, "signature-invalid") == "not-reached"


def test_rubbish(world: World) -> None:
    """Is malformed, whatever it looks like."""
    for body in (b"", b"{}", b"\x30\x80", b"<EncryptedData/>", b"\x00" * 100):
        assert failed(check_seal(body, keys=world, now=NOW)) == "seal-malformed"
    assert failed(check_seal(b"<DistributionEnvelope/>", keys=world, now=NOW)) == "seal-suite-refused"


def test_clear_messages(world: World) -> None:
    """Have no seal: only what they say themselves."""
    report = check_seal(write(letter()), keys=world, now=NOW)
    assert (report.passed, report.checks, report.message) == (True, [], letter())
    bad = check_seal(b"<Bundle xmlns='http://hl7.org/fhir'/>", keys=world, now=NOW)
    assert (bad.passed, bad.invalid is not None and bad.invalid.code) == (False, "10009")


def test_what_opened_and_is_no_message(world: World) -> None:
    """The seal is good; the message is what is wrong."""
    report = checked(world, sealed(world, SUITES["modern"]), rules=Rules(max_bytes=100))
    assert {check.outcome for check in report.checks} == {"passed"}
    assert report.invalid is not None
    assert (report.passed, report.invalid.code) == (False, "20015")


def test_every_check_is_a_reason() -> None:
    """In one place each."""
    codes = [code for listed in CHECKS.values() for code in listed]
    assert len(codes) == len(set(codes)) > 15
    assert Suite.ITK2_LEGACY not in codes
