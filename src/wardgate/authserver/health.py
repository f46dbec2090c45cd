"""`_ping` and `_status` (application-restricted 12)."""

from hmac import compare_digest
from typing import Any, Final

from wardgate.audit.model import EventType
from wardgate.authserver.dependencies import AuthServer, AuthServerSettings, HealthCheck
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import Send, respond_json
from wardgate.oauth.errors import OAuthRefused

_ORDER: Final = {"pass": 0, "warn": 1, "fail": 2}


def _build(settings: AuthServerSettings) -> dict[str, str]:
    build = settings.build
    return {"version": build.version, "revision": build.revision, "releaseId": build.release_id, "commitId": build.commit_id}


async def ping(server: AuthServer, send: Send, *, head: bool) -> None:
    """Answer 200 to everybody."""
    await respond_json(send, 200, _build(server.settings), head=head)


async def status(server: AuthServer, exchange: Exchange, send: Send, *, head: bool) -> None:
    """Answer 200 whatever the verdict, to the holder of the monitoring key only. Raises `OAuthRefused`."""
    exchange.refused_as = EventType.CALL_REFUSED
    expected = server.settings.monitoring_key
    given = exchange.headers.get(b"apikey")
    if expected is None or given is None or not compare_digest(given, expected.encode("utf-8")):
        raise OAuthRefused("status-key-invalid", "the monitoring key in the header apikey", "no such header" if given is None else "another key")
    checks = await server.health()
    verdict = max((check.status for check in checks), key=_ORDER.__getitem__, default="pass")
    body = {"status": verdict} | _build(server.settings) | {"checks": {check.name: _check(check) for check in checks}}
    await respond_json(send, 200, body, head=head)


def _check(check: HealthCheck) -> dict[str, Any]:
    return {
        "status": check.status, "timeout": "true" if check.timeout else "false", "responseCode": check.response_code,
        "outcome": check.outcome, "links": {"self": check.link},
    }
