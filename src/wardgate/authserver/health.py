"""`_ping` and `_status` (application-restricted 12)."""

import asyncio
from collections.abc import Sequence
from hmac import compare_digest
from typing import Any, Final

from wardgate.audit.model import EventType
from wardgate.authserver.dependencies import AuthServer, AuthServerSettings, HealthCheck
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import Send, respond_json
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.providers import by_kind
from wardgate.oauth.users import ProviderKind

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
    checks = [*await server.health(), *await _providers(server, exchange.base_path)]
    verdict = max((check.status for check in checks), key=_ORDER.__getitem__, default="pass")
    body = {"status": verdict} | _build(server.settings) | {"checks": {check.name: _check(check) for check in checks}}
    await respond_json(send, 200, body, head=head)


async def _providers(server: AuthServer, base_path: str) -> Sequence[HealthCheck]:
    """One check per sign-in provider of this base path (user-restricted 2.1): its keys are asked for now."""
    trusted = server.trusted()
    providers = [found for kind in ProviderKind if (found := by_kind(trusted, base_path, kind)) is not None]
    probes = await asyncio.gather(*(server.providers.probe(provider) for provider in providers))
    return [
        HealthCheck(str(provider.kind), "fail" if probe.fault else "pass", timeout=probe.timed_out, response_code=probe.response_code,
                    outcome=probe.fault, link=probe.link)
        for provider, probe in zip(providers, probes, strict=True)
    ]


def _check(check: HealthCheck) -> dict[str, Any]:
    return {
        "status": check.status, "timeout": "true" if check.timeout else "false", "responseCode": check.response_code,
        "outcome": check.outcome, "links": {"self": check.link},
    }
