"""Messages of 1 MB sealed and opened by JOSE and by CMS, beside the bare cryptography of each form: signature, agreement, AES-GCM; in JOSE base64 twice.

The bare cryptography calls the same primitives over the same octets, and does nothing else: no header, no JSON, no DER, no context, no trust. What the base64
alone costs is shown apart: it is most of what JOSE takes.
"""

import argparse
import binascii
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.concatkdf import ConcatKDFHash
from cryptography.hazmat.primitives.keywrap import aes_key_unwrap, aes_key_wrap

from bench.report import Verdict, table, verdicts
from bench.streams import CONTEXT, Key, Parties, make_parties
from wardgate.sealing import cms, modern
from wardgate.sealing.keys import MessageKey, Use
from wardgate.sealing.model import Statement

SIZE: Final = 1_000_000
ROUNDS: Final = 40
TIMES: Final = 1.5
SIGNATURE_BYTES: Final = 64
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")
_TO_PLAIN: Final = bytes.maketrans(b"-_", b"+/")


class ByKid(Parties):
    """The same two organisations, whose keys are found by id."""

    def key(self, _kid: str) -> MessageKey:  # type: ignore[override]
        """Return the one there is."""
        return MessageKey("x26", "X26", Use.SIGNING, self.signer.certificate)

    def decryption_key(self, _kid: str) -> Key:
        """Return the one there is."""
        return self.recipient


@dataclass(slots=True)
class Bare:
    """The primitives, over the octets that the form has them over."""

    content: bytes
    signer: Key
    recipient: Key
    sealed: tuple[bytes, bytes, Any] = (b"", b"", None)

    def seal(self) -> None:
        """Encode, sign, agree, wrap, encrypt, encode."""
        encoded = _encoded(self.content)
        signature = self.signer.sign(encoded)
        key, ephemeral = os.urandom(32), ec.generate_private_key(ec.SECP256R1())
        wrapped = aes_key_wrap(_kek(ephemeral.exchange(ec.ECDH(), self.recipient.private.public_key())), key)
        self.sealed = (_encoded(AESGCM(key).encrypt(bytes(12), encoded + signature, b"aad")), wrapped, ephemeral.public_key())

    def open(self) -> None:
        """Decode, agree, unwrap, decrypt, verify, decode. Raises when something is wrong."""
        text, wrapped, ephemeral = self.sealed
        key = aes_key_unwrap(_kek(self.recipient.agree(ephemeral)), wrapped)
        inside = AESGCM(key).decrypt(bytes(12), _decoded(text), b"aad")
        encoded, signature = inside[:-SIGNATURE_BYTES], inside[-SIGNATURE_BYTES:]
        pair = encode_dss_signature(int.from_bytes(signature[:32]), int.from_bytes(signature[32:]))
        self.signer.private.public_key().verify(pair, encoded, ec.ECDSA(hashes.SHA256()))
        if sha256(_decoded(encoded)).digest() != sha256(self.content).digest():
            raise InvalidSignature


@dataclass(slots=True)
class BareCMS(Bare):
    """The same without base64."""

    def seal(self) -> None:
        """Hash, sign, agree, wrap, encrypt."""
        signature = self.signer.sign(sha256(self.content).digest())
        key, ephemeral = os.urandom(32), ec.generate_private_key(ec.SECP256R1())
        wrapped = aes_key_wrap(_kek(ephemeral.exchange(ec.ECDH(), self.recipient.private.public_key())), key)
        self.sealed = (signature + AESGCM(key).encrypt(bytes(12), self.content, b"aad"), wrapped, ephemeral.public_key())

    def open(self) -> None:
        """Agree, unwrap, decrypt, hash, verify. Raises when something is wrong."""
        text, wrapped, ephemeral = self.sealed
        key = aes_key_unwrap(_kek(self.recipient.agree(ephemeral)), wrapped)
        content = AESGCM(key).decrypt(bytes(12), memoryview(text)[SIGNATURE_BYTES:], b"aad")
        pair = encode_dss_signature(int.from_bytes(text[:32]), int.from_bytes(text[32:SIGNATURE_BYTES]))
        self.signer.private.public_key().verify(pair, sha256(content).digest(), ec.ECDSA(hashes.SHA256()))


def _encoded(octets: bytes) -> bytes:
    return binascii.b2a_base64(octets, newline=False).translate(_TO_URL)


def _decoded(text: bytes) -> bytes:
    return binascii.a2b_base64(text.translate(_TO_PLAIN), strict_mode=True)


def _kek(shared: bytes) -> bytes:
    return ConcatKDFHash(hashes.SHA256(), 32, b"ECDH-ES+A256KW").derive(shared)


def _base64(content: bytes) -> None:
    """What the form's base64 costs when sealing and opening, and nothing else."""
    _decoded(_decoded(_encoded(_encoded(content))))


def _taken(steps: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """The milliseconds of CPU time of each step in each round. They are taken in turn, so that what else the machine does meets all of them."""
    taken: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds):
        for name, step in steps.items():
            began = time.thread_time()
            step()
            taken[name].append((time.thread_time() - began) * 1_000)
    return taken


def _times(taken: dict[str, list[float]], name: str, step: str) -> float:
    """How many times the bare cryptography of the same round a step took: the median of the rounds."""
    return statistics.median(ours / bare for ours, bare in zip(taken[f"{name}: {step}"], taken[f"{name}: bare, {step}"], strict=True))


def measure(size: int = SIZE, rounds: int = ROUNDS) -> list[Verdict]:
    """Measure both, in turn."""
    with tempfile.TemporaryDirectory(prefix="wardgate-seals-") as name:
        make_parties(Path(name))
        parties = ByKid(Path(name))
    content = (b"<Bundle>" + os.urandom(size).hex().encode())[:size]
    now = datetime.now(UTC).replace(microsecond=0)
    trusting: Any = parties
    recipients = parties.encryption_keys("RY6")

    taken: dict[str, list[float]] = {}
    for name, suite, bare in (("JOSE", modern, Bare(content, parties.signer, parties.recipient)), ("CMS", cms, BareCMS(content, parties.signer, parties.recipient))):
        def seal(suite: Any = suite) -> bytes:
            made = suite.seal(content, "application/fhir+xml", CONTEXT, Statement(now), trusting.signer, recipients, directory=trusting, now=now, random=os.urandom)
            return bytes(made.body)

        def opened(body: bytes, suite: Any = suite) -> object:
            return suite.open_seal(body, transport=None, held=trusting, directory=trusting, now=now)

        bare.seal()
        taken |= _taken({
            f"{name}: seal": seal, f"{name}: bare, seal": bare.seal, f"{name}: open": partial(opened, seal()), f"{name}: bare, open": bare.open,
        }, rounds)
    taken |= _taken({"JOSE: base64 of both": lambda: _base64(content)}, rounds)
    table(["step", "CPU ms at best"], [[step, min(milliseconds)] for step, milliseconds in taken.items()])
    return [
        Verdict(f"{doing} 1 MB by {name}, of the bare cryptography", _times(taken, name, step), TIMES, " times", note=f"with trust of the {whose}")
        for name in ("JOSE", "CMS") for doing, step, whose in (("sealing", "seal", "recipient"), ("opening", "open", "signer"))
    ]


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(prog="python -m bench.seals", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="octets of the content (1,000,000)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    return 0 if verdicts(measure(asked.size, asked.rounds)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
