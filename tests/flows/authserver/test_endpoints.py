"""The endpoints beside the token endpoint: health, metadata, keys, introspection, revocation, preflights."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wardgate.applications import Profile
from wardgate.audit.model import EventType
from wardgate.authserver import AuthServerSettings, Build
from wardgate.jose import UnverifiedJWT, base64url
from wardgate.security_patterns.snapshot import Revocations

KEY = "DemoKeyDemoKeyDemoKeyDemoKey0001"
CERTIFICATE = f'Hash={"ab" * 32};Subject="CN=epr.example.thirdparty.nhs.uk";DNS=epr.example.thirdparty.nhs.uk'


@pytest.mark.parametrize("base", ["/oauth2", "/oauth2-mock"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ping_answers_everybody(make_world: Callable[..., Any], base: str, method: str) -> None:
    """application-restricted 12: four members; HEAD has GET's headers and no body."""
    world = make_world(AuthServerSettings(build=Build("1.0", "7", "r1", "abc")))
    answer = world.ask(path=f"{base}/_ping", method=method)
    assert answer.status == 200
    assert int(answer.headers["content-length"]) > 0
    if method == "GET":
        assert answer.json == {"version": "1.0", "revision": "7", "releaseId": "r1", "commitId": "abc"}
    else:
        assert answer.body == b""


def test_status_answers_the_monitor(world: Any) -> None:
    """application-restricted 12: 200 with the verdict for the monitoring key."""
    answer = world.ask(path="/oauth2/_status", method="GET", headers={"apikey": "monitoring-key-for-tests"})
    assert (answer.status, answer.json["status"], answer.json["checks"]) == (200, "pass", {})
    assert list(answer.json) == ["status", "version", "revision", "releaseId", "commitId", "checks"]


def test_status_is_refused_to_all_without_a_monitoring_key(make_world: Callable[..., Any]) -> None:
    """No key set is no open door; an empty header is no key."""
    world = make_world(AuthServerSettings())
    for headers in ({}, {"apikey": ""}, {"apikey": "None"}):
        assert world.ask(path="/oauth2/_status", method="GET", headers=headers).status == 401


def test_metadata_names_the_configured_host_only(world: Any) -> None:
    """RFC 8414: the document of each issuer; a foreign Host header changes nothing."""
    for path, host, issuer in (
        ("/.well-known/oauth-authorization-server", "wardgate.example", "https://wardgate.example/oauth2"),
        ("/.well-known/oauth-authorization-server/oauth2", "localhost:8080", "http://localhost:8080/oauth2"),
        ("/.well-known/oauth-authorization-server/oauth2-mock", "evil.example", "https://wardgate.example/oauth2-mock"),
    ):
        document = world.ask(path=path, method="GET", headers={"host": host}).json
        assert document["issuer"] == issuer
        assert document["token_endpoint"] == f"{issuer}/token"
        assert document["token_endpoint_auth_signing_alg_values_supported"] == ["RS512"]
        assert document["tls_client_certificate_bound_access_tokens"] is False


def test_metadata_of_strict_offers_certificates(make_world: Callable[..., Any]) -> None:
    """RFC 8705 section 5: the mutual-TLS addresses."""
    world = make_world(AuthServerSettings(mtls_public_url="https://wardgate.example:8444"))
    world.profile(Profile.STRICT)
    document = world.ask(path="/.well-known/oauth-authorization-server", method="GET").json
    assert document["token_endpoint_auth_methods_supported"] == ["private_key_jwt", "tls_client_auth"]
    assert document["token_endpoint_auth_signing_alg_values_supported"] == ["ES256", "EdDSA", "PS256"]
    assert document["mtls_endpoint_aliases"]["token_endpoint"] == "https://wardgate.example:8444/oauth2/token"


def test_published_keys_have_no_private_part(world: Any) -> None:
    """The key set holds public members only and may be cached for a minute."""
    answer = world.ask(path="/oauth2/jwks", method="GET")
    assert [sorted(key) for key in answer.json["keys"]] == [["alg", "crv", "kid", "kty", "use", "x", "y"]]
    assert answer.headers["cache-control"] == "public, max-age=60"


def test_a_base_path_without_an_issuer_does_not_exist(world: Any) -> None:
    """The twin is absent where the environment does not name it, as in production."""
    tokens = replace(world.snapshot.tokens, issuers=("https://wardgate.example/oauth2",))
    world.snapshot = replace(world.snapshot, tokens=tokens)
    assert world.ask(world.form(), path="/oauth2-mock/token").headers["x-wardgate-reason"] == "oauth-path-unknown"
    assert world.ask(world.form()).status == 200


def test_preflight_is_answered_with_both_headers_only(world: Any) -> None:
    """user-restricted 2.1; a strict environment answers none."""
    headers = {"origin": "https://app.example", "access-control-request-method": "POST"}
    answer = world.ask(path="/oauth2/token", method="OPTIONS", headers=headers)
    assert answer.status == 200
    assert {name: value for name, value in answer.headers.items() if name.startswith("access-control")} == {
        "access-control-allow-origin": "https://app.example", "access-control-max-age": "600",
        "access-control-allow-headers": "origin, x-requested-with, accept, content-type, authorization",
        "access-control-allow-methods": "GET, PUT, POST, DELETE",
    }
    assert world.ask(path="/oauth2/token", method="OPTIONS", headers={"origin": "https://app.example"}).status == 405
    assert world.ask(path="/oauth2/authorize", method="OPTIONS", headers=headers).status == 200
    assert world.ask(path="/elsewhere", method="OPTIONS", headers=headers).status == 404
    world.profile(Profile.STRICT)
    assert world.ask(path="/oauth2/token", method="OPTIONS", headers=headers).status == 405


def test_a_client_sees_its_own_token(world: Any) -> None:
    """RFC 7662: active, with the claims, without the credential's id; one event says who asked about what."""
    token = world.token()
    answer = world.ask(world.form(token=token), path="/oauth2/introspect")
    claims = dict(UnverifiedJWT.parse(token).claims)
    del claims["cred"]
    assert answer.json == {"active": True, "token_type": "Bearer"} | claims
    event = world.store.events[-1]
    assert (event.type, event.application, event.details["jti"], event.details["active"]) == (
        EventType.TOKEN_INTROSPECTED, "demo-app", "token-0", True)
    assert token not in repr(world.store.events)


def test_an_assertion_introspects_once(world: Any) -> None:
    """Single use holds at every endpoint, and across them."""
    token = world.token()
    form = world.form(token=token)
    assert world.ask(form, path="/oauth2/introspect").status == 200
    for path in ("/oauth2/introspect", "/oauth2/revoke", "/oauth2/token"):
        assert world.ask(form, path=path).headers["x-wardgate-reason"] == "assertion-jti-replayed"


def test_the_endpoints_own_url_is_an_audience_there_only(world: Any) -> None:
    """RFC 7523 section 3: the endpoint that is called may be named."""
    url = "https://wardgate.example/oauth2/introspect"
    form = world.form(client_assertion=world.assertion(aud=url), token="x")
    assert world.ask(form, path="/oauth2/introspect").json == {"active": False}
    assert world.ask(world.form(client_assertion=world.assertion(aud=url))).headers["x-wardgate-reason"] == "assertion-aud"


def _second_application(world: Any) -> None:
    other = replace(world.snapshot.clients["demo-app"], name="other-app")
    key = replace(world.snapshot.api_keys[KEY], id="credential-2", application="other-app")
    world.snapshot = replace(world.snapshot, clients={**world.snapshot.clients, "other-app": other}, api_keys={KEY: key})


def test_nobody_sees_anothers_token(world: Any) -> None:
    """RFC 7662 section 4: a token of another client is not active to a client."""
    token = world.token()
    _second_application(world)
    assert world.ask(world.form(token=token), path="/oauth2/introspect").json == {"active": False}
    assert "jti" not in world.store.events[-1].details


def test_a_resource_server_sees_every_token(make_world: Callable[..., Any]) -> None:
    """The operator names the applications that may introspect all."""
    world = make_world(AuthServerSettings(resource_servers=frozenset({"other-app"})))
    token = world.token()
    _second_application(world)
    assert world.ask(world.form(token=token), path="/oauth2/introspect").json["client_id"] == "demo-app"


def _tampered(token: str) -> str:
    head, claims, signature = token.split(".")
    changed = base64url.decode(claims.encode()).replace(b"hello-world", b"other-world")
    return f"{head}.{base64url.encode(changed)}.{signature}"


@pytest.mark.parametrize("case", ["expired", "revoked", "credential revoked", "application refused", "tampered", "assertion", "garbage", "other issuer"])
def test_a_token_that_does_not_count_is_inactive(make_world: Callable[..., Any], case: str) -> None:
    """Every reason gives the same `{"active": false}`, to a caller that may see every token."""
    world = make_world(AuthServerSettings(resource_servers=frozenset({"demo-app", "other-app"})))
    token = world.token()
    match case:
        case "expired":
            world.now += timedelta(seconds=600)
        case "revoked":
            world.snapshot = replace(world.snapshot, revocations=Revocations(tokens=frozenset({"token-0"})))
        case "credential revoked":
            world.snapshot = replace(world.snapshot, revocations=Revocations(credentials=frozenset({"credential-1"})))
        case "application refused":
            _second_application(world)
            clients = world.snapshot.clients
            world.snapshot = replace(world.snapshot, clients=clients | {"demo-app": replace(clients["demo-app"], refused="developer-inactive")})
        case "tampered":
            token = _tampered(token)
        case "assertion":
            token = world.assertion()
        case "garbage":
            token = "garbage"
        case "other issuer":
            tokens = replace(world.snapshot.tokens, audience="another")
            world.snapshot = replace(world.snapshot, tokens=tokens)
    assert world.ask(world.form(token=token), path="/oauth2/introspect").json == {"active": False}


def test_a_client_revokes_its_own_token(world: Any) -> None:
    """RFC 7009: 200 without a body; the store remembers the id until after the token's end."""
    token = world.token()
    answer = world.ask(world.form(token=token, token_type_hint="access_token"), path="/oauth2/revoke")
    assert (answer.status, answer.body) == (200, b"")
    exp = datetime.fromtimestamp(UnverifiedJWT.parse(token).claims["exp"], UTC)
    assert world.store.revoked == {"token-0": exp + timedelta(minutes=5)}
    event = world.store.events[-1]
    assert (event.type, event.application, event.details["jti"]) == (EventType.TOKEN_REVOKED, "demo-app", "token-0")


def test_a_worthless_token_is_already_revoked(world: Any) -> None:
    """RFC 7009 section 2.2: an invalid token is no error."""
    for token in ("garbage", _tampered(world.token())):
        assert world.ask(world.form(token=token), path="/oauth2/revoke").status == 200
    assert world.store.revoked == {}


def test_strict_authenticates_and_binds_by_certificate(world: Any) -> None:
    """RFC 8705 sections 2.1 and 3: `client_id` and the certificate; the token holds its thumbprint."""
    world.profile(Profile.STRICT)
    world.client(certificate_bound_tokens=True)
    form = {"grant_type": "client_credentials", "client_id": KEY}
    answer = world.ask(form, headers={"x-forwarded-client-cert": CERTIFICATE})
    assert answer.status == 200
    claims = UnverifiedJWT.parse(answer.json["access_token"]).claims
    assert claims["cnf"] == {"x5t#S256": base64url.encode(bytes.fromhex("ab" * 32))}
    assert world.store.events[-1].details["pattern"] == "tls-client-auth"
    assert world.store.events[-1].details["certificate"] == "ab" * 32
    assertion = world.ask(world.form(client_assertion=world.assertion("ES256")), headers={"x-forwarded-client-cert": CERTIFICATE})
    assert UnverifiedJWT.parse(assertion.json["access_token"]).claims["cnf"] == claims["cnf"]


def test_nhs_never_binds(world: Any) -> None:
    """The platform has no bound tokens: the setting counts in strict only."""
    world.client(certificate_bound_tokens=True)
    answer = world.ask(world.form(), headers={"x-forwarded-client-cert": CERTIFICATE})
    assert "cnf" not in UnverifiedJWT.parse(answer.json["access_token"]).claims


def test_the_application_knows_its_paths(world: Any) -> None:
    """What the server sends here, and what it does not."""
    for path in ("/oauth2/token", "/oauth2-mock/anything", "/mock-jwks/abc", "/.well-known/oauth-authorization-server/oauth2"):
        assert world.app.handles(path)
    for path in ("/oauth2x", "/hello-world/hello/world", "/.well-known/openid-configuration", "/"):
        assert not world.app.handles(path)
