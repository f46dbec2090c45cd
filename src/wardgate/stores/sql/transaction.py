"""Transactions, and what goes wrong in them in our own words.

A driver's message may quote a row, so it is never passed on: only the class of the error and its code are.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

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
    with _turn(database), _translated(database), database.engine.connect() as pooled:
        connection = pooled.execution_options(**{WRITE: True})
        with connection.begin():
            yield connection


@contextmanager
def hot_writing(database: Database) -> Iterator[Any]:
    """The same promise as `writing`, on the driver's connection: a small batch should not pay for more than it uses."""
    with _turn(database), _translated(database):
        pooled = database.engine.raw_connection()
        try:
            driver: Any = pooled.driver_connection
            if database.is_sqlite:
                driver.execute("BEGIN IMMEDIATE")
            try:
                yield driver
                driver.commit()
            except BaseException:
                driver.rollback()
                raise
        finally:
            pooled.close()


@contextmanager
def hot_reading(database: Database) -> Iterator[Any]:
    """The driver's connection for one statement that reads. Raises `StoreUnavailable`."""
    with _translated(database):
        pooled = database.engine.raw_connection()
        try:
            yield pooled.driver_connection
        finally:
            pooled.close()


def driver_of(connection: Connection) -> Any:
    """Return the driver's connection, for the hot statements inside a transaction of `writing`."""
    return connection.connection.driver_connection


def raise_generation(connection: Connection) -> int:
    """Raise the generation and return it. Holds its row until the end, so numbers are committed in order.

    NOTE: call this before anything else of the transaction takes a lock (the head of the audit chain comes after).
    """
    statement = update(GENERATION).where(GENERATION.c.id == 1).values(number=GENERATION.c.number + 1)
    return int(connection.execute(statement.returning(GENERATION.c.number)).scalar_one())


@contextmanager
def _turn(database: Database) -> Iterator[None]:
    """Wait for this thread's turn to write. PostgreSQL does that by rows; SQLite has one writer."""
    if not database.is_sqlite:
        yield
        return
    if not database.writing.acquire(timeout=database.limits.lock_seconds):
        raise StoreUnavailable("the database is busy: another writer of this process takes too long")
    try:
        yield
    finally:
        database.writing.release()


@contextmanager
def _translated(database: Database) -> Iterator[None]:
    driver_error = database.engine.dialect.loaded_dbapi.Error
    taken_error = database.engine.dialect.loaded_dbapi.IntegrityError
    try:
        yield
    except IntegrityError as error:
        raise AlreadyExists(f"a unique name or key is taken ({_code(error.orig)})") from None
    except DBAPIError as error:
        raise StoreUnavailable(f"the database could not do it: {_code(error.orig)}") from None
    except taken_error as error:  # these two are from the hot statements, which use the driver directly
        raise AlreadyExists(f"a unique name or key is taken ({_code(error)})") from None
    except driver_error as error:
        raise StoreUnavailable(f"the database could not do it: {_code(error)}") from None
    except SQLAlchemyError as error:
        raise StoreUnavailable(f"the database could not be used: {type(error).__name__}") from None


def _code(error: BaseException | None) -> str:
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return f"{type(error).__name__} {code}" if code else type(error).__name__
