"""The same program on PostgreSQL: start, token, call, record, change, restart, crash."""

from collections.abc import Callable
from typing import Any

import pytest

HELLO = "/hello-world/hello/application"
pytestmark = pytest.mark.postgres


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
