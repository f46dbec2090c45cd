"""Accounts: how each of our mailboxes is reached, at this Wardgate, another one, or the national service. Kept encrypted with the store's key."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from ssl import SSLContext
from typing import Final

from wardgate.client import (
    CertificateUnusable,
    ClientError,
    MeshCredentials,
    MeshMailbox,
    tls_ma_context,
    trust_context,
)
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.exchange.errors import AccountInvalid
from wardgate.stores.ports import Values

MAX_PEM_BYTES: Final = 200_000
_NAME: Final = "mesh-account/"


@dataclass(frozen=True, slots=True)
class Account:
    """How a mailbox is reached. `base_url` None: it is hosted here, and what else is None is known here."""

    mailbox: str
    base_url: str | None = None
    server_name: str | None = None
    """The name in the server's certificate, when it is not the URL's host."""
    password: str | None = field(default=None, repr=False)
    shared_key: str | None = field(default=None, repr=False)
    certificate: str | None = None
    """Our certificate chain in PEM, leaf first."""
    key: str | None = field(default=None, repr=False)
    """Its private key in PEM."""
    ca: str | None = None
    """The roots that the server's certificate is verified with, in PEM; None: this machine's."""
    automatic: bool = False
    """Whether the server looks into the mailbox by itself, and sends what is due."""

    def check(self) -> None:
        """See that the parts fit together. Raises `AccountInvalid`; its text holds no secret."""
        if (self.certificate is None) != (self.key is None):
            raise AccountInvalid("a certificate goes with its private key")
        if self.base_url is None:
            return
        needed = ("password", "shared_key", "certificate") if self.base_url.startswith("https") else ("password", "shared_key")
        missing = [name for name in needed if getattr(self, name) is None]
        if missing:
            raise AccountInvalid("an account at another server has " + ", ".join(name.replace("_", " ") for name in missing))
        self.open().close()

    def open(self, clock: Clock = SYSTEM_CLOCK) -> MeshMailbox:
        """Return a client that is whole in itself. Raises `AccountInvalid`."""
        try:
            return MeshMailbox(
                self.base_url or "", MeshCredentials(self.mailbox, self.password or "", (self.shared_key or "").encode()), tls=self._tls(),
                server_name=self.server_name, clock=clock, compressed_downloads=False,
            )
        except (ClientError, ValueError) as error:
            raise AccountInvalid(f"the account of {self.mailbox} cannot be used: {error}") from None

    def _tls(self) -> SSLContext:
        """Return the TLS context. What the library reads from files only is in files of this process's memory: a private key is on no disk."""
        with ExitStack() as open_files:
            files = {part: open_files.enter_context(_in_memory(text)) for part in ("certificate", "key", "ca") if (text := getattr(self, part)) is not None}
            try:
                if "certificate" not in files:
                    return trust_context(files.get("ca"))
                return tls_ma_context(files["certificate"], files["key"], files.get("ca"))
            except CertificateUnusable as error:
                told = str(error)
                for part, path in files.items():
                    told = told.replace(str(path), f"the {part}")
                raise AccountInvalid(told) from None


@contextmanager
def _in_memory(text: str) -> Iterator[Path]:
    """Give a text a name, for as long as it is read."""
    with os.fdopen(os.memfd_create("wardgate", os.MFD_CLOEXEC), "wb") as file:
        file.write(text.encode())
        file.flush()
        yield Path(f"/proc/self/fd/{file.fileno()}")


class Accounts:
    """The accounts of an installation."""

    def __init__(self, values: Values) -> None:
        self._values = values

    def get(self, mailbox: str) -> Account | None:
        """Return a mailbox's account, if it has one."""
        text = self._values.get(_NAME + mailbox.upper())
        return None if text is None else Account(**json.loads(text))

    def put(self, account: Account) -> None:
        """Keep an account in place of any other of its mailbox."""
        self._values.put(_NAME + account.mailbox.upper(), json.dumps(asdict(account)))

    def remove(self, mailbox: str) -> bool:
        """Forget a mailbox's account; False where there was none."""
        there = self.get(mailbox) is not None
        self._values.put(_NAME + mailbox.upper(), None)
        return there

    def of(self, mailboxes: Iterable[str]) -> list[Account]:
        """Return the accounts of these mailboxes, in their order."""
        return [found for found in map(self.get, mailboxes) if found is not None]
