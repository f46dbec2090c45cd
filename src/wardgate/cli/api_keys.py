"""API keys made and taken back (application-restricted 5.2): shown once, named by their id ever after."""

import os
import secrets
import string
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from wardgate.audit import EventType
from wardgate.cli.context import World
from wardgate.stores.ports import Credential

KEY_CHARACTERS: Final = string.ascii_letters + string.digits
KEY_LENGTH: Final = 32
"""As the platform's: 32 letters and digits, 190 random bits."""


def issue_key(world: World, application: str) -> Credential:
    """Add a new API key and return it, in clear for this once."""
    key = "".join(secrets.choice(KEY_CHARACTERS) for _ in range(KEY_LENGTH))
    credential = Credential(secrets.token_hex(8), application, key, "approved", world.now)
    world.stores.credentials.add(credential, world.event(EventType.CREDENTIAL_ISSUED, application, credential=credential.id))
    return credential


def revoke_keys(world: World, credentials: Sequence[Credential]) -> list[str]:
    """Revoke these keys and return their ids."""
    for credential in credentials:
        event = world.event(EventType.CREDENTIAL_REVOKED, credential.application, credential=credential.id)
        world.stores.credentials.set_status(credential.id, "revoked", world.now, event)
    return [credential.id for credential in credentials]


def key_data(credential: Credential) -> dict[str, Any]:
    """Return what may be shown of a key at any time."""
    return {"id": credential.id, "ends_with": credential.key[-4:], "status": credential.status, "issued": credential.issued.isoformat(),
            "expires": credential.expires.isoformat() if credential.expires else None}


def write_key(credential: Credential, path: Path | None) -> tuple[dict[str, Any], list[str]]:
    """Return the one answer that shows a new key, or write the key to a new file and return where. Raises `OSError`."""
    if path is None:
        return {"credential": credential.id, "api_key": credential.key}, [f"API key  {credential.key}", f"id       {credential.id}"]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(credential.key + "\n")
    return {"credential": credential.id, "key_file": str(path)}, [f"API key written to {path}", f"id       {credential.id}"]
