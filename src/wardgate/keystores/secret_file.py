"""A file that holds a secret: small, plain, and readable by its owner only."""

import os
import stat
from pathlib import Path
from typing import Final

from wardgate.keystores.errors import KeyStoreError

MAX_FILE_BYTES: Final = 4096


def read_secret_file(path: Path, what: str, error_type: type[KeyStoreError]) -> str:
    """Return the file's text. Refuses a file that others may read, is no plain file, or is too large: raises `error_type`."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise error_type(f"the {what} file cannot be read: {error.strerror}") from None
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise error_type(f"the {what} file is not a plain file")
        if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise error_type(f"the {what} file is readable by others: chmod 600 it, and consider what it holds as known")
        content = os.read(descriptor, MAX_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_FILE_BYTES:
        raise error_type(f"the {what} file is too large")
    try:
        return content.decode("ascii")
    except UnicodeDecodeError:
        raise error_type(f"the {what} file is not text") from None
