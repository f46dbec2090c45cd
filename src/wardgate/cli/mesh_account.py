"""`wardgate mesh account`: how each of our mailboxes is reached, kept encrypted in the store."""

import secrets
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from wardgate.audit import EventType
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.handled import post_office, posts_of
from wardgate.cli.mesh_admission import PASSWORD_BYTES, admitted, fulfilled, request
from wardgate.cli.mesh_calling import IN_FILE_OR_STDIN, TOLD, said_secret, tell
from wardgate.cli.options import IN_FILE, read_input
from wardgate.cli.output import Printer, pairs, table
from wardgate.exchange.account import Account, Accounts
from wardgate.exchange.errors import ExchangeError


@click.group()
def account() -> None:
    """How our mailboxes are reached. One that is hosted here needs no account, but to be worked on by the server itself."""


@account.command("set")
@click.argument("mailbox")
@click.option("--base-url", default=None, metavar="URL", help="Scheme, host and port of the MESH server; without it the mailbox is hosted here.")
@click.option("--password-file", type=IN_FILE_OR_STDIN, default=None, help="The mailbox's password; - is standard input.")
@click.option("--shared-key-file", type=IN_FILE_OR_STDIN, default=None, help="The key that the environment shares with its mailboxes; - is standard input.")
@click.option("--cert", type=IN_FILE, default=None, help="Our certificate chain in PEM, leaf first.")
@click.option("--cert-key", type=IN_FILE_OR_STDIN, default=None, help="Its private key in PEM, not encrypted; - is standard input.")
@click.option("--ca", type=IN_FILE, default=None, help="The roots that the server's certificate is verified with, in PEM.")
@click.option("--server-name", default=None, metavar="NAME", help="The name in the server's certificate, when it is not the URL's host.")
@click.option("--automatic/--by-hand", default=None, help="Whether the server looks into the mailbox by itself, and sends what is due. By hand: `wardgate message receive`.")
@click.option("--from", "admission", type=IN_FILE, default=None, metavar="FILE", help="What `wardgate mesh mailbox admit` wrote for a request of ours: everything at once.")
@with_world
def set_account(
    mailbox: str, admission: Path | None, base_url: str | None, password_file: Path | None, shared_key_file: Path | None, cert: Path | None, cert_key: Path | None, ca: Path | None,
    server_name: str | None, automatic: bool | None, world: World, printer: Printer,
) -> None:
    """Keep how MAILBOX, a mailbox of the manifest, is reached. What is not given stays as it was.

    One that is hosted here is given a password where it has none.
    At another Wardgate: `wardgate mesh account request` here, `wardgate mesh mailbox admit` there, then this with --from.
    """
    found = post_office(world).mailbox(mailbox)
    if found is None:
        raise Failed(f"there is no mailbox {mailbox.upper()} in the manifest: wardgate mesh mailbox list")
    if sum(str(path) == "-" for path in (password_file, shared_key_file, cert_key)) > 1:
        raise click.UsageError("standard input has one secret: give the others as files")
    accounts = Accounts(world.stores.values)
    given: dict[str, Any] = {
        "base_url": base_url, "server_name": server_name, "automatic": automatic, "password": said_secret(password_file, "the password"),
        "shared_key": said_secret(shared_key_file, "the shared key"), "certificate": _pem(cert, "the certificate"), "key": _pem(cert_key, "the private key"),
        "ca": _pem(ca, "the roots"),
    }
    if admission is not None:
        given |= admitted(world, admission, found.id)
    made = replace(accounts.get(found.id) or Account(found.id), **{name: value for name, value in given.items() if value is not None})
    try:
        made.check()
    except ExchangeError as error:
        raise Failed(str(error)) from None
    if made.base_url is None and made.password is None and found.id not in world.stores.mailboxes.passwords():
        event = world.event(EventType.MAILBOX_CHANGED, mailbox=found.id, change="password")
        world.stores.mailboxes.set_password(found.id, secrets.token_urlsafe(PASSWORD_BYTES), event)
    accounts.put(made)
    fulfilled(world, made)
    _record(world, found.id, "account")
    printer.answer(_data(made), _lines(made))


@account.command()
@click.argument("mailbox")
@with_world
def show(mailbox: str, world: World, printer: Printer) -> None:
    """Show an account, without its secrets."""
    found = _found(world, mailbox)
    printer.answer(_data(found), _lines(found))


@account.command("list")
@with_world
def list_accounts(world: World, printer: Printer) -> None:
    """List the accounts."""
    found = Accounts(world.stores.values).of(post_office(world).mailboxes)
    rows = [(one.mailbox, one.base_url or "here", "automatic" if one.automatic else "by hand") for one in found]
    printer.answer([_data(one) for one in found], table(("MAILBOX", "SERVER", "DRIVEN"), rows))


@account.command()
@click.argument("mailbox")
@with_world
def remove(mailbox: str, world: World, printer: Printer) -> None:
    """Forget an account, and its secrets."""
    if not Accounts(world.stores.values).remove(mailbox):
        raise Failed(f"{mailbox.upper()} has no account")
    _record(world, mailbox.upper(), "account removed")
    printer.answer({"mailbox": mailbox.upper()}, [f"the account of {mailbox.upper()} is forgotten"])


@account.command()
@click.argument("mailbox")
@with_world
def check(mailbox: str, world: World, printer: Printer) -> None:
    """Ask the mailbox server whether it believes us: a handshake."""
    with posts_of(world) as posts:
        try:
            posts(mailbox.upper()).handshake()
            reached = posts.account(mailbox.upper())
        except ExchangeError as error:
            raise Failed(str(error)) from None
        except TOLD as error:
            tell(printer, error)
            click.get_current_context().exit(1)
    printer.answer({"mailbox": reached.mailbox, "server": reached.base_url}, [f"{reached.mailbox} is believed by {reached.base_url}"])


def _found(world: World, mailbox: str) -> Account:
    found = Accounts(world.stores.values).get(mailbox)
    if found is None:
        raise Failed(f"{mailbox.upper()} has no account: wardgate mesh account set {mailbox.upper()}")
    return found


def _record(world: World, mailbox: str, change: str) -> None:
    world.stores.audit.append([world.event(EventType.MAILBOX_CHANGED, mailbox=mailbox, change=change)])


def _pem(path: Path | None, what: str) -> str | None:
    return None if path is None else read_input(path, what).decode("ascii", "replace")


def _data(found: Account) -> dict[str, Any]:
    return {
        "mailbox": found.mailbox, "base_url": found.base_url, "server_name": found.server_name, "automatic": found.automatic,
        "has_password": found.password is not None, "has_shared_key": found.shared_key is not None, "has_certificate": found.certificate is not None,
        "has_ca": found.ca is not None,
    }


def _lines(found: Account) -> list[str]:
    kept = [name for name, there in (("password", found.password), ("shared key", found.shared_key), ("certificate", found.certificate), ("roots", found.ca)) if there]
    return pairs([
        ("mailbox", found.mailbox), ("server", found.base_url or "here"), ("server name", found.server_name or ""), ("kept", ", ".join(kept)),
        ("driven", "automatically" if found.automatic else "by hand: wardgate message receive")])


account.add_command(request)
