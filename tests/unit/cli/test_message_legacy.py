"""`wardgate message open|verify|inspect` of ITK2's envelopes: by their switch alone, by keys of a directory and by those of an installation (itk3-messaging 2.3)."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from itk2_payloads import PAYLOAD_ID, Reader, encrypted, java_name, packed, signed
from message_world import RSA_KEY
from simulators.message_authority import MessageAuthority, new_key, pem_of
from unit.cli.message_installation import messages
from unit.itk3.sample import counted, resources
from wardgate.audit import EventType
from wardgate.cli import main
from wardgate.cli.context import World
from wardgate.itk3 import Party, Sending, build, write

MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Surgery}]
mailboxes: [{id: Z9X01OT001, organisation: Z9X01}, {id: Z9X02OT001, organisation: Z9X02}]
workflows:
  - {id: OLD, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed, suites: [modern, itk2-legacy], document_types: ["823681000000100"]}}
  - {id: NEW, senders: [Z9X01OT001], receivers: [Z9X02OT001], messages: {protection: sealed}}
"""
NOW = datetime.now(UTC).replace(microsecond=0)
TRACKING = "2D37D9CA-5223-41C7-A159-F33D5A914EB5"
HOSPITAL, SURGERY = "Z9X01OT001", "Z9X02OT001"
CAME = ("--came-from", HOSPITAL, "--came-to", SURGERY, "--came-by")
DOCUMENT = '<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Überweisung</title></ClinicalDocument>'.encode()
Run = Callable[..., Any]


@dataclass(frozen=True)
class Scene:
    """Z9X01 signs with RSA; Z9X02 reads with another key of RSA."""

    signer: Any
    signing: x509.Certificate
    reading: x509.Certificate
    authority: MessageAuthority

    def envelope(self, *contents: bytes, sender: str = "Z9X01", signer: Any = None, compressed: bool = False) -> bytes:
        """Each content in a payload of its own, signed and encrypted."""
        readers = [Reader(java_name(self.reading), self.reading)]
        items, payloads = "", b""
        for number, content in enumerate(contents):
            name = PAYLOAD_ID[:-1] + str(number + 1)
            body = encrypted(signed(packed(content, compressed=compressed), signer or self.signer, self.signing), readers)
            items += f'<manifestitem id="{name}" mimetype="text/xml" base64="false" compressed="{str(compressed).lower()}" encrypted="true"/>'
            payloads += f'<payload id="{name}">'.encode() + body + b"</payload>"
        count = len(contents)
        return (
            f'<itk:DistributionEnvelope xmlns:itk="urn:nhs-itk:ns:201005" xmlns="urn:nhs-itk:ns:201005"><header service="urn:nhs-itk:services:201005:SendDocument" '
            f'trackingid="{TRACKING}"><addresslist><address uri="urn:nhs-uk:addressing:ods:Z9X02"/></addresslist><manifest count="{count}">{items}</manifest>'
            f'<senderAddress uri="urn:nhs-uk:addressing:ods:{sender}"/></header><payloads count="{count}">'
        ).encode() + payloads + b"</payloads></itk:DistributionEnvelope>"


def letter() -> bytes:
    """A message of ITK3."""
    return write(build(resources(), Sending(Party(ods="Z9X01"), HOSPITAL, "ITK007C"), now=NOW, random=counted()))


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Keys of both, certified by one authority."""
    authority, signer = MessageAuthority(now=NOW - timedelta(minutes=30)), new_key("rsa")
    reading = authority.certify("Z9X02", RSA_KEY.public_key(), ("key_encipherment", "data_encipherment"))
    return Scene(signer, authority.certify("Z9X01", signer.public_key()), reading, authority)


@pytest.fixture
def keys(tmp_path: Path, scene: Scene) -> Path:
    """A directory with the reader's private key."""
    place = tmp_path / "keys"
    for ods, name, certificate in (("Z9X01", "sign", scene.signing), ("Z9X02", "read", scene.reading)):
        (place / ods).mkdir(parents=True)
        (place / ods / f"{name}.pem").write_text(pem_of(certificate))
    secret = place / "Z9X02" / "read.key"
    secret.touch(0o600)
    secret.write_bytes(RSA_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (place / "authorities.pem").write_text(scene.authority.pem)
    (place / "revocations.pem").write_text(scene.authority.revocations())
    return place


@pytest.fixture
def run(wardgate: Any) -> Run:
    """Run a command of messages and return its JSON, or what it says to a wrong use."""
    return messages(wardgate)


@pytest.fixture
def put(tmp_path: Path) -> Callable[[bytes], Path]:
    """Put an envelope into a file."""
    def written(body: bytes) -> Path:
        (tmp_path / "envelope.xml").write_bytes(body)
        return tmp_path / "envelope.xml"

    return written


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("what", ["a message of ITK3", "a document of ITK2"])
def test_a_payload_is_opened_by_its_switch(run: Run, keys: Path, put: Callable[[bytes], Path], scene: Scene, tmp_path: Path, what: str, compressed: bool) -> None:
    """As it was signed, octet by octet; and who signed it is told."""
    content = letter() if "ITK3" in what else DOCUMENT
    file = put(scene.envelope(content, compressed=compressed))
    opened = run("open", file, "--legacy", "--keys", keys, "--out", tmp_path / "opened")
    assert (tmp_path / "opened").read_bytes() == content
    assert (tmp_path / "opened").stat().st_mode & 0o777 == 0o600
    assert (opened["suite"], opened["encrypted"], opened["tracking_id"], opened["opened_with"]) == ("itk2-legacy", True, TRACKING, "read")
    assert [(one["organisation"], one["kid"], one["time_stamped_at"]) for one in opened["signatures"]] == [("Z9X01", "sign", None)]
    assert (opened["message_id"] is not None, opened["event"]) == ((True, "ITK007C") if "ITK3" in what else (False, None))
    verified = run("verify", file, "--legacy", "--keys", keys)
    assert (verified["good"], verified["signatures"][0]["covers"][:22]) == (True, "the one Object of the ")


def test_without_the_switch_it_is_refused(run: Run, keys: Path, put: Callable[[bytes], Path], scene: Scene, tmp_path: Path) -> None:
    """With the documented code; what it says of itself is shown, and believed by nobody."""
    file = put(scene.envelope(DOCUMENT))
    for command in ("open", "verify"):
        refused = run(command, file, "--keys", keys, *(("--out", tmp_path / "opened") if command == "open" else ()), code=1)
        assert (refused["code"], refused["response_code"], refused["failure"]) == ("seal-suite-refused", "20012", "not-allowed")
    assert not (tmp_path / "opened").exists()
    looked = run("inspect", file)
    assert (looked["kind"], looked["trusted"], looked["clear"]["tracking_id"], looked["clear"]["payloads"][0]["encrypted"]) == ("itk2", False, TRACKING, True)


def test_it_is_never_made(run: Run, put: Callable[[bytes], Path], keys: Path) -> None:
    """There is no such suite to seal with."""
    said = run("seal", put(letter()), "--to", f"{SURGERY}:Z9X02", "--workflow", "W", "--keys", keys, "--suite", "itk2-legacy", code=2)
    assert "itk2-legacy" in said


def test_one_of_several_payloads(run: Run, keys: Path, put: Callable[[bytes], Path], scene: Scene, tmp_path: Path) -> None:
    """Is said by its id."""
    file = put(scene.envelope(DOCUMENT, letter()))
    ids = [PAYLOAD_ID[:-1] + "1", PAYLOAD_ID[:-1] + "2"]
    said = run("open", file, "--legacy", "--keys", keys, code=2)
    assert all(one in said for one in ids)
    assert run("inspect", file)["clear"]["payloads"][1]["id"] == ids[1]
    assert run("open", file, "--legacy", "--payload", PAYLOAD_ID[:-1] + "9", "--keys", keys, code=1)["code"] == "seal-encryption-missing"
    for number, content in enumerate((DOCUMENT, letter())):
        run("open", file, "--legacy", "--payload", ids[number], "--keys", keys, "--out", tmp_path / str(number))
        assert (tmp_path / str(number)).read_bytes() == content


SPOILED: dict[str, tuple[Callable[[Scene], bytes], str]] = {
    "signed with another key": (lambda scene: scene.envelope(DOCUMENT, signer=new_key("rsa")), "seal-undecryptable"),
    "from another organisation than signed": (lambda scene: scene.envelope(DOCUMENT, sender="Z9X02"), "seal-undecryptable"),
    "no sender": (lambda scene: scene.envelope(DOCUMENT).replace(b'<senderAddress uri="urn:nhs-uk:addressing:ods:Z9X01"/>', b""), "seal-malformed"),
    "a clear payload": (lambda scene: scene.envelope(DOCUMENT).replace(b'encrypted="true"', b'encrypted="false"'), "seal-encryption-missing"),
    "a wrong count": (lambda scene: scene.envelope(DOCUMENT).replace(b'count="1"', b'count="3"', 1), "seal-malformed"),
    "to another reader": (lambda scene: scene.envelope(DOCUMENT).replace(b"<ds:KeyName>CN", b"<ds:KeyName>OU"), "seal-not-for-us"),
    "a DTD": (lambda scene: b"<!DOCTYPE x>" + scene.envelope(DOCUMENT), "seal-malformed"),
}


@pytest.mark.parametrize(("make", "code"), SPOILED.values(), ids=SPOILED)
def test_what_does_not_open(run: Run, keys: Path, put: Callable[[bytes], Path], scene: Scene, tmp_path: Path, make: Callable[[Scene], bytes], code: str) -> None:
    """Nothing is written."""
    file = put(make(scene))
    assert run("open", file, "--legacy", "--keys", keys, "--out", tmp_path / "opened", code=1)["code"] == code
    assert run("verify", file, "--legacy", "--keys", keys, code=1)["code"] == code
    assert not (tmp_path / "opened").exists()


def test_the_switch_is_for_nothing_else(run: Run, keys: Path, put: Callable[[bytes], Path]) -> None:
    """Any other file is wrong use."""
    for command in ("open", "verify"):
        assert "FILE is none" in run(command, put(letter()), "--legacy", "--keys", keys, code=2)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, scene: Scene) -> Path:
    """The data of an installation that reads for Z9X02, with a certificate of others, and believes Z9X01's authority."""
    place = tmp_path_factory.mktemp("template")
    (place / "manifest.yaml").write_text(MANIFEST)
    for name, text in (("anchor.pem", scene.authority.pem), ("list.pem", scene.authority.revocations()), ("sign.pem", pem_of(scene.signing))):
        (place / name).write_text(text)

    def called(*words: Any) -> Any:
        result = CliRunner().invoke(main, [*map(str, words), "--data", str(place / "data")])
        assert result.exit_code == 0, result.output
        return result

    called("manifest", "apply", place / "manifest.yaml", "--yes")
    for ods in ("Z9X01", "Z9X02"):
        called("message", "keys", "trust", place / "anchor.pem", "--organisation", ods, "--wait", "0")
        called("message", "keys", "revocations", place / "list.pem", "--organisation", ods, "--wait", "0")
    called("message", "keys", "import", place / "sign.pem", "--organisation", "Z9X01", "--kid", "z9x01-sign", "--wait", "0")
    return place


def _installed(template: Path, tmp_path: Path, scene: Scene) -> Scene:
    """The installation's own key of RSA, asked for and certified for dataEncipherment; the scene as its senders see it."""
    from wardgate.cli.message_key_store import ring  # noqa: PLC0415 - as commands do

    shutil.copytree(template, tmp_path, dirs_exist_ok=True)

    def called(*words: Any) -> str:
        result = CliRunner().invoke(main, [*map(str, words), "--data", str(tmp_path / "data")])
        assert result.exit_code == 0, result.output
        return result.stdout

    called("message", "keys", "request", "--organisation", "Z9X02", "--use", "encryption", "--kid", "z9x02-read", "--kind", "rsa", "--out", tmp_path / "csr.pem")
    request = x509.load_pem_x509_csr((tmp_path / "csr.pem").read_bytes())
    certificate = scene.authority.certify("Z9X02", request.public_key(), ("key_encipherment", "data_encipherment"))
    (tmp_path / "read.pem").write_text(pem_of(certificate))
    called("message", "keys", "import", tmp_path / "read.pem", "--organisation", "Z9X02", "--wait", "0")
    with World(tmp_path / "data", None) as world:
        assert ring(world).decryption_key("z9x02-read") is not None
    return Scene(scene.signer, scene.signing, certificate, scene.authority)


def events(tmp_path: Path, kind: EventType) -> list[Any]:
    """What the record says."""
    with World(tmp_path / "data", None) as world:
        bodies = [json.loads(record.body) for record in world.stores.audit.read(0, 500)]
    return [body for body in bodies if body["type"] == kind]


def test_an_installation_asks_the_workflow_too(run: Run, template: Path, put: Callable[[bytes], Path], scene: Scene, tmp_path: Path) -> None:
    """The switch is the command's and the workflow's; what was opened or refused is recorded, without whom it is about."""
    there = _installed(template, tmp_path, scene)
    file = put(there.envelope(letter()))
    assert "--came-from" in run("open", file, "--legacy", code=2)
    opened = run("open", file, "--legacy", *CAME, "OLD")
    assert (opened["suite"], opened["event"], opened["opened_with"]) == ("itk2-legacy", "ITK007C", "z9x02-read")
    (record,) = events(tmp_path, EventType.MESSAGE_OPENED)
    assert (record["message_id"], record["details"]["seal"], record["details"]["workflow"], record["details"]["signer_kid"]) == (
        opened["message_id"], "itk2-legacy", "OLD", "z9x01-sign")
    assert "9000000009" not in str(record)
    for came, code in (
        ((*CAME, "NEW"), "seal-suite-refused"), (("--came-from", SURGERY, "--came-to", SURGERY, "--came-by", "OLD"), "signer-organisation"),
        (("--came-from", HOSPITAL, "--came-to", HOSPITAL, "--came-by", "OLD"), "recipient-not-allowed"),
    ):
        assert run("open", file, "--legacy", *came, code=1)["code"] == code
    assert [one["reason"] for one in events(tmp_path, EventType.MESSAGE_REFUSED)] == ["seal-suite-refused", "signer-organisation", "recipient-not-allowed"]
    assert run("open", put(there.envelope(DOCUMENT)), "--legacy", *CAME, "OLD", code=1)["code"] == "document-type-not-allowed"
