"""`wardgate mesh mailbox`, `workflow` and `shared-key`, and `wardgate cert issue --mailbox`."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from simulators.message_authority import new_key
from unit.cli.message_installation import install
from wardgate.cli.context import World
from wardgate.demo.post import MAILBOX_PASSWORD, SHARED_KEY
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.workflows.post_office import Obstacle, PostOffice

LETTER = "GPCONNECT_SEND_DOCUMENT"
HOSPITAL, SURGERY = "Z9X01OT001", "Z9X02OT001"
Run = Callable[..., Any]


MANIFEST = f"""
environment: {{name: trial}}
organisations: [{{ods: Z9X01, name: Example Hospital}}, {{ods: Z9X02, name: Example Surgery}}]
mailboxes: [{{id: {HOSPITAL}, organisation: Z9X01, name: Hospital}}, {{id: {SURGERY}, organisation: Z9X02}}]
workflows: [{{id: {LETTER}, senders: [{HOSPITAL}], receivers: [{SURGERY}], messages: {{protection: sealed}}}}]
"""


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a hospital that sends sealed letters to a surgery."""
    return install(tmp_path_factory.mktemp("template"), MANIFEST)


@pytest.fixture
def installed(wardgate: Any, template: Path, tmp_path: Path) -> Any:
    """Run a command on a copy of it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return wardgate


@pytest.fixture
def post(installed: Any) -> Run:
    """Run `wardgate mesh`, which must succeed, and return its JSON; with `code`, which must fail, what it says."""
    def run(*words: Any, code: int = 0, stdin: str | None = None) -> Any:
        waits = ["--wait", "0"] if words[1] not in {"list", "show"} else []
        answer = installed("mesh", *words, *waits, "-o", "json", stdin=stdin)
        assert answer.code == code, answer
        return answer.data if code == 0 else answer.err

    return run


def office(tmp_path: Path) -> PostOffice:
    """What the server would know."""
    with World(tmp_path / "data", None) as world:
        manifest = world.manifest()[1]
    return PostOffice.of(manifest.mailboxes, manifest.workflows)


def passwords(tmp_path: Path) -> dict[str, str]:
    """What the server would compare with."""
    with World(tmp_path / "data", None) as world:
        return dict(world.stores.mailboxes.passwords())


def test_who_may_send_what(post: Run, tmp_path: Path) -> None:
    """From the first mailbox to the last: each command changes what the server would answer."""
    def letter() -> Obstacle | None:
        return office(tmp_path).may_send(HOSPITAL, SURGERY, LETTER)

    assert post("mailbox", "create", "THIRD", "--organisation", "Z9X02", "--name", "New")["id"] == "THIRD"
    assert letter() is office(tmp_path).may_send(SURGERY, HOSPITAL, f"{LETTER}_ACK") is None
    shown = post("mailbox", "show", HOSPITAL.lower())
    assert (shown["sends"], shown["receives"], shown["has_password"], shown["waiting"]) == ([LETTER], [f"{LETTER}_ACK"], False, 0)
    assert [(row["id"], row["active"]) for row in post("mailbox", "list")] == [("THIRD", True), (HOSPITAL, True), (SURGERY, True)]
    post("mailbox", "suspend", SURGERY)
    assert letter() is Obstacle.DEACTIVATED
    post("mailbox", "resume", SURGERY)
    assert letter() is None
    assert post("mailbox", "workflow", SURGERY, LETTER, "--no-receives")["receives"] is False
    assert letter() is Obstacle.NOT_REGISTERED
    changed = post("mailbox", "workflow", HOSPITAL, LETTER, "--no-sends", "--receives")
    assert (changed["sends"], changed["receives"]) == (False, True)
    assert letter() is Obstacle.SENDER_NOT_ALLOWED
    post("mailbox", "workflow", "THIRD", LETTER, "--sends")
    assert office(tmp_path).may_send("THIRD", HOSPITAL, LETTER) is None
    post("workflow", "remove", LETTER)
    assert letter() is Obstacle.NOT_REGISTERED
    assert post("workflow", "list") == []


def test_the_rules_of_a_workflow(post: Run) -> None:
    """What is given is changed, what is not stays."""
    post("workflow", "set", LETTER, "--suite", "cms", "--suite", "modern", "--event", "ITK007C", "--document-type", "823681000000100", "--confidentiality", "N",
         "--signer-role", "R8000", "--time-stamp", "--no-keep-refused", "--full-ack", "--acknowledgement", "LETTER_ANSWERS")
    post("workflow", "set", LETTER, "--no-full-ack")
    shown = post("workflow", "show", LETTER)
    assert shown == {
        "id": LETTER, "senders": [HOSPITAL], "receivers": [SURGERY], "acknowledgement": "LETTER_ANSWERS", "one_way": False,
        "messages": {"protection": "sealed", "suites": ["cms", "modern"], "events": ["ITK007C"], "document_types": ["823681000000100"], "confidentiality": ["N"],
                     "signer_roles": ["R8000"], "time_stamp": True, "full_ack": False, "keep_refused": False}}
    assert "encrypts nothing" in post("workflow", "set", LETTER, "--suite", "detached", code=1)
    assert "has no responses" in post("workflow", "set", LETTER, "--one-way", code=1)


def test_passwords(post: Run, tmp_path: Path) -> None:
    """Made and printed, made and written, or given; kept encrypted, and in no record."""
    made = post("mailbox", "password", HOSPITAL)["password"]
    assert (passwords(tmp_path)[HOSPITAL], len(made) >= 32) == (made, True)
    file = tmp_path / "password"
    assert post("mailbox", "password", HOSPITAL, "--password-out", file)["password_file"] == str(file)
    assert passwords(tmp_path)[HOSPITAL] == file.read_text().strip() != made
    post("mailbox", "password", HOSPITAL, "-", stdin="another password\n")
    assert passwords(tmp_path)[HOSPITAL] == "another password"
    assert file.stat().st_mode & 0o777 == 0o600
    assert "exists" in post("mailbox", "password", HOSPITAL, "--password-out", file, code=2)
    for wrong in ("short", "with:colon in it", "x" * 201, "not ascii é"):
        assert "8 to 200 printable ASCII" in post("mailbox", "password", HOSPITAL, "-", stdin=wrong, code=1)
    with World(tmp_path / "data", None) as world:
        bodies = "".join(record.body for record in world.stores.audit.last(100))
    assert made not in bodies
    assert "another password" not in bodies
    assert made.encode() not in (tmp_path / "data" / "wardgate.db").read_bytes()


def test_the_shared_key(post: Run, tmp_path: Path) -> None:
    """Made on first use, replaced, or given."""
    first = post("shared-key", "show")["shared_key"]
    assert post("shared-key", "show")["shared_key"] == first
    post("shared-key", "set")
    second = post("shared-key", "show")["shared_key"]
    post("shared-key", "set", "-", stdin="TestKeyOfTheEnvironment\n")
    assert first != second != post("shared-key", "show", "--out", tmp_path / "key")["shared_key_file"]
    assert (tmp_path / "key").read_text() == "TestKeyOfTheEnvironment\n"
    with World(tmp_path / "data", None) as world:
        assert world.stores.values.get(MESH_SHARED_KEY) == "TestKeyOfTheEnvironment"
    assert "8 to 500" in post("shared-key", "set", "-", stdin="short", code=1)


def test_secrets_that_everyone_knows(post: Run, installed: Any, tmp_path: Path) -> None:
    """A live environment takes none, so that its next start is not refused; others may have them."""
    for words in (("mailbox", "password", HOSPITAL), ("shared-key", "set")):
        for known in (MAILBOX_PASSWORD, SHARED_KEY):
            post(*words, "-", stdin=known)
        post(*words)
    (tmp_path / "live.yaml").write_text(MANIFEST.replace("name: trial", "name: trial, live: true"))
    assert installed("manifest", "apply", tmp_path / "live.yaml", "--yes", "--wait", "0").code == 0
    held = passwords(tmp_path)
    for words in (("mailbox", "password", HOSPITAL), ("shared-key", "set")):
        for known in (MAILBOX_PASSWORD, SHARED_KEY):
            assert "is the demo's, which everyone knows" in post(*words, "-", stdin=known, code=1)
    assert passwords(tmp_path) == held


REFUSED: list[tuple[tuple[str, ...], str, int]] = [
    (("mailbox", "show", "NOBODY"), "there is no mailbox NOBODY", 1), (("mailbox", "suspend", "nobody"), "there is no mailbox NOBODY", 1),
    (("mailbox", "create", "lower-case", "--organisation", "Z9X01"), "not a mailbox of the manifest: id", 1),
    (("mailbox", "create", "NEW", "--organisation", "Z9X09"), "there is no organisation `Z9X09`", 1),
    (("mailbox", "create", HOSPITAL, "--organisation", "Z9X01"), "there is a mailbox Z9X01OT001 already", 1),
    (("mailbox", "workflow", HOSPITAL, "NONE", "--sends"), "there is no workflow NONE", 1), (("mailbox", "workflow", HOSPITAL, LETTER), "give --sends", 2),
    (("workflow", "show", "NONE"), "there is no workflow NONE", 1), (("workflow", "remove", "NONE"), "there is no workflow NONE", 1),
    (("workflow", "set", "not a workflow"), "not a workflow of the manifest: id", 1), (("workflow", "set", LETTER, "--event", "lower"), "messages.events", 1),
]


def test_what_is_refused(post: Run) -> None:
    """In a line that says why."""
    for words, message, code in REFUSED:
        assert message in post(*words, code=code)


def _request(name: str, path: Path) -> Path:
    key = new_key("rsa")
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    path.write_bytes(x509.CertificateSigningRequestBuilder().subject_name(subject).sign(key, hashes.SHA256()).public_bytes(Encoding.PEM))
    return path


def test_certificates_of_mailbox_clients(post: Run, installed: Any, tmp_path: Path) -> None:
    """Under a name that may speak for the mailbox, and no other (itk3-messaging 5.1)."""
    name = "system-7.z9x01.api.mesh-client.nhs.uk"
    request = _request(name, tmp_path / "request.csr")
    issued = installed("cert", "issue", "--csr", request, "--mailbox", HOSPITAL, "--out", tmp_path / "out", "-o", "json")
    assert (issued.data["subject_kind"], issued.data["subject"], issued.data["name"]) == ("mailbox", HOSPITAL, name)
    certificate = x509.load_pem_x509_certificate((tmp_path / "out" / "cert.pem").read_bytes())
    assert office(tmp_path).speaks_for(certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value, HOSPITAL)  # type: ignore[arg-type]
    refused = installed("cert", "issue", "--csr", request, "--mailbox", SURGERY, "--out", tmp_path / "out")
    assert (refused.code, "expected z9x02ot001.z9x02.api.mesh-client.nhs.uk" in refused.err) == (1, True)
    assert "there is no mailbox NOBODY" in installed("cert", "issue", "--csr", request, "--mailbox", "nobody", "--out", tmp_path / "out").err
    assert "there is no mailbox" not in installed("cert", "renew", "--name", name, "--early", "--out", tmp_path / "new").err
