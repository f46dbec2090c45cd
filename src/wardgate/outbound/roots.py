"""Whom we believe when we ask somebody: read once, because a system's roots take tens of milliseconds to read."""

import functools
import ssl
from typing import Final

NOBODY: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Believes no certificate: for Unix sockets, where there is none."""


def roots(ca_file: str | None = None) -> ssl.SSLContext:
    """Return what trusts the roots of this PEM file, or, as one for the whole process, the system's."""
    return _of_the_system() if ca_file is None else ssl.create_default_context(cafile=ca_file)


@functools.cache
def _of_the_system() -> ssl.SSLContext:
    return ssl.create_default_context()
