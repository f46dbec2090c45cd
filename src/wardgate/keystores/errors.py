"""What can go wrong with keys.

KeyStoreError
├── StoreKeyInvalid   the store key is missing, malformed, or readable by others than its owner
├── NoSigningKey      there is no key that may sign now for a use
├── KeyInvalid        a stored private key is not one we can sign with
├── HardwareSettings  what says where a hardware module or its PIN is cannot be used
└── KeyUnavailable    a hardware module, or a key in it, cannot be used now: trying again later may help
"""


class KeyStoreError(Exception):
    """The root of this room."""


class StoreKeyInvalid(KeyStoreError):
    """The store key cannot be used; the message says why and never holds the key."""


class NoSigningKey(KeyStoreError):
    """No key may sign now for this use."""


class KeyInvalid(KeyStoreError):
    """A stored private key is not of a kind that is used here."""


class HardwareSettings(KeyStoreError):
    """No module, no PIN, or a URI of a key that names none; the message never holds a PIN."""


class KeyUnavailable(KeyStoreError, OSError):
    """A hardware module did not do what was asked, in time or at all. Nothing follows about the message: ask again later."""
