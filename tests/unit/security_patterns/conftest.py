"""A world for the rule book: one API of each kind of route, applications in every standing, and tokens of every sort."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from wardgate.applications import Profile
from wardgate.catalogue import API, Environment
from wardgate.catalogue.paths import RouteMatcher
from wardgate.jose import KeyRules, SigningJWK, base64url, parse_jwk_set, sign
from wardgate.oauth.access_token import AccessToken, TokenUser
from wardgate.security_patterns.decide import decide
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import CertificateStatus, Facts, Listener, PresentedCertificate
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
FINGERPRINT = "ab" * 32
THUMBPRINT = base64url.encode(bytes.fromhex(FINGERPRINT))
WORKER = "656005750104"
SCOPE = "urn:nhsd:apim:app:level3:hello"


def _client(name: str, apis: tuple[str, ...] = ("hello", "fhir", "users"), *, products: bool = True, refused: str | None = None) -> Client:
    return Client(name=name, organisation="Z9X01", products=frozenset({"p"} if products else ()), apis=frozenset(apis), scopes=(SCOPE,),
                  refused=refused, certificate_name=f"{name}.nhs.uk")


@dataclass
class RuleBook:
    """Decides requests written in few words."""

    signer: SigningJWK
    forger: SigningJWK
    snapshot: Snapshot

    def token(self, application: str = "good", *, scope: str = SCOPE, lasts: int = 600, signer: SigningJWK | None = None,
              issuer: str = "https://localhost/oauth2", audience: str = "wardgate", typ: str = "at+jwt", **more: Any) -> str:
        """Sign an access token; `more` are its other claims, None takes one away."""
        issued = int(NOW.timestamp())
        claims = AccessToken(issuer, audience, application, more.pop("credential", "id-good"), "Z9X01", scope, more.pop("jti", "jti"),
                             issued, issued + lasts, certificate_sha256=more.pop("bound", None), user=more.pop("user", None)).claims()
        return sign({key: value for key, value in (claims | more).items() if value is not None}, signer or self.signer, typ)

    def user_token(self, family: str = "user-nhs-cis2", level: str = "aal3", *, application: str = "good", scope: str | None = None,
                   separate: bool = True, **more: Any) -> str:
        """Sign the token of a worker or, of the family user-nhs-login, of a patient; `more` are the user's other facts."""
        patient = family == "user-nhs-login"
        facts: dict[str, Any] = {"user": "9912003071" if patient else WORKER, "grant": "grant-1", "issuer": "https://provider.example",
                                 "level": level, "separate": separate, "patient": f"{level}:9912003071" if patient else None} | more
        claims = facts.pop("claims", {})
        return self.token(application, scope=f"urn:nhsd:apim:{family}:{level}:users" if scope is None else scope, user=TokenUser(**facts), **claims)

    def ask(self, path: str, *, key: str | None = None, token: str | None = None, authorization: str | None = None, who: str | None = None,
            fingerprint: str = FINGERPRINT, listener: Listener | None = None, method: str = "GET", request_id: str | None = None,
            status: CertificateStatus = CertificateStatus.VALID, snapshot: Snapshot | None = None, now: datetime = NOW, **headers: str) -> Decision:
        """Decide one request."""
        found = dict(headers)
        if key is not None:
            found["apikey"] = key
        if token is not None:
            found["authorization"] = f"Bearer {token}"
        if authorization is not None:
            found["authorization"] = authorization
        if request_id is not None:
            found["x-request-id"] = request_id
        certificate = PresentedCertificate(fingerprint, who or None, status) if who is not None else None
        door = listener or (Listener.MTLS if who is not None else Listener.HTTPS)
        world = snapshot or self.snapshot
        return decide(Facts(door, method, path, found, now, certificate), world, RouteMatcher(world.apis))


@pytest.fixture(scope="session")
def book() -> RuleBook:
    """The rule book over a small world."""
    signer, forger = (SigningJWK.of("wg-1", "ES256", ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    jwks = {"keys": [signer.public_jwk()]}
    issuer = TokenIssuer(("https://localhost/oauth2", "https://localhost/oauth2-mock"), "wardgate", parse_jwk_set(jwks, KeyRules()), jwks)
    hello = API.model_validate({"name": "hello", "base_path": "/hello", "backend": "http://127.0.0.1:9", "routes": [
        {"path": "/open", "pattern": "open-access"}, {"path": "/key", "pattern": "api-key"}, {"path": "/jwt", "pattern": "signed-jwt"},
        {"path": "/mtls", "pattern": "tls-ma"}, {"path": "/either", "any_of": [{"pattern": "api-key"}, {"pattern": "signed-jwt"}]},
        {"path": "/any", "any_of": [{"pattern": "tls-ma"}, {"pattern": "signed-jwt"}, {"pattern": "api-key"}]},
        {"path": "/opened", "any_of": [{"pattern": "api-key"}, {"pattern": "open-access"}]},
        {"path": "/kind", "pattern": "signed-jwt", "wrong_token_status": 401},
        {"path": "/scoped", "pattern": "signed-jwt", "scopes": ["one", "two"]}, {"path": "/get", "pattern": "open-access", "methods": ["GET"]},
    ]})
    fhir = API.model_validate({"name": "fhir", "base_path": "/fhir", "backend": "http://127.0.0.1:9", "errors": "fhir", "routes": [
        {"path": "/open", "pattern": "open-access"}, {"path": "/key", "pattern": "api-key"},
        {"path": "/loose", "pattern": "open-access", "request_id": "generated"}]})
    users = API.model_validate({"name": "users", "base_path": "/users", "backend": "http://127.0.0.1:9", "routes": [
        {"path": "/worker", "pattern": "user-restricted", "access_mode": "healthcare-worker"},
        {"path": "/worker2", "pattern": "user-restricted", "access_mode": "healthcare-worker", "minimum_level": "aal2"},
        {"path": "/patient", "pattern": "user-restricted", "access_mode": "patient"},
        {"path": "/patient5", "pattern": "user-restricted", "access_mode": "patient", "minimum_level": "P5"},
        {"path": "/kind", "pattern": "user-restricted", "access_mode": "patient", "wrong_token_status": 401},
        {"path": "/scoped", "pattern": "user-restricted", "access_mode": "healthcare-worker", "scopes": ["x:aal2:one", "x:aal3:one"]},
        {"path": "/scoped3", "pattern": "user-restricted", "access_mode": "healthcare-worker", "scopes": ["x:aal2:one", "x:aal3:one"],
         "minimum_level": "aal3"},
        {"path": "/all", "any_of": [{"pattern": "signed-jwt"}, {"pattern": "user-restricted", "access_mode": "healthcare-worker"},
                                    {"pattern": "user-restricted", "access_mode": "patient"}, {"pattern": "api-key"}]},
        {"path": "/user-first", "any_of": [{"pattern": "user-restricted", "access_mode": "patient"}, {"pattern": "signed-jwt"}]},
        {"path": "/role", "role": "required", "any_of": [{"pattern": "user-restricted", "access_mode": "healthcare-worker"},
                                                         {"pattern": "user-restricted", "access_mode": "patient"}, {"pattern": "api-key"}]},
        {"path": "/maybe", "role": "optional", "any_of": [{"pattern": "user-restricted", "access_mode": "healthcare-worker"},
                                                          {"pattern": "user-restricted", "access_mode": "patient"}, {"pattern": "signed-jwt"}]},
        {"path": "/plain", "role": "required", "role_errors": "plain-text", "pattern": "user-restricted", "access_mode": "healthcare-worker"},
        {"path": "/header", "role": "required", "role_errors": "header", "pattern": "user-restricted", "access_mode": "healthcare-worker"},
    ]})
    clients = {found.name: found for found in (
        _client("good"), replace(_client("strict"), profile=Profile.STRICT), _client("elsewhere", ("other",)), _client("without", (), products=False),
        _client("pending", refused="application-not-approved"), _client("idle", refused="developer-inactive"),
        _client("closed", refused="company-inactive"),
    )}
    keys = [APIKey(f"id-{name}", f"key-{name}", name) for name in (*clients, "nobody")]
    keys += [APIKey("id-r", "key-revoked", "good", revoked=True), APIKey("id-e", "key-expired", "good", expires=NOW),
             APIKey("id-l", "key-later", "good", expires=NOW + timedelta(seconds=1))]
    snapshot = Snapshot(
        generation=1, environment=Environment(name="unit"), apis=(hello, fhir, users), clients=clients, api_keys={key.key: key for key in keys},
        certificate_names={found.certificate_name: name for name, found in clients.items() if found.certificate_name}, tokens=issuer,
        revocations=Revocations(frozenset({"revoked-jti"}), frozenset({"revoked-credential"}), frozenset({"cd" * 32}), frozenset({"ended-grant"})),
        roles={WORKER: frozenset({"555254240100", "555254240101"})},
    )
    return RuleBook(signer, forger, snapshot)
