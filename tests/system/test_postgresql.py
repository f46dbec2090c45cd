"""The same program on PostgreSQL: start, token, call, record, change, restart, crash."""

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

HELLO = "/hello-world/hello/application"
pytestmark = pytest.mark.postgres


def _contract_suite() -> Any:
    """Return the module that knows how to start a PostgreSQL for tests."""
    name = "contract_suite"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "contract" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    """An empty database on a server of this file."""
    server = _contract_suite().PostgreSQLServer()
    try:
        server.wait()
        server.execute("CREATE DATABASE wardgate")
        yield server.url("wardgate")
    finally:
        server.stop()


def test_everything_is_kept_in_postgresql(new_wardgate: Callable[..., Any], database_url: str) -> None:
    """The URL comes by the environment, as a password should; no database file is made; a killed server loses nothing."""
    with new_wardgate(environ={"WARDGATE_DATABASE_URL": database_url}) as one:
        assert not (one.data / "wardgate.db").exists()
        with one.client() as client:
            token = one.token(client)
            bearer = {"authorization": f"Bearer {token}"}
            assert client.get(HELLO, headers=bearer).status_code == 200
            refused = client.get(HELLO, headers={"apikey": "revoked-key-app-key-not-a-secret"})
            assert one.done("explain", refused.headers["x-request-id"])["events"][0]["reason"] == "api-key-revoked"
            form = one.form()
            assert client.post("/oauth2/token", data=form).status_code == 200
            assert one.done("token", "revoke", "-", stdin=token)["confirmed_by"] == ["local"]
            assert client.get(HELLO, headers=bearer).headers["x-wardgate-reason"] == "access-token-revoked"
            one.kill()
            took = one.start()
            assert client.get(HELLO, headers=bearer).headers["x-wardgate-reason"] == "access-token-revoked"
            assert client.post("/oauth2/token", data=form).headers["x-wardgate-reason"] == "assertion-jti-replayed"
        print(f"\non PostgreSQL, killed and started again: ready after {took:.2f} s")
        one.stop()
        assert one.done("audit", "verify")["intact"]
        print(f"second start to ready: {one.start():.2f} s")
