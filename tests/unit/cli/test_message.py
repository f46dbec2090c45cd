"""`wardgate message build|seal|open|verify|inspect`: files in, files out, by keys of a directory and by those of an installation."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from unit.cli.message_installation import HOSPITAL, NOW, SURGERY, Run, install, key_directory, messages, new_keys
from unit.itk3.sample import counted, resources
from wardgate.audit import EventType
from wardgate.cli.context import World
from wardgate.cli.message_policy import check_policy
from wardgate.fhir import Format, Version
from wardgate.fhir import write as write_fhir
from wardgate.itk3 import payload_of

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Surgery}]
mailboxes: [{id: Z9X01OT001, organisation: Z9X01}, {id: Z9X02OT001, organisation: Z9X02}]
workflows:
  - {id: LETTERS, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed, suites: [modern, xml, cms], document_types: ["823681000000100"]}}
  - {id: SIGNED, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: signed, suites: [detached]}}
  - {id: ROLES, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed, signer_roles: [R8000]}}
  - {id: OTHERS, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed, document_types: ["999999999"]}}
"""


def document(version: Version = Version.STU3, *, types: tuple[str, ...] = ()) -> bytes:
    """A letter as an application has it."""
    found = resources(version)
    found[0]["type"]["coding"] += [{"system": "http://snomed.info/sct", "code": code} for code in types]
    return write_fhir(payload_of(found, now=NOW, random=counted(), version=version), Format.XML, version)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an installation with keys of both organisations."""
    return install(tmp_path_factory.mktemp("template"), MANIFEST, *new_keys())


@pytest.fixture
def installed(wardgate: Any, template: Path, tmp_path: Path) -> Run:
    """Run a command on a copy of it and return its JSON, whatever its exit code should be."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    (tmp_path / "letter.xml").write_bytes(document())

    return messages(wardgate)


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A directory of keys of both organisations."""
    return key_directory(tmp_path / "keys")


def events(tmp_path: Path, kind: EventType) -> list[Any]:
    """What the record says of messages."""
    with World(tmp_path / "data", None) as world:
        bodies = [json.loads(record.body) for record in world.stores.audit.read(0, 500)]
    return [body for body in bodies if body["type"] == kind]


def built(run: Run, tmp_path: Path, *more: Any) -> Any:
    """Build the letter."""
    return run("build", tmp_path / "letter.xml", "--from", HOSPITAL, "--event", "ITK007C", "--out", tmp_path / "message.xml", *more)


def test_a_letter_there(installed: Run, tmp_path: Path) -> None:
    """Built, sealed, looked at, verified and opened by an installation; each step is in the record before its answer, and nobody's name."""
    message = built(installed, tmp_path, "--to", "Z9X02")
    assert message["organisation"] == "Z9X01"
    sealed = installed("seal", tmp_path / "message.xml", "--to", SURGERY, "--workflow", "LETTERS", "--role", "R8000", "--user", "555021935107", "--out", tmp_path / "sealed")
    assert (sealed["suite"], sealed["context"]["to"], sealed["context"]["message_id"]) == ("modern", [SURGERY], message["message_id"])
    looked = installed("inspect", tmp_path / "sealed")
    assert (looked["trusted"], looked["kind"], looked["seal"]["recipients"][0]["kid"]) == (False, "modern", "Z9X02-encryption")
    verified = installed("verify", tmp_path / "sealed")
    assert (verified["good"], verified["signatures"][0]["role"], verified["signatures"][0]["covers"][:4]) == (True, "R8000", "all ")
    opened = installed("open", tmp_path / "sealed", "--came-from", HOSPITAL, "--came-to", SURGERY, "--came-by", "LETTERS", "--out", tmp_path / "opened.xml")
    assert (opened["message_id"], opened["signatures"][0]["organisation"]) == (message["message_id"], "Z9X01")
    assert (tmp_path / "opened.xml").read_bytes() == (tmp_path / "message.xml").read_bytes()
    assert (tmp_path / "opened.xml").stat().st_mode & 0o777 == 0o600
    for kind in (EventType.MESSAGE_BUILT, EventType.MESSAGE_SEALED, EventType.MESSAGE_OPENED):
        (record,) = events(tmp_path, kind)
        assert record["message_id"] == message["message_id"]
        assert "9000000009" not in str(record)
        assert "patient" in record["details"]
        assert "555021935107" not in str(record)


WAYS = {
    "xml": ("--suite", "xml"), "cms": ("--suite", "cms"), "folded": ("--compress",), "readable": ("--header-readable",),
}


@pytest.mark.parametrize("way", WAYS)
def test_every_suite_by_keys_of_a_directory(installed: Run, keys: Path, tmp_path: Path, way: str) -> None:
    """Without an installation whose each mailbox is, is said."""
    built(installed, tmp_path, "--keys", keys, "--organisation", "Z9X01")
    installed("seal", tmp_path / "message.xml", "--to", f"{SURGERY}:Z9X02", "--workflow", "W", "--keys", keys, "--out", tmp_path / "sealed", *WAYS[way])
    looked = installed("inspect", tmp_path / "sealed")
    assert looked["kind"] == {"folded": "modern", "readable": "header-readable"}.get(way, way)
    assert installed("open", tmp_path / "sealed", "--keys", keys)["context"]["workflow"] == "W"
    assert installed("verify", tmp_path / "sealed", "--keys", keys)["good"] is True
    assert events(tmp_path, EventType.MESSAGE_OPENED) == []


def test_a_signature_beside_the_message(installed: Run, tmp_path: Path) -> None:
    """Where the workflow asks for no encryption."""
    built(installed, tmp_path)
    installed("seal", tmp_path / "message.xml", "--to", SURGERY, "--workflow", "SIGNED", "--out", tmp_path / "same", "--signature-out", tmp_path / "signature")
    assert (tmp_path / "same").read_bytes() == (tmp_path / "message.xml").read_bytes()
    assert installed("inspect", tmp_path / "signature")["kind"] == "detached"
    assert installed("inspect", tmp_path / "same")["clear"]["event"] == "ITK007C"
    assert installed("open", tmp_path / "same", "--signature", tmp_path / "signature")["encrypted"] is False
    assert installed("verify", tmp_path / "same", "--signature", tmp_path / "signature")["good"] is True


def test_a_file_of_any_size(installed: Run, keys: Path, tmp_path: Path) -> None:
    """Is sealed by CMS for a message, and opened into a file that is there when all is proved."""
    (tmp_path / "scan.pdf").write_bytes(b"%PDF-" + bytes(3_000_000))
    said = ("--to", f"{SURGERY}:Z9X02", "--workflow", "W", "--from", HOSPITAL, "--organisation", "Z9X01", "--event", "ITK007C", "--message-id", "m-1")
    told = installed("seal", tmp_path / "scan.pdf", "--attachment", "--media-type", "application/pdf", *said, "--keys", keys, "--out", tmp_path / "scan.cms")
    assert told["bytes"] == 3_000_005
    opened = installed("open", tmp_path / "scan.cms", "--attachment", "--keys", keys, "--out", tmp_path / "back.pdf")
    assert (opened["media_type"], opened["context"]["message_id"]) == ("application/pdf", "m-1")
    assert (tmp_path / "back.pdf").read_bytes() == (tmp_path / "scan.pdf").read_bytes()
    changed = bytearray((tmp_path / "scan.cms").read_bytes())
    changed[1_000_000] ^= 1
    (tmp_path / "scan.cms").write_bytes(changed)
    refused = installed("open", tmp_path / "scan.cms", "--attachment", "--keys", keys, "--out", tmp_path / "no.pdf", code=1)
    assert (refused["failure"], (tmp_path / "no.pdf").exists()) == ("cannot-decrypt", False)


REFUSED = {
    "a workflow nobody stated": (("--to", SURGERY, "--workflow", "NONE"), "workflow-unknown", "not-allowed"),
    "to the wrong mailbox": (("--to", HOSPITAL, "--workflow", "LETTERS"), "recipient-not-allowed", "not-allowed"),
    "a suite not listed": (("--to", SURGERY, "--workflow", "SIGNED", "--suite", "cms"), "seal-suite-refused", "not-allowed"),
    "no role": (("--to", SURGERY, "--workflow", "ROLES"), "signer-role", "not-allowed"),
    "another document": (("--to", SURGERY, "--workflow", "OTHERS"), "document-type-not-allowed", "not-allowed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_the_policy_is_asked_before_anything_is_sealed(installed: Run, tmp_path: Path, case: str) -> None:
    """Nothing is written; the refusal is in the record."""
    words, code, failure = REFUSED[case]
    built(installed, tmp_path)
    told = installed("seal", tmp_path / "message.xml", *words, "--out", tmp_path / "sealed", code=1)
    assert (told["code"], told["failure"]) == (code, failure)
    assert not (tmp_path / "sealed").exists()
    assert [record["reason"] for record in events(tmp_path, EventType.MESSAGE_REFUSED)] == [code]


def test_every_type_of_a_document_must_be_allowed(installed: Run, tmp_path: Path) -> None:
    """Not only the first."""
    (tmp_path / "letter.xml").write_bytes(document(types=("999999999",)))
    built(installed, tmp_path)
    assert installed("seal", tmp_path / "message.xml", "--to", SURGERY, "--workflow", "LETTERS", code=1)["code"] == "document-type-not-allowed"


def test_what_is_no_message(installed: Run, tmp_path: Path) -> None:
    """Is told by element and code."""
    for content, failure in ((b"hello", "malformed"), (b"<Bundle xmlns='http://hl7.org/fhir'><type value='message'/></Bundle>", "invalid-itk3")):
        (tmp_path / "bad").write_bytes(content)
        told = installed("seal", tmp_path / "bad", "--to", SURGERY, "--workflow", "LETTERS", code=1)
        assert told["failure"] == failure
        assert told["problems"][0]["where"]
    (tmp_path / "letter.xml").write_bytes(b"<Patient xmlns='http://hl7.org/fhir'><no/></Patient>")
    assert built_code(installed, tmp_path) == "invalid-itk3"
    (tmp_path / "letter.xml").write_bytes(b"neither")
    assert built_code(installed, tmp_path) == "invalid-itk3"


def built_code(run: Run, tmp_path: Path) -> str:
    """Why the letter is not built."""
    return str(run("build", tmp_path / "letter.xml", "--from", HOSPITAL, "--event", "ITK007C", code=1)["failure"])


def test_what_came_is_compared_and_told(installed: Run, wardgate: Any, tmp_path: Path) -> None:
    """To people with what to do, and to programs; nothing is written."""
    built(installed, tmp_path)
    installed("seal", tmp_path / "message.xml", "--to", SURGERY, "--workflow", "LETTERS", "--out", tmp_path / "sealed")
    came = ("--came-from", HOSPITAL, "--came-to", SURGERY, "--came-by", "SIGNED")
    told = installed("open", tmp_path / "sealed", *came, "--out", tmp_path / "opened", code=1)
    assert (told["failure"], told["code"], told["response_code"]) == ("altered-or-out-of-context", "seal-context", "20006")
    people = wardgate("message", "open", tmp_path / "sealed", *came)
    assert (people.code, people.out) == (1, "")
    assert "what to do" in people.err
    assert not (tmp_path / "opened").exists()
    assert wardgate("message", "open", tmp_path / "sealed", "--came-from", HOSPITAL).code == 2
    (tmp_path / "opened").touch()
    assert "is there already" in wardgate("message", "open", tmp_path / "sealed", "--out", tmp_path / "opened").err


def test_fhir_that_is_signed_inside(installed: Run, keys: Path, tmp_path: Path) -> None:
    """A Bundle, and a resource by its Provenance; a Bundle nobody signed is told so."""
    from wardgate.client import read_key_ring, sign_bundle, sign_resource  # noqa: PLC0415 - the SDK as users import it

    ring = read_key_ring(keys)
    bundle = write_fhir(payload_of(resources(Version.R4), now=NOW, random=counted(), version=Version.R4), Format.JSON, Version.R4)
    (tmp_path / "bundle").write_bytes(bundle)
    assert installed("verify", tmp_path / "bundle", "--keys", keys, code=1)["code"] == "seal-signature-missing"
    (tmp_path / "signed").write_bytes(sign_bundle(bundle, organisation="Z9X01", keys=ring))
    assert installed("verify", tmp_path / "signed", "--keys", keys)["signatures"][0]["covers"].startswith("the whole resource without")
    patient = json.dumps(resources(Version.R4)[1]).encode()
    (tmp_path / "patient").write_bytes(patient)
    (tmp_path / "provenance").write_bytes(sign_resource(patient, "Patient/p", organisation="Z9X01", keys=ring))
    assert installed("verify", tmp_path / "provenance", "--of", tmp_path / "patient", "--keys", keys)["good"] is True
    (tmp_path / "patient").write_bytes(patient.replace(b"1980", b"1981"))
    assert installed("verify", tmp_path / "provenance", "--of", tmp_path / "patient", "--keys", keys, code=1)["code"] == "signature-invalid"


def test_wrong_use(wardgate: Any, installed: Run, keys: Path, tmp_path: Path) -> None:
    """Is said before anything is done."""
    built(installed, tmp_path)
    message = tmp_path / "message.xml"
    for words, said in (
        (("seal", message, "--to", "ELSEWHERE", "--workflow", "LETTERS"), "whose mailbox"),
        (("seal", message, "--to", SURGERY, "--workflow", "LETTERS", "--user-role", "1"), "--user-role"),
        (("seal", message, "--to", SURGERY, "--workflow", "SIGNED", "--suite", "detached", "--out", tmp_path / "x"), "--signature-out"),
        (("seal", message, "--to", SURGERY, "--workflow", "LETTERS", "--time-stamp", "ftp://x"), "http"),
        (("seal", message, "--to", SURGERY, "--workflow", "LETTERS", "--attachment"), "--from, --event, --message-id"),
        (("open", message, "--attachment"), "--out"),
        (("build", tmp_path / "letter.xml", "--from", "ELSEWHERE", "--event", "ITK007C"), "whose mailbox"),
        (("open", message, "--keys-password-file", message), "goes with --keys"),
    ):
        answer = wardgate("message", *words)
        assert (answer.code, said in answer.err) == (2, True), answer


def test_looks_at_anything(installed: Run, tmp_path: Path) -> None:
    """Whatever it is; and says why there is no more to tell."""
    for content, kind in ((b"", "modern"), (b"\x30\x80", "cms"), (b"<EncryptedData/>", "xml"), (b"<DistributionEnvelope/>", "itk2"), (b'{"resourceType":1}', "clear")):
        (tmp_path / "bad").write_bytes(content)
        told = installed("inspect", tmp_path / "bad")
        assert (told["kind"], told["trusted"]) == (kind, False)
        assert told["fault"] or kind == "clear"


def doctor(wardgate: Any, *words: Any, code: int = 0) -> Any:
    """What `wardgate doctor message` says."""
    answer = wardgate("doctor", "message", *words, "-o", "json")
    assert answer.code == code, answer
    return answer.data


def outcomes(told: Any) -> dict[str, str]:
    """Each check's."""
    return {row["code"]: row["outcome"] for row in told["checks"]}


def test_the_doctor_of_messages(installed: Run, wardgate: Any, tmp_path: Path) -> None:
    """Every check of seal, message and policy; the first that fails with what to do, by whom; nothing is recorded."""
    built(installed, tmp_path)
    installed("seal", tmp_path / "message.xml", "--to", SURGERY, "--workflow", "LETTERS", "--out", tmp_path / "sealed")
    good = doctor(wardgate, tmp_path / "sealed")
    assert (good["passed"], set(outcomes(good).values()), good["proved"]["suite"]) == (True, {"passed"}, "modern")
    assert {"signature-invalid", "message-invalid", "document-type-not-allowed"} <= outcomes(good).keys()
    bad = doctor(wardgate, tmp_path / "sealed", "--came-from", HOSPITAL, "--came-to", HOSPITAL, "--came-by", "LETTERS", code=1)
    assert (outcomes(bad)["seal-context"], outcomes(bad)["signature-invalid"], outcomes(bad)["seal-stale"], outcomes(bad)["message-invalid"]) == (
        "failed", "passed", "not-reached", "not-reached")
    (row,) = [row for row in bad["checks"] if row["outcome"] == "failed"]
    assert row["advice"].startswith("the sender: ")
    people = wardgate("doctor", "message", tmp_path / "sealed")
    assert "passes every check" in people.out
    assert "9000000009" not in people.out + str(good)
    assert events(tmp_path, EventType.MESSAGE_OPENED) == events(tmp_path, EventType.MESSAGE_REFUSED) == []


def test_the_doctor_asks_the_policy(installed: Run, wardgate: Any, tmp_path: Path) -> None:
    """Of what was opened; the checks before the first that fails held."""
    built(installed, tmp_path)
    installed("seal", tmp_path / "message.xml", "--to", SURGERY, "--workflow", "ROLES", "--role", "R8000", "--out", tmp_path / "sealed")
    assert outcomes(doctor(wardgate, tmp_path / "sealed"))["signer-role"] == "passed"
    changed = wardgate("mesh", "workflow", "set", "ROLES", "--protection", "sealed", "--time-stamp", "--signer-role", "R9999", "--wait", "0")
    assert changed.code == 0, changed
    told = outcomes(doctor(wardgate, tmp_path / "sealed", code=1))
    assert (told["event-not-allowed"], told["time-stamp-missing"], told["signer-role"]) == ("passed", "failed", "not-reached")


def test_the_doctor_of_clear_messages(installed: Run, wardgate: Any, tmp_path: Path) -> None:
    """Each fault by its element."""
    built(installed, tmp_path)
    assert outcomes(doctor(wardgate, tmp_path / "message.xml")) == {"message-invalid": "passed"}
    text = (tmp_path / "message.xml").read_text().replace("ITK007C", "ITK999X").replace('<type value="message"', '<total value="1"/><type value="message"')
    (tmp_path / "message.xml").write_text(text)
    told = doctor(wardgate, tmp_path / "message.xml", code=1)
    assert told["checks"][0]["received"].startswith("Bundle")


def test_the_policy_is_nobodys_without_an_installation() -> None:
    """With keys of a directory nothing is asked: the command says so."""
    from wardgate.cli.message_desk import Desk  # noqa: PLC0415 - imported late by the command too

    desk = Desk(printer=None, now=NOW, keys=None)  # type: ignore[arg-type]
    assert check_policy(desk, None, None) == ()  # type: ignore[arg-type]
