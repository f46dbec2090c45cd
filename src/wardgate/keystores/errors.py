"""What can go wrong with keys.

KeyStoreError
├── StoreKeyInvalid   the store key is missing, malformed, or readable by others than its owner
├── NoSigningKey      there is no key that may sign now for a use
└── KeyInvalid        a stored private key is not one we can sign with
"""


class KeyStoreError(Exception):
    """The root of this room."""


class StoreKeyInvalid(KeyStoreError):
    """The store key cannot be used; the message says why and never holds the key."""


class NoSigningKey(KeyStoreError):
    """No key may sign now for this use."""


class KeyInvalid(KeyStoreError):
    """A stored private key is not a P-256 key."""
