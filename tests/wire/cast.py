"""The cast: applications, keys, tokens, certificates and APIs that between them reach every reason to refuse.

Everything is made once; `snapshot` puts it together, and `CHANGES` are the ways the world moves between requests.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from wardgate.applications import Profile
from wardgate.catalogue import API, Environment
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.jose import KeyRules, SigningJWK, base64url, parse_jwk_set, sign
from wardgate.jose.strict_json import encode
from wardgate.oauth.access_token import AccessToken, TokenUser
from wardgate.security_patterns.facts import PresentedCertificate
from wardgate.security_patterns.snapshot import APIKey, Client, Revocations, Snapshot, TokenIssuer
from wire.authority import Authority, NameOID, fingerprint, new_key, written
from wire.caller import Identity

ISSUERS = ("https://localhost/oauth2", "https://localhost/oauth2-mock")
AUDIENCE = "wardgate"
LEVEL_3 = "urn:nhsd:apim:app:level3:"
WORKER = "656005750104"
PATIENT = "9912003071"
PROVIDER = "https://provider.example:443/realms/Healthcare"
FIRST_ROLE, SECOND_ROLE, OTHER_ROLE = "555254240100", "555254240101", "555254240199"
BY_WORKER = {"pattern": "user-restricted", "access_mode": "healthcare-worker"}
BY_PATIENT = {"pattern": "user-restricted", "access_mode": "patient"}
GOOD_ID = "12345678-ABCD-4bcd-8ef0-1234567890ab"

APIS: tuple[dict[str, Any], ...] = (
    {"name": "hello", "base_path": "/hello-world", "routes": [
        {"path": "/open", "pattern": "open-access"},
        {"path": "/key", "pattern": "api-key"},
        {"path": "/jwt", "pattern": "signed-jwt"},
        {"path": "/jwt/{id}", "pattern": "signed-jwt", "methods": ["GET", "PUT"]},
        {"path": "/jwt/special", "pattern": "api-key"},
        {"path": "/jwt/{id}/notes", "pattern": "open-access"},
        {"path": "/either", "any_of": [{"pattern": "api-key"}, {"pattern": "signed-jwt"}]},
        {"path": "/jwt-first", "any_of": [{"pattern": "signed-jwt"}, {"pattern": "api-key"}]},
        {"path": "/mtls", "pattern": "tls-ma"},
        {"path": "/three", "any_of": [{"pattern": "tls-ma"}, {"pattern": "api-key"}, {"pattern": "signed-jwt"}]},
        {"path": "/two", "any_of": [{"pattern": "signed-jwt"}, {"pattern": "tls-ma"}]},
        {"path": "/open-or-key", "any_of": [{"pattern": "api-key"}, {"pattern": "open-access"}]},
        {"path": "/methods", "pattern": "api-key", "methods": ["GET", "HEAD"]},
        {"path": "/methods", "pattern": "signed-jwt", "methods": ["POST"]},
        {"path": "/files/*", "pattern": "api-key"},
        {"path": "/scoped", "pattern": "signed-jwt", "scopes": [LEVEL_3 + "extra", LEVEL_3 + "hello:write"]},
        {"path": "/kind", "pattern": "signed-jwt", "wrong_token_status": 401},
        {"path": "/strict", "pattern": "api-key", "request_id": "required"},
        {"path": "/asid", "pattern": "api-key", "identity_headers": {"asid": "NHSD-ASID", "application": "NHSD-Application"}},
        {"path": "/who", "pattern": "api-key", "identity_headers": {"application": "NHSD-Application"}},
    ]},
    {"name": "fhir", "base_path": "/fhir/R4", "errors": "fhir", "routes": [
        {"path": "/metadata", "pattern": "open-access", "request_id": "generated"},
        {"path": "/Patient/{id}", "pattern": "signed-jwt"},
        {"path": "/Patient/{id}/key", "pattern": "api-key"},
        {"path": "/Patient/{id}/mtls", "pattern": "tls-ma"},
        {"path": "/loose", "any_of": [{"pattern": "api-key"}, {"pattern": "signed-jwt"}], "request_id": "generated"},
        {"path": "/kind", "pattern": "signed-jwt", "wrong_token_status": 401},
        {"path": "/only-post", "pattern": "open-access", "methods": ["POST"]},
        {"path": "/files/*", "pattern": "open-access"},
        {"path": "/worker", **BY_WORKER, "minimum_level": "aal2"},
        {"path": "/user-kind", **BY_PATIENT, "wrong_token_status": 401},
        {"path": "/role", **BY_WORKER, "role": "required"},
        {"path": "/role-header", **BY_WORKER, "role": "required", "role_errors": "header"},
    ]},
    {"name": "problem", "base_path": "/problem", "errors": "problem", "routes": [
        {"path": "/", "pattern": "open-access"},
        {"path": "/key", "pattern": "api-key"},
        {"path": "/jwt", "pattern": "signed-jwt"},
        {"path": "/kind", "pattern": "signed-jwt", "wrong_token_status": 401},
        {"path": "/mtls", "pattern": "tls-ma"},
        {"path": "/worker", **BY_WORKER, "minimum_level": "aal2"},
        {"path": "/user-kind", **BY_PATIENT, "wrong_token_status": 401},
        {"path": "/role", **BY_WORKER, "role": "required"},
        {"path": "/role-header", **BY_WORKER, "role": "required", "role_errors": "header"},
        {"path": "/strict", "pattern": "open-access", "request_id": "required"},
        {"path": "/only-post", "pattern": "open-access", "methods": ["POST"]},
    ]},
    {"name": "users", "base_path": "/users", "routes": [
        {"path": "/worker", **BY_WORKER},
        {"path": "/aal2", **BY_WORKER, "minimum_level": "aal2"},
        {"path": "/aal1", **BY_WORKER, "minimum_level": "aal1"},
        {"path": "/patient", **BY_PATIENT},
        {"path": "/P5", **BY_PATIENT, "minimum_level": "P5"},
        {"path": "/P0", **BY_PATIENT, "minimum_level": "P0"},
        {"path": "/kind", **BY_WORKER, "wrong_token_status": 401},
        {"path": "/scoped", **BY_WORKER, "scopes": ["urn:nhsd:apim:user-nhs-id:aal2:users", "urn:nhsd:apim:user-nhs-id:aal3:users:write"]},
        {"path": "/both", "any_of": [BY_WORKER, BY_PATIENT], "identity_headers": {"issuer": "NHSD-Identity-IdP", "patient": "NHSD-NHSLogin-User"}},
        {"path": "/all", "any_of": [{"pattern": "signed-jwt"}, BY_WORKER, BY_PATIENT, {"pattern": "api-key"}]},
        {"path": "/user-first", "any_of": [BY_PATIENT, {"pattern": "signed-jwt"}, {"pattern": "tls-ma"}]},
        {"path": "/identity", **BY_WORKER, "identity_headers": {"user": "NHSD-Identity-UUID", "issuer": "NHSD-Identity-IdP", "application": "X-App"}},
        {"path": "/who", "any_of": [BY_WORKER, BY_PATIENT, {"pattern": "signed-jwt"}], "identity_headers": {"user": "NHSD-Identity-UUID"}},
        {"path": "/role", **BY_WORKER, "role": "required", "minimum_level": "aal2"},
        {"path": "/urid", **BY_WORKER, "role": "required", "identity_headers": {"role": "NHSD-URID", "user": "NHSD-Identity-UUID"}},
        {"path": "/role-of-all", "any_of": [BY_WORKER, BY_PATIENT, {"pattern": "signed-jwt"}, {"pattern": "api-key"}], "role": "required"},
        {"path": "/role-plain", "any_of": [BY_WORKER, BY_PATIENT], "role": "required", "role_errors": "plain-text"},
        {"path": "/role-header", "any_of": [BY_WORKER, BY_PATIENT], "role": "required", "role_errors": "header"},
        {"path": "/pds", "any_of": [BY_WORKER, BY_PATIENT, {"pattern": "signed-jwt"}], "role": "optional", "identity_headers": {
            "user": "NHSD-Identity-UUID", "issuer": "NHSD-Identity-IdP", "patient": "NHSD-NHSLogin-User"}},
    ]},
    {"name": "whole", "base_path": "/whole", "routes": [{"path": "/*", "any_of": [{"pattern": "signed-jwt"}, {"pattern": "api-key"}]}]},
)
"""One API for each shape of error, and one that is a single wildcard."""

NAMES = tuple(api["name"] for api in APIS)
SCOPES = tuple(LEVEL_3 + name for name in NAMES)


def user_scopes(family: str, level: str) -> str:
    """Return what a user's token holds for every API."""
    return " ".join(f"urn:nhsd:apim:{family}:{level}:{name}" for name in NAMES)


def client(name: str, apis: tuple[str, ...], *, products: bool = True, refused: str | None = None, asid: str | None = None) -> Client:
    """Return an application known by `name`; its certificate name is derived from it."""
    return Client(name=name, organisation="Z9X01", products=frozenset({"p"} if products else ()), apis=frozenset(apis),
                  scopes=SCOPES, refused=refused, asid=asid, certificate_name=f"{name}.example.nhs.uk")


CLIENTS = (
    client("alpha", NAMES, asid="200000000115"),
    client("beta", ("hello", "whole")),
    client("outsider", ("another",)),
    client("without", (), products=False),
    client("pending", NAMES, refused="application-not-approved"),
    client("idle", NAMES, refused="developer-inactive"),
    client("closed", NAMES, refused="company-inactive"),
    replace(client("strict", NAMES), profile=Profile.STRICT),
)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
FAR_AHEAD = datetime(2099, 1, 1, tzinfo=UTC)


def key_of(name: str) -> str:
    """Return the fixed API key of an application."""
    return f"key-{name}-".ljust(32, "k")


KEYS = (
    *(APIKey(f"id-{found.name}", key_of(found.name), found.name) for found in CLIENTS),
    APIKey("id-revoked", key_of("revoked"), "alpha", revoked=True),
    APIKey("id-expired", key_of("expired"), "alpha", expires=LONG_AGO),
    APIKey("id-later", key_of("later"), "alpha", expires=FAR_AHEAD),
    APIKey("id-orphan", key_of("orphan"), "nobody"),
)


@dataclass(frozen=True)
class Person:
    """Who is on the other end of the mutual-TLS port."""

    identity: Identity
    certificate: x509.Certificate
    presented: PresentedCertificate


class Cast:
    """Keys, tokens and certificates. Made once for a run of tests."""

    def __init__(self, directory: Path) -> None:
        self.now = datetime.now(UTC)
        self.directory = directory
        self.authority = Authority("Wire", self.now)
        self.stranger = Authority("Stranger", self.now)
        self.server = self.authority.server()
        self.relay = self.authority.relay("proxy.example.nhs.uk")
        self.signer = SigningJWK.of("wg-1", "ES256", ec.generate_private_key(ec.SECP256R1()))
        self.forger = SigningJWK.of("wg-1", "ES256", ec.generate_private_key(ec.SECP256R1()))
        self.foreign = SigningJWK.of("other", "ES256", ec.generate_private_key(ec.SECP256R1()))
        self.jwks = {"keys": [self.signer.public_jwk()]}
        self.issuer = TokenIssuer(ISSUERS, AUDIENCE, parse_jwk_set(self.jwks, KeyRules()), self.jwks)
        self.roots = directory / "roots.pem"
        self.roots.write_text(self.authority.bundle())
        self.people = self._people()
        self.tokens = self._tokens()

    def tls(self) -> TLSMaterial:
        """Return the certificates as they stand."""
        return self.authority.material(self.server, self.relay)

    def person(self, name: str, certificate: x509.Certificate, key: Any, presented_name: str | None) -> Person:
        """Write a certificate down as an identity that can connect."""
        paths = written(self.directory, name, self.authority.chain(certificate), key)
        return Person(Identity(name, *paths), certificate, PresentedCertificate(fingerprint(certificate), presented_name))

    def _people(self) -> dict[str, Person]:
        key = new_key()
        found = {}
        for name in ("alpha", "beta", "outsider", "without", "pending", "stray", "spare"):
            fqdn = f"{name}.example.nhs.uk"
            found[name] = self.person(name, self.authority.client(fqdn, key), key, fqdn)
        odd: dict[str, tuple[dict[Any, str], tuple[str, ...], str | None]] = {
            "nameless": ({NameOID.ORGANIZATION_NAME: "Nobody"}, (), None),
            "cn-only": ({NameOID.COMMON_NAME: "alpha.example.nhs.uk"}, (), "alpha.example.nhs.uk"),
            "two-names": ({NameOID.COMMON_NAME: "alpha.example.nhs.uk"}, ("alpha.example.nhs.uk", "beta.example.nhs.uk"), None),
            "other-cn": ({NameOID.COMMON_NAME: "alpha.example.nhs.uk"}, ("stray.example.nhs.uk",), "stray.example.nhs.uk"),
            "cn-and-more": ({NameOID.ORGANIZATION_NAME: "x", NameOID.COMMON_NAME: "alpha.example.nhs.uk"}, (), None),
            "smuggled-cn": ({NameOID.ORGANIZATION_NAME: "x,CN=alpha.example.nhs.uk"}, (), None),
        }
        for name, (subject, names, presented) in odd.items():
            found[name] = self.person(name, self.authority.odd_client(subject, names, key), key, presented)
        return found

    def token(self, application: str = "alpha", *, scope: str = " ".join(SCOPES), jti: str = "jti", lasts: int = 7200,
              credential: str | None = None, bound_to: str | None = None, audience: str = AUDIENCE, issuer: str = ISSUERS[0],
              signer: SigningJWK | None = None, drop: tuple[str, ...] = (), user: TokenUser | None = None, **more: Any) -> str:
        """Sign an access token as the authorisation server does, or not quite as it does."""
        issued = int(time.time())
        thumbprint = base64url.encode(bytes.fromhex(self.people[bound_to].presented.fingerprint)) if bound_to else None
        claims = AccessToken(issuer, audience, application, credential or f"id-{application}", "Z9X01", scope, jti, issued,
                             issued + lasts, certificate_sha256=thumbprint, user=user).claims()
        claims = {key: value for key, value in (claims | more).items() if key not in drop}
        return sign(claims, signer or self.signer, "at+jwt")

    def user_token(self, level: str = "aal3", family: str = "user-nhs-cis2", *, application: str = "alpha", scope: str | None = None,
                   grant: str = "grant-1", separate: bool = False, **more: Any) -> str:
        """Sign a worker's token or, of the family user-nhs-login, a patient's; `more` are facts of the user or arguments of `token`."""
        patient = family == "user-nhs-login"
        facts = {name: more.pop(name) for name in ("role", "roles", "actor") if name in more}
        user = TokenUser(PATIENT if patient else WORKER, grant, PROVIDER, level, separate, patient=f"{level}:{PATIENT}" if patient else None, **facts)
        return self.token(application, scope=user_scopes(family, level) if scope is None else scope, user=user, **more)

    def _user_tokens(self) -> dict[str, str]:
        levels = {f"worker-{level}": self.user_token(level, separate=True) for level in ("aal1", "aal2", "aal3")}
        levels |= {f"patient-{level}": self.user_token(level, "user-nhs-login", separate=True) for level in ("P0", "P5", "P9")}
        return levels | {
            "worker-old-name": self.user_token("aal3", "user-nhs-id", separate=True),
            "worker-old-aal2": self.user_token("aal2", "user-nhs-id", separate=True),
            "worker-write": self.user_token(scope="urn:nhsd:apim:user-nhs-id:aal3:users:write", separate=True),
            "worker-no-scope": self.user_token(scope="", separate=True),
            "worker-application-scope": self.user_token(scope=" ".join(SCOPES), separate=True),
            "worker-aal2-aal3-scope": self.user_token("aal2", scope=user_scopes("user-nhs-cis2", "aal3"), separate=True),
            "worker-of-no-level": self.user_token("aal4", scope=user_scopes("user-nhs-cis2", "aal3"), separate=True),
            "patient-worker-scope": self.user_token("P9", "user-nhs-login", scope=user_scopes("user-nhs-cis2", "aal3"), separate=True),
            "delegated": self.user_token("P9", "user-nhs-login", actor="9912003072", separate=True),
            "worker-several": self.user_token(roles=(FIRST_ROLE, SECOND_ROLE)),
            "worker-sole": self.user_token(roles=(FIRST_ROLE,)),
            "worker-no-roles": self.user_token(roles=()),
            "worker-bad-roles": self.user_token(roles=("",)),
            "worker-no-userinfo": self.user_token(),
            "worker-claim": self.user_token(role=SECOND_ROLE, roles=(FIRST_ROLE, SECOND_ROLE)),
            "worker-bad-claim": self.user_token(role="", roles=(FIRST_ROLE,)),
            "worker-separate-claim": self.user_token(role=SECOND_ROLE, separate=True),
            "worker-ended": self.user_token(grant="grant-2", separate=True),
            "worker-ended-aal1": self.user_token("aal1", grant="grant-2", separate=True),
            "patient-ended": self.user_token("P9", "user-nhs-login", grant="grant-2", separate=True),
            "worker-jti-2": self.user_token(jti="jti-2", separate=True),
            "worker-credential-2": self.user_token(credential="credential-2", separate=True),
            "worker-strict": self.user_token(application="strict", separate=True),
            **{f"worker-{name}": self.user_token(application=name, separate=True) for name in ("beta", "outsider", "without", "pending")},
            "worker-gone": self.user_token(application="gone", separate=True),
            "worker-bound": self.user_token(bound_to="alpha", separate=True),
            "worker-expired": self.user_token(lasts=-30, separate=True),
            "worker-forged": self.user_token(signer=self.forger, separate=True),
        }

    def unsecured(self, lasts: int) -> str:
        """Return a token with alg none."""
        header = base64url.encode(encode({"alg": "none", "typ": "at+jwt", "kid": "wg-1"}).encode())
        body = base64url.encode(encode({"exp": int(time.time()) + lasts, "aud": AUDIENCE}).encode())
        return f"{header}.{body}.AAAA"

    def _tokens(self) -> dict[str, str]:
        good = self.token()
        head, payload, signature = good.split(".")
        return {
            "good": good,
            "mock-issuer": self.token(issuer=ISSUERS[1]),
            "one-scope": self.token(scope=LEVEL_3 + "hello"),
            "write-scope": self.token(scope=LEVEL_3 + "hello:write"),
            "no-scope": self.token(scope=""),
            "user-scope": self.token(scope="urn:nhsd:apim:user-nhs-login:P9:hello"),
            "prefix-scope": self.token(scope=LEVEL_3 + "hell " + LEVEL_3 + "hello-world"),
            **{found.name: self.token(found.name) for found in CLIENTS if found.name != "alpha"},
            "gone": self.token("gone", credential="id-gone"),
            "new": self.token("new", credential="id-new"),
            "jti-2": self.token(jti="jti-2"),
            "credential-2": self.token(credential="credential-2"),
            "bound": self.token(bound_to="alpha"),
            "bound-other": self.token(bound_to="beta"),
            "bound-no-scope": self.token(bound_to="alpha", scope=""),
            "bound-outsider": self.token("outsider", bound_to="outsider"),
            "bound-revoked": self.token(jti="jti-2", bound_to="alpha"),
            "expired": self.token(lasts=-30),
            "expired-forged": self.token(lasts=-30, signer=self.forger),
            "expired-audience": self.token(lasts=-30, audience="other"),
            "audience": self.token(audience="other"),
            "early": self.token(nbf=int(time.time()) + 7000),
            "early-forged": self.token(nbf=int(time.time()) + 7000, signer=self.forger),
            "early-expired": self.token(nbf=int(time.time()) + 7000, lasts=-30),
            "forged": self.token(signer=self.forger),
            "foreign": self.token(signer=self.foreign),
            "stranger-issuer": self.token(issuer="https://evil.example/oauth2"),
            "no-expiry": self.token(drop=("exp",)),
            "unsecured": self.unsecured(600),
            "tampered": f"{head}.{payload[:-2]}AA.{signature}",
            "cut": f"{head}.{payload}.{signature[:-4]}",
            "two-parts": f"{head}.{payload}",
            "nonsense": "aaaa.bbbb.cccc",
            "word": "opaque-token",
            **self._user_tokens(),
        }

    def snapshot(self, backend: str, generation: int = 1, *, profile: str = "verify", asked: bool = False) -> Snapshot:
        """Return the world before any change; with `asked`, every route is judged by the decision service."""
        more: Mapping[str, Any] = {"enforcement": "decision"} if asked else {}
        apis = tuple(API.model_validate(api | {"backend": backend, "routes": [route | more for route in api["routes"]]}) for api in APIS)
        clients = {found.name: found for found in CLIENTS}
        return Snapshot(
            generation=generation, environment=Environment(name="wire", tls_ma_profile=profile), apis=apis, clients=clients,
            api_keys={key.key: key for key in KEYS}, tokens=self.issuer,
            certificate_names={found.certificate_name: found.name for found in CLIENTS if found.certificate_name},
            roles={WORKER: frozenset({FIRST_ROLE, SECOND_ROLE})},
        )


Change = Callable[[Snapshot, Cast], Snapshot]


def _client(name: str, **more: Any) -> Change:
    def change(found: Snapshot, _cast: Cast) -> Snapshot:
        return replace(found, clients=dict(found.clients) | {name: replace(found.clients[name], **more)})

    return change


def _revocations(**more: Any) -> Change:
    def change(found: Snapshot, cast: Cast) -> Snapshot:
        values = {key: frozenset(value(cast) if callable(value) else value) | getattr(found.revocations, key) for key, value in more.items()}
        return replace(found, revocations=replace(found.revocations, **values))

    return change


def _spent(name: str, api: str) -> Change:
    def change(found: Snapshot, _cast: Cast) -> Snapshot:
        return replace(found, over_quota=dict(found.over_quota) | {(name, api): datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)})

    return change


def _removed(found: Snapshot, _cast: Cast) -> Snapshot:
    return replace(found, clients={name: value for name, value in found.clients.items() if name != "beta"})


def _added(found: Snapshot, _cast: Cast) -> Snapshot:
    new = client("new", NAMES)
    keys = dict(found.api_keys) | {key_of("new"): APIKey("id-new", key_of("new"), "new")}
    return replace(found, clients=dict(found.clients) | {"new": new}, api_keys=keys)


def _key_revoked(found: Snapshot, _cast: Cast) -> Snapshot:
    key = key_of("alpha")
    return replace(found, api_keys=dict(found.api_keys) | {key: replace(found.api_keys[key], revoked=True)})


def _key_gone(found: Snapshot, _cast: Cast) -> Snapshot:
    return replace(found, api_keys={key: value for key, value in found.api_keys.items() if key != key_of("beta")})


def _name_gone(found: Snapshot, _cast: Cast) -> Snapshot:
    names = {name: value for name, value in found.certificate_names.items() if value != "beta"}
    return replace(found, certificate_names=names)


CHANGES: dict[str, Change] = {
    "alpha suspended": _client("alpha", refused="application-not-approved"),
    "alpha's developer inactive": _client("alpha", refused="developer-inactive"),
    "alpha loses a product": _client("alpha", apis=frozenset({"hello", "whole"})),
    "alpha loses every product": _client("alpha", apis=frozenset(), products=frozenset()),
    "outsider gains a product": _client("outsider", apis=frozenset(NAMES)),
    "pending approved": _client("pending", refused=None),
    "beta removed": _removed,
    "new application": _added,
    "alpha's key revoked": _key_revoked,
    "beta's key deleted": _key_gone,
    "beta's certificate name withdrawn": _name_gone,
    "a token revoked": _revocations(tokens={"jti-2"}),
    "a credential revoked": _revocations(credentials={"credential-2"}),
    "a sign-in ended": _revocations(grants={"grant-2"}),
    "another sign-in ended": _revocations(grants={"grant-1"}),
    "the directory forgets": lambda found, _cast: replace(found, roles={}),
    "beta's certificate revoked": _revocations(fingerprints=lambda cast: {cast.people["beta"].presented.fingerprint}),
    "alpha's quota at hello spent": _spent("alpha", "hello"),
    "outsider's quota at hello spent": _spent("outsider", "hello"),
    "the quota of fhir spent": _spent("", "fhir"),
    "the quota of hello spent": _spent("", "hello"),
}
NO_REVOCATIONS = Revocations()
