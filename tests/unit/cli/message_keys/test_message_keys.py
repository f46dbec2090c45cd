"""`wardgate message keys`: keys from making to erasing, ours and partners'."""

import json
import os
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from simulators.message_authority import MessageAuthority, new_key, pem_of
from unit.cli.message_installation import NOW, Run
from unit.cli.message_keys.steps import MANIFEST, made, states, world
from wardgate.cli.context import World
from wardgate.cli.message_key_store import directory, ring
from wardgate.sealing.keys import State
from wardgate.sealing.trust import check_recipient, check_signer


def test_a_key_signs_when_it_is_published(keys: Run, tmp_path: Path) -> None:
    """Its certificate is this environment's, and everybody here believes it; what it was made of is in no answer."""
    told = keys("new", "--organisation", "Z9X01", "--use", "signing")
    assert (told["state"], told["private"], told["kid"][:10]) == ("made", "store", "z9x01-sig-")
    with world(tmp_path) as opened:
        assert ring(opened).signing_key("Z9X01") is None
    published = keys("publish", told["kid"])
    assert "PRIVATE" not in json.dumps([told, published])
    with world(tmp_path) as opened:
        key, found = ring(opened).signing_key("Z9X01"), directory(opened)
        assert key is not None
        check_signer(found.keys[key.kid], found, organisation="Z9X01", signed_at=opened.now, now=opened.now, stamped_at=None)
        events = [record.body for record in opened.stores.audit.last(20) if "MessageKeyChanged" in record.body and told["kid"] in record.body]
    assert [json.loads(body)["details"]["change"] for body in events] == ["made", "published"]


def test_keys_are_rotated(keys: Run, tmp_path: Path) -> None:
    """The new one is like the old one; the old one opens what is on its way for 35 days, and cannot be erased before."""
    made(keys, "enc-1", "encryption", "--kind", "rsa", "--bits", "3072")
    new = keys("rotate", "--organisation", "Z9X01", "--use", "encryption")
    assert new["retired"] == ["enc-1"]
    assert states(keys) == {"enc-1": ("retired", "store"), new["kid"]: ("published", "store")}
    with world(tmp_path) as opened:
        (first,) = directory(opened).encryption_keys("Z9X01")
        check_recipient(first, directory(opened), "Z9X01", opened.now)
        assert (first.kid, first.certificate.public_key().key_size) == (new["kid"], 3072)  # type: ignore[union-attr]
        assert ring(opened).decryption_key("enc-1") is not None
        until = opened.stores.message_keys.get("enc-1").opens_until  # type: ignore[union-attr]
        assert until is not None
        assert until - opened.now > timedelta(days=34, hours=23)
    assert "still in use" in keys("erase", "enc-1", code=1)
    assert "--days" in keys("retire", new["kid"], "--days", "34", code=2)
    assert keys("retire", new["kid"], "--days", "40")["state"] == "retired"
    assert "is retired, not published" in keys("retire", new["kid"], code=1)
    assert keys("erase", "enc-1", "--force")["private"] == "erased"
    assert "no key of Z9X01" in keys("rotate", "--organisation", "Z9X01", "--use", "encryption", code=1)


def test_a_revoked_key_is_believed_no_more(keys: Run, installed: Any, tmp_path: Path) -> None:
    """Nor is its certificate; and it stays so, whatever the manifest says."""
    made(keys, "sig-1")
    before = installed("manifest", "export").out
    revoked = keys("revoke", "sig-1", "--reason", "superseded", "--at", "2026-01-01T00:00:00Z")
    assert (revoked["state"], revoked["revoked_at"]) == ("revoked", "2026-01-01T00:00:00+00:00")
    with world(tmp_path) as opened:
        assert directory(opened).keys["sig-1"].state is State.REVOKED
        assert ring(opened).signing_key("Z9X01") is None
        assert [one.revocation_reason for one in opened.stores.certificates.find(name="sig-1")] == ["superseded"]
    file = tmp_path / "before.yaml"
    file.write_text(before)
    refused = installed("manifest", "apply", file, "--yes")
    assert (refused.code, "was revoked, and stays so" in refused.err) == (1, True)
    assert "only what is published" in keys("revoke", "sig-1", code=1)


def test_a_manifest_takes_keys_away_and_brings_none_back(keys: Run, installed: Any, partner: MessageAuthority, tmp_path: Path) -> None:
    """Files that do not mention keys remove them, as they do with all that commands state; their ids stay taken, and what was revoked stays so."""
    made(keys, "enc-1", "encryption")
    file, anchor, export, without = (tmp_path / name for name in ("cert.pem", "anchor.pem", "all.yaml", "manifest.yaml"))
    anchor.write_text(partner.pem)
    keys("trust", anchor, "--organisation", "Z9X02")
    file.write_text(pem_of(partner.certify("Z9X02", new_key().public_key())))
    keys("import", file, "--organisation", "Z9X02", "--kid", "theirs")
    export.write_text(installed("manifest", "export").out)
    keys("revoke", "enc-1")
    keys("revoke", "theirs")
    revoked = installed("manifest", "export").out
    assert installed("manifest", "apply", without, "--yes", "--wait", "0").code == 0
    assert states(keys) == {"enc-1": ("made", "store")}
    with world(tmp_path) as opened:
        assert ring(opened).decryption_keys() == []
    back = installed("manifest", "apply", export, "--yes", "--wait", "0")
    assert (back.code, "the key theirs of Z9X02 was revoked, and stays so" in back.err) == (1, True), back.err
    keys("trust", anchor, "--organisation", "Z9X02")
    file.write_text(pem_of(partner.certify("Z9X02", new_key().public_key())))
    assert "the key id theirs was published for another certificate, of Z9X02" in keys("import", file, "--organisation", "Z9X02", "--kid", "theirs", code=1)
    assert "the key enc-1 of Z9X01 was revoked, and stays so" in keys("publish", "enc-1", code=1)
    export.write_text(revoked)
    assert installed("manifest", "apply", export, "--yes", "--wait", "0").code == 0
    assert states(keys) == {"enc-1": ("revoked", "store"), "theirs": ("revoked", None)}


def test_an_erased_key_of_ours_is_nobody_elses(keys: Run, installed: Any, partner: MessageAuthority, tmp_path: Path) -> None:
    """Its id stays taken for other certificates, although its entry left the manifest before anything was published under it."""
    keys("new", "--organisation", "Z9X01", "--use", "signing", "--kid", "sig-1")
    keys("erase", "sig-1", "--force")
    file = tmp_path / "other.yaml"
    document = {"organisation": "Z9X02", "keys": [{"kid": "sig-1", "use": "signing", "certificate": pem_of(partner.certify("Z9X02", new_key().public_key()))}]}
    file.write_text(MANIFEST + "message_keys: " + json.dumps([document]))
    refused = installed("manifest", "apply", file, "--yes", "--wait", "0")
    assert (refused.code, "the key id sig-1 was published for another certificate, of Z9X01" in refused.err) == (1, True), refused.err


def test_a_certificate_that_our_authority_revoked_counts(keys: Run, installed: Any, tmp_path: Path) -> None:
    """Although nobody told the directory."""
    made(keys, "sig-1")
    assert installed("cert", "revoke", "--name", "sig-1", "--wait", "0").code == 0
    with world(tmp_path) as opened:
        key = directory(opened).keys["sig-1"]
        assert (key.state, key.revoked_at is not None) == (State.REVOKED, True)
    assert "rotated, not renewed" in installed("cert", "renew", "--name", "sig-1", "--out", tmp_path).err


def test_a_key_id_is_used_once(keys: Run) -> None:
    """In any case of letters, erased or not."""
    made(keys, "sig-1")
    keys("erase", "sig-1", "--force")
    for kid in ("sig-1", "SIG-1"):
        assert "never used again" in keys("new", "--organisation", "Z9X01", "--use", "signing", "--kid", kid, code=1)


@pytest.mark.parametrize(("words", "message"), [
    (("publish", "none"), "there is no message key none"), (("revoke", "none"), "there is no message key none"), (("erase", "none"), "there is no message key none"),
    (("new", "--organisation", "Z9X09", "--use", "signing"), "there is no organisation Z9X09"),
    (("new", "--organisation", "Z9X01", "--use", "signing", "--token-label", "t"), "no hardware module is set"),
    (("export", "--organisation", "Z9X01"), "Z9X01 has no message keys"),
    (("rotate", "--organisation", "Z9X01", "--use", "signing"), "no key of Z9X01 for signing is published from here"),
    (("revocations", "--organisation", "Z9X01", "--fetch"), "this environment's own authorities"),
])
def test_what_is_not_there(keys: Run, words: tuple[str, ...], message: str) -> None:
    """Is said so."""
    assert message in keys(*words, code=1)


def test_a_key_that_another_authority_certifies(keys: Run, partner: MessageAuthority, tmp_path: Path) -> None:
    """Its request names the organisation; it waits for its certificate, and is trusted when the authority is."""
    request = tmp_path / "request.csr"
    keys("new", "--organisation", "Z9X01", "--use", "signing", "--kid", "sig-1", "--csr-out", request)
    assert states(keys) == {"sig-1": ("uncertified", "store")}
    assert "has no certificate yet" in keys("publish", "sig-1", code=1)
    csr = x509.load_pem_x509_csr(request.read_bytes())
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:nhs-uk:addressing:ods:Z9X01"]
    certificate, anchor, lists = (tmp_path / name for name in ("cert.pem", "anchor.pem", "lists.der"))
    certificate.write_text(pem_of(partner.certify("Z9X01", csr.public_key())))
    assert keys("import", certificate, "--organisation", "Z9X01")["keys"] == ["sig-1"]
    keys("publish", "sig-1")
    anchor.write_text(partner.pem)
    lists.write_bytes(x509.load_pem_x509_crl(partner.revocations().encode()).public_bytes(Encoding.DER))
    assert keys("trust", anchor, "--organisation", "Z9X01")["trusted"] == ["CN=Partner Root"]
    assert keys("revocations", lists, "--organisation", "Z9X01")["lists"][0]["revoked"] == 0
    with world(tmp_path) as opened:
        found = directory(opened)
        check_signer(found.keys["sig-1"], found, organisation="Z9X01", signed_at=opened.now, now=opened.now, stamped_at=None)
    assert keys("trust", "--own", "--organisation", "Z9X01")["trusted"] == ["this environment's own authorities"]


def test_partners_exchange_files(keys: Run, installed: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What one Wardgate exports another one imports: keys, authorities, lists; and later, what was retired or revoked."""
    made(keys, "sig-1")
    made(keys, "enc-1", "encryption")
    file = tmp_path / "keys.yaml"
    assert keys("export", "--organisation", "Z9X01", "--out", file)["keys"] == ["sig-1", "enc-1"]
    assert "PRIVATE" not in file.read_text()
    ours = os.environ["WARDGATE_DATA"]
    monkeypatch.setenv("WARDGATE_DATA", str(tmp_path / "theirs"))
    assert installed("manifest", "apply", tmp_path / "manifest.yaml", "--yes", "--wait", "0").code == 0
    assert keys("import", file)["keys"] == ["sig-1", "enc-1"]
    assert keys("import", file)["keys"] == []
    with World(tmp_path / "theirs", None) as opened:
        found = directory(opened)
        check_signer(found.keys["sig-1"], found, organisation="Z9X01", signed_at=opened.now, now=opened.now, stamped_at=None)
        check_recipient(found.encryption_keys("Z9X01")[0], found, "Z9X01", opened.now)
        assert ring(opened).decryption_keys() == []
    monkeypatch.setenv("WARDGATE_DATA", ours)
    keys("revoke", "sig-1")
    keys("export", "--organisation", "Z9X01", "--out", file)
    monkeypatch.setenv("WARDGATE_DATA", str(tmp_path / "theirs"))
    assert keys("import", file, "--organisation", "Z9X01")["keys"] == ["sig-1"]
    assert states(keys) == {"sig-1": ("revoked", None), "enc-1": ("published", None)}


def test_a_partners_certificate(keys: Run, partner: MessageAuthority, tmp_path: Path) -> None:
    """Its key usage says what it is for; its id is made of it, or stated."""
    file = tmp_path / "cert.pem"
    file.write_text(pem_of(partner.certify("Z9X02", new_key().public_key(), ("key_agreement",))))
    (kid,) = keys("import", file, "--organisation", "Z9X02")["keys"]
    assert (kid[:6], [row["use"] for row in keys("list", "--organisation", "Z9X02") if row["kid"] != "first"]) == ("z9x02-", ["encryption"])
    assert "never used again" in keys("import", file, "--organisation", "Z9X02", code=1)
    file.write_text(pem_of(partner.certify("Z9X02", new_key().public_key(), ("key_agreement", "digital_signature"))))
    assert "give --use" in keys("import", file, "--organisation", "Z9X02", code=1)
    assert keys("import", file, "--organisation", "Z9X02", "--use", "signing", "--kid", "theirs")["keys"] == ["theirs"]


@pytest.mark.parametrize(("content", "message"), [
    ("-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n", "received PRIVATE KEY"),
    ("-----BEGIN CERTIFICATE REQUEST-----\nAA==\n-----END CERTIFICATE REQUEST-----\n", "received CERTIFICATE REQUEST"),
    ("-----BEGIN X509 CRL-----\nAA==\n-----END X509 CRL-----\n", "received X509 CRL"), ("nothing", "no CERTIFICATE block"),
    ("-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n", "does not hold a certificate"),
    ("message_keys: {", "neither PEM nor YAML"), ("message_keys: 5", "neither certificates in PEM nor"), ("message_keys: [{organisation: Z9X02, kys: []}]", "kys"),
    ("message_keys: [{organisation: Z9X02, keys: [{kid: one, use: signing, certificate: none}]}]", "no CERTIFICATE block"),
])
def test_a_file_of_another_kind_is_named(keys: Run, tmp_path: Path, content: str, message: str) -> None:
    """Nothing of it is taken."""
    file = tmp_path / "file"
    file.write_text(content)
    more = () if "message_keys" in content else ("--organisation", "Z9X02")
    assert message in keys("import", file, *more, code=1)
    assert states(keys) == {}


def test_a_certificate_of_another_organisation_is_refused(keys: Run, partner: MessageAuthority, tmp_path: Path) -> None:
    """By the rules of the manifest, which hold for every way into it."""
    file = tmp_path / "cert.pem"
    file.write_text(pem_of(partner.certify("Z9X01", new_key().public_key())))
    assert "it names Z9X01, not Z9X02" in keys("import", file, "--organisation", "Z9X02", code=1)


def test_lists_are_kept_by_who_signed_them(keys: Run, partner: MessageAuthority, tmp_path: Path) -> None:
    """A newer one replaces an older one, never the other way; one of a stranger, or what is no list, is refused."""
    anchor, file = tmp_path / "anchor.pem", tmp_path / "list.pem"
    anchor.write_text(partner.pem)
    revoked = partner.certify("Z9X02", new_key().public_key())
    keys("trust", anchor, "--organisation", "Z9X02")
    file.write_text(partner.revocations(revoked, number=5))
    assert keys("revocations", file, "--organisation", "Z9X02")["lists"][0]["revoked"] == 1
    for content, message in ((partner.revocations(number=3), "older than the one held"), (MessageAuthority("Stranger").revocations(), "signed by no authority"),
                             (MessageAuthority("Partner Root").revocations(number=9), "signed by no authority"),
                             (partner.pem, "no revocation list: expected X509 CRL"), ("junk", "no revocation list, in PEM or DER")):
        file.write_text(content)
        assert message in keys("revocations", file, "--organisation", "Z9X02", code=1)
    assert "say" in keys("revocations", "--fetch", "--organisation", "Z9X02", code=1)
    with world(tmp_path) as opened:
        assert [sum(1 for _ in found) for found in directory(opened).trust("Z9X02").revocations] == [1]


def test_lists_are_fetched(keys: Run, tmp_path: Path) -> None:
    """From where the certificates say; this machine only when that is asked for; what is too large or not there is refused."""
    bodies = {"/root.crl": b""}

    class Lists(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = bodies.get(self.path)
            self.send_response(404 if body is None else 200)
            self.send_header("Content-Length", str(len(body or b"")))
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Lists) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        authority = MessageAuthority("Published Root", NOW - timedelta(minutes=30))
        authority.list_url = f"http://127.0.0.1:{server.server_port}/root.crl"
        anchor, file = tmp_path / "anchor.pem", tmp_path / "cert.pem"
        anchor.write_text(authority.pem)
        keys("trust", anchor, "--organisation", "Z9X02")
        file.write_text(pem_of(authority.certify("Z9X02", new_key().public_key())))
        keys("import", file, "--organisation", "Z9X02")
        fetch = ("revocations", "--organisation", "Z9X02", "--fetch")
        assert "a public address" in keys(*fetch, code=1)
        bodies["/root.crl"] = authority.revocations().encode()
        assert keys(*fetch, "--allow-loopback")["lists"][0]["issuer"] == "CN=Published Root"
        for body, message in ((b"x" * 140_001, "at most 140000 bytes"), (b"junk", "no revocation list"), (None, "cannot be had")):
            bodies["/root.crl"] = body  # type: ignore[assignment]
            assert message in keys(*fetch, "--allow-loopback", code=1)
        server.shutdown()
