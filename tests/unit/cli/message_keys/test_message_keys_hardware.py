"""`wardgate message keys` of a hardware module: made there, used there, certified from there."""

import subprocess
from pathlib import Path

import pytest
from cryptography import x509

from simulators.message_authority import MessageAuthority, new_key, pem_of
from simulators.soft_token import LIBRARY, PIN, TOKEN, soft_tokens
from unit.cli.message_installation import Run
from unit.cli.message_keys.steps import certified_by, made, states, world
from wardgate.cli.message_key_store import directory, ring


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A token of SoftHSM that the settings name."""
    soft_tokens()
    monkeypatch.setenv("WARDGATE_PKCS11_MODULE", str(LIBRARY))
    pin = tmp_path / "pin"
    pin.write_text(PIN)
    pin.chmod(0o600)
    monkeypatch.setenv("WARDGATE_PKCS11_PIN_FILE", str(pin))
    return TOKEN


def test_keys_in_hardware(keys: Run, token: str, tmp_path: Path) -> None:
    """Made there, used there, rotated there; the store has the place only, and a second key of the id is refused."""
    made(keys, "hw-1", "signing", "--token-label", token)
    assert states(keys) == {"hw-1": ("published", "hardware")}
    with world(tmp_path) as opened:
        key = ring(opened).signing_key("Z9X01")
        assert key is not None
        assert len(key.sign(b"message")) == 64
        held = opened.stores.message_keys.get("hw-1")
    assert (held.private_pem, held.hardware) == (None, "pkcs11:token=wardgate;object=hw-1;id=%68%77%2D%31;type=private")  # type: ignore[union-attr]
    new = keys("rotate", "--organisation", "Z9X01", "--use", "signing")
    assert states(keys)[new["kid"]] == ("published", "hardware")
    file = tmp_path / "own.pem"
    with world(tmp_path) as opened:
        file.write_text(pem_of(directory(opened).keys[new["kid"]].certificate))
    assert "is not the one of the certificate" in keys(
        "import", file, "--organisation", "Z9X01", "--kid", "hw-other", "--hardware", "pkcs11:token=wardgate;object=hw-1", code=1)
    assert "has no key" in keys("import", file, "--organisation", "Z9X01", "--kid", "hw-other", "--hardware", "pkcs11:token=wardgate;object=none", code=1)


@pytest.mark.parametrize("kind", ["ec", "rsa"])
def test_the_module_signs_requests(keys: Run, token: str, partner: MessageAuthority, tmp_path: Path, kind: str) -> None:
    """The command `openssl` agrees with them; the answer is taken for the key that asked, and none for another."""
    request, certificate = tmp_path / "request.csr", tmp_path / "cert.pem"
    kid = f"hw-csr-{kind}"
    told = keys("request", "--organisation", "Z9X01", "--use", "signing", "--kid", kid, "--kind", kind, "--token-label", token, "--out", request)
    assert (told["state"], told["private"]) == ("uncertified", "hardware")
    judged = subprocess.run(["openssl", "req", "-verify", "-noout", "-subject", "-in", str(request)], capture_output=True, text=True, check=True)
    assert "verify OK" in judged.stdout + judged.stderr
    assert "Z9X01" in judged.stdout
    certificate.write_text(pem_of(partner.certify("Z9X01", new_key().public_key())))
    keys("import", certificate, "--organisation", "Z9X01", "--kid", "a-partner")
    assert states(keys)[kid] == ("uncertified", "hardware")
    csr = certified_by(partner, request, certificate)
    names = csr.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["urn:nhs-uk:addressing:ods:Z9X01"]
    assert keys("import", certificate, "--organisation", "Z9X01")["keys"] == [kid]
    keys("publish", kid)
    with world(tmp_path) as opened:
        key = ring(opened).signing_key("Z9X01")
        assert key is not None
        assert (key.kid, len(key.sign(b"message"))) == (kid, 64 if kind == "ec" else 256)
    assert "cannot sign a request for itself" in keys("request", "--organisation", "Z9X01", "--use", "encryption", "--token-label", token, "--out", tmp_path / "no", code=1)
    assert not (tmp_path / "no").exists()


def test_a_key_of_the_modules_own_tools_asks(keys: Run, token: str, partner: MessageAuthority, tmp_path: Path) -> None:
    """By its place; a place without a key, or named in two ways, is refused."""
    request, certificate = tmp_path / "request.csr", tmp_path / "cert.pem"
    keys("new", "--organisation", "Z9X01", "--use", "signing", "--kid", "hw-tools", "--token-label", token)
    place = f"pkcs11:token={token};object=hw-tools"
    ask = ("request", "--organisation", "Z9X01", "--use", "signing", "--out", request)
    assert "one of them" in keys(*ask, "--hardware", place, "--token-label", token, code=2)
    assert "has no public key there" in keys(*ask, "--hardware", f"pkcs11:token={token};object=nothing", code=1)
    assert not request.exists()
    asked = keys(*ask, "--hardware", place, "--kid", "hw-asked")
    certified_by(partner, request, certificate)
    assert keys("import", certificate, "--organisation", "Z9X01")["keys"] == ["hw-asked"]
    assert (asked["state"], states(keys)["hw-asked"]) == ("uncertified", ("made", "hardware"))
