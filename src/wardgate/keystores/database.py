"""Signing keys from the store, loaded once and kept."""

import threading
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from wardgate.audit.model import Event, EventType
from wardgate.keystores import es256, schedule
from wardgate.keystores.errors import NoSigningKey
from wardgate.keystores.es256 import ES256Key
from wardgate.keystores.schedule import Rotation
from wardgate.stores.errors import AlreadyExists
from wardgate.stores.ports import SigningKey, SigningKeys

ACCESS_TOKEN: Final = "access-token"  # noqa: S105 - the name of a use
AUDIT: Final = "audit"
USES: Final = (ACCESS_TOKEN, AUDIT)


class DatabaseKeys:
    """Reads keys from memory; `reload` brings what other processes made. Call it when the generation has risen.

    The audit key's past public halves stay: old checkpoints must verify for as long as the log is kept.
    """

    def __init__(self, store: SigningKeys, rotation: Rotation | None = None) -> None:
        self._store = store
        self._rotation = rotation or Rotation()
        self._loaded: dict[str, ES256Key] = {}
        self._keys: dict[str, Sequence[SigningKey]] = {}
        self._lock = threading.Lock()

    def reload(self) -> None:
        """Read every use's keys again; a key that is loaded already is kept as it is."""
        keys = {use: self._store.all(use) for use in USES}
        with self._lock:
            for key in (key for found in keys.values() for key in found):
                if key.kid not in self._loaded:
                    self._loaded[key.kid] = es256.load(key.kid, key.private_pem)
            self._keys = keys

    def signer(self, use: str, now: datetime) -> ES256Key:
        """Return the loaded key that signs now. Raises `NoSigningKey`."""
        key = schedule.signing(self._of(use), now)
        if key is None:
            raise NoSigningKey(f"no key signs for {use} now")
        return self._loaded[key.kid]

    def public_keys(self, use: str, now: datetime) -> Sequence[ES256Key]:
        """Return the keys whose public halves are published now, the one that signs first."""
        keys = schedule.published(self._of(use), now)
        current = schedule.signing(keys, now)
        ordered = sorted(keys, key=lambda key: (key is not current, -key.sign_from.timestamp()))
        return [self._loaded[key.kid] for key in ordered]

    def public_jwks(self, use: str, now: datetime) -> dict[str, list[dict[str, Any]]]:
        """Return the key set to publish (RFC 7517 section 5)."""
        return {"keys": [dict(key.public_jwk()) for key in self.public_keys(use, now)]}

    def verify(self, use: str, kid: str, data: bytes, signature: bytes) -> bool:
        """Return whether the key `kid` of this use, past ones included, made the signature."""
        if all(key.kid != kid for key in self._of(use)):
            return False
        return es256.verify(self._loaded[kid].public, data, signature)

    def rotate_if_due(self, use: str, now: datetime) -> str | None:
        """Make the next key when it is due and return its kid; None when it is not, or another process made it.

        Reads the store first. Of two processes that rotate in the same instant one gives way to the other.
        """
        self.reload()
        if not schedule.is_due(self._of(use), now, self._rotation):
            return None
        return self.rotate(use, now)

    def rotate(self, use: str, now: datetime) -> str | None:
        """Make the next key now, due or not: `wardgate` does that when a key may be known to others."""
        keys = self._of(use)
        signs_from = schedule.sign_from(keys, now, self._rotation)
        kid, pem = es256.generate()
        details = {"use": use, "kid": kid, "sign_from": signs_from.isoformat()}
        try:
            self._store.add(
                SigningKey(kid, use, pem, now, signs_from), Event(EventType.SIGNING_KEY_ROTATED, now, details=details)
            )
        except AlreadyExists:
            self.reload()
            return None
        last = schedule.verify_until(signs_from, self._rotation)
        for key in keys:
            if key.verify_until is None and use != AUDIT:
                self._store.retire(key.kid, last)
        self.reload()
        return kid

    def _of(self, use: str) -> Sequence[SigningKey]:
        return self._keys.get(use, ())
