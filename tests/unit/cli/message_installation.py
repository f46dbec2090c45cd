"""What tests of messages on the command line begin with: installations with keys of a hospital and a surgery, and a directory with such keys."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from click.testing import CliRunner
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators.message_authority import MessageAuthority, new_key, pem_of
from unit.itk3.sample import counted, resources
from wardgate.cli import main
from wardgate.fhir import Format, Version, write
from wardgate.itk3 import payload_of

NOW = datetime.now(UTC).replace(microsecond=0)
HOSPITAL, SURGERY = "Z9X01OT001", "Z9X02OT001"
Run = Callable[..., Any]


def install(place: Path, manifest: str, *commands: tuple[Any, ...]) -> Path:
    """Make an installation below `data`, with a manifest, and run commands on it."""
    (place / "manifest.yaml").write_text(manifest)
    for words in (("manifest", "apply", place / "manifest.yaml", "--yes"), *commands):
        result = CliRunner().invoke(main, [*map(str, words), "--data", str(place / "data")])
        assert result.exit_code == 0, result.output
    return place


def new_keys() -> list[tuple[Any, ...]]:
    """The commands that make a key for the hospital's signatures, and one to encrypt to the surgery."""
    found: list[tuple[Any, ...]] = []
    for ods, use in (("Z9X01", "signing"), ("Z9X02", "encryption")):
        found += [("message", "keys", "new", "--organisation", ods, "--use", use, "--kid", f"{ods}-{use}"), ("message", "keys", "publish", f"{ods}-{use}", "--wait", "0")]
    return found


def install_with_message(place: Path, manifest: str) -> Path:
    """Make an installation with those keys, and a message of the hospital's."""
    (place / "letter.xml").write_bytes(write(payload_of(resources(), now=NOW, random=counted()), Format.XML, Version.STU3))
    return install(place, manifest, *new_keys(), ("message", "build", place / "letter.xml", "--from", HOSPITAL, "--event", "ITK007C", "--out", place / "message.xml"))


def messages(wardgate: Any) -> Run:
    """Return what runs a command of `wardgate message`, which must end with `code`, and returns its JSON, or what it says to a wrong use."""
    def run(*words: Any, code: int = 0) -> Any:
        answer = wardgate("message", *words, "-o", "json")
        assert answer.code == code, answer
        return answer.data if answer.out else answer.err

    return run


def key_directory(place: Path) -> Path:
    """Make a directory of keys of both organisations."""
    authority = MessageAuthority(now=NOW - timedelta(minutes=30))
    for ods, use, usage in (("Z9X01", "signing", "digital_signature"), ("Z9X02", "encryption", "key_agreement")):
        (place / ods).mkdir(parents=True)
        private = new_key()
        (place / ods / f"{ods}-{use}.pem").write_text(pem_of(authority.certify(ods, private.public_key(), (usage,))))
        secret = place / ods / f"{ods}-{use}.key"
        secret.touch(0o600)
        secret.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (place / "authorities.pem").write_text(authority.pem)
    (place / "revocations.pem").write_text(authority.revocations())
    return place
