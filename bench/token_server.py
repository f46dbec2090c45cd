"""The authorisation server alone, as `wardgate up` wires it but for Envoy: real keys, SQLite, group commit, full durability.

Run by tokens.py as `python -m bench.token_server SETTINGS`, a JSON file: directory, port, client_jwks, key, public_url; for tokens
of users also secret, user_scopes, and provider_jwks, the keys of a CIS2 provider whose issuer is public_url + "/provider".
"""

import json
import secrets
from datetime import datetime
from typing import Any

from bench.store_server import now, run, serve
from bench.world import SCOPE
from wardgate.audit.model import Event
from wardgate.authserver import AuthServer, AuthServerApp, AuthServerSettings, SigningKeyRing
from wardgate.authserver.message_ids import message_ids
from wardgate.catalogue import Environment
from wardgate.jose import JWKSet
from wardgate.keystores import DatabaseKeys
from wardgate.keystores.database import ACCESS_TOKEN
from wardgate.oauth.providers import Provider
from wardgate.oauth.users import ProviderKind
from wardgate.outbound.jwks import KeySetSettings, KeySetSource
from wardgate.outbound.providers import ProviderSettings, ProviderSource
from wardgate.security_patterns.snapshot import APIKey, Client, Snapshot, TokenIssuer
from wardgate.server.sign_ins import StoredSignIns
from wardgate.stores import GroupCommit, Stores


def _provider(issuer: str) -> Provider:
    return Provider("provider", ProviderKind.CIS2, issuer, "wardgate", authorization_endpoint=issuer + "/authorize", token_endpoint=issuer + "/token",
                    userinfo_endpoint=issuer + "/userinfo", jwks_uri=issuer + "/jwks")


def _answering(document: Any) -> Any:
    """Return an application that answers every request with this document."""
    async def application(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        await send({"type": "http.response.body", "body": json.dumps(document).encode()})

    return application


async def _serve(settings: dict[str, Any], stores: Stores) -> None:
    client = Client("bench", "Z9X01", frozenset({"everything"}), frozenset({"patients"}), (SCOPE, *settings.get("user_scopes", ())),
                    jwks=settings["client_jwks"])
    key = APIKey("credential-1", settings["key"], "bench", secret=settings.get("secret"))
    issuer = settings["public_url"] + "/provider"
    inside = _answering(settings.get("provider_jwks", {"keys": []}))
    snapshot = Snapshot(1, Environment(name="bench"), (), {"bench": client}, {settings["key"]: key}, {},
                        TokenIssuer((settings["public_url"] + "/oauth2",), "wardgate", JWKSet({}, {}), {"keys": []}))
    keys = DatabaseKeys(stores.signing_keys)
    keys.rotate_if_due(ACCESS_TOKEN, now())
    records = tuple(stores.signing_keys.all(ACCESS_TOKEN))
    async with GroupCommit(stores) as commits:
        async def record(event: Event) -> None:
            await commits.append(event)

        async def revoke(jti: str, until: datetime, event: Event) -> None:
            await commits.run(stores.tokens.revoke, jti, until, event)

        app = AuthServerApp(AuthServer(
            settings=AuthServerSettings(requests_per_minute=1_000_000_000), clients=lambda: snapshot, issue=commits.issue,
            claim=lambda use: commits.run(lambda: stores.single_uses.claim([use])[0]), record=record, revoke=revoke,
            keys=SigningKeyRing(lambda: records), key_sets=KeySetSource(KeySetSettings(), now, lambda: ()), now=now,
            new_token_id=lambda: secrets.token_urlsafe(16), new_message_id=message_ids(secrets.randbits(64)),
            new_secret=lambda: secrets.token_urlsafe(27), sign_ins=StoredSignIns(stores.grants, commits), trusted=lambda: (_provider(issuer),),
            providers=ProviderSource(ProviderSettings(), now, lambda: secrets.token_urlsafe(16), lambda url: inside if url.startswith(issuer) else None),
        ))
        await serve(app, host="127.0.0.1", port=settings["port"])


if __name__ == "__main__":
    run(_serve)
