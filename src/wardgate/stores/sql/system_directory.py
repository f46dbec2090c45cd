"""The system directory: entries with tombstones, so that a number is never given twice; enrolments that move one step at a time."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from wardgate.audit.model import Event
from wardgate.directory.accredited_system import AccreditedSystem
from wardgate.directory.attributes import ObjectClass
from wardgate.directory.endpoint import Endpoint
from wardgate.directory.entry import Item, identifier_of
from wardgate.directory.onboarding import Enrolment
from wardgate.directory.sharing_rule import SharingRule
from wardgate.directory.whole import Directory
from wardgate.stores.errors import AlreadyExists, Superseded
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.directory_rows import enrolment_of, enrolment_row, entry_row, item_of, key_of
from wardgate.stores.sql.generation import current
from wardgate.stores.sql.schema import DIRECTORY_ENROLMENTS, DIRECTORY_ENTRIES, SHARING_RULES
from wardgate.stores.sql.transaction import raise_generation, reading, writing
from wardgate.stores.sql.upsert import upsert
from wardgate.stores.system_directory import DirectoryChange

_TABLES = (DIRECTORY_ENTRIES, DIRECTORY_ENROLMENTS, SHARING_RULES)
_KEYS_AT_ONCE = 500


class SQLSystemDirectory:
    """A removed entry stays without its body; its enrolment goes, and a removed sharing rule is marked."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def load(self) -> tuple[int, Directory]:
        with reading(self._context.database) as connection:
            generation, found = current(connection), self._read(connection, -1)
        systems = tuple(item for item in found.items if isinstance(item, AccreditedSystem))
        endpoints = tuple(item for item in found.items if isinstance(item, Endpoint))
        return generation, Directory(systems=systems, endpoints=endpoints, sharing_rules=found.shared, enrolments=found.enrolments)

    def changed_since(self, generation: int) -> tuple[int, DirectoryChange]:
        with reading(self._context.database) as connection:
            return current(connection), self._read(connection, generation)

    def taken(self) -> tuple[Sequence[str], Sequence[str]]:
        asids = select(DIRECTORY_ENTRIES.c.identifier).where(DIRECTORY_ENTRIES.c.object_class == str(ObjectClass.SYSTEM))
        keys = select(DIRECTORY_ENTRIES.c.party_key).distinct()
        with reading(self._context.database) as connection:
            return connection.execute(asids).scalars().all(), connection.execute(keys).scalars().all()

    def entry(self, identifier: str) -> Item | None:
        wanted = select(DIRECTORY_ENTRIES).where(DIRECTORY_ENTRIES.c.id == key_of(identifier), DIRECTORY_ENTRIES.c.sealed.is_not(None))
        with reading(self._context.database) as connection:
            row = connection.execute(wanted).first()
        return None if row is None else item_of(self._context, row)

    def enrolment(self, asid: str) -> Enrolment | None:
        with reading(self._context.database) as connection:
            row = connection.execute(select(DIRECTORY_ENROLMENTS).where(DIRECTORY_ENROLMENTS.c.asid == asid)).first()
        return None if row is None else enrolment_of(self._context, row)

    def register(self, system: AccreditedSystem, enrolment: Enrolment, event: Event, *, seen: int | None = None) -> int:
        """Raise `ValueError` for another system's enrolment too."""
        if system.asid != enrolment.asid:
            raise ValueError("the enrolment is another system's")
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            _refuse_superseded(connection, seen)
            connection.execute(insert(DIRECTORY_ENTRIES).values(**entry_row(self._context, system, generation)))
            connection.execute(insert(DIRECTORY_ENROLMENTS).values(**enrolment_row(self._context, enrolment, generation)))
            chain.append(self._context, connection, [event])
        return generation

    def step(self, before: Enrolment, after: Enrolment, event: Event, system: AccreditedSystem | None = None, *, seen: int | None = None) -> int:
        if (after.asid, after.history[:-1]) != (before.asid, before.history) or (system is not None and system.asid != before.asid):
            raise ValueError("not one step on from what was before")
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            _refuse_superseded(connection, seen)
            stored = connection.execute(select(DIRECTORY_ENROLMENTS).where(DIRECTORY_ENROLMENTS.c.asid == before.asid)).first()
            if stored is None or enrolment_of(self._context, stored) != before:
                raise Superseded(f"the enrolment of {before.asid} is not what the step was made from")
            upsert(connection, DIRECTORY_ENROLMENTS, [enrolment_row(self._context, after, generation)])
            if system is not None:
                present = and_(DIRECTORY_ENTRIES.c.id == key_of(system.asid), DIRECTORY_ENTRIES.c.sealed.is_not(None))
                if connection.execute(update(DIRECTORY_ENTRIES).where(present).values(**entry_row(self._context, system, generation))).rowcount == 0:
                    raise Superseded(f"there is no system {system.asid}")
            chain.append(self._context, connection, [event])
        return generation

    def write(self, change: DirectoryChange, event: Event, seen: int) -> int:
        _once(change)
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            _refuse_superseded(connection, seen)
            self._refuse_removed(connection, [key_of(identifier_of(item)) for item in change.items])
            upsert(connection, DIRECTORY_ENTRIES, [entry_row(self._context, item, generation) for item in change.items])
            upsert(connection, DIRECTORY_ENROLMENTS, [enrolment_row(self._context, found, generation) for found in change.enrolments])
            for identifier in change.removed:
                gone = update(DIRECTORY_ENTRIES).where(DIRECTORY_ENTRIES.c.id == key_of(identifier))
                connection.execute(gone.values(sealed=None, generation=generation))
                connection.execute(delete(DIRECTORY_ENROLMENTS).where(DIRECTORY_ENROLMENTS.c.asid == identifier))
            upsert(connection, SHARING_RULES, [*_rule_rows(change.shared, generation), *_rule_rows(change.unshared, generation, removed=True)])
            chain.append(self._context, connection, [event])
        return generation

    def _refuse_removed(self, connection: Connection, keys: Sequence[str]) -> None:
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            among = DIRECTORY_ENTRIES.c.id.in_(keys[start : start + _KEYS_AT_ONCE])
            statement = select(DIRECTORY_ENTRIES.c.identifier).where(among, DIRECTORY_ENTRIES.c.sealed.is_(None))
            if (taken := connection.execute(statement.limit(1)).scalar()) is not None:
                raise AlreadyExists(f"{taken} was removed, and is not given again")

    def _read(self, connection: Connection, after: int) -> DirectoryChange:
        """Everything written after a generation, in the order of keys; of before the first, what is gone is nothing new."""
        entries = connection.execute(select(DIRECTORY_ENTRIES).where(DIRECTORY_ENTRIES.c.generation > after).order_by(DIRECTORY_ENTRIES.c.id)).all()
        enrolments = select(DIRECTORY_ENROLMENTS).where(DIRECTORY_ENROLMENTS.c.generation > after).order_by(DIRECTORY_ENROLMENTS.c.asid)
        rules = connection.execute(select(SHARING_RULES).where(SHARING_RULES.c.generation > after).order_by(*SHARING_RULES.primary_key)).all()
        return DirectoryChange(
            items=tuple(item_of(self._context, row) for row in entries if row.sealed is not None),
            removed=tuple(row.identifier for row in entries if row.sealed is None),
            enrolments=tuple(enrolment_of(self._context, row) for row in connection.execute(enrolments)),
            shared=tuple(SharingRule(row.from_asid, row.to_asid, row.service) for row in rules if not row.removed),
            unshared=tuple(SharingRule(row.from_asid, row.to_asid, row.service) for row in rules if row.removed),
        )


def _refuse_superseded(connection: Connection, seen: int | None) -> None:
    """Raise `Superseded` when anything of the directory was written after `seen`."""
    if seen is not None and any((connection.execute(select(func.max(table.c.generation))).scalar() or 0) > seen for table in _TABLES):
        raise Superseded(f"the directory was written after generation {seen}")


def _once(change: DirectoryChange) -> None:
    """Raise `ValueError` for what is in a change twice."""
    names = [key_of(identifier_of(item)) for item in change.items] + [key_of(identifier) for identifier in change.removed]
    asids = [found.asid for found in change.enrolments] + list(change.removed)
    rules = [*change.shared, *change.unshared]
    if any(len(set(found)) != len(found) for found in (names, asids, rules)):
        raise ValueError("something can be put or removed once in one step")


def _rule_rows(rules: Iterable[SharingRule], generation: int, *, removed: bool = False) -> list[dict[str, Any]]:
    return [asdict(rule) | {"removed": removed, "generation": generation} for rule in rules]
