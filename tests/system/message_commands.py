"""Mailboxes, workflows and message keys on the command line, under a server that runs: after each step its store says what was said."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from cryptography import x509

from simulators.message_authority import MessageAuthority, pem_of
from system.running import signed_request
from unit.itk3.sample import NOW, counted, resources
from wardgate.cli.context import World
from wardgate.cli.message_key_store import directory, ring
from wardgate.fhir import Format, Version, write
from wardgate.itk3 import payload_of
from wardgate.server import serving
from wardgate.workflows.post_office import Obstacle, PostOffice

LETTER, HOSPITAL, SURGERY = "COMMAND_LINE_LETTER", "Z9X01CLI", "Z9X02CLI"
CLIENT = "cli.z9x01.api.mesh-client.nhs.uk"
Run = Callable[..., Any]


def post(run: Run, data: Path, place: Path) -> None:
    """`mesh mailbox create`, `list`, `show`, `password`, `suspend`, `resume`, `workflow`; `admit`, and accounts.

    `mesh account request`, `set`, `check`, `remove`; `mesh workflow set`, `show`, `list`, `remove`; `mesh shared-key`.
    """
    def letter() -> Obstacle | None:
        with World(data, None) as world:
            manifest = world.manifest()[1]
        return PostOffice.of(manifest.mailboxes, manifest.workflows).may_send(HOSPITAL, SURGERY, LETTER)

    for name, ods in ((HOSPITAL, "Z9X01"), (SURGERY, "Z9X02")):
        assert run("mesh", "mailbox", "create", name, "--organisation", ods)["confirmed_by"] == ["local"]
    run("mesh", "workflow", "set", LETTER, "--protection", "signed", "--suite", "modern")
    run("mesh", "mailbox", "workflow", HOSPITAL, LETTER, "--sends")
    assert letter() is Obstacle.NOT_REGISTERED
    run("mesh", "mailbox", "workflow", SURGERY, LETTER, "--receives")
    assert letter() is None
    assert run("mesh", "mailbox", "show", SURGERY)["sends"] == [f"{LETTER}_ACK"]
    assert run("mesh", "workflow", "show", LETTER)["messages"]["protection"] == "signed"
    assert LETTER in [one["id"] for one in run("mesh", "workflow", "list")]
    run("mesh", "mailbox", "suspend", SURGERY)
    assert letter() is Obstacle.DEACTIVATED
    run("mesh", "mailbox", "resume", SURGERY)
    assert {HOSPITAL, SURGERY} <= {one["id"] for one in run("mesh", "mailbox", "list") if one["active"]}
    file = place / "password"
    run("mesh", "mailbox", "password", HOSPITAL, "--password-out", file)
    with World(data, None) as world:
        assert world.stores.mailboxes.passwords()[HOSPITAL] == file.read_text().strip()
    shared = run("mesh", "shared-key", "show")["shared_key"]
    run("mesh", "shared-key", "set", "-", stdin=shared)
    assert run("mesh", "shared-key", "show")["shared_key"] == shared
    signed_request(CLIENT, place)
    issued = run("cert", "issue", "--csr", place / "request.csr", "--mailbox", HOSPITAL, "--out", place)
    assert (issued["subject_kind"], x509.load_pem_x509_certificate((place / "cert.pem").read_bytes()).subject.rfc4514_string()) == ("mailbox", f"CN={CLIENT}")
    run("mesh", "account", "request", HOSPITAL, "--name", CLIENT, "--out", place / "asked.csr")
    assert run("mesh", "mailbox", "admit", HOSPITAL, "--csr", place / "asked.csr", "--out", place / "account.json")["name"] == CLIENT
    assert run("mesh", "account", "set", HOSPITAL, "--from", place / "account.json")["has_certificate"]
    assert run("mesh", "account", "check", HOSPITAL)["mailbox"] == HOSPITAL
    run("mesh", "account", "remove", HOSPITAL)
    run("mesh", "workflow", "remove", LETTER)
    assert letter() is Obstacle.NOT_REGISTERED


def message_keys(run: Run, data: Path, place: Path) -> None:
    """`message keys new`, `list`, `publish`, `rotate`, `retire`, `revoke`, `erase`, `request`, `import`, `export`, `trust`, `revocations`."""
    def signs() -> str | None:
        with World(data, None) as world:
            key = ring(world).signing_key("Z9X04")
        return key.kid if key is not None else None

    for use in ("signing", "encryption"):
        made = run("message", "keys", "new", "--organisation", "Z9X04", "--use", use, "--kid", f"cli-{use}")
        assert (made["state"], made["private"]) == ("made", "store")
    assert signs() is None
    run("message", "keys", "publish", "cli-signing")
    run("message", "keys", "publish", "cli-encryption")
    assert signs() == "cli-signing"
    rotated = run("message", "keys", "rotate", "--organisation", "Z9X04", "--use", "signing")
    assert (rotated["retired"], signs()) == (["cli-signing"], rotated["kid"])
    run("message", "keys", "revoke", rotated["kid"])
    assert signs() is None
    run("message", "keys", "retire", "cli-encryption")
    run("message", "keys", "erase", "cli-encryption", code=1)
    run("message", "keys", "erase", "cli-signing")
    states = {key["kid"]: (key["state"], key["private"]) for key in run("message", "keys", "list", "--organisation", "Z9X04")}
    assert states == {"cli-signing": ("retired", "erased"), "cli-encryption": ("retired", "store"), rotated["kid"]: ("revoked", "store")}
    run("message", "keys", "export", "--organisation", "Z9X04", "--out", place / "keys.yaml")
    assert run("message", "keys", "import", place / "keys.yaml")["keys"] == []
    asked = run("message", "keys", "request", "--organisation", "Z9X02", "--use", "signing", "--kid", "cli-asked", "--out", place / "asked-key.csr")
    assert (asked["state"], asked["private"]) == ("uncertified", "store")
    request, partner = x509.load_pem_x509_csr((place / "asked-key.csr").read_bytes()), MessageAuthority()
    files = {"anchor.pem": partner.pem, "list.pem": partner.revocations(), "cert.pem": pem_of(partner.certify("Z9X02", request.public_key()))}
    for name, text in files.items():
        (place / name).write_text(text)
    run("message", "keys", "trust", place / "anchor.pem", "--organisation", "Z9X02")
    run("message", "keys", "revocations", place / "list.pem", "--organisation", "Z9X02")
    assert run("message", "keys", "import", place / "cert.pem", "--organisation", "Z9X02")["keys"] == ["cli-asked"]
    run("message", "keys", "publish", "cli-asked")
    with World(data, None) as world:
        assert directory(world).trust("Z9X02").anchors == (partner.certificate,)
        assert directory(world).keys["cli-asked"].organisation == "Z9X02"


def files(run: Run, data: Path, place: Path) -> None:
    """`message build`, `seal`, `inspect`, `open`, `verify`; `doctor message`: a letter of an organisation to itself, time-stamped by the gateway's own authority."""
    sender, receiver, workflow = "Z9X03FROM", "Z9X03TO", "COMMAND_LINE_FILES"
    for name in (sender, receiver):
        run("mesh", "mailbox", "create", name, "--organisation", "Z9X03")
    run("mesh", "workflow", "set", workflow, "--protection", "sealed", "--suite", "modern", "--time-stamp")
    run("mesh", "mailbox", "workflow", sender, workflow, "--sends")
    run("mesh", "mailbox", "workflow", receiver, workflow, "--receives")
    for use in ("signing", "encryption"):
        run("message", "keys", "publish", run("message", "keys", "new", "--organisation", "Z9X03", "--use", use)["kid"])
    (place / "letter.json").write_bytes(write(payload_of(resources(), now=NOW, random=counted()), Format.JSON, Version.STU3))
    built = run("message", "build", place / "letter.json", "--from", sender, "--to", "Z9X03", "--event", "ITK007C", "--out", place / "message.xml")
    to = ("--to", receiver, "--workflow", workflow, "--out", place / "sealed")
    assert run("message", "seal", place / "message.xml", *to, "--time-stamp", "http://127.0.0.1:9/", code=1)["code"] == "time-stamp-missing"
    stamp = f"{serving.read(data).https}/pki/tsa"
    assert run("message", "seal", place / "message.xml", *to, "--time-stamp", stamp)["context"]["message_id"] == built["message_id"]
    assert run("message", "seal", place / "message.xml", *to[:-1], place / "own")["context"]["message_id"] == built["message_id"]
    assert run("message", "verify", place / "own")["signatures"][0]["time_stamped_at"] is not None
    assert run("message", "inspect", place / "sealed")["kind"] == "modern"
    came = ("--came-from", sender, "--came-to", receiver, "--came-by", workflow)
    opened = run("message", "open", place / "sealed", *came, "--out", place / "opened.xml")
    assert (opened["message_id"], (place / "opened.xml").read_bytes()) == (built["message_id"], (place / "message.xml").read_bytes())
    assert run("message", "verify", place / "sealed")["signatures"][0]["time_stamped_at"] is not None
    assert run("doctor", "message", place / "sealed", *came)["passed"] is True
    assert [one["type"] for one in run("explain", built["message_id"])["events"]] == ["MessageBuilt", "MessageRefused", "MessageSealed", "MessageSealed", "MessageOpened"]
    (place / "sealed").write_bytes((place / "sealed").read_bytes().replace(b'"tag":"', b'"tag":"A'))
    assert run("message", "open", place / "sealed", code=1)["failure"] in {"malformed", "cannot-decrypt"}


def exchange(run: Run, _data: Path, place: Path) -> None:
    """`demo letter`, `message send`, `list`, `receive`, `read`, `acknowledge`, `track`, `dead`, between the demo's hospital and laboratory.

    And a file between the same mailboxes, which need no credentials here: `mesh handshake`, `send`, `list`, `track`, `lookup`, `receive`.
    """
    sender, receiver = "Z9X01OT001", "Z9X03OT001"
    letter = place / "demo-letter.xml"
    run("demo", "letter", "--out", letter)
    sent = run("message", "send", letter, "--from", sender, "--to", "Z9X03", "--workflow", "TOC_FHIR_IP_DISCH")
    run("message", "receive", "--mailbox", receiver)
    assert run("message", "list")
    run("message", "acknowledge", sent["message_id"], "--code", "30001")
    run("message", "receive", "--mailbox", sender)
    assert run("message", "track", sent["message_id"])
    run("message", "read", sent["key"], "--out", place / "read.xml")
    run("message", "dead", "list")
    for verb in ("show", "replay", "drop"):
        run("message", "dead", verb, "nobody-s-key", code=1)
    run("mesh", "handshake", "--mailbox", sender)
    file = place / "note.txt"
    file.write_text("a note")
    posted = run("mesh", "send", file, "--mailbox", sender, "--to", receiver, "--workflow", "GPCONNECT_SEND_DOCUMENT")["message_id"]
    assert posted in str(run("mesh", "list", "--mailbox", receiver))
    assert run("mesh", "track", posted, "--mailbox", sender)["status"] == "accepted"
    assert receiver in str(run("mesh", "lookup", "GPCONNECT_SEND_DOCUMENT", "--ods", "Z9X03", "--mailbox", sender))
    run("mesh", "receive", posted, "--mailbox", receiver, "--into", place, "--keep")
    run("mesh", "acknowledge", posted, "--mailbox", receiver)
    assert run("mesh", "track", posted, "--mailbox", sender)["status"] == "acknowledged"
    run("mesh", "account", "list")
    run("mesh", "account", "show", sender, code=1)
