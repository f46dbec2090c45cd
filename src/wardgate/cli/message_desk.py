"""What the commands on files of messages share: keys of the installation or of a directory, the policy, the record, and files in and out.

With `--keys DIR` there is no installation: no policy is asked and nothing is recorded. Otherwise every message that is built, sealed, opened or
refused makes its event before the answer is given.
"""

import contextlib
import functools
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import click
import httpx2
from cryptography import x509

from wardgate.audit import Event, EventType, Outcome
from wardgate.audit.model import Detail
from wardgate.cli.context import World, operator, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.message_key_store import directory, ring
from wardgate.cli.options import IN_FILE, Command
from wardgate.cli.output import Printer
from wardgate.client import trust_context
from wardgate.client.key_ring import SealKeys
from wardgate.client.key_ring_files import read_key_ring
from wardgate.client.time_stamp import TimeStampAuthority
from wardgate.itk3 import ITK3Error, NotReadable
from wardgate.keystores.errors import KeyInvalid
from wardgate.keystores.hardware_keys import HardwareDecryptionKey, HardwareSigningKey
from wardgate.keystores.hardware_uri import HardwareURI
from wardgate.keystores.secret_file import read_secret_file
from wardgate.refusals.messages import Failure
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import HeldKeys, KeyDirectory, Use
from wardgate.server import serving
from wardgate.server.settings import Settings
from wardgate.workflows.post_office import PostOffice

MAX_FILE_BYTES: Final = 24 * 1024 * 1024
"""Of a message and its seal around it; attachments of any size go by --attachment."""
USUAL_STAMPER: Final = "usual"
"""`--time-stamp` without a URL."""
INVALID: Final = "message-invalid"
"""The reason in the record of a message that is none, or not valid."""
keys_option = click.option("--keys", "keys_at", type=click.Path(exists=True, file_okay=False, path_type=Path), default=None, metavar="DIR",
                           help="Keys and authorities of this directory, instead of the installation's: no policy is asked, nothing recorded.")
password_option = click.option("--keys-password-file", type=IN_FILE, default=None, metavar="FILE", help="With --keys: the password of its private keys.")
message_file = click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)
out_option = click.option("--out", type=click.Path(dir_okay=False, path_type=Path, allow_dash=True), default=None, metavar="FILE",
                          help="Write it to this new file, for its owner only; - is standard output.")


class InstalledKeys:
    """The private keys of an installation, and the directory of its manifest, as one."""

    def __init__(self, held: HeldKeys, published: KeyDirectory) -> None:
        self.signing_key, self.decryption_key = held.signing_key, held.decryption_key
        self.decryption_key_of, self.decryption_keys = held.decryption_key_of, held.decryption_keys
        self.key, self.by_certificate, self.encryption_keys = published.key, published.by_certificate, published.encryption_keys
        self.trust, self.time_authorities = published.trust, published.time_authorities


@dataclass(frozen=True, slots=True)
class Desk:
    """What one command works with."""

    printer: Printer
    now: datetime
    keys: SealKeys = field(repr=False)
    world: World | None = None
    """None: with keys of a directory."""
    office: PostOffice | None = None
    settings: Settings | None = field(default=None, repr=False)

    def record(self, kind: EventType, message_id: str | None, details: Mapping[str, Detail], refused: str | None = None) -> None:
        """Store an event of the installation."""
        if self.world is None:
            return
        said = {name: value for name, value in details.items() if value is not None} | {"by": "command line", "operator": operator()}
        outcome = Outcome.REFUSED if refused is not None else Outcome.ALLOWED
        self.world.stores.audit.append([Event(kind, self.now, outcome, refused, message_id=message_id, details=said)])

    def organisation_of(self, mailbox: str) -> str | None:
        """Return whose a mailbox is; None where nobody knows."""
        found = self.office.mailbox(mailbox) if self.office is not None else None
        return found.organisation if found is not None else None


def with_desk(command: Command) -> Command:
    """Add the options of keys and of the installation, and pass a `desk`."""
    @keys_option
    @password_option
    @with_world
    @functools.wraps(command)
    def wrapped(*arguments: Any, world: World, printer: Printer, keys_at: Path | None, keys_password_file: Path | None, **options: Any) -> Any:
        return command(*arguments, desk=desk_of(world, printer, keys_at, keys_password_file), **options)

    return wrapped


def desk_of(world: World, printer: Printer, keys_at: Path | None, password_file: Path | None) -> Desk:
    """Return the desk of a command. Raises `Failed`, `KeyUnusable`."""
    if keys_at is not None:
        password = read_secret_file(password_file, "password", KeyInvalid).strip().encode() if password_file is not None else None
        return Desk(printer, world.now, read_key_ring(keys_at, password=password, hardware=_hardware_key(world.settings), now=lambda: world.now), settings=world.settings)
    if password_file is not None:
        raise click.UsageError("--keys-password-file goes with --keys")
    manifest = world.manifest()[1]
    office = PostOffice.of(manifest.mailboxes, manifest.workflows)
    return Desk(printer, world.now, InstalledKeys(ring(world), directory(world)), world, office, world.settings)


def _hardware_key(settings: Settings) -> Any:
    def made(kid: str, certificate: x509.Certificate, uri: str, use: Use) -> Any:
        from wardgate.server.message_keys import hardware_of  # noqa: PLC0415 - for keys in hardware only

        module = hardware_of(settings, os.environ)
        if module is None:
            raise Failed("a key is in a hardware module, and none is set: WARDGATE_PKCS11_MODULE")
        return (HardwareSigningKey if use is Use.SIGNING else HardwareDecryptionKey)(kid, certificate, HardwareURI.parse(uri), module)

    return made


def stamper_of(desk: Desk, asked: str | None, ca: Path | None, *, is_demanded: bool) -> TimeStampAuthority | None:
    """Return who is asked for a time-stamp: whose address is given; else, where one is wanted at all, whom the message handler asks.

    The host is verified with `ca`, an installation's own with its own root.
    """
    if asked is None and not is_demanded:
        return None
    url = asked if asked not in {None, USUAL_STAMPER} else desk.settings.message_time_stamps if desk.settings is not None else None
    authority = _authority_at(desk, url, ca) if url is not None else _own_authority(desk)
    click.get_current_context().call_on_close(authority.close)
    return authority


def _authority_at(desk: Desk, url: str, ca: Path | None) -> TimeStampAuthority:
    if ca is None and desk.world is not None and url.startswith(f"{serving.read(desk.world.data).https}/"):
        ca = desk.world.data / "ca.pem"
    try:
        return TimeStampAuthority(url, transport=httpx2.HTTPTransport(verify=trust_context(ca)) if ca is not None else None)
    except ValueError as wrong:
        raise click.UsageError(f"--time-stamp: {wrong}") from None


def _own_authority(desk: Desk) -> TimeStampAuthority:
    """Return the installation's own, which is asked without its server."""
    from wardgate.cli.authority import authority_of  # noqa: PLC0415 - with the message handler's parts, for those who have time-stamps made
    from wardgate.server.exchange import time_stamper  # noqa: PLC0415

    world = desk.world
    if world is None:
        raise click.UsageError("--time-stamp: with --keys there is no authority of ours: give its URL, or set WARDGATE_MESSAGE_TIME_STAMPS")
    return time_stamper(world.settings, authority_of(world), lambda: world.now)


@contextlib.contextmanager
def refusals(desk: Desk, message_id: str | None = None, **about: Detail) -> Iterator[None]:
    """Record a refusal of what is inside, and tell it: exit code 1, and the class of the failure in JSON."""
    try:
        yield
    except SealRefused as refused:
        refusal = refused.refusal
        said = {"expected": refusal.expected, "received": refusal.received, "itk_code": refused.response_code}
        desk.record(EventType.MESSAGE_REFUSED, message_id, {**about, **said}, refused.code)
        _tell(desk.printer, refused)
    except ITK3Error as refused:
        failure = failure_of(refused)
        desk.record(EventType.MESSAGE_REFUSED, message_id, {**about, "itk_code": refused.code, "received": str(refused)[:300]}, INVALID)
        problems = [{"code": one.code, "where": one.where, "problem": one.problem} for one in refused.problems]
        desk.printer.answer({"failure": failure.value, "response_code": refused.code, "problems": problems}, [])
        raise _Told(desk.printer, "\n".join(["the message is not valid", *(f"  {one['code']}  {one['where']}: {one['problem']}" for one in problems)])) from None


def failure_of(refused: ITK3Error) -> Failure:
    """Return the class of what is wrong with a message."""
    return Failure.MALFORMED if isinstance(refused, NotReadable) else Failure.INVALID


class _Told(Failed):
    """A refusal that JSON has told already."""

    def __init__(self, printer: Printer, text: str) -> None:
        super().__init__(text)
        self._silent = printer.is_json

    def show(self, file: Any = None) -> None:
        if not self._silent:
            super().show(file)


def refusal_data(refused: SealRefused) -> dict[str, Any]:
    """Return a refusal for `--output json`."""
    refusal = refused.refusal
    return {"failure": refused.failure.value, "code": refused.code, "check": refusal.reason.check, "expected": refusal.expected,
            "received": refusal.received, "response_code": refused.response_code, "advice": refusal.reason.advice}


def _tell(printer: Printer, refused: SealRefused) -> None:
    data = refusal_data(refused)
    printer.answer(data, [])
    said = [f"refused, {data['failure']}: {data['code']}: not so: {data['check']}", f"  expected    {data['expected']}", f"  received    {data['received']}",
            f"  what to do  {data['advice']}", f"  a receiver answers the sender {data['response_code']}: {refused}"]
    raise _Told(printer, "\n".join(said)) from None


def read_file(path: Path, what: str, max_bytes: int = MAX_FILE_BYTES) -> bytes:
    """Return a file, or standard input for `-`. Raises `Failed` for more than is taken."""
    if str(path) == "-":
        content = sys.stdin.buffer.read(max_bytes + 1)
    else:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise Failed(f"{what} has more than {max_bytes} bytes")
    return content


def check_new(path: Path | None) -> None:
    """Raise `Failed` for a file that is there already: before there is anything to write."""
    if path is not None and str(path) != "-" and path.exists():
        raise Failed(f"{path} is there already: what is written goes to a new file")


def write_file(path: Path | None, content: bytes) -> None:
    """Write a new file for its owner alone, whole or not at all; `-` is standard output. Raises `OSError`, `FileExistsError`."""
    if path is None:
        return
    if str(path) == "-":
        sys.stdout.buffer.write(content)
        sys.stdout.buffer.flush()
        return
    descriptor, name = tempfile.mkstemp(prefix=".wardgate-", dir=path.parent)
    unfinished = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        path.hardlink_to(unfinished)
    finally:
        unfinished.unlink()


def say(desk: Desk, out: Path | None, data: dict[str, Any], lines: list[str]) -> None:
    """Answer; where the content itself goes to standard output, on standard error and to people only."""
    if out is not None and str(out) == "-":
        for line in lines:
            desk.printer.note(line)
    else:
        desk.printer.answer(data | {"out": str(out) if out is not None else None}, lines)
