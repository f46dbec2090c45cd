"""Where `wardgate mesh` finds who it is, and what it says when it does not; transfers themselves are tried against servers."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import Event, EventType
from wardgate.cli.context import World
from wardgate.mesh import token

KEY = "the-shared-key"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A server that notes tokens and believes everybody."""
    for name in ("MAILBOX", "PASSWORD", "SHARED_KEY", "CERT", "CERT_KEY"):
        monkeypatch.delenv(f"WARDGATE_MESH_{name}", raising=False)
    tokens: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            tokens.append(self.headers["authorization"])
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("WARDGATE_MESH_URL", f"http://127.0.0.1:{httpd.server_port}")
        yield tokens
        httpd.shutdown()
        thread.join()


def proved(header: str, password: str, key: str = KEY) -> None:
    """A token was made with these. Raises `MeshRefused`."""
    token.verify(token.read(header, "X26ABC1"), password=password, shared_key=key.encode(), now=datetime.now(UTC))


def test_secrets_come_from_files_standard_input_and_the_environment(
    wardgate: Any, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A file goes before the environment; a line's end is not part of a secret."""
    (tmp_path / "key").write_text(f"{KEY}\n")
    (tmp_path / "password").write_text("of a file\r\n")
    monkeypatch.setenv("WARDGATE_MESH_PASSWORD", "of the environment")
    said = ("mesh", "handshake", "--mailbox", "x26abc1", "--shared-key-file", tmp_path / "key")
    assert wardgate(*said).out == "X26ABC1 is believed\n"
    assert wardgate(*said, "--password-file", tmp_path / "password").code == 0
    assert wardgate(*said, "--password-file", "-", stdin="of standard input\n").code == 0
    for header, password in zip(server, ("of the environment", "of a file", "of standard input"), strict=True):
        proved(header, password)


def test_an_installation_knows_its_own_mailboxes(installed: Any, server: list[str], tmp_path: Path) -> None:
    """Password and shared key are the store's; another mailbox has none here."""
    with World(tmp_path / "data", None) as world:
        world.stores.values.put("mesh-shared-key", KEY)
        world.stores.mailboxes.set_password("X26ABC1", "of the store", Event(EventType.MAILBOX_CHANGED, datetime.now(UTC)))
    assert installed("mesh", "handshake", "--mailbox", "X26ABC1", "-o", "json").data == {"mailbox": "X26ABC1"}
    proved(server[0], "of the store")
    other = installed("mesh", "handshake", "--mailbox", "X26ABC2")
    assert (other.code, other.err) == (1, "wardgate: there is no password of X26ABC2 here: give --password-file, or set WARDGATE_MESH_PASSWORD\n")


@pytest.mark.parametrize(("more", "code", "said"), [
    ((), 1, "there is no password of X26ABC1 here"), (("--password-file", "p"), 1, "there is no shared key here"),
    (("--password-file", "-", "--shared-key-file", "-"), 2, "standard input has one secret"), (("--password-file", "empty"), 1, "has nothing in it"),
    (("--password-file", "octets"), 1, "is no text"), (("--cert", "p"), 2, "goes with --cert-key"),
    (("--password-file", "p", "--shared-key-file", "p", "--cert", "p", "--cert-key", "p"), 1, "with its key"),
    (("--password-file", "p", "--shared-key-file", "p", "--base-url", "http://mesh.example.nhs.uk"), 1, "not sent over http"),
    (("--password-file", "p", "--shared-key-file", "p", "--base-url", "nowhere"), 1, "a base URL has"),
])
def test_what_is_missing_is_said(
    wardgate: Any, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more: tuple[str, ...], code: int, said: str,
) -> None:
    """One line, exit code 1 for what is not there and 2 for wrong use; nothing was sent."""
    monkeypatch.chdir(tmp_path)
    for name, content in (("p", b"secret"), ("empty", b"\n"), ("octets", b"\xff\xfe")):
        (tmp_path / name).write_bytes(content)
    answer = wardgate("mesh", "handshake", "--mailbox", "X26ABC1", *more)
    assert answer.code == code
    assert said in answer.err
    assert "secret" not in answer.err.replace("one secret", "")
    assert not server


def test_wrong_uses(wardgate: Any, server: list[str], tmp_path: Path) -> None:
    """Options that contradict each other, and numbers that are none."""
    (tmp_path / "f").write_bytes(b"x")
    me = ("--mailbox", "X26ABC1")
    for words in (
        ("send", tmp_path / "nothing", "--to", "B", "--workflow", "W", *me), ("send", tmp_path / "f", "--to", "B", "--workflow", "W", "--chunk-bytes", "0", *me),
        ("send", "-", "--to", "B", "--workflow", "W", "--state", tmp_path / "s", *me), ("receive", "--file", tmp_path / "x", *me),
        ("track", *me), ("track", "M1", "--local-id", "l", *me), ("acknowledge", *me), ("list", "--limit", "0", *me), ("handshake",),
    ):
        assert wardgate("mesh", *words, stdin="x").code == 2, words
    assert not server


def test_a_call_that_is_none_is_refused_before_it_is_sent(wardgate: Any, server: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its failure has a class, for programs."""
    monkeypatch.setenv("WARDGATE_MESH_PASSWORD", "p")
    monkeypatch.setenv("WARDGATE_MESH_SHARED_KEY", "k")
    (tmp_path / "f").write_bytes(b"x")
    answer = wardgate("mesh", "send", tmp_path / "f", "--to", "https://a", "--workflow", "W", "--mailbox", "X26ABC1", "-o", "json")
    assert (answer.code, answer.data["failure"], answer.data["text"]) == (1, "malformed", "Mex-To is no URL")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f"]
    assert not server
