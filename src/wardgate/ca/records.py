"""Certificates as the store keeps them, and the events that go with them."""

from datetime import datetime
from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from wardgate.audit.model import Event, EventType, Personal
from wardgate.pki.chain import fingerprint
from wardgate.stores.ports import IssuedCertificate


class SubjectKind(StrEnum):
    """Whom a certificate is for."""

    SYSTEM = "system"
    APPLICATION = "application"
    SERVER = "server"
    USER = "user"
    """A person of the manifest: a smartcard."""
    MAILBOX = "mailbox"
    """A client that speaks for a mailbox."""
    MESSAGES = "messages"
    """An organisation's message key; its name is the key's id."""
    AUTHORITY = "authority"


def spelt_serial(serial: int) -> str:
    """A serial number as it is stored and shown: lower-case hex."""
    return f"{serial:x}"


def to_pem(certificate: x509.Certificate) -> str:
    """The certificate as PEM."""
    return certificate.public_bytes(Encoding.PEM).decode("ascii")


def record(
    certificate: x509.Certificate, *, authority: str, name: str, kind: SubjectKind, subject: str
) -> IssuedCertificate:
    """What the store keeps of a certificate."""
    return IssuedCertificate(
        fingerprint=fingerprint(certificate),
        serial=spelt_serial(certificate.serial_number),
        authority=authority,
        name=name,
        subject_kind=kind.value,
        subject=subject,
        not_before=certificate.not_valid_before_utc,
        not_after=certificate.not_valid_after_utc,
        certificate_pem=to_pem(certificate),
    )


def event(kind: EventType, of: IssuedCertificate, at: datetime, **details: str) -> Event:
    """An event about one certificate. Of a person it says who only as a keyed hash."""
    about = [Personal(text) if of.subject_kind == SubjectKind.USER else text for text in (of.name, of.subject)]
    return Event(
        type=kind,
        at=at,
        application=of.subject if of.subject_kind == SubjectKind.APPLICATION else None,
        details={
            "fingerprint": of.fingerprint,
            "serial": of.serial,
            "authority": of.authority,
            "name": about[0],
            "subject_kind": of.subject_kind,
            "subject": about[1],
            "not_after": f"{of.not_after:%Y-%m-%dT%H:%M:%SZ}",
            **details,
        },
    )
