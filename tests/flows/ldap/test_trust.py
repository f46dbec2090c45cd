"""The TLS of the LDAPS port: whom it takes, and that what was exchanged holds for the next connection."""

import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509

from flows.ldap.serving import Served, Wire, content_of, equal, message, searching
from unit.directory.samples import SYSTEM
from wardgate.ldap import LDAPSettings
from wardgate.server.ldap_ports import LDAPTrust
from wardgate.server.settings import Settings
from wire.authority import Authority, new_key, written

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def authority() -> Authority:
    """The environment's."""
    return Authority("Directory", NOW)


@pytest.fixture(scope="module")
def stranger() -> Authority:
    """Another's."""
    return Authority("Stranger", NOW)


def _trust(directory: Path, authority: Authority, server: Any, **more: Any) -> LDAPTrust:
    trust = LDAPTrust(directory, Settings(data=directory, ldaps_port=1636, **more))
    trust.reload(authority.material(server))
    return trust


def _answers(port: int, roots: Path, identity: tuple[Path, Path] | None = None, **versions: ssl.TLSVersion) -> bool:
    """Whether a caller with this certificate gets an answer."""
    context = ssl.create_default_context(cafile=str(roots))
    context.check_hostname = False
    context.maximum_version = versions.get("maximum", ssl.TLSVersion.TLSv1_3)
    if identity is not None:
        context.load_cert_chain(*identity)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, context.wrap_socket(plain) as stream:
            wire = Wire(stream)
            wire.send(message(searching(equal("uniqueIdentifier", SYSTEM.asid))))
            return wire.read() is not None and wire.result()[1] == 0
    except (OSError, AssertionError):
        return False


@pytest.fixture(scope="module")
def identity(authority: Authority, stranger: Authority, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Path, Path]]:
    """Write a client's certificate and key."""
    directory, key = tmp_path_factory.mktemp("people"), new_key()

    def made(name: str, of: Authority | None = None, **how: Any) -> tuple[Path, Path]:
        found = of or authority
        return written(directory, name, found.chain(found.client(f"{name}.example.nhs.uk", key, **how)), key)

    return made


@pytest.fixture(scope="module")
def roots(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What callers trust."""
    path = tmp_path_factory.mktemp("roots") / "ca.pem"
    path.write_text(authority.material(authority.server()).trust_pem)
    return path


def test_who_is_taken(authority: Authority, stranger: Authority, identity: Callable[..., tuple[Path, Path]], roots: Path, tmp_path: Path) -> None:
    """A certificate of the environment in force; none only where it is optional; a stranger's and an expired one never; no old TLS."""
    server = authority.server()
    good, foreign = identity("good"), identity("foreign", stranger)
    expired = identity("expired", now=NOW - timedelta(days=60))
    for wanted, without in (("required", False), ("optional", True)):
        trust = _trust(tmp_path, authority, server, ldaps_client_certificates=wanted)
        with Served(content_of(), tls=trust.context()).running() as one:
            assert [_answers(one.port, roots, found) for found in (good, None, foreign, expired)] == [True, without, False, False], wanted
            assert _answers(one.port, roots, good, maximum=ssl.TLSVersion.TLSv1_2)
    assert list(tmp_path.iterdir()) == []


def test_what_is_exchanged_holds_for_the_next_connection(authority: Authority, identity: Callable[..., tuple[Path, Path]], roots: Path, tmp_path: Path) -> None:
    """A certificate put on the list is refused from then on; another server's certificate is shown; the port stays open."""
    server = authority.server()
    trust = _trust(tmp_path, authority, server)
    kept, lost = identity("kept"), identity("lost")
    with Served(content_of(), tls=trust.context()).running() as one:
        assert (_answers(one.port, roots, kept), _answers(one.port, roots, lost)) == (True, True)
        shown = _shown(one.port)
        authority.revoke(_certificate(lost[0]))
        trust.reload(authority.material(authority.server()))
        assert (_answers(one.port, roots, kept), _answers(one.port, roots, lost)) == (True, False)
        assert _shown(one.port) != shown


def _shown(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port), timeout=10)


def _certificate(path: Path) -> Any:
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_nothing_is_written_before_it_is_wanted(authority: Authority, tmp_path: Path) -> None:
    """Without the port no key is written down for it, not even for a moment."""
    trust = LDAPTrust(tmp_path / "nowhere", Settings(data=tmp_path))
    trust.reload(authority.material(authority.server()))
    with pytest.raises(LookupError):
        trust.context()


def test_handshakes_are_counted(authority: Authority, identity: Callable[..., tuple[Path, Path]], roots: Path, tmp_path: Path) -> None:
    """Who connects and says nothing has no more of the server's sockets than callers have; the port serves again when they have gone."""
    good, trust = identity("good"), _trust(tmp_path, authority, authority.server())
    with Served(content_of(), LDAPSettings(max_connections=3), tls=trust.context()).running() as one:
        silent = [socket.create_connection(("127.0.0.1", one.port), timeout=10) for _ in range(3)]
        turned_away = [socket.create_connection(("127.0.0.1", one.port), timeout=10) for _ in range(3)]
        assert [found.recv(1) for found in turned_away] == [b"", b"", b""]
        assert not _answers(one.port, roots, good)
        for found in silent:
            found.close()
        assert any(_answers(one.port, roots, good) for _ in range(20))
        for found in turned_away:
            found.close()
