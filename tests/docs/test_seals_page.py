"""The pages about seals say what the code does: the checks in their order, suites and limits; and the examples of the SDK run."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from simulators.message_authority import MessageAuthority, new_key, pem_of
from unit.itk3.sample import counted, resources
from wardgate.client.seal_check import CHECKS
from wardgate.fhir import Format, Version
from wardgate.fhir import write as write_fhir
from wardgate.itk3 import Party, Sending, build, payload_of, write
from wardgate.itk3.rules import MAX_BYTES
from wardgate.refusals import reason
from wardgate.sealing import cms, detached, modern, xml, xml_document
from wardgate.sealing.model import Context, Limits, Suite
from wardgate.xmlsecurity.parser import MAX_XML_BYTES

DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
PAGE: Final = (DOCS / "reference" / "seals.md").read_text()
SDK: Final = (DOCS / "how-to" / "sdk.md").read_text()


def test_checks_are_listed_in_their_order() -> None:
    """With what holds and what answers."""
    rows = re.findall(r"^\| `([a-z-]+)` \| (.+) \| (\d{5}) \|$", PAGE, re.MULTILINE)
    assert rows == [(code, reason(code).check, reason(code).error) for codes in CHECKS.values() for code in codes]


def test_suites_members_and_limits_are_listed() -> None:
    """All of them, with the values in force."""
    assert {suite.value for suite in Suite} <= set(re.findall(r"^\| `([a-z0-9-]+)`[,| ]", PAGE, re.MULTILINE))
    assert set(Context("a", "b", ("c",), "d", "e", "f", "g").members()) <= set(re.findall(r"^\| `([a-z_]+)` \|", PAGE, re.MULTILINE))
    for kind in (modern.MEDIA_TYPE, detached.SIGNATURE_MEDIA_TYPE, cms.MEDIA_TYPE, xml.ENCRYPTED_MEDIA_TYPE, xml.SIGNED_MEDIA_TYPE, xml_document.NAMESPACE):
        assert f"`{kind}`" in PAGE, kind
    limits = Limits()
    for size in (limits.max_sealed_bytes, limits.max_content_bytes, MAX_XML_BYTES, xml_document.MAX_CONTENT_BYTES, MAX_BYTES, limits.max_recipients, limits.max_age.days):
        assert f"{size:,}" in PAGE, size
    assert limits.max_ahead == timedelta(minutes=5)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples have at hand: a message, a Bundle, and keys of both organisations."""
    now = datetime.now(UTC).replace(microsecond=0)
    authority = MessageAuthority(now=now - timedelta(minutes=30))
    for ods in ("Z9X01", "Z9X02"):
        for use, usage in (("sig", "digital_signature"), ("enc", "key_agreement")):
            place, private = tmp_path / "keys" / ods, new_key()
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{ods}-{use}.pem").write_text(pem_of(authority.certify(ods, private.public_key(), (usage,))))
            (place / f"{ods}-{use}.key").touch(0o600)
            (place / f"{ods}-{use}.key").write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "keys" / "authorities.pem").write_text(authority.pem)
    (tmp_path / "keys" / "revocations.pem").write_text(authority.revocations())
    sending = Sending(Party(ods="Z9X01"), "Z9X01OT001", "ITK007C")
    (tmp_path / "message.xml").write_bytes(write(build(resources(), sending, now=now, random=counted())))
    bundle = payload_of(resources(Version.R4), now=now, random=counted(), version=Version.R4)
    (tmp_path / "bundle.json").write_bytes(write_fhir(bundle, Format.JSON, Version.R4))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_of_the_sdk_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One after the other, as they are printed."""
    assert folder.is_dir()
    section = SDK.partition("## Sealed messages\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"^```python\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 2
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, "sdk.md", "exec"), names)  # noqa: S102 - our own page
    told = capsys.readouterr().out
    assert "ITK007C" in told
    assert "all " in told
    assert names["sealed_answer"].context.workflow == "LETTERS_ACK"
