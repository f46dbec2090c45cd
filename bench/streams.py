"""Attachments of 1 GB sealed and opened as streams, beside `openssl cms` on the same file: throughput, and the most memory that was resident.

`openssl cms` encrypts and does not sign; ours signs as well, and opening writes nothing under its name before all is proved. Each is a
process of its own, whose start is counted, and each ends when the disk has what it wrote: openssl's by `sync`. The best of the rounds counts: the
machine has other things to do, and CPU seconds say what the work itself was.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from bench.machine import Missing
from bench.report import Verdict, table, verdicts
from wardgate.client.sealed_file import open_file, seal_file
from wardgate.sealing.keys import MessageKey, Trust, Use
from wardgate.sealing.model import Context, Statement

MEGABYTE: Final = 1_000_000
SIZE: Final = 1024 * 1024 * 1024
ROUNDS: Final = 5
ENCRYPT: Final = "openssl cms -encrypt, sync"
DECRYPT: Final = "openssl cms -decrypt, sync"
ODS: Final = "urn:nhs-uk:addressing:ods:"
CONTEXT: Final = Context("X26OT001", "X26", ("RY6OT002",), "BENCH", "5d0b7a52-1c7e-4a0e-9b0a-2f6f4c1d9e03", "ITK007C")
SHARE: Final = 0.6
RESIDENT_MEGABYTES: Final = 100
USAGES: Final = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")


@dataclass(frozen=True, slots=True)
class Key:
    """A key on P-256 with its certificate: it signs and opens."""

    kid: str
    certificate: x509.Certificate
    private: Any
    algorithm: str = "ES256"

    def sign(self, data: bytes) -> bytes:
        """In the form of JWS."""
        return b"".join(part.to_bytes(32) for part in decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256()))))

    def agree(self, public: Any) -> bytes:
        """Z of ECDH."""
        return bytes(self.private.exchange(ec.ECDH(), public))


class Parties:
    """X26 and RY6 with a key each, and an authority for both: `KeyDirectory` and `HeldKeys`."""

    def __init__(self, folder: Path) -> None:
        root, signer, recipient = ((x509.load_pem_x509_certificate((folder / f"{name}.pem").read_bytes()), _key(folder, name)) for name in ("root", "X26", "RY6"))
        self.signer, self.recipient = Key("x26", *signer), Key("ry6", *recipient)
        now = datetime.now(UTC)
        empty = x509.CertificateRevocationListBuilder().issuer_name(root[0].subject).last_update(now - timedelta(days=1)).next_update(now + timedelta(days=1))
        self._trust = Trust((root[0],), (), (empty.sign(root[1], hashes.SHA256()),))

    def key(self, _kid: str) -> None:
        """Return none: CMS names certificates."""
        return

    def by_certificate(self, _sha256: bytes) -> MessageKey:
        """Return the one there is."""
        return MessageKey("x26", "X26", Use.SIGNING, self.signer.certificate)

    def encryption_keys(self, _organisation: str) -> list[MessageKey]:
        """Return the one there is."""
        return [MessageKey("ry6", "RY6", Use.ENCRYPTION, self.recipient.certificate)]

    def trust(self, _organisation: str) -> Trust:
        """Return the one authority."""
        return self._trust

    def time_authorities(self) -> Trust:
        """Return nobody."""
        return Trust()

    def decryption_keys(self) -> list[Any]:
        """Return the one there is."""
        return [self.recipient]


def _key(folder: Path, name: str) -> Any:
    return load_pem_private_key((folder / f"{name}.key").read_bytes(), None)


def make_parties(folder: Path) -> None:
    """Write keys and certificates as PEM, for us and for openssl."""
    root = ec.generate_private_key(ec.SECP256R1())
    for name, usages in (("root", {"key_cert_sign", "crl_sign"}), ("X26", {"digital_signature"}), ("RY6", {"key_agreement"})):
        key = root if name == "root" else ec.generate_private_key(ec.SECP256R1())
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder().subject_name(_name(name)).issuer_name(_name("root")).public_key(key.public_key()).serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2)).not_valid_after(now + timedelta(days=30))
            .add_extension(x509.BasicConstraints(name == "root", None), critical=True)
            .add_extension(x509.KeyUsage(**{usage: usage in usages for usage in USAGES}), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key()), critical=False)
            .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(ODS + name)]), critical=False)
        )
        (folder / f"{name}.pem").write_bytes(builder.sign(root, hashes.SHA256()).public_bytes(Encoding.PEM))
        (folder / f"{name}.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"bench {name}")])


@dataclass(frozen=True, slots=True)
class Run:
    """What one process took."""

    seconds: float
    cpu_seconds: float
    resident_megabytes: float


LAUNCH: Final = """
import json, os, sys, time
began = time.monotonic()
_, status, used = os.wait4(os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ), 0)
print(json.dumps([os.waitstatus_to_exitcode(status), time.monotonic() - began, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""A small process starts what is measured: the memory of whoever starts a process counts as that process's own at first."""


def _timed(command: Sequence[str], folder: Path, result: Path) -> Run:
    """Run a process and see what it took. What it writes is not there before."""
    result.unlink(missing_ok=True)
    done = subprocess.run([sys.executable, "-I", "-S", "-c", LAUNCH, *command], cwd=folder, stdout=subprocess.PIPE, check=True)
    code, *took = json.loads(done.stdout.splitlines()[-1])
    if code or not result.exists():
        raise RuntimeError(f"{command[0]} ended with {code}")
    return Run(*took)


def _ours(step: str, source: str, target: str) -> None:
    """Seal or open, as the child process does."""
    parties = Parties(Path())
    now = datetime.now(UTC)
    if step == "seal":
        seal_file(
            Path(source), Path(target), "application/octet-stream", CONTEXT, Statement(now), parties.signer, parties.encryption_keys("RY6"), directory=parties, now=now,
        )
    else:
        open_file(Path(source), Path(target), transport=None, held=parties, directory=parties, now=now)  # type: ignore[arg-type]


def _best(runs: Sequence[Run]) -> Run:
    return Run(min(run.seconds for run in runs), min(run.cpu_seconds for run in runs), max(run.resident_megabytes for run in runs))


def measure(size: int = SIZE, rounds: int = ROUNDS) -> list[Verdict]:
    """Measure all four, in turn and several times."""
    if shutil.which("openssl") is None:
        raise Missing("openssl is missing: it is the peer")
    with tempfile.TemporaryDirectory(prefix="wardgate-streams-") as name:
        folder = Path(name)
        make_parties(folder)
        with (folder / "content").open("wb") as file:
            for _ in range(size // MEGABYTE):
                file.write(os.urandom(MEGABYTE))
        size = (folder / "content").stat().st_size
        ours = [sys.executable, "-m", "bench.streams", "--step"]
        durable = ["sh", "-c", 'result=$1; shift; "$@" -out "$result" && sync "$result"', "sh"]
        encrypt, decrypt = (["openssl", "cms", "-binary", f"-{form}", "DER", *words] for form, words in (("outform", ["-stream", "-encrypt", "-aes-256-gcm"]), ("inform", ["-decrypt"])))
        steps = {
            "seal": ([*ours, "seal", "content", "sealed"], "sealed"),
            "open": ([*ours, "open", "sealed", "opened"], "opened"),
            ENCRYPT: ([*durable, "encrypted", *encrypt, "-in", "content", "-recip", "RY6.pem"], "encrypted"),
            DECRYPT: ([*durable, "decrypted", *decrypt, "-in", "encrypted", "-recip", "RY6.pem", "-inkey", "RY6.key"], "decrypted"),
        }
        runs: dict[str, list[Run]] = {step: [] for step in steps}
        environment = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent.parent), *sys.path])}
        os.environ.update(environment)
        for _ in range(rounds):
            for step, (command, result) in steps.items():
                runs[step].append(_timed(command, folder, folder / result))
        for result in ("opened", "decrypted"):
            if (folder / result).stat().st_size != size:
                raise RuntimeError(f"{result} has another length")
    best = {step: _best(found) for step, found in runs.items()}
    rates = {step: size / MEGABYTE / run.seconds for step, run in best.items()}
    table(["step", "MB/s", "CPU s", "resident MB"], [[step, rates[step], run.cpu_seconds, run.resident_megabytes] for step, run in best.items()])
    return [
        Verdict("sealing 1 GB, of openssl's encryption", rates["seal"] / rates[ENCRYPT], SHARE, at_least=True, note="signed as well"),
        Verdict("opening 1 GB, of openssl's decryption", rates["open"] / rates[DECRYPT], SHARE, at_least=True, note="verified as well"),
        Verdict("resident when sealing", best["seal"].resident_megabytes, RESIDENT_MEGABYTES, " MB"),
        Verdict("resident when opening", best["open"].resident_megabytes, RESIDENT_MEGABYTES, " MB"),
    ]


def main() -> int:
    """Measure, or be the process that is measured."""
    parser = argparse.ArgumentParser(prog="python -m bench.streams", description=__doc__)
    parser.add_argument("--size", type=int, default=SIZE, help="octets of the attachment (1 GiB)")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--step", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.step:
        _ours(*asked.step)
        return 0
    return 0 if verdicts(measure(asked.size, asked.rounds)) else 1


if __name__ == "__main__":
    sys.exit(main())
