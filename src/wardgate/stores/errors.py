"""What can go wrong in a store.

StoreError
├── StoreUnavailable   the database cannot be reached, is locked for too long, or is full; retrying may help
├── AlreadyExists      a unique name or key is taken
├── Superseded         what a change was made from is no longer what is stored
├── WrongStoreKey      the data was encrypted with another key
└── SchemaMismatch     the database is of a newer version of Wardgate, or not migrated
"""


class StoreError(Exception):
    """The root of this room."""


class StoreUnavailable(StoreError):
    """The promise could not be kept; nothing was written."""


class AlreadyExists(StoreError):
    """A unique name or key is taken."""


class Superseded(StoreError):
    """Somebody else's change came in between; nothing was written."""


class WrongStoreKey(StoreError):
    """Data at rest was encrypted with another key than the one given."""


class SchemaMismatch(StoreError):
    """The database's schema is not the one this version needs."""
