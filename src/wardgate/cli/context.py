"""The installation a command acts on, opened piece by piece when a command asks: store, environment, authorities."""

import functools
import getpass
import os
from contextlib import ExitStack, suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from wardgate.audit import Event, EventType
from wardgate.audit.model import Detail
from wardgate.catalogue import Environment
from wardgate.cli.durations import words
from wardgate.cli.failures import Failed
from wardgate.cli.options import Command, data_option, database_option, output_option, printing, table_option
from wardgate.cli.output import Printer
from wardgate.keystores import DatabaseKeys, load_store_keys
from wardgate.manifest import Manifest
from wardgate.manifest.documents import CLOCK, ENVIRONMENT, from_documents
from wardgate.server.installation import rotation_of
from wardgate.server.settings import DATABASE_FILE, Settings
from wardgate.stores import Stores, open_stores
from wardgate.stores.errors import StoreError
from wardgate.stores.ports import StoredDocument


class World:
    """One installation: a data directory and a database. Close it, or use it as a context."""

    def __init__(self, data: Path, database_url: str | None) -> None:
        self.data = data
        self.database_url = database_url
        self._open = ExitStack()
        self._may_create = False
        self._says_clock = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    @cached_property
    def settings(self) -> Settings:
        """The settings that `wardgate up` would have here."""
        return Settings(data=self.data, database_url=self.database_url)

    def create(self) -> None:
        """Make the data directory when there is none, so that the store may be opened for the first time."""
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._may_create = True

    @property
    def exists(self) -> bool:
        """Whether there is an installation to look at."""
        return self.database_url is not None or (self.data / DATABASE_FILE).is_file()

    @cached_property
    def stores(self) -> Stores:
        """Every store. Raises `Failed` when there is no installation here, and `StoreError`."""
        if not self.exists and not self._may_create:
            raise Failed(f"there is no Wardgate in {self.data}: start one with `wardgate up`, or name another with --data")
        data = self.data if self._may_create or self.data.is_dir() else None  # a look does not make a key
        stores = open_stores(self.settings.database, load_store_keys(os.environ, data))
        self._open.callback(stores.close)
        return stores

    @cached_property
    def keys(self) -> DatabaseKeys:
        """The keys this installation signs with."""
        keys = DatabaseKeys(self.stores.signing_keys, rotation_of(self.settings))
        keys.reload()
        return keys

    def event(self, kind: EventType, application: str | None = None, **details: Detail) -> Event:
        """Return an event of something that was done here, and by whom: the name of this machine's account."""
        return Event(kind, self.now, application=application, details={**details, "by": "command line", "operator": operator()})

    def manifest(self) -> tuple[int, Manifest]:
        """Return the generation and the manifest that the store holds. Raises `Failed` when there is none yet."""
        generation, documents = self.documents()
        if not documents:
            raise Failed("this Wardgate has no manifest yet: wardgate manifest apply FILE")
        return generation, from_documents(documents)

    def documents(self) -> tuple[int, tuple[StoredDocument, ...]]:
        """Return the generation and every document."""
        generation, documents = self.stores.documents.load()
        return generation, tuple(documents)

    @property
    def clock_shift(self) -> timedelta:
        """How far the virtual clock is ahead (`wardgate clock`); every event and command here goes by the real time."""
        found, environment = (self.stores.documents.get(kind, kind) for kind in (CLOCK, ENVIRONMENT))
        if found is None or environment is None or environment.body.get("live"):
            return timedelta(0)
        return timedelta(seconds=int(found.body["ahead_seconds"]))

    def tells_clock(self) -> None:
        """Note that the command itself tells how far the clock is ahead."""
        self._says_clock = False

    def say_clock(self, printer: Printer) -> None:
        """Say in a line that the clock is ahead, if the command looked into the store and it is."""
        with suppress(StoreError):
            if self._says_clock and "stores" in self.__dict__ and (ahead := self.clock_shift):
                printer.note(f"note: the virtual clock is {words(ahead)} ahead: wardgate clock show")

    @cached_property
    def environment(self) -> Environment:
        """The environment as the store has it."""
        return self.manifest()[1].environment


def operator() -> str:
    """Return the name of this machine's account."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def with_world(command: Command, output: Command = output_option) -> Command:
    """Add `--data`, `--database-url` and `--output`, and pass a `world` and a `printer`."""
    @data_option
    @database_option
    @functools.partial(printing, option=output)
    @functools.wraps(command)
    def wrapped(*arguments: Any, data: Path, database_url: str | None, **options: Any) -> Any:
        with World(data, database_url) as world:
            try:
                return command(*arguments, world=world, **options)
            finally:
                world.say_clock(options["printer"])

    return wrapped


def with_world_and_tables(command: Command) -> Command:
    """Do what `with_world` does, where the answer is a table that may be wanted as CSV."""
    return with_world(command, table_option)
