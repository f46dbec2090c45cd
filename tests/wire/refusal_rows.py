"""The ways to be refused at the gateway, as tables: the tests beside this file send each and hold the answer against the catalogue."""

from dataclasses import dataclass, field
from typing import Any

from wardgate.refusals.dialects import Dialect
from wire.cast import GOOD_ID, Cast, key_of

SHAPES = {Dialect.FAULT: "/hello-world", Dialect.FHIR: "/fhir/R4", Dialect.PROBLEM: "/problem"}
TO_KEY = {Dialect.FAULT: "/hello-world/key", Dialect.FHIR: "/fhir/R4/Patient/1/key", Dialect.PROBLEM: "/problem/key"}
TO_TOKEN = {Dialect.FAULT: "/hello-world/jwt", Dialect.FHIR: "/fhir/R4/Patient/1", Dialect.PROBLEM: "/problem/jwt"}
TO_KIND = {dialect: base + "/kind" for dialect, base in SHAPES.items()}
TO_CERTIFICATE = {Dialect.FAULT: "/hello-world/mtls", Dialect.FHIR: "/fhir/R4/Patient/1/mtls", Dialect.PROBLEM: "/problem/mtls"}
TO_STRICT = {Dialect.FAULT: "/hello-world/strict", Dialect.FHIR: "/fhir/R4/files/1", Dialect.PROBLEM: "/problem/strict"}
TO_WORKER = {Dialect.FAULT: "/users/aal2", Dialect.FHIR: "/fhir/R4/worker", Dialect.PROBLEM: "/problem/worker"}
TO_USER_KIND = {Dialect.FAULT: "/users/kind", Dialect.FHIR: "/fhir/R4/user-kind", Dialect.PROBLEM: "/problem/user-kind"}
NOWHERE = {dialect: base + "/nowhere" for dialect, base in SHAPES.items()}
ONLY_SOME = {Dialect.FAULT: "/hello-world/jwt/1", Dialect.FHIR: "/fhir/R4/only-post", Dialect.PROBLEM: "/problem/only-post"}
ALLOWED = {Dialect.FAULT: "GET, PUT", Dialect.FHIR: "POST", Dialect.PROBLEM: "POST"}


@dataclass(frozen=True)
class Row:
    """One way to be refused. `token` and `key` name the cast's; `values` fill the reason's text."""

    reason: str
    paths: dict[Dialect, str]
    name: str = ""
    key: str | None = None
    token: str | None = None
    authorization: str | None = None
    who: str | None = None
    listener: str = "https"
    request_id: str | None = GOOD_ID
    changes: tuple[str, ...] = ()
    values: dict[str, str] = field(default_factory=dict)

    def headers(self, cast: Cast) -> list[tuple[str, str]]:
        """Return the request's headers."""
        found = [("X-Correlation-ID", "corr-1")]
        if self.request_id is not None:
            found.append(("X-Request-ID", self.request_id))
        if self.key is not None:
            found.append(("apikey", self.key))
        if self.token is not None:
            found.append(("Authorization", f"Bearer {cast.tokens[self.token]}"))
        if self.authorization is not None:
            found.append(("Authorization", self.authorization))
        return found


ROWS = (
    Row("api-key-missing", TO_KEY),
    Row("api-key-missing", TO_KEY, "an empty key", key=""),
    Row("api-key-unknown", TO_KEY, key="another"),
    Row("api-key-revoked", TO_KEY, key=key_of("revoked")),
    Row("api-key-expired", TO_KEY, key=key_of("expired")),
    Row("application-not-approved", TO_KEY, key=key_of("pending")),
    Row("application-not-approved", TO_KEY, "by the overlay", key=key_of("alpha"), changes=("alpha suspended",)),
    Row("api-key-wrong-product", TO_KEY, key=key_of("outsider")),
    Row("application-no-products", TO_KEY, key=key_of("without")),
    Row("developer-inactive", TO_KEY, key=key_of("idle")),
    Row("company-inactive", TO_KEY, key=key_of("closed")),
    Row("authorization-missing", TO_TOKEN),
    Row("authorization-empty", TO_TOKEN, authorization=""),
    Row("access-token-missing", TO_TOKEN, authorization="Bearer"),
    Row("access-token-missing", TO_TOKEN, "one word", authorization="token"),
    Row("token-type-invalid", TO_TOKEN, "a known scheme", authorization="Basic dXNlcjpwYXNzd29yZA==", values={"scheme": "Basic"}),
    Row("token-type-invalid", TO_TOKEN, "the scheme in another case", authorization="bearer x.y.z", values={"scheme": "bearer"}),
    Row("token-type-invalid", TO_TOKEN, "an unknown scheme is not repeated", authorization="hunter2 x", values={"scheme": "unknown"}),
    Row("access-token-unknown", TO_TOKEN, token="word"),
    Row("access-token-unknown", TO_TOKEN, "a forged one", token="forged"),
    Row("access-token-unknown", TO_TOKEN, "of another issuer", token="stranger-issuer"),
    Row("access-token-expired", TO_TOKEN, token="expired"),
    Row("access-token-revoked", TO_TOKEN, "its own id", token="jti-2", changes=("a token revoked",)),
    Row("access-token-revoked", TO_TOKEN, "its credential", token="credential-2", changes=("a credential revoked",)),
    Row("access-token-revoked", TO_TOKEN, "its application", token="pending"),
    Row("access-token-wrong-product", TO_TOKEN, token="outsider"),
    Row("access-token-not-bound", TO_TOKEN, token="bound"),
    Row("access-token-not-bound", TO_TOKEN, "another certificate", token="bound", who="beta", listener="mtls"),
    Row("scope-insufficient", TO_TOKEN, token="no-scope"),
    Row("access-token-wrong-kind", TO_KIND, token="no-scope"),
    Row("authorization-missing", TO_WORKER, "on a user's route"),
    Row("token-type-invalid", TO_WORKER, "on a user's route", authorization="Basic dXNlcjpwYXNzd29yZA==", values={"scheme": "Basic"}),
    Row("access-token-unknown", TO_WORKER, "a forged one of a user", token="worker-forged"),
    Row("access-token-expired", TO_WORKER, "of a user", token="worker-expired"),
    Row("access-token-revoked", TO_WORKER, "its user's sign-in", token="worker-ended", changes=("a sign-in ended",)),
    Row("access-token-revoked", TO_WORKER, "its own id, of a user", token="worker-jti-2", changes=("a token revoked",)),
    Row("access-token-revoked", TO_WORKER, "its credential, of a user", token="worker-credential-2", changes=("a credential revoked",)),
    Row("access-token-revoked", TO_WORKER, "its application, of a user", token="worker-pending"),
    Row("access-token-wrong-product", TO_WORKER, "of a user", token="worker-outsider"),
    Row("access-token-not-bound", TO_WORKER, "of a user", token="worker-bound"),
    Row("scope-insufficient", TO_WORKER, "an application by itself", token="good"),
    Row("scope-insufficient", TO_WORKER, "an application that says it is a user", token="user-scope"),
    Row("scope-insufficient", TO_WORKER, "a worker at too low a level", token="worker-aal1"),
    Row("scope-insufficient", TO_WORKER, "a patient", token="patient-P9"),
    Row("scope-insufficient", TO_WORKER, "a user without scopes", token="worker-no-scope"),
    Row("scope-insufficient", TO_TOKEN, "a user on an application's route", token="worker-application-scope"),
    Row("access-token-wrong-kind", TO_USER_KIND, "an application by itself", token="good"),
    Row("access-token-wrong-kind", TO_USER_KIND, "a user at too low a level", token="worker-aal1"),
    Row("access-token-wrong-kind", TO_USER_KIND, "a patient at too low a level", token="patient-P5"),
    Row("request-id-missing", TO_STRICT, key=key_of("alpha"), request_id=None),
    Row("request-id-missing", TO_STRICT, "an empty one", key=key_of("alpha"), request_id=""),
    Row("request-id-invalid", TO_STRICT, key=key_of("alpha"), request_id='<b>"no"', values={"value": '<b>"no"'}),
    Row("request-id-invalid", TO_STRICT, "a long one is cut", key=key_of("alpha"), request_id="x" * 100, values={"value": "x" * 64}),
    Row("route-not-found", NOWHERE),
    Row("method-not-allowed", ONLY_SOME),
    Row("certificate-missing", TO_CERTIFICATE),
    Row("certificate-not-registered", TO_CERTIFICATE, who="stray", listener="mtls"),
    Row("certificate-not-registered", TO_CERTIFICATE, "its application is pending", who="pending", listener="mtls"),
    Row("certificate-wrong-product", TO_CERTIFICATE, who="outsider", listener="mtls"),
    Row("certificate-revoked", TO_CERTIFICATE, who="beta", listener="mtls", changes=("beta's certificate revoked",)),
)
"""Refusals that need nothing but a request; `decide` gives each of them too."""

LIMITED: dict[str, dict[str, Any]] = {
    "application-quota-exceeded": {"application": {"quota": {"limit": 1}}, "scope": "application", "policy": "quota", "limit": 1, "wait": 60},
    "application-spike": {"application": {"quota": {"limit": 1000}, "spike_arrest": {"rate": "2pm"}}, "scope": "application",
                          "policy": "spikearrest", "limit": 2, "wait": 30},
    "api-quota-exceeded": {"api": {"quota": {"limit": 1}}, "scope": "proxy", "policy": "quota", "limit": 1, "wait": 60},
    "api-spike": {"api": {"spike_arrest": {"rate": "3pm"}}, "scope": "proxy", "policy": "spikearrest", "limit": 3, "wait": 20},
}
"""Limits so low that the second request, or the fourth, exceeds them."""

PLATFORM = (
    ("backend-unavailable", "GET", "/down-{}/open", b""),
    ("backend-timeout", "GET", "/p-{}/slow", b""),
    ("request-too-large", "POST", "/p-{}/small", b"x" * 11),
)
"""Trouble behind the gateway."""

GOOD_START = b"GET /p-fhir/open HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: corr-1\r\n"
EARLY = (
    ("no host", "request-malformed", b"GET / HTTP/1.1\r\nX-Correlation-ID: corr-1\r\n\r\n"),
    ("not HTTP", "request-malformed", b"garbage\r\n\r\n"),
    ("HTTP/1.0", "request-malformed", b"GET / HTTP/1.0\r\nHost: a\r\n\r\n"),
    ("a header name with an underscore", "request-malformed", GOOD_START + b"a_b: 1\r\n\r\n"),
    ("two lengths", "request-malformed", GOOD_START + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("a host with a space", "request-malformed", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("an escaped slash", "request-malformed", b"GET /p-fhir/a%2Fb HTTP/1.1\r\nHost: a\r\nX-Correlation-ID: corr-1\r\n\r\n"),
    ("an escaped backslash", "request-malformed", b"GET /p-fhir/a%5Cb HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("an escaped NUL", "request-malformed", b"GET /p-fhir/a%00b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("a fragment", "request-malformed", b"GET /p-fhir/a#b HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("OPTIONS *", "request-malformed", b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"),
    ("CONNECT", "request-malformed", b"CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"),
    ("an upgrade", "request-malformed", b"GET /p-fault/open HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n"),
    ("headers of more than 60 KiB", "headers-too-large", GOOD_START + b"a: " + b"x" * 62_000 + b"\r\n\r\n"),
    ("more than 100 headers", "headers-too-large", GOOD_START + b"".join(b"a%d: x\r\n" % number for number in range(101)) + b"\r\n"),
)
"""What is refused before any route is known."""

ELSEWHERE = {
    "certificate-invalid": "test_tls_ma: needs the profile that answers bad certificates",
    "certificate-expired": "test_tls_ma: a handshake line, which telemetry reads",
    "certificate-untrusted": "test_tls_ma: a handshake line, which telemetry reads",
    "api-status-key-invalid": "the server's `_status` answers, not Envoy",
}
