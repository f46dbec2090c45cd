"""`wardgate cert`: certificates of systems, applications, servers and people."""

import os
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import click
from cryptography import x509
from cryptography.x509.oid import NameOID

from wardgate.applications import Application
from wardgate.ca import Issued
from wardgate.ca.records import SubjectKind
from wardgate.cli.authority import authority_of
from wardgate.cli.confirmation import confirm, wait_option
from wardgate.cli.context import World, with_world
from wardgate.cli.failures import Failed
from wardgate.cli.options import IN_FILE, read_input
from wardgate.cli.output import Printer, table
from wardgate.cli.systems import directory_of, found_of
from wardgate.oidc.authenticators import SMARTCARDS
from wardgate.pki.crl import REASONS
from wardgate.stores.ports import IssuedCertificate
from wardgate.workflows.post_office import CLIENT_SUFFIX, PostOffice


@click.group()
def cert() -> None:
    """Certificates of systems, applications, servers and people."""


@cert.command()
@click.option("--csr", type=IN_FILE, required=True, help="The certificate request in PEM; the private key stays with you.")
@click.option("--system", metavar="ASID", default=None, help="For this system, under its registered FQDN.")
@click.option("--app", metavar="NAME", default=None, help="For this application, under its certificate name.")
@click.option("--server", metavar="FQDN", default=None, help="For a server of this name.")
@click.option("--user", metavar="NAME", default=None, help="For the smartcard of this worker; the request's CN is the user name.")
@click.option("--mailbox", metavar="ID", default=None, help="For clients of this mailbox; the request's CN is a name that may speak for it.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Where cert.pem and chain.pem (leaf first) are written.")
@with_world
def issue(
    csr: Path, system: str | None, app: str | None, server: str | None, user: str | None, mailbox: str | None, out: Path, world: World, printer: Printer
) -> None:
    """Issue a certificate for a request, and write DIR/cert.pem and DIR/chain.pem."""
    _one_of(system=system, app=app, server=server, user=user, mailbox=mailbox)
    request = read_input(csr, "the certificate request")
    if mailbox is not None:
        kind, subject, name, person = SubjectKind.MAILBOX, *mailbox_name(world, mailbox, request), ""
    else:
        kind, subject, name, person = _person(world, user) if user is not None else (*_subject(world, system, app, server), "")
    authority = authority_of(world)
    authority.ensure(world.environment.name, world.now)
    issued = authority.issue_from_csr(request, subject_kind=kind, subject=subject, expected_name=name, now=world.now, person=person)
    _written(printer, issued, out)


@cert.command()
@click.option("--fingerprint", default=None, metavar="SHA256", help="The certificate with this fingerprint, in hex.")
@click.option("--serial", default=None, metavar="HEX", help="The certificate with this serial number.")
@click.option("--name", default=None, metavar="FQDN", help="Every certificate of this name that is still good.")
@click.option("--reason", type=click.Choice(list(REASONS)), default="unspecified", show_default=True, help="Why (RFC 5280 section 5.3.1).")
@wait_option
@with_world
def revoke(
    fingerprint: str | None, serial: str | None, name: str | None, reason: str, wait: float, world: World, printer: Printer
) -> None:
    """Revoke a certificate; it is refused on connections that are open, too."""
    _one_of(fingerprint=fingerprint, serial=serial, name=name)
    revoked = authority_of(world).revoke(fingerprint=fingerprint, serial=serial, name=name, reason=reason, now=world.now)
    lines = [f"revoked {entry.name} (serial {entry.serial}, SHA-256 {entry.fingerprint})" for entry in revoked]
    confirm(world, printer, world.stores.generation.current(), wait, {"revoked": [_data(entry) for entry in revoked]}, lines)


@cert.command("list")
@click.option("--expiring", type=click.IntRange(0, 36500), default=None, metavar="DAYS", help="Only those that end within so many days and have no successor.")
@click.option("--all", "every", is_flag=True, help="Revoked and expired ones too.")
@with_world
def list_certificates(expiring: int | None, every: bool, world: World, printer: Printer) -> None:
    """List the certificates this Wardgate issued, the one that ends first on top."""
    now = world.now
    authority = authority_of(world)
    found = authority.expiring(expiring, now) if expiring is not None else authority.certificates()
    shown = sorted((c for c in found if every or (c.revoked_at is None and c.not_after > now)), key=lambda c: c.not_after)
    rows = [(c.name, c.subject_kind, c.subject, c.serial, f"{c.not_after:%Y-%m-%d}", _state(c, now, authority.settings.renew_ahead)) for c in shown]
    printer.answer([_data(c) for c in shown], table(("NAME", "FOR", "SUBJECT", "SERIAL", "ENDS", "STATE"), rows))


@cert.command()
@click.option("--fingerprint", default=None, metavar="SHA256", help="The certificate with this fingerprint, in hex.")
@click.option("--serial", default=None, metavar="HEX", help="The certificate with this serial number.")
@click.option("--name", default=None, metavar="FQDN", help="The newest certificate of this name.")
@click.option("--csr", type=IN_FILE, default=None, help="A request with a new key; without it the old key is certified again.")
@click.option("--early", is_flag=True, help="Before the last 60 days as well.")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True, metavar="DIR", help="Where cert.pem and chain.pem (leaf first) are written.")
@with_world
def renew(
    fingerprint: str | None, serial: str | None, name: str | None, csr: Path | None, early: bool, out: Path,
    world: World, printer: Printer,
) -> None:
    """Renew a certificate for the same subject and name; the old one stays good until its end."""
    _one_of(fingerprint=fingerprint, serial=serial, name=name)
    request = read_input(csr, "the certificate request") if csr is not None else None
    issued = authority_of(world).renew(now=world.now, fingerprint=fingerprint, serial=serial, name=name, csr=request, early=early)
    _written(printer, issued, out)


def _subject(world: World, system: str | None, app: str | None, server: str | None) -> tuple[SubjectKind, str, str]:
    """Return for whom and under which name; the manifest knows the names of systems and applications."""
    if server is not None:
        return SubjectKind.SERVER, server, server
    _, manifest = world.manifest()
    names = {entry.asid: entry.fqdn for entry in manifest.systems}
    if system is not None:
        if system in names:
            return SubjectKind.SYSTEM, system, _named(names[system], f"the system {system} has no fqdn in the manifest")
        return SubjectKind.SYSTEM, system, _registered_name(world, system)
    application = next((entry for entry in manifest.applications if entry.name == app), None)
    if application is None:
        raise Failed(f"there is no application {app}: wardgate app list")
    return SubjectKind.APPLICATION, application.name, _application_name(application, names)


def mailbox_name(world: World, mailbox: str, request: bytes) -> tuple[str, str]:
    """Return whom and under which name: the one asked for where it may speak for the mailbox, else the one to ask with (itk3-messaging 5.1)."""
    _, manifest = world.manifest()
    office = PostOffice.of(manifest.mailboxes, manifest.workflows)
    found = office.mailbox(mailbox)
    if found is None:
        raise Failed(f"there is no mailbox {mailbox.upper()}: wardgate mesh mailbox list")
    asked = _asked_name(request)
    if asked is not None and office.speaks_for(asked, found.id):
        return found.id, asked
    local_id = found.id.lower().replace("_", "-")
    return found.id, found.certificates[0] if found.certificates else f"{local_id}.{found.organisation.lower()}.{CLIENT_SUFFIX}"


def _asked_name(request: bytes) -> str | None:
    """Return the CN of a request, if it can be read: what it is good for is judged with the rest of it."""
    try:
        names = x509.load_pem_x509_csr(request).subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    except ValueError:
        return None
    return str(names[0].value) if len(names) == 1 else None


def _registered_name(world: World, asid: str) -> str:
    """Return the one name of a system that was registered: its own, or else that of its endpoints."""
    found = found_of(directory_of(world), asid)
    if found.enrolment.fqdn is not None:
        return found.enrolment.fqdn
    if len(found.names) != 1:
        has = f"{len(found.names)} names of endpoints" if found.names else "no name"
        raise Failed(f"the system {asid} has {has}: wardgate system name {asid} FQDN says which its certificate carries")
    return found.names[0]


def _person(world: World, username: str) -> tuple[SubjectKind, str, str, str]:
    """Return whom a smartcard is for: a worker of the manifest whose authenticators have one."""
    _, manifest = world.manifest()
    user = next((entry for entry in manifest.users if entry.username.casefold() == username.casefold()), None)
    if user is None:
        raise Failed(f"there is no user {username} in the manifest")
    if user.worker is None or not SMARTCARDS & set(user.worker.authenticators):
        raise Failed(f"the user {user.username} has no smartcard: its authenticators in the manifest name none of {', '.join(sorted(SMARTCARDS))}")
    return SubjectKind.USER, user.username, user.username, user.name


def _application_name(application: Application, systems: dict[str, str | None]) -> str:
    name = application.tls_client_auth_san_dns or (systems.get(application.asid) if application.asid else None)
    return _named(name, f"the application {application.name} has neither tls_client_auth_san_dns nor a system with an fqdn")


def _named(name: str | None, message: str) -> str:
    if name is None:
        raise Failed(f"{message}: add it, then wardgate manifest apply")
    return name


def _one_of(**options: str | None) -> None:
    if sum(value is not None for value in options.values()) != 1:
        raise click.UsageError("give one of " + ", ".join(f"--{name}" for name in options))


def _written(printer: Printer, issued: Issued, out: Path) -> None:
    """Write both files, each complete or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    files = {out / "cert.pem": issued.certificate.certificate_pem, out / "chain.pem": issued.chain_pem}
    for path, text in files.items():
        draft = path.with_name(f".{path.name}.new")
        draft.write_text(text, encoding="ascii")
        os.replace(draft, path)  # noqa: PTH105 - the one that is atomic by its name
    lines = [f"issued {issued.certificate.name}, good until {issued.certificate.not_after:%Y-%m-%d} (serial {issued.certificate.serial})",
             *(f"  {path}" for path in files)]
    printer.answer({**_data(issued.certificate), "files": [str(path) for path in files]}, lines)


def _state(entry: IssuedCertificate, now: datetime, renew_ahead: timedelta) -> str:
    if entry.revoked_at is not None:
        return f"revoked {entry.revoked_at:%Y-%m-%d}"
    if entry.not_after <= now:
        return "expired"
    return "renew" if entry.not_after - now <= renew_ahead else "good"


def _data(entry: IssuedCertificate) -> dict[str, Any]:
    return {"name": entry.name, "subject_kind": entry.subject_kind, "subject": entry.subject, "serial": entry.serial,
            "fingerprint": entry.fingerprint, "authority": entry.authority, "not_before": entry.not_before.isoformat(),
            "not_after": entry.not_after.isoformat(), "revoked_at": entry.revoked_at.isoformat() if entry.revoked_at else None,
            "revocation_reason": entry.revocation_reason}
