"""Every deny list denies: on connections that were open before, and on resumed ones. A list that fails open says nothing.

How long it takes from publishing to the first refusal on an open connection is measured and printed; what is asserted is
what holds once Envoy has confirmed.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from wardgate.dataplane.resources.door import CLIENT_HEADERS
from wardgate.jose import KeyRules, SigningJWK, parse_jwk_set
from wire.caller import Caller
from wire.cast import CHANGES, GOOD_ID, LEVEL_3, Cast, key_of


@dataclass(frozen=True)
class Denied:
    """A list, a request that it stops, and the reason it gives."""

    change: str
    reason: str
    path: str = "/hello-world/key"
    key: str | None = None
    token: str | None = None
    who: str | None = None

    @property
    def listener(self) -> str:
        """The mutual-TLS port when a certificate is what is judged."""
        return "mtls" if self.who else "https"

    def headers(self, cast: Cast) -> list[tuple[str, str]]:
        """Return the request's credentials."""
        found = [("apikey", key_of(self.key))] if self.key else []
        return found + ([("Authorization", f"Bearer {cast.tokens[self.token]}")] if self.token else [])


DENIED = (
    Denied("a token revoked", "access-token-revoked", "/hello-world/jwt", token="jti-2"),
    Denied("a credential revoked", "access-token-revoked", "/hello-world/jwt", token="credential-2"),
    Denied("a sign-in ended", "access-token-revoked", "/users/worker", token="worker-ended"),
    Denied("a sign-in ended", "access-token-revoked", "/users/all", token="patient-ended"),
    Denied("a sign-in ended", "access-token-revoked", "/users/pds", token="patient-ended"),
    Denied("a token revoked", "access-token-revoked", "/users/worker", token="worker-jti-2"),
    Denied("a credential revoked", "access-token-revoked", "/users/worker", token="worker-credential-2"),
    Denied("alpha suspended", "access-token-revoked", "/users/worker", token="worker-aal3"),
    Denied("beta's certificate revoked", "certificate-revoked", "/hello-world/mtls", who="beta"),
    Denied("beta's certificate revoked", "certificate-revoked", "/hello-world/open", who="beta"),
    Denied("beta's certificate name withdrawn", "certificate-not-registered", "/hello-world/mtls", who="beta"),
    Denied("alpha suspended", "application-not-approved", key="alpha"),
    Denied("alpha suspended", "access-token-revoked", "/hello-world/jwt", token="good"),
    Denied("alpha suspended", "certificate-not-registered", "/hello-world/mtls", who="alpha"),
    Denied("alpha's developer inactive", "developer-inactive", key="alpha"),
    Denied("beta removed", "api-key-unknown", key="beta"),
    Denied("beta removed", "access-token-revoked", "/hello-world/jwt", token="beta"),
    Denied("alpha loses a product", "api-key-wrong-product", "/problem/key", key="alpha"),
    Denied("alpha loses every product", "application-no-products", key="alpha"),
    Denied("alpha's key revoked", "api-key-revoked", key="alpha"),
    Denied("beta's key deleted", "api-key-unknown", key="beta"),
    Denied("alpha's quota at hello spent", "application-quota-exceeded", key="alpha"),
    Denied("alpha's quota at hello spent", "application-quota-exceeded", "/hello-world/jwt", token="good"),
    Denied("alpha's quota at hello spent", "application-quota-exceeded", "/hello-world/mtls", who="alpha"),
    Denied("the quota of hello spent", "api-quota-exceeded", "/hello-world/open"),
    Denied("the quota of hello spent", "api-quota-exceeded", key="alpha"),
)


@pytest.mark.parametrize("denied", DENIED, ids=lambda row: f"{row.change}, {row.path}, {row.reason}")
def test_a_list_denies_on_open_and_resumed_connections(
    denied: Denied, cast: Cast, plane: Any, send: Caller, capsys: pytest.CaptureFixture[str]
) -> None:
    """Admitted before, refused after, on connections and sessions of before, beside the old map and after it is folded in."""
    person = cast.people[denied.who].identity if denied.who else None
    headers = denied.headers(cast)
    connections = {version: send.connect(denied.listener, person, version) for version in ("1.3", "1.2")}
    for version, connection in connections.items():
        assert connection.send("GET", denied.path, headers).status == 200
        send.keep_session(connection, denied.listener, person, version)
    started = time.monotonic()
    plane.publish(CHANGES[denied.change](plane.snapshot, cast), wait=False)
    published = time.monotonic()
    while connections["1.3"].send("GET", denied.path, headers).reason != denied.reason:
        assert time.monotonic() - published < 15, "not refused within 15 s"
        time.sleep(0.005)
    held = time.monotonic()
    plane.wait_confirmed()
    for folded in (False, True):
        if folded:
            fold(plane)
        for version, connection in connections.items():
            assert connection.send("GET", denied.path, headers).reason == denied.reason
            again = send.connect(denied.listener, person, version, resume=True)
            assert again.resumed
            assert again.send("GET", denied.path, headers).reason == denied.reason
            again.close()
    for connection in connections.values():
        connection.close()
    with capsys.disabled():
        print(f"\n  {denied.change}: refused on an open connection {held - published:.2f} s after publishing, "
              f"which took {published - started:.2f} s", end="")


def fold(plane: Any) -> None:
    """Move the overlay into the big map."""
    for _ in range(2):
        plane.publisher._changed_at = -1000.0
        plane.run(plane.publisher.fold(datetime.now(UTC)))
        plane.wait_confirmed()


ADMITTED = (
    ("new application", "/hello-world/key", "new", None), ("new application", "/hello-world/jwt", None, "new"),
    ("pending approved", "/hello-world/key", "pending", None), ("outsider gains a product", "/hello-world/jwt", None, "outsider"),
)


@pytest.mark.parametrize(("change", "path", "key", "token"), ADMITTED)
def test_what_is_new_is_admitted_beside_the_old_map(
    change: str, path: str, key: str | None, token: str | None, cast: Cast, plane: Any, send: Caller
) -> None:
    """A new application, an approval, a product: the overlay admits before the big map knows, and the map after it."""
    headers = Denied(change, "", key=key, token=token).headers(cast)
    connection = send.connect("https")
    assert connection.send("GET", path, headers).status in {401, 403}
    plane.publish(CHANGES[change](plane.snapshot, cast))
    assert connection.send("GET", path, headers).status == 200
    fold(plane)
    assert connection.send("GET", path, headers).status == 200
    connection.close()


def test_a_revocation_that_ends_is_forgotten(cast: Cast, plane: Any, send: Caller) -> None:
    """A revoked id that is dropped from the list (its token is over by itself) no longer denies."""
    headers = [("Authorization", f"Bearer {cast.tokens['jti-2']}")]
    connection = send.connect("https")
    before = plane.snapshot
    plane.publish(CHANGES["a token revoked"](before, cast))
    assert connection.send("GET", "/hello-world/jwt", headers).reason == "access-token-revoked"
    plane.publish(before)
    assert connection.send("GET", "/hello-world/jwt", headers).status == 200
    connection.close()


SPOOFED = (
    "NHSD-ASID", "NHSD-Identity-UUID", "NHSD-Identity-IdP", "NHSD-NHSLogin-User", "NHSD-Request-ID", "NHSD-Correlation-ID",
    "NHSD-Connection-Metadata", "NHSD-Client-RP-Details", "NHSD-", "nhsd-x", "NHSD-Session-URID-2", "NHSD-Session-URI",
    "NHSD-End-User-Organisation-ODS-Code", "NHSD-End-User", "NHSD-End-User-Organisation-", "NHSD-Requesting-Softwar", "nHsD-AsId",
    "NHSE-PDS-X", "nhse-anything", "X-ERS-User", "x-ers-", "Client-Cert", "Client-Cert-Chain", "client-certificate",
    "X-Wardgate-Client", "x-wardgate-jti", "x-wardgate-credential", "x-wardgate-bound", "x-wardgate-asid", "x-wardgate-listener",
    "x-wardgate-given-request-id", "x-wardgate-anything", "x-wardgate-user", "x-wardgate-provider", "x-wardgate-patient",
    "x-wardgate-role", "x-wardgate-level", "x-wardgate-session", "NHSD-URID", "X-Forwarded-Client-Cert", "NHSD-Application",
    "x-envoy-upstream-rq-timeout-ms", "x-envoy-retry-on", "x-envoy-original-path", "x-envoy-decorator-operation",
)


@pytest.mark.parametrize("listener", ["https", "mtls", "http"])
@pytest.mark.parametrize("path", ["/hello-world/open", "/hello-world/who", "/hello-world/asid", "/whole/x"])
def test_identity_headers_from_outside_are_dropped(path: str, listener: str, cast: Cast, plane: Any, send: Caller) -> None:
    """Whatever only the gateway may say never reaches a backend from a caller (spec README rule 12), in any spelling."""
    identity = cast.people["alpha"].identity if listener == "mtls" else None
    headers = [(name, "spoofed") for name in SPOOFED] + [("apikey", key_of("beta"))]
    answer = send.kept(listener, identity).send("GET", path, headers)
    assert answer.status == 200
    seen = json.loads(answer.body)["headers"]
    assert [name for name, value in seen.items() if "spoofed" in value] == []
    assert seen.get("nhsd-application") == {"/hello-world/who": "beta", "/hello-world/asid": "beta"}.get(path)
    assert "nhsd-asid" not in seen, "beta has no ASID"


def test_the_headers_of_callers_arrive(plane: Any, send: Caller) -> None:
    """The six NHSD headers that callers send by right, and ordinary ones, are passed on as they are."""
    given = {name: f"value-{number}" for number, name in enumerate((*CLIENT_HEADERS, "accept", "x-other", "nhs-number-like"))}
    seen = json.loads(send.kept("https").send("GET", "/hello-world/open", given.items()).body)["headers"]
    assert {name: seen.get(name) for name in given} == given
    assert len(CLIENT_HEADERS) == 6


def test_the_trace_headers_of_the_backend(plane: Any, send: Caller) -> None:
    """NHSD-Request-ID and NHSD-Correlation-ID in place of the X-* pair; the caller gets its own back (application-restricted 10)."""
    answer = send.kept("https").send("GET", "/hello-world/open", [("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "corr")])
    seen = json.loads(answer.body)["headers"]
    request_id, correlation_id, message_id = seen["nhsd-correlation-id"].split(".")
    assert (request_id, correlation_id, len(message_id)) == (GOOD_ID, "corr", 36)
    assert seen["nhsd-request-id"] == GOOD_ID
    assert not {"x-request-id", "x-correlation-id"} & seen.keys()
    assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == (GOOD_ID, "corr")


@pytest.mark.parametrize("given", [None, "", "bad", GOOD_ID + "0"])
def test_a_request_id_is_made_up(given: str | None, plane: Any, send: Caller) -> None:
    """Where none is required, a missing or bad X-Request-ID is replaced; backend and caller see the same one."""
    answer = send.kept("https").send("GET", "/hello-world/open", [("X-Request-ID", given)] if given is not None else ())
    made = answer.headers["x-request-id"]
    assert (len(made), made == given) == (36, False)
    assert json.loads(answer.body)["headers"]["nhsd-request-id"] == made


def test_the_asid_of_the_application_reaches_the_backend(cast: Cast, plane: Any, send: Caller) -> None:
    """Where a route says so, the application's name and ASID are told, whichever credential it used."""
    seen = json.loads(send.kept("https").send("GET", "/hello-world/asid", [("apikey", key_of("alpha")), ("NHSD-ASID", "1")]).body)["headers"]
    assert (seen["nhsd-application"], seen["nhsd-asid"]) == ("alpha", "200000000115")


def test_a_token_is_bound_to_its_certificate(cast: Cast, plane: Any, send: Caller) -> None:
    """RFC 8705 section 3: admitted with the certificate, refused with another, without one, and on another port."""
    headers = [("Authorization", f"Bearer {cast.tokens['bound']}")]
    outcomes = {}
    for name, listener in (("alpha", "mtls"), ("beta", "mtls"), (None, "https"), (None, "http")):
        identity = cast.people[name].identity if name else None
        for how in ("open", "new", "resumed"):
            outcomes[name, listener, how] = send.send(how, listener, "GET", "/hello-world/jwt", headers, identity=identity)[0].reason
    assert {key: value for key, value in outcomes.items() if key[0] == "alpha"} == dict.fromkeys((("alpha", "mtls", how) for how in ("open", "new", "resumed")), None)
    assert {value for key, value in outcomes.items() if key[0] != "alpha"} == {"access-token-not-bound"}


def test_a_token_of_another_issuer_is_unknown(cast: Cast, plane: Any, send: Caller) -> None:
    """Signed by our key, for our audience, but made for another address: not one of this environment's."""
    answer = send.kept("https").send("GET", "/hello-world/jwt", [("Authorization", f"Bearer {cast.tokens['stranger-issuer']}")])
    assert answer.reason == "access-token-unknown"


def test_a_rotated_key_ends_its_tokens(cast: Cast, plane: Any, send: Caller) -> None:
    """When the signing key leaves the set, tokens by it are refused on the next request of an open connection."""
    connection = send.connect("https")
    headers = [("Authorization", f"Bearer {cast.tokens['good']}")]
    assert connection.send("GET", "/hello-world/jwt", headers).status == 200
    newer = SigningJWK.of("wg-2", "ES256", ec.generate_private_key(ec.SECP256R1()))
    for keys, expected in (([cast.signer, newer], None), ([newer], "access-token-unknown")):
        jwks = {"keys": [key.public_jwk() for key in keys]}
        issuer = replace(cast.issuer, keys=parse_jwk_set(jwks, KeyRules()), jwks=jwks)
        plane.publish(replace(plane.snapshot, tokens=issuer))
        assert connection.send("GET", "/hello-world/jwt", headers).reason == expected
        fresh = cast.token(signer=newer, scope=LEVEL_3 + "hello")
        assert connection.send("GET", "/hello-world/jwt", [("Authorization", f"Bearer {fresh}")]).status == 200
    connection.close()


@pytest.fixture(autouse=True)
def still_in_step(send: Caller) -> Iterator[None]:
    """No answer leaves bytes behind on a kept connection."""
    yield
    assert [connection._left for connection in send._open.values() if connection._left] == []

