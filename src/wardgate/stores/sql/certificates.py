"""Authorities, the certificates they issued, and their revocation lists."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, insert, select, update

from wardgate.audit.model import Event
from wardgate.stores.errors import AlreadyExists
from wardgate.stores.ports import Authority, IssuedCertificate, IssuedCRL
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.schema import AUTHORITIES, CERTIFICATES, CRLS
from wardgate.stores.sql.transaction import raise_generation, reading, writing
from wardgate.stores.sql.upsert import upsert


class SQLCertificates:
    """Authorities' private keys are sealed; certificates and lists are public."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def add_authority(self, authority: Authority) -> None:
        row = {
            "name": authority.name, "parent": authority.parent, "certificate_pem": authority.certificate_pem,
            "sealed": self._context.seal(authority.private_pem, _place(authority.name)), "created": authority.created,
            "retired": authority.retired,
        }
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            connection.execute(insert(AUTHORITIES).values(**row, generation=generation))

    def authorities(self) -> Sequence[Authority]:
        statement = select(AUTHORITIES).order_by(AUTHORITIES.c.created, AUTHORITIES.c.name)
        with reading(self._context.database) as connection:
            found = connection.execute(statement).all()
        return [
            Authority(row.name, row.parent, row.certificate_pem, self._context.open(row.sealed, _place(row.name)),
                      row.created, row.retired)
            for row in found
        ]

    def retire_authority(self, name: str, at: datetime) -> None:
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            change = update(AUTHORITIES).where(AUTHORITIES.c.name == name)
            connection.execute(change.values(retired=at, generation=generation))

    def add(self, certificate: IssuedCertificate, event: Event) -> None:
        """Raise `AlreadyExists` for a known fingerprint or serial."""
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            connection.execute(insert(CERTIFICATES).values(**asdict(certificate), generation=generation))
            chain.append(self._context, connection, [event])

    def all(self) -> Sequence[IssuedCertificate]:
        return self._select()

    def find(
        self, *, fingerprint: str | None = None, serial: str | None = None, name: str | None = None,
        authority: str | None = None, subject: tuple[str, str] | None = None,
    ) -> Sequence[IssuedCertificate]:
        kind, whom = subject or (None, None)
        wanted = {"fingerprint": fingerprint, "serial": serial, "name": name, "authority": authority, "subject_kind": kind, "subject": whom}
        return self._select(*(CERTIFICATES.c[column] == value for column, value in wanted.items() if value is not None))

    def revoked(self, ending_after: datetime) -> Sequence[IssuedCertificate]:
        return self._select(CERTIFICATES.c.revoked_at.is_not(None), CERTIFICATES.c.not_after > ending_after)

    def revoke(self, fingerprint: str, at: datetime, reason: str, event: Event) -> bool:
        """Return whether this revoked it: False for an unknown certificate or one revoked before."""
        good = (CERTIFICATES.c.fingerprint == fingerprint, CERTIFICATES.c.revoked_at.is_(None))
        with writing(self._context.database) as connection:
            if connection.execute(select(CERTIFICATES.c.serial).where(*good)).first() is None:
                return False
            generation = raise_generation(connection)
            change = update(CERTIFICATES).where(*good)
            changed = connection.execute(change.values(revoked_at=at, revocation_reason=reason, generation=generation))
            if changed.rowcount == 0:  # another process revoked it while this one waited for the generation
                return False
            chain.append(self._context, connection, [event])
        return True

    def put_crl(self, crl: IssuedCRL, event: Event) -> None:
        """Raise `AlreadyExists` when the authority has a list with this number or a higher one."""
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            known = select(CRLS.c.number).where(CRLS.c.authority == crl.authority)
            number = connection.execute(known).scalar_one_or_none()
            if number is not None and number >= crl.number:
                raise AlreadyExists(f"the revocation list of {crl.authority} has number {number}; {crl.number} is not above it")
            upsert(connection, CRLS, [{**asdict(crl), "generation": generation}])
            chain.append(self._context, connection, [event])

    def crls(self) -> Sequence[IssuedCRL]:
        statement = select(CRLS).order_by(CRLS.c.authority)
        with reading(self._context.database) as connection:
            found = connection.execute(statement).all()
        return [IssuedCRL(row.authority, row.number, row.this_update, row.next_update, row.pem) for row in found]

    def _select(self, *conditions: ColumnElement[bool]) -> list[IssuedCertificate]:
        statement = select(CERTIFICATES).where(*conditions)
        statement = statement.order_by(CERTIFICATES.c.not_before, CERTIFICATES.c.fingerprint)
        with reading(self._context.database) as connection:
            return [_certificate(row) for row in connection.execute(statement)]


def _certificate(row: Row[Any]) -> IssuedCertificate:
    values = row._asdict()
    del values["generation"]
    return IssuedCertificate(**values)


def _place(name: str) -> str:
    return f"authorities/sealed/{name}"
