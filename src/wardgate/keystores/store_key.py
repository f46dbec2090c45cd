"""Where the store key comes from: the environment, a file, or the data directory, where the first start makes one.

Keys are 32 bytes in base64, one a line (or separated by spaces or commas): the first seals, all of them open. To
rotate, put the new key first, start, run the re-sealing, then drop the old one.
"""

import base64
import binascii
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from wardgate.keystores.errors import StoreKeyInvalid
from wardgate.keystores.sealing import KEY_BYTES, Sealer
from wardgate.keystores.secret_file import read_secret_file

VARIABLE: Final = "WARDGATE_STORE_KEY"
FILE_VARIABLE: Final = "WARDGATE_STORE_KEY_FILE"
MAX_KEYS: Final = 8


def load_store_keys(environ: Mapping[str, str], data: Path | None = None) -> Sealer:
    """Return the sealer of this installation: from WARDGATE_STORE_KEY, WARDGATE_STORE_KEY_FILE, or `data`/keys/store.key.

    The last is made on first start, readable by its owner only. Raises `StoreKeyInvalid`.
    """
    if (text := environ.get(VARIABLE)) is not None:
        return _parse(text, VARIABLE)
    if (name := environ.get(FILE_VARIABLE)) is not None:
        return _parse(_read(Path(name)), FILE_VARIABLE)
    if data is None:
        raise StoreKeyInvalid(f"no store key: set {VARIABLE} or {FILE_VARIABLE}, or give a data directory")
    path = data / "keys" / "store.key"
    if not path.exists():
        _create(path)
    return _parse(_read(path), str(path))


def new_store_key() -> str:
    """Return a new random key in base64, as the settings take it."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _parse(text: str, origin: str) -> Sealer:
    keys = []
    for part in text.replace(",", " ").split():
        try:
            key = base64.b64decode(part, validate=True)
        except (binascii.Error, ValueError):
            raise StoreKeyInvalid(f"{origin}: a store key is 32 bytes in base64") from None
        if len(key) != KEY_BYTES:
            raise StoreKeyInvalid(f"{origin}: a store key is 32 bytes in base64, this one has {len(key)} bytes")
        keys.append(key)
    if not 1 <= len(keys) <= MAX_KEYS:
        raise StoreKeyInvalid(f"{origin}: 1 to {MAX_KEYS} store keys are wanted, {len(keys)} are there")
    return Sealer(keys)


def _read(path: Path) -> str:
    return read_secret_file(path, "store key", StoreKeyInvalid)


def _create(path: Path) -> None:
    """Make the file with a new key, durably. Of two processes that start at once, one makes it and both use it."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.chmod(0o700)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(new_store_key() + "\n")
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
        directory = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        raise StoreKeyInvalid(f"the store key cannot be made: {error.strerror}") from None
