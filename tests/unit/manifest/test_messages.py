"""Mailboxes, workflows and message keys in the manifest: what is refused and where, what is taken, and who gains or loses."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators.message_authority import MessageAuthority, new_key, pem_of
from wardgate.manifest import Manifest, Problem, Source, check
from wardgate.manifest.diff import diff
from wardgate.manifest.documents import from_documents, to_documents
from wardgate.manifest.export import export
from wardgate.manifest.message_access import broken_promises

Data = dict[str, Any]
Accept = Callable[..., Manifest]
Refuse = Callable[..., tuple[Problem, ...]]
LETTER = "GPCONNECT_SEND_DOCUMENT"
KEY_AT = "message_keys[0].keys[0]"


@cache
def partner() -> MessageAuthority:
    """Return the authority of these tests."""
    return MessageAuthority()


@cache
def certificate(organisation: str = "Z9X01", kind: str = "ec", usages: tuple[str, ...] = ("digital_signature",), uri: str | None = None) -> str:
    """Return the PEM of a message key's certificate."""
    return pem_of(partner().certify(organisation, new_key(kind).public_key(), usages, uri=uri))


def private_pem() -> str:
    """Return a private key as somebody may paste it."""
    return str(new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())


@pytest.fixture
def post(base: Data) -> Data:
    """Two mailboxes, a sealed workflow between them, and the keys of one organisation."""
    base["mailboxes"] = [{"id": "Z9X01OT001", "organisation": "Z9X01"}, {"id": "Z9X02OT001", "organisation": "Z9X02"}]
    base["workflows"] = [{"id": LETTER, "senders": ["Z9X01OT001"], "receivers": ["Z9X02OT001"], "messages": {"protection": "sealed"}}]
    base["message_keys"] = [{"organisation": "Z9X01", "anchors": partner().pem, "revocations": partner().revocations(), "keys": [
        {"kid": "z9x01-sig-1", "use": "signing", "certificate": certificate()},
        {"kid": "z9x01-enc-1", "use": "encryption", "certificate": certificate(kind="rsa", usages=("key_encipherment",))},
    ]}]
    return base


def _key(data: Data, **changes: Any) -> None:
    data["message_keys"][0]["keys"][0].update(changes)


def _rules(data: Data, **changes: Any) -> None:
    data["workflows"][0]["messages"].update(changes)


def _second_workflow(data: Data, **changes: Any) -> None:
    data["workflows"].append({"id": "OTHER", "acknowledgement": f"{LETTER}_ACK"} | changes)


WRONG_USE = "the certificate cannot be a key for signing: "
ROWS: list[tuple[str, Callable[[Data], object], str, str, str | None]] = [
    ("an organisation that is not described", lambda data: data["mailboxes"][0].update(organisation="Z9X03"), "mailboxes[0].organisation",
     "there is no organisation `Z9X03` in `organisations`", "did you mean `Z9X0"),
    ("a sender that is not described", lambda data: data["workflows"][0].update(senders=["Z9X01OT01"]), "workflows[0].senders[0]",
     "there is no mailbox `Z9X01OT01` in `mailboxes`", "did you mean `Z9X01OT001`?"),
    ("a receiver that is not described", lambda data: data["workflows"][0].update(receivers=["ZZZ"]), "workflows[0].receivers[0]",
     "there is no mailbox `ZZZ` in `mailboxes`", None),
    ("a sender twice", lambda data: data["workflows"][0].update(senders=["Z9X01OT001"] * 2), "workflows[0].senders[1]", "`Z9X01OT001` is already used by", None),
    ("a mailbox twice", lambda data: data["mailboxes"].append(data["mailboxes"][0]), "mailboxes[2].id", "the id `Z9X01OT001` is already used by", None),
    ("a mailbox in small letters", lambda data: data["mailboxes"][0].update(id="z9x01ot001"), "mailboxes[0].id", "must be a mailbox id: at most 100 capitals", None),
    ("keys of nobody", lambda data: data["message_keys"][0].update(organisation="Z9X09"), "message_keys[0].organisation", "there is no organisation", "did you mean"),
    ("a workflow that answers itself", lambda data: data["workflows"][0].update(acknowledgement=LETTER), "workflows[0].acknowledgement",
     "responses travel on another workflow", None),
    ("one way, and answered", lambda data: data["workflows"][0].update(one_way=True, acknowledgement="ACK"), "workflows[0].acknowledgement",
     "a workflow that is `one_way` has no responses", "leave one"),
    ("sealed without encryption", lambda data: _rules(data, suites=["modern", "detached"]), "workflows[0].messages.suites[1]", "`detached` encrypts nothing", None),
    ("a suite that is never made", lambda data: _rules(data, suites=["itk2-legacy"]), "workflows[0].messages.suites[0]", "`itk2-legacy` is opened and never made",
     "state first the suite"),
    ("a suite twice", lambda data: _rules(data, suites=["cms", "cms"]), "workflows[0].messages.suites[1]", "`cms` is already listed", None),
    ("no suite", lambda data: _rules(data, suites=[]), "workflows[0].messages.suites", "must not be empty", None),
    ("a word that is near a suite", lambda data: _rules(data, suites=["modem"]), "workflows[0].messages.suites[0]", "must be modern", "did you mean `modern`?"),
    ("roles of no signer", lambda data: _rules(data, protection="none", signer_roles=["R8000"]), "workflows[0].messages.signer_roles", "`signer_roles` is of signatures",
     "state protection"),
    ("a stamp on no signature", lambda data: _rules(data, protection="none", time_stamp=True), "workflows[0].messages.time_stamp", "`time_stamp` is of signatures", None),
    ("responses protected in two ways", _second_workflow, "workflows[1].acknowledgement",
     f"its responses travel on `{LETTER}_ACK` as those of `{LETTER}` do", "state another"),
    ("a key id twice", lambda data: data["message_keys"][0]["keys"][1].update(kid="z9x01-sig-1"), "message_keys[0].keys[1].kid",
     "the key id `z9x01-sig-1` is already used by", None),
    ("a certificate twice", lambda data: data["message_keys"][0]["keys"].append({"kid": "again", "use": "signing", "certificate": certificate()}),
     "message_keys[0].keys[2].certificate", "this is the certificate of `z9x01-sig-1` as well", None),
    ("a private key", lambda data: _key(data, certificate=private_pem()), f"{KEY_AT}.certificate", "this is a private key", "take it out"),
    ("a list in place of a certificate", lambda data: _key(data, certificate=partner().revocations()), f"{KEY_AT}.certificate",
     "expected CERTIFICATE blocks only, received X509 CRL", None),
    ("a certificate in place of a list", lambda data: data["message_keys"][0].update(revocations=partner().pem), "message_keys[0].revocations",
     "expected X509 CRL blocks only, received CERTIFICATE", None),
    ("half a certificate", lambda data: _key(data, certificate=certificate()[:200]), f"{KEY_AT}.certificate", "a PEM block is cut short", None),
    ("text", lambda data: _key(data, certificate="none"), f"{KEY_AT}.certificate", "no CERTIFICATE block", None),
    ("an anchor that is no authority", lambda data: data["message_keys"][0].update(anchors=certificate()), "message_keys[0].anchors",
     "one of the certificates is no authority's", None),
    ("a leaf that follows a leaf", lambda data: _key(data, certificate=certificate() + certificate("Z9X02")), f"{KEY_AT}.certificate",
     "what follows the key's certificate are at most 5 authorities", None),
    ("another use", lambda data: _key(data, certificate=certificate(usages=("key_agreement",))), f"{KEY_AT}.certificate",
     f"{WRONG_USE}its key usage is keyAgreement, where signing needs digitalSignature", None),
    ("an authority", lambda data: _key(data, certificate=certificate(usages=("digital_signature", "key_cert_sign"))), f"{KEY_AT}.certificate",
     f"{WRONG_USE}it is an authority's", None),
    ("another organisation", lambda data: _key(data, certificate=certificate("Z9X02")), f"{KEY_AT}.certificate", f"{WRONG_USE}it names Z9X02, not Z9X01", None),
    ("no organisation", lambda data: _key(data, certificate=certificate(uri="")), f"{KEY_AT}.certificate", f"{WRONG_USE}it names no organisation, not Z9X01", None),
    ("a weak key", lambda data: _key(data, certificate=certificate(kind="weak")), f"{KEY_AT}.certificate", f"{WRONG_USE}its RSA key has 1024 bits", None),
    ("a curve nobody agrees on", lambda data: _key(data, use="encryption", certificate=certificate(kind="p384", usages=("key_agreement",))), f"{KEY_AT}.certificate",
     "the certificate cannot be a key for encryption: its key is on the curve secp384r1, not on secp256r1", None),
    ("revoked at no time", lambda data: _key(data, state="revoked"), f"{KEY_AT}.state", "`revoked_at` goes with `state: revoked`", None),
    ("a time of no revocation", lambda data: _key(data, revoked_at="2026-01-01T00:00:00Z"), f"{KEY_AT}.revoked_at", "`revoked_at` goes with", None),
    ("a time without zone", lambda data: _key(data, state="revoked", revoked_at="2026-01-01T00:00:00"), f"{KEY_AT}.revoked_at", "must be a date and time with its zone", None),
    ("a time-stamper's private key", lambda data: data["environment"].update(time_stamp_trust=partner().pem + private_pem()), "environment.time_stamp_trust",
     "expected CERTIFICATE and X509 CRL blocks only, received PRIVATE KEY", None),
]


@pytest.mark.parametrize(("change", "key", "message", "suggestion"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
def test_one_mistake(post: Data, refuse: Refuse, change: Callable[[Data], object], key: str, message: str, suggestion: str | None) -> None:
    """It is named once, at its place, with what was probably meant."""
    change(post)
    problem = next(found for found in refuse(post) if found.key == key)
    assert (problem.key, problem.message.startswith(message)) == (key, True), problem
    assert problem.line > 0
    assert (problem.suggestion or "").startswith(suggestion or ""), problem
    assert "BEGIN" not in str(problem)


def test_what_is_valid_goes_round(post: Data, accept: Accept) -> None:
    """Through documents, and through the export."""
    manifest = accept(post)
    for other in (from_documents(to_documents(manifest)[0]), check([Source("export.yaml", export(manifest).encode())])):
        assert (other.mailboxes, other.workflows, other.message_keys) == (manifest.mailboxes, manifest.workflows, manifest.message_keys)


@pytest.mark.parametrize("change", [
    lambda data: _second_workflow(data, messages={"protection": "sealed", "events": ["ITK007C"]}),
    lambda data: (_second_workflow(data), data["workflows"].append({"id": f"{LETTER}_ACK"})),
    lambda data: data["environment"].update(time_stamp_trust=partner().pem + partner().revocations()),
    lambda data: _key(data, state="revoked", revoked_at="2026-01-01T00:00:00Z"),
    lambda data: _key(data, certificate=certificate(kind="rsa") + partner().pem),
], ids=["alike", "their own rules", "a time-stamper", "revoked", "with what lies between"])
def test_what_is_taken(post: Data, accept: Accept, change: Callable[[Data], object]) -> None:
    """Ways to state what is refused in others."""
    change(post)
    accept(post)


SENDS, ANSWERS = f"sending to Z9X02OT001 of {LETTER}", f"sending to Z9X01OT001 of {LETTER}_ACK"
CHANGES: list[tuple[str, Callable[[Data], object], list[str]]] = [
    ("nothing", dict, []),
    ("a mailbox is not active", lambda data: data["mailboxes"][1].update(active=False),
     [f"mailbox Z9X01OT001 loses {SENDS} (message, sealed)", f"mailbox Z9X02OT001 loses {ANSWERS} (message, sealed)"]),
    ("its organisation is not", lambda data: data["organisations"][1].update(active=False),
     ["two loses PATCH /demo/FHIR/R4/Patient/{id} of demo-fhir (tls-ma)", f"mailbox Z9X01OT001 loses {SENDS} (message, sealed)",
      f"mailbox Z9X02OT001 loses {ANSWERS} (message, sealed)"]),
    ("a second receiver", lambda data: (data["mailboxes"].append({"id": "NEW", "organisation": "Z9X02"}), data["workflows"][0]["receivers"].append("NEW")),
     [f"mailbox NEW gains {ANSWERS} (message, sealed)", f"mailbox Z9X01OT001 gains sending to NEW of {LETTER} (message, sealed)"]),
    ("clear text", lambda data: _rules(data, protection="none"), [
        f"mailbox Z9X01OT001 loses {SENDS} (message, sealed)", f"mailbox Z9X01OT001 gains {SENDS} (message, none)",
        f"mailbox Z9X02OT001 loses {ANSWERS} (message, sealed)", f"mailbox Z9X02OT001 gains {ANSWERS} (message, none)"]),
    ("a revoked key", lambda data: _key(data, state="revoked", revoked_at="2026-01-01T00:00:00Z"),
     ["organisation Z9X01 loses signing by the key z9x01-sig-1 of messages (message key)"]),
    ("a retired key", lambda data: data["message_keys"][0]["keys"][1].update(state="retired"),
     ["organisation Z9X01 loses receiving under the key z9x01-enc-1 of messages (message key)"]),
]


@pytest.mark.parametrize(("change", "expected"), [row[1:] for row in CHANGES], ids=[row[0] for row in CHANGES])
def test_who_gains_and_who_loses(post: Data, accept: Accept, change: Callable[[Data], object], expected: list[str]) -> None:
    """The difference says it in sentences."""
    before = accept(copy.deepcopy(post))
    change(post)
    text = diff(before, accept(post)).as_text()
    assert sorted(line.strip() for line in text.splitlines() if " gains " in line or " loses " in line) == sorted(expected)


def test_many_receivers_are_counted(post: Data, accept: Accept) -> None:
    """The first are named."""
    names = [f"M{number:03}" for number in range(40)]
    before = accept(copy.deepcopy(post))
    post["mailboxes"] += [{"id": name, "organisation": "Z9X02"} for name in names]
    post["workflows"][0] |= {"receivers": names, "one_way": True}
    gains = [gain for gain in diff(before, accept(post)).gains if gain.application == "mailbox Z9X01OT001"]
    assert [gain.route for gain in gains] == ["sending to M000, M001, M002, M003, M004 and 35 more"]


@pytest.mark.parametrize(("change", "expected"), [
    (lambda data: _key(data, state="retired"), []),
    (lambda data: _key(data, certificate=certificate(kind="rsa")), ["the key id z9x01-sig-1 was published for another certificate, of Z9X01: give the new key an id of its own"]),
    (lambda data: data["message_keys"][0].update(keys=[]), []),
    (lambda data: _key(data, certificate=certificate().replace("\n", "\r\n") + partner().pem), []),
], ids=["retired", "another certificate", "taken away", "with the authority below it"])
def test_a_key_id_is_never_used_again(post: Data, accept: Accept, change: Callable[[Data], object], expected: list[str]) -> None:
    """Nor for another certificate of the same organisation."""
    before = accept(copy.deepcopy(post))
    change(post)
    assert list(broken_promises(before, accept(post))) == expected


def test_what_is_revoked_stays_so(post: Data, accept: Accept) -> None:
    """It is not published again, nor only retired."""
    _key(post, state="revoked", revoked_at="2026-01-01T00:00:00Z")
    before = accept(copy.deepcopy(post))
    _key(post, state="retired", revoked_at=None)
    assert list(broken_promises(before, accept(post))) == ["the key z9x01-sig-1 of Z9X01 was revoked, and stays so: make a new key"]
