"""Keys and certificates on disk, for `openssl cms` and for us."""

from pathlib import Path

import pytest

from message_world import RSA_KEY, World
from time_stamping import write_pem
from wardgate.sealing.keys import Use


class Bench:
    """A folder with PEM files of a signer and recipients of each kind of key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.world = World()
        self.signers = {"ec": self.world.add("X26", Use.SIGNING), "rsa": self.world.add("X26", Use.SIGNING, private=RSA_KEY, algorithm="PS256")}
        self.recipients = {"ec": self.world.add("RY6", Use.ENCRYPTION), "rsa": self.world.add("RY6", Use.ENCRYPTION, private=RSA_KEY)}
        write_pem(folder / "chain.pem", self.world.root.certificate, self.world.issuing.certificate)
        for role, held in (("signer", self.signers), ("recipient", self.recipients)):
            for kind, one in held.items():
                write_pem(folder / f"{role}-{kind}.pem", one.certificate)
                write_pem(folder / f"{role}-{kind}.key", one.private)

    def write(self, name: str, content: bytes) -> str:
        """Write a file and return its name."""
        (self.folder / name).write_bytes(content)
        return name

    def read(self, name: str) -> bytes:
        """What a file holds."""
        return (self.folder / name).read_bytes()


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """One folder for a module."""
    return Bench(tmp_path_factory.mktemp("openssl"))
