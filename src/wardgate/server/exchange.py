"""The message handler of this installation: its parts, and how it reaches the mailboxes that are its own."""

import json
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

import httpx2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from wardgate.ca import CertificateAuthority
from wardgate.ca.records import SubjectKind
from wardgate.client import MeshMailbox
from wardgate.client.clock import SYSTEM_CLOCK, Clock
from wardgate.client.time_stamp import TimeStampAuthority
from wardgate.exchange.account import Account, Accounts
from wardgate.exchange.errors import NoAccount
from wardgate.exchange.handler import MessageHandler
from wardgate.exchange.parts import Parts, Patience
from wardgate.pki.profiles import KEY_BITS
from wardgate.sealing.keys import HeldKeys, KeyDirectory
from wardgate.server import serving
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.server.settings import Settings
from wardgate.stores import Stores
from wardgate.stores.bodies import FileBodies
from wardgate.workflows.model import Mailbox
from wardgate.workflows.post_office import CLIENT_SUFFIX, PostOffice

OWN_CERTIFICATE: Final = "mesh-own-certificate/"
"""Begins the name under which the store keeps the client certificate of one of our own mailboxes."""
RENEWED: Final = timedelta(days=60)
"""Before its end."""
_OWN_CLOCK: Final = "https://time.invalid/"


@dataclass(frozen=True, slots=True)
class VirtualClock:
    """The time that this environment's own servers go by: tokens are made with it."""

    time: Callable[[], datetime]

    def now(self) -> datetime:
        """The time of day."""
        return self.time()

    def monotonic(self) -> float:
        """For pauses."""
        return SYSTEM_CLOCK.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        SYSTEM_CLOCK.sleep(seconds)

    async def asleep(self, seconds: float) -> None:
        """Wait on asyncio."""
        await SYSTEM_CLOCK.asleep(seconds)


class Posts:
    """The clients of our mailboxes, made when they are first asked for, and again when their account is another. Safe for threads."""

    def __init__(
        self, settings: Settings, stores: Stores, authority: CertificateAuthority, post_office: Callable[[], PostOffice],
        environment: Callable[[], str], now: Callable[[], datetime], clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """`clock` is that of this environment's own servers; `now` the real time."""
        self._settings, self._stores, self._authority = settings, stores, authority
        self._post_office, self._environment, self._now, self._clock = post_office, environment, now, clock
        self._accounts = Accounts(stores.values)
        self._lock = threading.Lock()
        self._open: dict[str, tuple[Account, MeshMailbox]] = {}

    def __call__(self, mailbox: str) -> MeshMailbox:
        """Return the client of a mailbox. Raises `NoAccount`, `AccountInvalid`, `StoreError`, `CAError`."""
        with self._lock:
            account = self.account(mailbox)
            held = self._open.get(mailbox)
            if held is not None and held[0] == account:
                return held[1]
            is_ours = (self._accounts.get(mailbox) or account).base_url in {None, serving.read(self._settings.data).mtls}
            made = account.open(self._clock if is_ours else SYSTEM_CLOCK)
            if held is not None:
                held[1].close()
            self._open[mailbox] = (account, made)
            return made

    def account(self, mailbox: str) -> Account:
        """Return a mailbox's account, with all that is known here in the place of what it leaves out. Raises `NoAccount`."""
        found = self._accounts.get(mailbox) or Account(mailbox.upper())
        if found.base_url is not None:
            return found
        stated = self._post_office().mailbox(mailbox)
        password = found.password or self._stores.mailboxes.passwords().get(mailbox.upper())
        if stated is None or password is None:
            raise NoAccount(f"{mailbox.upper()} has no account, and no password as a mailbox of this server: wardgate mesh account set {mailbox.upper()}")
        certificate, key = (found.certificate, found.key) if found.certificate is not None else self._certificate(stated)
        anchor = self._settings.data / "ca.pem"
        return replace(
            found, base_url=serving.read(self._settings.data).mtls, password=password, certificate=certificate, key=key,
            shared_key=found.shared_key or self._stores.values.get(MESH_SHARED_KEY),
            ca=found.ca or (anchor.read_text() if anchor.is_file() else self._authority.roots()),
        )

    def close(self) -> None:
        """End every connection."""
        with self._lock:
            for _, client in self._open.values():
                client.close()
            self._open.clear()

    def _certificate(self, mailbox: Mailbox) -> tuple[str, str]:
        """Return the client certificate of a mailbox of ours, and its key; made by our own authority, and again before it is over."""
        name = OWN_CERTIFICATE + mailbox.id
        held = json.loads(self._stores.values.get(name) or "{}")
        now, wanted = self._now(), client_name(mailbox)
        if held and held["name"] == wanted and x509.load_pem_x509_certificate(held["certificate"].encode()).not_valid_after_utc > now + RENEWED:
            return held["certificate"], held["key"]
        key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
        self._authority.ensure(self._environment(), now)
        issued = self._authority.issue_from_csr(
            client_request(key, wanted), subject_kind=SubjectKind.MAILBOX, subject=mailbox.id, expected_name=wanted, now=now,
        )
        pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode("ascii")
        self._stores.values.put(name, json.dumps({"name": wanted, "certificate": issued.chain_pem, "key": pem}))
        return issued.chain_pem, pem


class _OwnClock(httpx2.BaseTransport):
    """Asks this environment's own time-stamping authority, in this process."""

    def __init__(self, authority: CertificateAuthority, now: Callable[[], datetime]) -> None:
        self._authority, self._now = authority, now

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = self._authority.time_stamp(request.read(), self._now())
        return httpx2.Response(200, headers={"content-type": "application/timestamp-reply"}, content=answer)


def time_stamper(settings: Settings, authority: CertificateAuthority, now: Callable[[], datetime]) -> TimeStampAuthority:
    """Return who is asked for time-stamps: the authority that is set, or this environment's own."""
    if settings.message_time_stamps is not None:
        return TimeStampAuthority(settings.message_time_stamps)
    return TimeStampAuthority(_OWN_CLOCK, transport=_OwnClock(authority, now))


def message_handler(
    settings: Settings, stores: Stores, authority: CertificateAuthority, posts: Posts, *, post_office: Callable[[], PostOffice],
    directory: Callable[[], KeyDirectory], held: HeldKeys, now: Callable[[], datetime], by: str,
) -> MessageHandler:
    """Join the message handler."""
    return MessageHandler(Parts(
        stores.exchange, message_bodies(settings), stores.audit.append, post_office, directory, held, posts, now, secrets.token_bytes,
        stamper=time_stamper(settings, authority, now), drop_directory=settings.message_drop_directory, by=by,
        patience=Patience(attempts=settings.message_attempts, answered_within=timedelta(days=settings.message_answer_days)),
    ))


def message_bodies(settings: Settings) -> FileBodies:
    """Return where contents of handled messages are kept: beside those of mailboxes, of which nobody here sweeps the others'."""
    return FileBodies(settings.message_directory or settings.data / "messages")


def client_request(key: rsa.RSAPrivateKey, name: str) -> bytes:
    """Return the request for a client's certificate of this name (RFC 2986), in PEM."""
    request = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]))
    csr = request.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
    return csr.public_bytes(serialization.Encoding.PEM)


def client_name(mailbox: Mailbox) -> str:
    """Return the name of a client's certificate for a mailbox (itk3-messaging 5.1)."""
    if mailbox.certificates:
        return mailbox.certificates[0]
    return f"{mailbox.id.lower().replace('_', '-')}.{mailbox.organisation.lower()}.{CLIENT_SUFFIX}"
