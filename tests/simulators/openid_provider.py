"""A sign-in provider of somebody else: keys, ID tokens good and bad, and its endpoints over loopback HTTP.

It knows nothing of Wardgate. `CLAIMS` are those of user-restricted 11.4 and 12.5; a test changes what it wants to break.
"""

import json
import secrets
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from cryptography.hazmat.primitives.asymmetric import rsa

from wardgate.jose import SigningJWK, base64url
from wardgate.jose.jwk import public_members

KEYS = [rsa.generate_private_key(65537, 2048) for _ in range(3)]
WEAK = rsa.generate_private_key(65537, 1024)  # noqa: S505 - weak on purpose: it must be refused
WORKER = {"sub": "555000000101", "authentication_assurance_level": "3", "id_assurance_level": "3", "acr": "AAL3_ANY", "amr": ["N3_SMARTCARD"],
          "sid": "0a1b2c3d-session", "azp": "test-client"}
PATIENT = {"sub": "49f470a1-0000-4000-8000-5a1cb6a0b1c2", "nhs_number": "9912003071", "identity_proofing_level": "P9", "vot": "P9.Cp.Cd",
           "birthdate": "1970-01-01", "token_use": "id"}
USERINFO = {"sub": WORKER["sub"], "nhsid_useruid": WORKER["sub"], "name": "Test User",
            "nhsid_nrbac_roles": [{"person_orgid": "555000000301", "person_roleid": "555000000201", "org_code": "RXX",
                                   "role_code": "S8001:G8002:R8008", "activity_codes": ["B0028"]}]}


def compact(header: Mapping[str, Any], claims: Mapping[str, Any] | bytes, signer: SigningJWK) -> str:
    """Return a signed token with any header and any payload; a member that is None is left out."""
    payload = claims if isinstance(claims, bytes) else json.dumps({name: value for name, value in claims.items() if value is not None}).encode()
    parts = [base64url.encode(json.dumps({name: value for name, value in header.items() if value is not None}).encode()), base64url.encode(payload)]
    return ".".join([*parts, base64url.encode(signer.algorithm.sign(signer.key, ".".join(parts).encode()))])


class OpenIDProvider:
    """One provider. `answers` replaces what an endpoint says: path to (status, content type, body)."""

    def __init__(self, kind: str, issuer: str = "", client_id: str = "wardgate", client_secret: str = "the-secret-of-wardgate") -> None:
        self.kind, self.issuer, self.client_id, self.client_secret = kind, issuer, client_id, client_secret
        alg = "RS256" if kind == "nhs-cis2" else "RS512"
        self.signers = [SigningJWK.of(f"{kind}-{number}", alg, KEYS[number]) for number in range(2)]
        self.person: dict[str, Any] = dict(WORKER if kind == "nhs-cis2" else PATIENT)
        self.userinfo: dict[str, Any] = dict(USERINFO)
        self.answers: dict[str, tuple[int, str, bytes]] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.access_tokens: list[str] = []
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.clock: Callable[[], float] | None = None
        """The time; None: `now`."""
        self.now = 0.0
        self._server: ThreadingHTTPServer | None = None

    # --- tokens

    def seconds(self) -> int:
        """Return the time."""
        return int(self.clock() if self.clock is not None else self.now)

    def claims(self, **changes: Any) -> dict[str, Any]:
        """Return good claims, changed; None leaves one out."""
        return {"iss": self.issuer, "aud": self.client_id, "iat": self.seconds(), "exp": self.seconds() + 3600, **self.person, **changes}

    def id_token(self, header: Mapping[str, Any] | None = None, signer: SigningJWK | None = None, **claims: Any) -> str:
        """Return a signed ID token, changed; None leaves a header member or a claim out."""
        chosen = signer or self.signers[0]
        return compact({"typ": "JWT", "kid": self.signers[0].kid, "alg": chosen.algorithm.name, **(header or {})}, self.claims(**claims), chosen)

    def logout_token(self, header: Mapping[str, Any] | None = None, signer: SigningJWK | None = None, **claims: Any) -> str:
        """Return a signed logout token, changed."""
        chosen = signer or self.signers[0]
        good = {"iss": self.issuer, "aud": self.client_id, "sub": self.person["sub"], "iat": self.seconds(), "exp": self.seconds() + 120,
                "jti": secrets.token_hex(8), "sid": self.person.get("sid"), "events": {"http://schemas.openid.net/event/backchannel-logout": {}}}
        return compact({"typ": "JWT", "kid": self.signers[0].kid, "alg": chosen.algorithm.name, **(header or {})}, {**good, **claims}, chosen)

    def jwks(self) -> dict[str, Any]:
        """Return the key set: two keys, as during a rotation."""
        return {"keys": [signer.public_jwk() for signer in self.signers]}

    def rotate(self) -> None:
        """Sign with a key that nobody has seen."""
        self.signers = [SigningJWK.of(f"{self.kind}-new", self.signers[0].algorithm.name, KEYS[2]), self.signers[0]]

    # --- endpoints

    def start(self) -> str:
        """Listen on a loopback port and return the issuer."""
        provider = self

        class Handler(BaseHTTPRequestHandler):
            """Turns HTTP into calls of `answer`."""

            def do_GET(self) -> None:
                self._reply(b"")

            def do_POST(self) -> None:
                self._reply(self.rfile.read(int(self.headers.get("content-length", "0"))))

            def _reply(self, body: bytes) -> None:
                status, content_type, content = provider.answer(self.command, self.path, dict(self.headers.items()), body)
                self.send_response(status)
                self.send_header("content-type", content_type)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.issuer = f"http://127.0.0.1:{self._server.server_port}"
        return self.issuer

    def stop(self) -> None:
        """Close the port."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def discovery(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {"issuer": self.issuer, "authorization_endpoint": self.issuer + "/authorize", "token_endpoint": self.issuer + "/access_token",
                "userinfo_endpoint": self.issuer + "/userinfo", "jwks_uri": self.issuer + "/connect/jwk_uri"}

    def sign_in(self, authorize_url: str) -> str:
        """Do what a browser and its user do at the authorization endpoint: return where the browser is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(authorize_url).query).items()}
        assert asked["client_id"] == self.client_id
        code = secrets.token_urlsafe(16)
        self.codes[code] = asked
        return asked["redirect_uri"] + "?" + urlencode({"code": code, "state": asked["state"], "client_id": self.client_id})

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str, bytes]:
        """Answer one request."""
        path = urlsplit(target).path
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.asked.append((f"{method} {path}", form | {"authorization": headers.get("Authorization", headers.get("authorization", ""))}))
        if path in self.answers:
            return self.answers[path]
        found: Any
        match path:
            case "/.well-known/openid-configuration":
                found = self.discovery()
            case "/connect/jwk_uri":
                found = self.jwks()
            case "/access_token":
                return self._tokens(form)
            case "/userinfo":
                if headers.get("Authorization", headers.get("authorization")) not in {f"Bearer {token}" for token in self.access_tokens}:
                    return 401, "application/json", b'{"error":"invalid_token"}'
                found = self.userinfo
            case _:
                return 404, "text/plain", b"no such page"
        return 200, "application/json", json.dumps(found).encode()

    def _tokens(self, form: Mapping[str, str]) -> tuple[int, str, bytes]:
        asked = self.codes.pop(form.get("code", ""), None)
        proved = "client_assertion" in form or (form.get("client_id") == self.client_id and form.get("client_secret") == self.client_secret)
        if asked is None or asked["redirect_uri"] != form.get("redirect_uri") or not proved:
            return 400, "application/json", b'{"error":"invalid_grant","error_description":"The provided access grant is invalid, expired, or revoked."}'
        token = secrets.token_urlsafe(16)
        self.access_tokens.append(token)
        nonce = {"nonce": asked["nonce"]} if "nonce" in asked else {}
        made = {"access_token": token, "token_type": "Bearer", "expires_in": 3599, "id_token": self.id_token(**nonce), "scope": asked["scope"]}
        return 200, "application/json", json.dumps(made).encode()


def bad_key_sets(provider: OpenIDProvider) -> dict[str, bytes]:
    """Return key sets that must not be believed, by what is wrong with them."""
    first = provider.signers[0].public_jwk()
    weak = public_members(WEAK.public_key()) | {"kid": first["kid"], "use": "sig", "alg": first["alg"]}
    return {
        "two keys of one name": json.dumps({"keys": [first, first]}).encode(),
        "a weak key only": json.dumps({"keys": [weak]}).encode(),
        "a published private key": json.dumps({"keys": [first | {"d": "AQAB"}]}).encode(),
        "a symmetric key": json.dumps({"keys": [first, {"kty": "oct", "kid": "s", "k": "AQAB"}]}).encode(),
        "not JSON": b"<html>",
        "nothing": b'{"keys":[]}',
        "too large": b'{"keys":[' + b" " * 70_000 + b"]}",
    }
