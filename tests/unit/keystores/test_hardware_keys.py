"""Message keys in a hardware module (SoftHSM): made, used by many threads, gone and back again, and refused."""

import hashlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from simulators.message_authority import MessageAuthority, new_key
from simulators.soft_token import GUARDED, LIBRARY, PIN, TOKEN, soft_tokens
from wardgate.keystores.errors import HardwareSettings, KeyUnavailable
from wardgate.keystores.hardware_keys import (
    HardwareDecryptionKey,
    HardwareSigningKey,
    new_hardware_key,
    remove_hardware_key,
)
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.pkcs11 import PIN_FILE_VARIABLE, PIN_VARIABLE, HardwareModule, pin_of
from wardgate.sealing.keys import Use


@pytest.fixture(scope="module")
def module() -> HardwareModule:
    """The module, logged in to by the right PIN."""
    soft_tokens()
    return HardwareModule(LIBRARY, lambda: PIN)


@pytest.fixture(scope="module")
def authority() -> MessageAuthority:
    """Who certifies."""
    return MessageAuthority()


def certified(authority: MessageAuthority, public: Any) -> x509.Certificate:
    """A certificate of X26."""
    return authority.certify("X26", public)


@pytest.fixture(scope="module")
def signer(module: HardwareModule, authority: MessageAuthority) -> HardwareSigningKey:
    """A signing key on P-256."""
    uri, public = new_hardware_key(module, TOKEN, "x26-sig-ec", Use.SIGNING, "ec")
    return HardwareSigningKey("x26-sig-ec", certified(authority, public), uri, module)


def verified(key: HardwareSigningKey, data: bytes, signature: bytes) -> None:
    """Check a signature in JWS form by the certificate; raises."""
    public = key.certificate.public_key()
    if isinstance(public, ec.EllipticCurvePublicKey):
        r, s = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
        public.verify(encode_dss_signature(r, s), data, ec.ECDSA(hashes.SHA256()))
    else:
        public.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())  # type: ignore[union-attr,call-arg,arg-type]


def test_a_key_on_a_curve_signs(signer: HardwareSigningKey) -> None:
    """ES256, r and s."""
    signature = signer.sign(b"message")
    assert (signer.algorithm, len(signature)) == ("ES256", 64)
    verified(signer, b"message", signature)


def test_an_rsa_key_signs(module: HardwareModule, authority: MessageAuthority) -> None:
    """PS256, with a salt as long as the digest."""
    uri, public = new_hardware_key(module, TOKEN, "x26-sig-rsa", Use.SIGNING, "rsa")
    key = HardwareSigningKey("x26-sig-rsa", certified(authority, public), uri, module)
    assert key.algorithm == "PS256"
    verified(key, b"message", key.sign(b"message"))


def test_a_key_never_leaves_its_token(module: HardwareModule, signer: HardwareSigningKey) -> None:
    """It is sensitive and not extractable."""
    import pkcs11  # noqa: PLC0415 - after the module was configured

    with pytest.raises(KeyUnavailable, match="AttributeSensitive"):
        module.run(TOKEN, lambda session: session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label="x26-sig-ec")[pkcs11.Attribute.VALUE])


def test_a_key_agrees(module: HardwareModule, authority: MessageAuthority) -> None:
    """Both sides find the same secret; another curve and RSA's calls are refused."""
    uri, public = new_hardware_key(module, TOKEN, "x26-enc-ec", Use.ENCRYPTION, "ec")
    key = HardwareDecryptionKey("x26-enc-ec", certified(authority, public), uri, module)
    ours = new_key()
    assert key.agree(ours.public_key()) == ours.exchange(ec.ECDH(), public)
    with pytest.raises(ValueError, match="one curve"):
        key.agree(new_key("p384").public_key())
    with pytest.raises(ValueError, match="not an RSA key"):
        key.decrypt_oaep(bytes(256))


def test_an_rsa_key_decrypts(module: HardwareModule, authority: MessageAuthority) -> None:
    """What ITK2 encrypts; what was changed, or is of another size, does not decrypt. SoftHSM has no OAEP with SHA-256, and that is said as such."""
    uri, public = new_hardware_key(module, TOKEN, "x26-enc-rsa", Use.ENCRYPTION, "rsa")
    key = HardwareDecryptionKey("x26-enc-rsa", certified(authority, public), uri, module)
    assert key.decrypt_pkcs1(public.encrypt(b"a key", padding.PKCS1v15())) == b"a key"
    for wrong in (bytes(255), bytes(256)):
        with pytest.raises(ValueError, match=r"decrypt|size"):
            key.decrypt_pkcs1(wrong)
    with pytest.raises(KeyUnavailable, match="refused"):
        key.decrypt_oaep(public.encrypt(b"a key", padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)))
    with pytest.raises(ValueError, match="one curve"):
        key.agree(new_key().public_key())


def test_many_threads_sign_at_once(signer: HardwareSigningKey) -> None:
    """Each gets the signature of its own message."""
    messages = [hashlib.sha256(bytes([number])).digest() for number in range(60)]
    with ThreadPoolExecutor(8) as pool:
        for message, signature in zip(messages, pool.map(signer.sign, messages), strict=True):
            verified(signer, message, signature)


def test_a_session_that_was_closed_is_opened_again(module: HardwareModule, signer: HardwareSigningKey) -> None:
    """By the module's own doing, or by ours."""
    module.run(TOKEN, lambda session: session.close())
    verified(signer, b"again", signer.sign(b"again"))
    module.forget_sessions()
    verified(signer, b"and again", signer.sign(b"and again"))


def test_a_token_that_is_not_there(module: HardwareModule, signer: HardwareSigningKey) -> None:
    """Is unavailable, and the others go on."""
    with pytest.raises(KeyUnavailable, match="no token later"):
        new_hardware_key(module, "later", "key", Use.SIGNING, "ec")
    verified(signer, b"message", signer.sign(b"message"))


def test_a_wrong_pin_is_tried_once() -> None:
    """Tokens lock themselves; another PIN is tried."""
    soft_tokens()
    pins = ["000000"]
    asked: list[str] = []

    def pin() -> str:
        asked.append(pins[0])
        return pins[0]

    module = HardwareModule(LIBRARY, pin)
    with pytest.raises(KeyUnavailable, match=r"was refused$"):
        module.run(GUARDED, lambda _: None)
    with pytest.raises(KeyUnavailable, match="is not tried again"):
        module.run(GUARDED, lambda _: None)
    pins[0] = PIN
    assert module.run(GUARDED, lambda _: 1) == 1
    module.forget_sessions()
    assert "000000" in asked


def test_a_module_that_hangs_keeps_nobody_waiting() -> None:
    """Callers are told in time; when it answers again, so do we."""
    soft_tokens()
    module = HardwareModule(LIBRARY, lambda: PIN, timeout_seconds=0.3)
    goes_on = threading.Event()
    start = time.monotonic()
    for work in (lambda _: goes_on.wait(20), lambda _: None):
        with pytest.raises(KeyUnavailable, match=r"within 0\.3 seconds"):
            module.run(TOKEN, work)
    assert time.monotonic() - start < 5
    goes_on.set()
    patient = HardwareModule(LIBRARY, lambda: PIN)
    assert patient.run(TOKEN, lambda _: 2) == 2


def in_a_fork(work: Callable[[], object]) -> str:
    """Do the work in a forked process with nothing of this one's but its memory; return what it says, or by what it was refused."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            said = str(work())
        except Exception as error:  # noqa: BLE001 - whatever it is, the parent asserts on it
            said = f"{type(error).__name__}: {error}"
        finally:
            os.write(writing, said.encode())
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return text


def test_a_fork_of_a_process_that_used_the_module_is_told_so(module: HardwareModule, signer: HardwareSigningKey) -> None:
    """At once, not after a time limit; the parent goes on."""
    signer.sign(b"message")
    began = time.monotonic()
    for work in (lambda: signer.sign(b"message"), lambda: HardwareModule(LIBRARY, lambda: PIN).run(TOKEN, lambda _: None)):
        assert in_a_fork(work).startswith(f"HardwareSettings: the hardware module {LIBRARY.name} was started before this process was forked")
    assert time.monotonic() - began < 5
    verified(signer, b"message", signer.sign(b"message"))


def test_a_module_that_is_first_used_in_a_fork_works_there() -> None:
    """That it was named before the fork is no harm."""
    soft_tokens()
    code = (
        "import os, sys; from pathlib import Path; from wardgate.keystores.pkcs11 import HardwareModule\n"
        f"module = HardwareModule(Path({str(LIBRARY)!r}), lambda: {PIN!r})\n"
        "child = os.fork()\n"
        "child and os.waitpid(child, 0)\n"  # one after the other: SoftHSM does not like two that start at once
        f"said = module.run({TOKEN!r}, lambda session: session.token.label)\n"
        "os.write(1, (said + ' ').encode())\n"
        "os._exit(0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.returncode) == (f"{TOKEN} {TOKEN} ", 0), done.stderr


def test_the_key_has_to_be_the_certificates(module: HardwareModule, signer: HardwareSigningKey, authority: MessageAuthority) -> None:
    """A label that has come to name another key gives out no signature; nor does one that names none."""
    other = HardwareSigningKey("x26-sig-ec", certified(authority, new_key().public_key()), signer.uri, module)
    with pytest.raises(KeyUnavailable, match="not the one of the certificate"):
        other.sign(b"message")
    nowhere = HardwareSigningKey("gone", signer.certificate, HardwareURI(TOKEN, "gone"), module)
    with pytest.raises(KeyUnavailable, match="has no key pkcs11:token=wardgate;object=gone"):
        nowhere.sign(b"message")


def test_a_label_is_used_once(module: HardwareModule, signer: HardwareSigningKey) -> None:
    """And again when what had it was removed."""
    with pytest.raises(KeyUnavailable, match="has an object x26-sig-ec already"):
        new_hardware_key(module, TOKEN, "x26-sig-ec", Use.SIGNING, "ec")
    uri, _ = new_hardware_key(module, TOKEN, "brief", Use.SIGNING, "ec")
    remove_hardware_key(module, uri)
    assert new_hardware_key(module, TOKEN, "brief", Use.SIGNING, "ec")[0] == uri


def test_what_is_no_module(tmp_path: Path) -> None:
    """Is said so."""
    (tmp_path / "empty.so").write_bytes(b"")
    with pytest.raises(HardwareSettings, match=r"empty\.so cannot be loaded"):
        HardwareModule(tmp_path / "empty.so", lambda: PIN).run(TOKEN, lambda _: None)


@pytest.mark.parametrize(("text", "uri"), [
    ("pkcs11:token=wardgate;object=key;type=private", HardwareURI("wardgate", "key")),
    ("pkcs11:object=a%20key;token=The%20HSM", HardwareURI("The HSM", "a key")),
    ("pkcs11:token=t;id=%01%02k", HardwareURI("t", None, b"\x01\x02k")),
    ("pkcs11:token=t%C3%A9;object=k;id=%FF", HardwareURI("té", "k", b"\xff")),
])
def test_a_uri_goes_round(text: str, uri: HardwareURI) -> None:
    """Read, and written in one form."""
    assert HardwareURI.parse(text) == uri == HardwareURI.parse(uri.text)


@pytest.mark.parametrize("text", [
    "", "pkcs11:", "pkcs11:token=t", "pkcs11:object=k", "pkcs11:token=t;object=", "pkcs11:token=t;object=k;object=l", "pkcs11:token=t;object=k;type=public",
    "pkcs11:token=t;object=k?pin-value=1234", "pkcs11:token=t;object=k?module-path=/tmp/evil.so", "pkcs11:token=t;object=k;pin-source=x", "file:/key.pem",
    "pkcs11:token=t;object=%FF", "pkcs11:token=t;object=k k", "pkcs11:token=t;object=" + "k" * 1000,
])
def test_a_uri_that_is_refused(text: str) -> None:
    """It names no private key, or says what is not its to say; no PIN is repeated."""
    with pytest.raises(HardwareSettings) as refused:
        HardwareURI.parse(text)
    assert "1234" not in str(refused.value)


def test_where_the_pin_comes_from(tmp_path: Path) -> None:
    """The environment, a file that only its owner reads, or nowhere."""
    path = tmp_path / "pin"
    path.write_text("1234\n", encoding="ascii")
    path.chmod(0o600)
    assert pin_of({PIN_VARIABLE: "99", PIN_FILE_VARIABLE: str(path)}) == "99"
    assert pin_of({PIN_FILE_VARIABLE: str(path)}) == "1234"
    path.chmod(0o644)
    for environ, message in (({PIN_FILE_VARIABLE: str(path)}, "readable by others"), ({PIN_FILE_VARIABLE: str(tmp_path / "none")}, "cannot be read"), ({}, "no PIN")):
        with pytest.raises(HardwareSettings, match=message):
            pin_of(environ)
