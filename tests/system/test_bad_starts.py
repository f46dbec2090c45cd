"""Starts that are refused: exit code 1, one clear sentence, no traceback, and nothing left running."""

import contextlib
import os
import resource
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import warm

LIVE = """
environment: {name: hospital, live: true}
organisations: [{ods: Z9X01, name: Example Hospital}]
apis:
  - name: hello-world
    base_path: /hello-world
    backend: https://backend.example
    routes: [{path: /hello/world, pattern: open-access}]
"""


@pytest.fixture
def stopped(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate that has not been started."""
    with new_wardgate(start=False) as one:
        yield one


@pytest.fixture(scope="module")
def served(new_wardgate: Callable[..., Any]) -> Iterator[Any]:
    """A Wardgate that was started once and stopped, with its data."""
    with new_wardgate() as one:
        one.stop()
        yield one


def refused(wardgate: Any, *more: str, **environ: str) -> str:
    """Start with more arguments; return what it said on standard error when it refused, as it must."""
    done = warm.run([*wardgate.command()[1:], *more], wardgate.environment() | environ, 60)
    assert done.returncode == 1, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "ready" not in done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    assert not wardgate.envoy_is_running()
    return done.stderr


def test_a_data_directory_has_one_wardgate(wardgate: Any) -> None:
    """A second `up` on the same directory is refused; the first goes on."""
    second = subprocess.run(wardgate.command(), capture_output=True, text=True, timeout=60, check=False, env=wardgate.environment())
    assert (second.returncode, second.stderr) == (1, f"wardgate: another Wardgate runs on {wardgate.data}\n")
    with wardgate.client() as client:
        assert client.get("/hello-world/hello/world").status_code == 200


@pytest.mark.parametrize("which", ["port", "mtls_port", "http_port", "smartcard_port", "relay_port", "demo_port", "provider_port"])
def test_a_port_in_use_is_named(served: Any, which: str) -> None:
    """Envoy itself would share the port with another Envoy without a word."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", getattr(served, which)))
        other.listen()
        said = refused(served)
    assert f"127.0.0.1 port {getattr(served, which)}: Address already in use" in said


def test_without_a_manifest_nothing_starts(stopped: Any) -> None:
    """The first start wants a manifest or the demo, and says so."""
    stopped.arguments = ()
    assert refused(stopped) == "wardgate: there is no manifest yet: name one with --manifest FILE, or try the demo with --demo\n"


def test_live_and_demo_exclude_each_other(stopped: Any, tmp_path: Path) -> None:
    """A live environment has no demo content and no port without TLS; without either it starts."""
    manifest = tmp_path / "live.yaml"
    manifest.write_text(LIVE)
    stopped.arguments = ("--manifest", str(manifest))
    assert "a live environment has no plain HTTP port: leave --http-port out" in refused(stopped)
    stopped.http_port = None
    assert "no smartcard port: leave --smartcard-port out" in refused(stopped)
    stopped.smartcard_port = None
    assert "a live environment has no demo" in refused(stopped, "--demo")
    stopped.start()
    assert "ready " in stopped.said()
    said = stopped.cli("manifest", "export")
    assert "live: true" in said.out
    stopped.stop()
    stopped.arguments = ()
    assert "a live environment has no demo" in refused(stopped, "--demo"), "the stored environment is live as well"


@pytest.mark.parametrize(("text", "said"), [
    ("environment: {name: x}\nproducs: []\n", "producs"),
    ("environment: [", "not valid YAML"),
    ("", "environment"),
])
def test_a_manifest_that_is_none_starts_nothing(stopped: Any, tmp_path: Path, text: str, said: str) -> None:
    """File and place are named."""
    manifest = tmp_path / "broken.yaml"
    manifest.write_text(text)
    stopped.arguments = ("--manifest", str(manifest))
    found = refused(stopped)
    assert str(manifest) in found
    assert said in found


@pytest.mark.parametrize(("name", "value", "said"), [
    ("WARDGATE_LOG_FLUSH_SECONDS", "soon", "WARDGATE_LOG_FLUSH_SECONDS"),
    ("WARDGATE_NODE", "a node", "WARDGATE_NODE"),
    ("WARDGATE_ADDRESS", "localhost", "WARDGATE_ADDRESS: Value error, 'localhost' does not appear to be an IPv4 or IPv6 address"),
    ("WARDGATE_JWKS_ALLOWED_NETWORKS", "10.0.0.0/8", "WARDGATE_JWKS_ALLOWED_NETWORKS: not JSON"),
    ("WARDGATE_JWKS_ALLOWED_NETWORKS", '["10.0.0.1/8"]', "WARDGATE_JWKS_ALLOWED_NETWORKS: Value error, 10.0.0.1/8 has host bits set"),
    ("WARDGATE_ENVOY", "/nowhere/envoy", "/nowhere/envoy cannot be run: No such file or directory"),
    ("WARDGATE_ENVOY", "/bin/false", "exit code 1"),
    ("WARDGATE_STORE_KEY", "c2hvcnQ=", "WARDGATE_STORE_KEY: a store key is 32 bytes in base64"),
    ("WARDGATE_STORE_KEY", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE=", "another key"),
])
def test_settings_that_cannot_be_used_are_named(served: Any, name: str, value: str, said: str) -> None:
    """Each is refused before anything serves; a secret's value is not repeated."""
    found = refused(served, **{name: value})
    assert said in found
    assert name != "WARDGATE_STORE_KEY" or value not in found


def test_a_database_that_is_none_is_named(served: Any, tmp_path: Path) -> None:
    """Garbage where the database was, and a database of others."""
    garbage, foreign = tmp_path / "garbage.db", tmp_path / "foreign.db"
    garbage.write_bytes(os.urandom(8192))
    with contextlib.closing(sqlite3.connect(foreign)) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        connection.execute("INSERT INTO alembic_version VALUES ('9999_from_the_future')")
        connection.commit()
    for path in (garbage, foreign):
        assert "database" in refused(served, "--database-url", f"sqlite:///{path}")
    assert "postgresql" in refused(served, "--database-url", "mysql://localhost/wardgate")
    assert "database" in refused(served, "--database-url", "postgresql://nobody@127.0.0.1:1/nothing?connect_timeout=2")


def test_a_directory_that_cannot_be_used_is_named(stopped: Any, tmp_path: Path) -> None:
    """A file in its place, a place that nobody can write to, and a path too long for sockets."""
    file = tmp_path / "file"
    file.write_text("")
    stopped.data = file / "data"
    assert "Not a directory" in refused(stopped)
    stopped.data = Path("/proc/wardgate")
    assert "/proc/wardgate: " in refused(stopped)
    stopped.data = tmp_path / ("long" * 25)
    assert "too long for the sockets" in refused(stopped)
    assert not stopped.data.exists()


def test_a_full_disk_is_said(stopped: Any) -> None:
    """No file may grow beyond 64 KiB: the first start fails in a sentence, not half made and silent."""
    command = stopped.command()
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=stopped.environment(),
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (65_536, 65_536)))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr, done.stderr
    assert done.stderr.startswith("wardgate: ")
    assert stopped.start() > 0, "with room again, the same directory starts"
