"""TLS-MA: what a bad client certificate meets under both profiles, and what the rotation of trust does to open connections.

application-restricted 8.3 and 8.4; spec README rules 25 and 28.
"""

import contextlib
import json
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from wardgate.refusals import reason
from wardgate.refusals.dialects import CONTENT_TYPES, Dialect, body
from wire.authority import Authority, new_key
from wire.caller import Caller, caller_of
from wire.cast import GOOD_ID, Cast, Person

PATHS = {Dialect.FAULT: "/hello-world/mtls", Dialect.FHIR: "/fhir/R4/Patient/1/mtls", Dialect.PROBLEM: "/problem/mtls"}
BAD = ("untrusted", "expired", "revoked")


@pytest.fixture(scope="module")
def trust(cast: Cast, tmp_path_factory: pytest.TempPathFactory) -> Cast:
    """The cast with an authority of its own, and three people whose certificates are bad."""
    found = Cast(tmp_path_factory.mktemp("trust"))
    key = new_key()
    people: dict[str, Any] = {
        "expired": found.authority.client("alpha.example.nhs.uk", key, now=found.now - timedelta(days=40), validity=timedelta(days=30)),
        "revoked": found.authority.client("alpha.example.nhs.uk", key),
        "later-revoked": found.authority.client("alpha.example.nhs.uk", key),
    }
    for name, certificate in people.items():
        found.people[name] = found.person(name, certificate, key, "alpha.example.nhs.uk")
    untrusted = found.stranger.client("alpha.example.nhs.uk", key)
    found.people["untrusted"] = found.person("untrusted", untrusted, key, "alpha.example.nhs.uk")
    found.people["untrusted"].identity.certificate.write_text(found.stranger.chain(untrusted))
    found.authority.revoke(people["revoked"])
    return found


def start(new_plane: Callable[..., AbstractContextManager[Any]], trust: Cast, profile: str) -> AbstractContextManager[Any]:
    """Start an Envoy that trusts the module's authority."""
    return new_plane(make=lambda url: trust.snapshot(url, profile=profile), tls=trust.tls())


@pytest.fixture(scope="module")
def verifying(new_plane: Callable[..., AbstractContextManager[Any]], trust: Cast) -> Iterator[Any]:
    """An Envoy with the profile `verify`."""
    with start(new_plane, trust, "verify") as plane:
        plane.caller = caller_of(plane, trust.roots)
        yield plane
        plane.caller.close()


@pytest.fixture(scope="module")
def answering(new_plane: Callable[..., AbstractContextManager[Any]], trust: Cast) -> Iterator[Any]:
    """An Envoy with the profile `answer`."""
    with start(new_plane, trust, "answer") as plane:
        plane.caller = caller_of(plane, trust.roots)
        yield plane
        plane.caller.close()


ALERTS = {None: "certificate required", "untrusted": "unknown ca", "expired": "certificate expired", "revoked": "certificate revoked"}
FAILURES = {None: "PEER_DID_NOT_RETURN_A_CERTIFICATE", "untrusted": "unable_to_get_local_issuer_certificate", "expired": "certificate_has_expired",
            "revoked": "certificate_revoked"}


@pytest.mark.parametrize("version", ["1.3", "1.2"])
@pytest.mark.parametrize("who", [None, *BAD])
def test_verify_ends_the_handshake_with_an_alert(who: str | None, version: str, trust: Cast, verifying: Any) -> None:
    """No, untrusted, expired and revoked certificates: the alert that says so, and one line in the log with the reason."""
    before = handshakes(verifying)
    person = trust.people[who] if who else None
    with pytest.raises(ssl.SSLError) as caught, contextlib.closing(
        verifying.caller.connect("mtls", person.identity if person else None, version)
    ) as connection:
        connection.read()  # NOTE: in TLS 1.3 the caller is done before its certificate has been looked at
    expected = "handshake failure" if who is None and version == "1.2" else ALERTS[who]
    assert expected in str(caught.value).lower().replace("_", " ")
    line = new_handshake(verifying, before)
    assert FAILURES[who] in line["failure"]
    assert line["caller"] == "127.0.0.1"
    assert line.get("fingerprint") == (person.presented.fingerprint if person else None)


def test_a_good_handshake_leaves_no_line(trust: Cast, verifying: Any) -> None:
    """Only refused handshakes are written down; the call itself has a line of its own."""
    before = handshakes(verifying)
    answer, _ = verifying.caller.send("new", "mtls", "GET", PATHS[Dialect.FAULT], identity=trust.people["alpha"].identity)
    time.sleep(0.4)
    assert answer.status == 200
    assert handshakes(verifying) == before


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
def test_old_versions_of_tls_are_refused(version: ssl.TLSVersion, verifying: Any, trust: Cast) -> None:
    """TLS 1.2 is the least (spec README rule 28)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = context.maximum_version = version
    with socket.create_connection(("127.0.0.1", verifying.layout.https_port), timeout=10) as plain, pytest.raises((ssl.SSLError, ConnectionResetError)):
        context.wrap_socket(plain, server_hostname="localhost")


@pytest.mark.parametrize("suite", ["ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-SHA", "AES128-GCM-SHA256"])
def test_the_suites_of_tls_1_2(suite: str, verifying: Any, trust: Cast) -> None:
    """Both ECDHE GCM suites and no other (spec README rule 28)."""
    context = ssl.create_default_context(cafile=str(trust.roots))
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(suite)
    with socket.create_connection(("127.0.0.1", verifying.layout.https_port), timeout=10) as plain:
        if "ECDHE" in suite and "GCM" in suite:
            with context.wrap_socket(plain, server_hostname="localhost") as stream:
                assert stream.cipher()[0] == suite
        else:
            with pytest.raises(ssl.SSLError, match=r"(?i)handshake.failure"):
                context.wrap_socket(plain, server_hostname="localhost")


def test_only_the_mutual_tls_port_asks_for_a_certificate(verifying: Any, trust: Cast) -> None:
    """A certificate that is offered on the ordinary port is not asked for and counts for nothing."""
    identity = trust.people["alpha"].identity
    answer, _ = verifying.caller.send("new", "https", "GET", PATHS[Dialect.FAULT], identity=identity)
    assert (answer.status, answer.reason) == (496, "certificate-missing")


@pytest.mark.parametrize("dialect", list(PATHS))
@pytest.mark.parametrize("who", [None, *BAD])
def test_answer_says_495_and_496(who: str | None, dialect: Dialect, trust: Cast, answering: Any) -> None:
    """The whole answer in the shape of the API: 496 without a certificate, 495 with a bad one."""
    person = trust.people[who].identity if who else None
    answer, _ = answering.caller.send("new", "mtls", "GET", PATHS[dialect], [("X-Request-ID", GOOD_ID), ("X-Correlation-ID", "c")], identity=person)
    code = "certificate-missing" if who is None else "certificate-invalid"
    assert (answer.status, answer.reason) == (reason(code).status, code)
    found = json.loads(answer.body)
    message_id = found.get("instance", "").removeprefix("urn:wardgate:message:")
    assert found == body(dialect, reason(code), lambda text: text, message_id)
    assert dialect is not Dialect.PROBLEM or len(message_id) == 36
    assert answer.headers["content-type"] == CONTENT_TYPES[dialect]
    assert answer.headers["strict-transport-security"].startswith("max-age=")
    assert (answer.headers["x-request-id"], answer.headers["x-correlation-id"]) == (GOOD_ID, "c")


@pytest.mark.parametrize("path", ["/hello-world/open", "/nowhere", "/hello-world/_ping", "/oauth2/token"])
def test_answer_admits_bad_certificates_to_nothing(path: str, trust: Cast, answering: Any) -> None:
    """The whole port is closed to them, open routes, health and the authorisation server included."""
    for who in BAD:
        answer, _ = answering.caller.send("new", "mtls", "GET", path, identity=trust.people[who].identity)
        assert (answer.status, answer.reason) == (495, "certificate-invalid")


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_answer_does_not_resume(version: str, trust: Cast, answering: Any) -> None:
    """On a resumed session a good certificate would count as bad, so there is no resumption."""
    identity = trust.people["alpha"].identity
    for _ in range(2):
        answer, connection = answering.caller.send("resumed", "mtls", "GET", PATHS[Dialect.FAULT], identity=identity, version=version)
        assert (answer.status, connection.resumed) == (200, False)


def test_a_fingerprint_is_named_before_an_invalid_certificate(trust: Cast, answering: Any) -> None:
    """A certificate on the list of fingerprints is called revoked, although TLS found it invalid too."""
    revoked = trust.people["revoked"]
    answering.publish(revoke(answering.snapshot, revoked))
    answer, _ = answering.caller.send("new", "mtls", "GET", PATHS[Dialect.FAULT], identity=revoked.identity)
    assert (answer.status, answer.reason) == (495, "certificate-revoked")


def revoke(snapshot: Any, person: Person) -> Any:
    """Return the world with a certificate's fingerprint on the list."""
    fingerprints = snapshot.revocations.fingerprints | {person.presented.fingerprint}
    return replace(snapshot, revocations=replace(snapshot.revocations, fingerprints=fingerprints))


def test_a_new_list_and_a_new_bundle_keep_open_connections(trust: Cast, verifying: Any) -> None:
    """Rotation: open connections go on, the new authority's clients are let in, the server's new certificate is shown."""
    caller: Caller = verifying.caller
    alpha = trust.people["alpha"].identity
    kept = caller.connect("mtls", alpha)
    old_serial = ssl.PEM_cert_to_DER_cert(ssl.DER_cert_to_PEM_cert(kept.stream.getpeercert(binary_form=True)))  # type: ignore[attr-defined]
    newer = trust.stranger
    untrusted = trust.people["untrusted"].identity
    both = replace(trust.authority.material(trust.authority.server()), trust_pem=trust.authority.bundle() + newer.bundle(),
                   crl_pem=trust.authority.crls() + newer.crls())
    assert kept.send("GET", PATHS[Dialect.FAULT]).status == 200
    verifying.tls = both
    verifying.publish(verifying.snapshot)
    try:
        assert kept.send("GET", PATHS[Dialect.FAULT]).status == 200, "the open connection goes on"
        answer, _ = caller.send("new", "mtls", "GET", PATHS[Dialect.FAULT], identity=untrusted)
        assert answer.status == 200, "the new authority's client is let in"
        fresh = caller.connect("mtls", alpha)
        assert fresh.stream.getpeercert(binary_form=True) != old_serial, "the new server certificate is shown"  # type: ignore[attr-defined]
        fresh.close()
    finally:
        verifying.tls = trust.tls()
        verifying.publish(verifying.snapshot)
    with pytest.raises(ssl.SSLError):
        caller.send("new", "mtls", "GET", PATHS[Dialect.FAULT], identity=untrusted)
    assert kept.send("GET", PATHS[Dialect.FAULT]).status == 200
    kept.close()


@pytest.mark.parametrize("version", ["1.3", "1.2"])
def test_revoking_ends_new_resumed_and_open_connections(version: str, trust: Cast, verifying: Any) -> None:
    """The list of TLS stops new and resumed ones; only the map of fingerprints stops the one that is open."""
    caller: Caller = verifying.caller
    person = trust.people["later-revoked"]
    kept = caller.connect("mtls", person.identity, version)
    assert kept.send("GET", PATHS[Dialect.FAULT]).status == 200
    caller.keep_session(kept, "mtls", person.identity, version)
    before, revoked = verifying.snapshot, list(trust.authority.revoked)
    trust.authority.revoke(person.certificate)
    verifying.tls = trust.tls()
    verifying.publish(before)
    try:
        for how in ("new", "resumed"):
            with pytest.raises((ssl.SSLError, ConnectionResetError)):
                caller.send(how, "mtls", "GET", PATHS[Dialect.FAULT], identity=person.identity, version=version)
        assert kept.send("GET", PATHS[Dialect.FAULT]).status == 200, "TLS looks at a certificate once"
        verifying.publish(revoke(before, person))
        assert kept.send("GET", PATHS[Dialect.FAULT]).reason == "certificate-revoked"
        assert kept.send("GET", "/hello-world/open").reason == "certificate-revoked"
    finally:
        trust.authority.revoked = revoked
        verifying.tls = trust.tls()
        verifying.publish(before)
    assert kept.send("GET", PATHS[Dialect.FAULT]).status == 200
    kept.close()


def test_an_authority_without_a_list_is_not_trusted(trust: Cast, verifying: Any) -> None:
    """A bundle of two authorities with the list of one: the other's clients are refused (fail closed)."""
    newer: Authority = trust.stranger
    verifying.tls = replace(trust.tls(), trust_pem=trust.authority.bundle() + newer.bundle())
    verifying.publish(verifying.snapshot)
    try:
        with pytest.raises(ssl.SSLError):
            verifying.caller.send("new", "mtls", "GET", PATHS[Dialect.FAULT], identity=trust.people["untrusted"].identity)
        assert verifying.caller.send("new", "mtls", "GET", PATHS[Dialect.FAULT], identity=trust.people["alpha"].identity)[0].status == 200
    finally:
        verifying.tls = trust.tls()
        verifying.publish(verifying.snapshot)


def handshakes(plane: Any) -> int:
    """Return how many refused handshakes are in the log."""
    return sum('"kind":"handshake"' in line for line in Path(plane.layout.access_log).read_text().splitlines())


def new_handshake(plane: Any, before: int) -> dict[str, Any]:
    """Return the line that comes after `before` others, which it does within a flush."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines = [line for line in Path(plane.layout.access_log).read_text().splitlines() if '"kind":"handshake"' in line]
        if len(lines) > before:
            found: dict[str, Any] = json.loads(lines[before])
            return found
        time.sleep(0.05)
    raise AssertionError("no line for the handshake")
