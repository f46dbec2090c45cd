"""The ports of the LDAP face: plain on loopback, and TLS by the gateway's own certificate and trust (spine 7.1)."""

import logging
import socket
import ssl
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.directory import Directory, Organisation
from wardgate.directory.index import DirectoryIndex
from wardgate.ldap import Content, LDAPServer
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server.errors import StartRefused
from wardgate.server.settings import Settings

DEMO_PORT: Final = 1389
"""Where a demonstration that says nothing of LDAP offers it, if the port is free."""
_log = logging.getLogger(__name__)


class DirectoryContent:
    """What the LDAP face shows: the directory in force, and the names of organisations. Made once for each snapshot."""

    def __init__(self, snapshot: Callable[[], Snapshot], organisations: Callable[[], Mapping[str, Organisation]]) -> None:
        self._snapshot, self._organisations = snapshot, organisations
        self._made: tuple[Snapshot, Content] | None = None

    def __call__(self) -> Content:
        """Return it as it is now."""
        snapshot = self._snapshot()
        if self._made is None or self._made[0] is not snapshot:
            named = self._organisations()
            organisations = {code: named[code].name if code in named else None for code in snapshot.organisations}
            self._made = snapshot, Content(snapshot.directory or DirectoryIndex(Directory()), organisations)
        return self._made[1]


class LDAPTrust:
    """TLS for the LDAPS port. What it shows and trusts is what Envoy does, of the same moment, for every new connection."""

    def __init__(self, run_directory: Path, settings: Settings) -> None:
        self._directory = run_directory
        self._wanted = settings.ldaps_port is not None
        self._required = settings.ldaps_client_certificates == "required"
        self._material: TLSMaterial | None = None
        self._current: ssl.SSLContext | None = None

    def reload(self, material: TLSMaterial) -> None:
        """Take other keys, authorities and lists. Blocking. Raises `ssl.SSLError`, `OSError`; what was before then stays."""
        if self._wanted and material != self._material:
            self._current = self._made(material)
            self._material = material

    def context(self) -> ssl.SSLContext:
        """Return the context to listen with: at each handshake it is exchanged for the newest one. Raises `LookupError` before the first `reload`."""
        if self._material is None:
            raise LookupError("no certificate yet")
        outer = self._made(self._material)

        def newest(connection: Any, _name: str | None, _context: ssl.SSLContext) -> None:
            connection.context = self._current

        outer.sni_callback = newest
        return outer

    def _made(self, material: TLSMaterial) -> ssl.SSLContext:
        """NOTE: a certificate's key, and lists, are only taken from files; these are gone at once, and nobody else can read them."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED if self._required else ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
        with tempfile.NamedTemporaryFile("w", dir=self._directory) as own, tempfile.NamedTemporaryFile("w", dir=self._directory) as trust:
            own.write(material.certificate_chain_pem + material.private_key_pem)
            own.flush()
            context.load_cert_chain(own.name)
            trust.write(material.trust_pem + material.crl_pem)
            trust.flush()
            context.load_verify_locations(trust.name)
        return context


async def listen(server: LDAPServer, trust: LDAPTrust, settings: Settings) -> int | None:
    """Serve the ports that are asked for; return the plain one, if there is one. Raises `StartRefused` for a port that cannot be had."""
    if settings.ldaps_port is not None:
        await server.listen(_bound(settings.address, settings.ldaps_port, "ldaps"), trust.context())
    if settings.ldap_port is not None:
        await server.listen(_bound("127.0.0.1", settings.ldap_port, "ldap"))
        return settings.ldap_port
    if not settings.demo:
        return None
    try:
        await server.listen(_bound("127.0.0.1", DEMO_PORT, "ldap"))
    except StartRefused as refused:
        _log.info("%s", refused)
        return None
    return DEMO_PORT


def _bound(address: str, port: int, name: str) -> socket.socket:
    one = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        one.bind((address, port))
        one.listen(128)
    except OSError as error:
        one.close()
        raise StartRefused(f"LDAP cannot listen on {address} port {port}: {error.strerror}; name another with --{name}-port") from None
    return one
