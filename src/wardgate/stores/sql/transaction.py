"""Transactions, and what goes wrong in them in our own words.

A driver's message may quote a row, so it is never passed on: only the class of the error and its code are.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, update
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from wardgate.stores.errors import AlreadyExists, StoreUnavailable
from wardgate.stores.sql.engine import WRITE, Database
from wardgate.stores.sql.schema import GENERATION


@contextmanager
def reading(database: Database) -> Iterator[Connection]:
    """One consistent view of the database. Raises `StoreUnavailable`."""
    options = {} if database.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with _translated(database), database.engine.connect() as pooled:
        connection = pooled.execution_options(**options)
        with connection.begin():
            yield connection


@contextmanager
def writing(database: Database) -> Iterator[Connection]:
    """A transaction that is committed and durable when the block ends, or leaves nothing behind.

    Raises `StoreUnavailable`, or `AlreadyExists` when a unique name or key is taken.
    """
    if not database.is_sqlite:
        with _translated(database), database.engine.begin() as connection:
            yield connection
        return
    if not database.writing.acquire(timeout=database.limits.lock_seconds):
        raise StoreUnavailable("the database is busy: another writer of this process takes too long")
    try:
        with _translated(database), database.engine.connect() as pooled:
            connection = pooled.execution_options(**{WRITE: True})
            with connection.begin():
                yield connection
    finally:
        database.writing.release()


def raise_generation(connection: Connection) -> int:
    """Raise the generation and return it. Holds its row until the end, so numbers are committed in order.

    NOTE: call this before anything else of the transaction takes a lock (the head of the audit chain comes after).
    """
    statement = update(GENERATION).where(GENERATION.c.id == 1).values(number=GENERATION.c.number + 1)
    return int(connection.execute(statement.returning(GENERATION.c.number)).scalar_one())


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    driver_error = database.engine.dialect.loaded_dbapi.Error
    try:
        yield
    except IntegrityError as error:
        raise AlreadyExists(f"a unique name or key is taken ({_code(error.orig)})") from None
    except DBAPIError as error:
        raise StoreUnavailable(f"the database could not do it: {_code(error.orig)}") from None
    except driver_error as error:  # from the hot statements, which use the driver directly
        raise StoreUnavailable(f"the database could not do it: {_code(error)}") from None
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database could not be used: {type(error).__name__}") from None


def _code(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
