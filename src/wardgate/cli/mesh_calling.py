"""As which mailbox, and at which server: the credentials of `wardgate mesh`, of files and the environment, or of the mailbox's account."""

import functools
import os
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import click

from wardgate.cli.calling import KEY_PASSWORD_VARIABLE
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE, Command, ca_option, read_input
from wardgate.cli.output import Printer
from wardgate.cli.refused import reason_lines
from wardgate.client import (
    MeshAnswerInvalid,
    MeshAPIError,
    MeshCallInvalid,
    MeshContentInvalid,
    MeshCredentials,
    MeshMailbox,
    MeshSendUncertain,
    MeshSourceChanged,
    MeshTransferInvalid,
    MeshWorkflowRefused,
    tls_ma_context,
    trust_context,
)
from wardgate.refusals.messages import Failure
from wardgate.server import serving
from wardgate.server.installation import MESH_SHARED_KEY

PASSWORD_VARIABLE: Final = "WARDGATE_MESH_PASSWORD"  # noqa: S105 - the name of a variable
SHARED_KEY_VARIABLE: Final = "WARDGATE_MESH_SHARED_KEY"
IN_FILE_OR_STDIN: Final = click.Path(exists=True, dir_okay=False, path_type=Path, allow_dash=True)
FAILURES: Final = MappingProxyType({
    MeshCallInvalid: Failure.MALFORMED, MeshWorkflowRefused: Failure.NOT_ALLOWED, MeshContentInvalid: Failure.ALTERED,
    MeshSourceChanged: Failure.ALTERED, MeshAnswerInvalid: Failure.TRANSPORT, MeshTransferInvalid: Failure.TRANSPORT,
    MeshSendUncertain: Failure.TRANSPORT, MeshAPIError: Failure.TRANSPORT,
})
"""The class of each failure; a subclass is before the class it is of."""
TOLD: Final[tuple[type[Exception], ...]] = tuple(FAILURES)


@dataclass(frozen=True, slots=True)
class MeshCaller:
    """What the options of one command say about the mailbox and the server."""

    world: World
    mailbox: str
    base_url: str | None
    ca: Path | None
    cert: Path | None
    cert_key: Path | None
    server_name: str | None
    password_file: Path | None
    shared_key_file: Path | None

    def open(self) -> MeshMailbox:
        """Return a client of the mailbox. Raises `Failed`, and the errors of the SDK."""
        if (self.cert is None) != (self.cert_key is None):
            raise click.UsageError("--cert, the chain with the leaf first, goes with --cert-key")
        if self._says_nothing and self.world.exists:
            return self._by_account()
        anchor = self.ca or (self.world.data / "ca.pem" if (self.world.data / "ca.pem").is_file() else None)
        if self.cert is not None and self.cert_key is not None:
            tls = tls_ma_context(self.cert, self.cert_key, anchor, os.environ.get(KEY_PASSWORD_VARIABLE))
        else:
            tls = trust_context(anchor)
        base_url = self.base_url or serving.read(self.world.data).mtls
        try:
            return MeshMailbox(base_url, self._credentials(), tls=tls, server_name=self.server_name)
        except ValueError as error:
            raise Failed(f"{base_url}: {error}") from None

    @property
    def _says_nothing(self) -> bool:
        """Whether neither options nor the environment say how the mailbox is reached."""
        said = (self.base_url, self.ca, self.cert, self.server_name, self.password_file, self.shared_key_file)
        return all(one is None for one in (*said, os.environ.get(PASSWORD_VARIABLE) or None, os.environ.get(SHARED_KEY_VARIABLE) or None))

    def _by_account(self) -> MeshMailbox:
        """Return a client by the mailbox's account, which one that is hosted here need not have. Raises `Failed`."""
        from wardgate.cli.handled import posts_of  # noqa: PLC0415 - the message handler's parts, for those who need them
        from wardgate.exchange.errors import ExchangeError  # noqa: PLC0415

        try:
            return click.get_current_context().with_resource(posts_of(self.world))(self.mailbox)
        except ExchangeError as error:
            raise Failed(str(error)) from None

    def _credentials(self) -> MeshCredentials:
        files = [path for path in (self.password_file, self.shared_key_file) if path is not None and str(path) == "-"]
        if len(files) > 1:
            raise click.UsageError("standard input has one secret: give the other as a file, or in the environment")
        return MeshCredentials(self.mailbox, self._password(), self._shared_key().encode())

    def _password(self) -> str:
        said = _said(self.password_file, PASSWORD_VARIABLE, "the password")
        if said is None and self.world.exists:
            said = self.world.stores.mailboxes.passwords().get(self.mailbox.upper())
        if said is None:
            raise Failed(f"there is no password of {self.mailbox} here: give --password-file, or set {PASSWORD_VARIABLE}")
        return said

    def _shared_key(self) -> str:
        said = _said(self.shared_key_file, SHARED_KEY_VARIABLE, "the shared key")
        if said is None and self.world.exists:
            said = self.world.stores.values.get(MESH_SHARED_KEY)
        if said is None:
            raise Failed(f"there is no shared key here: give --shared-key-file, or set {SHARED_KEY_VARIABLE}")
        return said


def _said(path: Path | None, variable: str, what: str) -> str | None:
    """Return a secret of a file, or of the environment; None: of neither. Raises `Failed` for one that is no text."""
    return os.environ.get(variable) or None if path is None else said_secret(path, what)


def said_secret(path: Path | None, what: str) -> str | None:
    """Return a secret of a file; None where none is named. Raises `Failed` for one that is no text."""
    if path is None:
        return None
    try:
        found = read_input(path, what).decode().strip("\r\n")
    except UnicodeDecodeError:
        raise Failed(f"{what} is no text") from None
    if not found:
        raise Failed(f"{path} has nothing in it, and {what} is something")
    return found


def with_mailbox(command: Command) -> Command:
    """Add the options of the mailbox and the server, `--data` and `--output`; pass a `caller` and a `printer`; tell refusals."""
    @click.option("--mailbox", envvar="WARDGATE_MESH_MAILBOX", show_envvar=True, required=True, metavar="ID", help="The mailbox that we are.")
    @click.option("--password-file", type=IN_FILE_OR_STDIN, default=None, show_default=f"{PASSWORD_VARIABLE}, else the store of the data directory",
                  help="The mailbox's password; - is standard input.")
    @click.option("--shared-key-file", type=IN_FILE_OR_STDIN, default=None, show_default=f"{SHARED_KEY_VARIABLE}, else the store of the data directory",
                  help="The key that the environment shares with its mailboxes; - is standard input.")
    @click.option("--base-url", envvar="WARDGATE_MESH_URL", show_envvar=True, default=None, metavar="URL",
                  show_default="the mutual-TLS port of the data directory's server", help="Scheme, host and port of the MESH server.")
    @click.option("--cert", envvar="WARDGATE_MESH_CERT", show_envvar=True, type=IN_FILE, default=None, help="Our certificate chain in PEM, leaf first.")
    @click.option("--cert-key", envvar="WARDGATE_MESH_CERT_KEY", show_envvar=True, type=IN_FILE, default=None,
                  help=f"Its private key in PEM. A password comes from {KEY_PASSWORD_VARIABLE}.")
    @ca_option
    @click.option("--server-name", default=None, metavar="NAME", help="The name in the server's certificate, when it is not the URL's host.")
    @with_world
    @functools.wraps(command)
    def wrapped(
        *arguments: Any, world: World, mailbox: str, base_url: str | None, ca: Path | None, cert: Path | None, cert_key: Path | None,
        server_name: str | None, password_file: Path | None, shared_key_file: Path | None, printer: Printer, **options: Any,
    ) -> Any:
        caller = MeshCaller(world, mailbox, base_url, ca, cert, cert_key, server_name, password_file, shared_key_file)
        try:
            return command(*arguments, caller=caller, printer=printer, **options)
        except TOLD as error:
            tell(printer, error)
            click.get_current_context().exit(1)

    return wrapped


def failure_of(error: Exception) -> Failure:
    """Return the class of a failure."""
    return next(failure for kind, failure in FAILURES.items() if isinstance(error, kind))


def tell(printer: Printer, error: Exception) -> None:
    """Say why it did not work: the server's words and reason, or ours. On standard error, to people."""
    if isinstance(error, MeshAPIError):
        told = {"status": error.status, "event": error.event, "code": error.code, "text": error.text, "reason": error.reason,
                "explain": error.explain_id}
        said = (f"HTTP {error.status}", error.event, error.code if error.code != str(error.status) else "")
        lines = [f"{' '.join(part for part in said if part)}: {error.text}", *(reason_lines(error) if error.reason is not None else ())]
    else:
        told = {"status": None, "event": None, "code": None, "text": str(error), "reason": None, "explain": None}
        lines = [f"wardgate: {error}"]
    if printer.is_json:
        printer.item({"failure": failure_of(error).value, **told}, "")
        return
    for line in lines:
        click.echo(line, err=True)
