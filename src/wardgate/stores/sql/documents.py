"""The manifest's documents, with tombstones for those removed."""

import json
from collections.abc import Sequence

from sqlalchemy import func, select, update

from wardgate.audit.model import Event
from wardgate.stores.errors import Superseded
from wardgate.stores.ports import StoredDocument
from wardgate.stores.sql import chain
from wardgate.stores.sql.context import Context
from wardgate.stores.sql.generation import current
from wardgate.stores.sql.schema import DOCUMENTS
from wardgate.stores.sql.transaction import raise_generation, reading, writing
from wardgate.stores.sql.upsert import upsert

_NEWEST = select(func.max(DOCUMENTS.c.generation))
_BY_NAME = (DOCUMENTS.c.kind, DOCUMENTS.c.name)


class SQLDocuments:
    """Bodies are JSON text, so that they come back exactly as they went in."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def load(self) -> tuple[int, Sequence[StoredDocument]]:
        statement = select(DOCUMENTS).where(DOCUMENTS.c.removed.is_(False)).order_by(*_BY_NAME)
        with reading(self._context.database) as connection:
            generation = current(connection)
            found = connection.execute(statement).all()
        return generation, [StoredDocument(row.kind, row.name, json.loads(row.body)) for row in found]

    def get(self, kind: str, name: str) -> StoredDocument | None:
        statement = select(DOCUMENTS.c.body).where(DOCUMENTS.c.kind == kind, DOCUMENTS.c.name == name, DOCUMENTS.c.removed.is_(False))
        with reading(self._context.database) as connection:
            body = connection.execute(statement).scalar()
        return StoredDocument(kind, name, json.loads(body)) if body is not None else None

    def changed_since(self, generation: int) -> tuple[int, Sequence[StoredDocument], Sequence[tuple[str, str]]]:
        statement = select(DOCUMENTS).where(DOCUMENTS.c.generation > generation).order_by(*_BY_NAME)
        with reading(self._context.database) as connection:
            now_at = current(connection)
            found = connection.execute(statement).all()
        put = [StoredDocument(row.kind, row.name, json.loads(row.body)) for row in found if not row.removed]
        return now_at, put, [(row.kind, row.name) for row in found if row.removed]

    def write(self, put: Sequence[StoredDocument], remove: Sequence[tuple[str, str]], event: Event, seen: int | None = None) -> int:
        """Raise `Superseded`, and `ValueError` when a document is put and removed at once, or twice."""
        names = [(document.kind, document.name) for document in put] + list(remove)
        if len(set(names)) != len(names):
            raise ValueError("a document can be put or removed once in one step")
        with writing(self._context.database) as connection:
            generation = raise_generation(connection)
            if seen is not None and (connection.execute(_NEWEST).scalar() or 0) > seen:
                raise Superseded(f"a document was written after generation {seen}")
            upsert(connection, DOCUMENTS, [
                {"kind": document.kind, "name": document.name, "body": json.dumps(dict(document.body), ensure_ascii=True),
                 "removed": False, "generation": generation}
                for document in put
            ])
            for kind, name in remove:
                gone = update(DOCUMENTS).where(
                    DOCUMENTS.c.kind == kind, DOCUMENTS.c.name == name, DOCUMENTS.c.removed.is_(False)
                )
                connection.execute(gone.values(body=None, removed=True, generation=generation))
            chain.append(self._context, connection, [event])
        return generation
