"""An account at another Wardgate in three steps: `mesh account request` there, `mesh mailbox admit` here, `mesh account set --from` there again.

The private key never leaves the store of whose mailbox it is. What travels back is one file with secrets.
"""

import json
import secrets
from pathlib import Path
from typing import Any, Final

import click
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from wardgate.audit import EventType
from wardgate.ca.records import SubjectKind
from wardgate.cli.authority import authority_of
from wardgate.cli.cert import mailbox_name
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.handled import post_office
from wardgate.cli.options import IN_FILE, read_input
from wardgate.cli.output import Printer
from wardgate.cli.secrets_out import new_secret_file, write_secret
from wardgate.exchange.account import Account
from wardgate.keystores.private_keys import load_private
from wardgate.pki import pem
from wardgate.pki.errors import MalformedPEM
from wardgate.pki.profiles import KEY_BITS
from wardgate.server import serving
from wardgate.server.exchange import client_name, client_request
from wardgate.server.installation import MESH_SHARED_KEY
from wardgate.workflows.model import Mailbox

PASSWORD_BYTES: Final = 24
REQUESTED: Final = "mesh-account-request/"
"""Begins the name under which the store keeps the private key of a request until its certificate comes."""
_REQUEST: Final = b"-----BEGIN CERTIFICATE REQUEST-----"
PARTS: Final = ("base_url", "password", "shared_key", "certificate", "ca")
"""What the file of an admission holds, besides the mailbox."""


@click.command()
@click.argument("mailbox")
@click.option("--name", default=None, metavar="FQDN", show_default="the mailbox's usual name", help="The name the certificate is to have.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE", help="Where the request is written, in PEM.")
@with_world
def request(mailbox: str, name: str | None, out: Path, world: World, printer: Printer) -> None:
    """Ask for a certificate for MAILBOX, for who runs the MESH server: `wardgate mesh mailbox admit` there.

    The private key is made and kept here, encrypted. A request made before is void.
    """
    found = _stated(world, mailbox)
    if out.exists() and not _is_request(out):
        raise Failed(f"{out} is there already, and is no certificate request: what is asked for goes to another file")
    wanted = (name or client_name(found)).lower()
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    out.write_bytes(client_request(key, wanted))
    world.stores.values.put(REQUESTED + found.id, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode("ascii"))
    _record(world, found.id, "account requested")
    printer.answer({"mailbox": found.id, "name": wanted, "file": str(out)},
                   [f"the request for {wanted} is in {out}", f"what comes back: wardgate mesh account set {found.id} --from FILE"])


@click.command()
@click.argument("mailbox_id", metavar="ID")
@click.option("--csr", type=IN_FILE, required=True, help="The request in PEM: `wardgate mesh account request`, or any other for a name that may speak for the mailbox.")
@click.option("--base-url", default=None, metavar="URL", show_default="the mutual-TLS port of this Wardgate", help="Scheme, host and port at which the mailbox's owner reaches this server.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="FILE", callback=new_secret_file,
              help="Where all that is needed is written: a new file, with secrets, readable by you only.")
@wait_option
@with_world
def admit(mailbox_id: str, csr: Path, base_url: str | None, out: Path, wait: float, world: World, printer: Printer) -> None:
    """Let a mailbox's owner in: a certificate, a new password, the shared key and our roots, in one file.

    Hand it over as you would a password. The owner gives it to `wardgate mesh account set --from`.
    """
    found, content = _stated(world, mailbox_id), read_input(csr, "the certificate request")
    authority = authority_of(world)
    authority.ensure(world.environment.name, world.now)
    subject, wanted = mailbox_name(world, found.id, content)
    issued = authority.issue_from_csr(content, subject_kind=SubjectKind.MAILBOX, subject=subject, expected_name=wanted, now=world.now)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    shared = world.stores.values.set_if_absent(MESH_SHARED_KEY, secrets.token_urlsafe(PASSWORD_BYTES))
    where = base_url or serving.read(world.data).mtls
    values = dict(zip(PARTS, (where, password, shared, issued.chain_pem, authority.roots()), strict=True))
    world.stores.mailboxes.set_password(found.id, password, world.event(EventType.MAILBOX_CHANGED, mailbox=found.id, change="password"))
    write_secret("account", json.dumps({"mailbox": found.id, **values}, indent=1), out)
    data = {"mailbox": found.id, "name": wanted, "base_url": where, "file": str(out)}
    confirm(world, printer, world.stores.generation.current(), wait, data,
            [f"{found.id} of {found.organisation} is let in as {wanted}", f"all that its owner needs is in {out}: it holds secrets"])


def admitted(world: World, path: Path, mailbox: str) -> dict[str, Any]:
    """Return what the file of an admission says of our mailbox, with the private key it was asked for with. Raises `Failed`."""
    what = Failed(f"{path} is not what `wardgate mesh mailbox admit` writes")
    try:
        data = json.loads(read_input(path, "the account"))
    except (ValueError, RecursionError):
        raise what from None
    if not isinstance(data, dict) or {"mailbox", *PARTS} != set(data) or not all(isinstance(value, str) for value in data.values()):
        raise what
    try:
        public = pem.certificates(data["certificate"].encode("ascii", "replace"))[0].public_key()
    except MalformedPEM:
        raise what from None
    if data["mailbox"] != mailbox:
        raise Failed(f"{path} is for {data['mailbox'][:100]}, not {mailbox}")
    kept = world.stores.values.get(REQUESTED + mailbox)
    if kept is None or load_private(kept).public_key() != public:
        raise Failed(f"the certificate in {path} is not for the last request from here: wardgate mesh account request {mailbox}")
    return {name: data[name] for name in PARTS} | {"key": kept}


def fulfilled(world: World, made: Account) -> None:
    """Forget the private key of a request: the account holds it now."""
    if made.key is not None and world.stores.values.get(REQUESTED + made.mailbox) == made.key:
        world.stores.values.put(REQUESTED + made.mailbox, None)


def _is_request(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(_REQUEST)) == _REQUEST


def _stated(world: World, mailbox: str) -> Mailbox:
    found = post_office(world).mailbox(mailbox)
    if found is None:
        raise Failed(f"there is no mailbox {mailbox.upper()} in the manifest: wardgate mesh mailbox list")
    return found


def _record(world: World, mailbox: str, change: str) -> None:
    world.stores.audit.append([world.event(EventType.MAILBOX_CHANGED, mailbox=mailbox, change=change)])


