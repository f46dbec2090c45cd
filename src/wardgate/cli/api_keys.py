"""API keys and their client secrets made and taken back (application-restricted 5.2): shown once, named by their id ever after."""

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
    """Add a new API key with its client secret and return both, in clear for this once."""
    key = "".join(secrets.choice(KEY_CHARACTERS) for _ in range(KEY_LENGTH))
    secret = "".join(secrets.choice(KEY_CHARACTERS) for _ in range(KEY_LENGTH))
    credential = Credential(secrets.token_hex(8), application, key, "approved", world.now, secret=secret)
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
    """Return the one answer that shows a new key, or write key and secret to new files and return where. Raises `OSError`."""
    if path is None:
        return {"credential": credential.id, "api_key": credential.key, "client_secret": credential.secret}, [
            f"API key        {credential.key}", f"client secret  {credential.secret}", f"id             {credential.id}"]
    beside = secret_file(path)
    for place, text in ((path, credential.key), (beside, credential.secret or "")):
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text + "\n")
    return {"credential": credential.id, "key_file": str(path), "secret_file": str(beside)}, [
        f"API key written to {path}", f"client secret written to {beside}", f"id       {credential.id}"]


def secret_file(path: Path) -> Path:
    """Return where the client secret goes when the key goes to `path`."""
    return path.with_name(path.name + ".secret")
