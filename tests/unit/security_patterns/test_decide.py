"""The rule book, case by case: who is let in, who is not, and why (application-restricted 4, 5.3, 7, 8, 10)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from wardgate.jose import KeyRules, parse_jwk_set
from wardgate.refusals import CATALOGUE, Area, Refusal, reason
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import CertificateStatus, Listener
from wardgate.security_patterns.role import CODES as ROLE_CODES
from wardgate.security_patterns.snapshot import Revocations
from wardgate.security_patterns.standing import REASONS, STANDINGS

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
GOOD_ID = "12345678-ABCD-4bcd-8ef0-1234567890ab"
THUMBPRINT = "q6urq6urq6urq6urq6urq6urq6urq6urq6urq6urq6s"

CASES: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
    # --- open access
    ("open access asks for nothing", None, {"path": "/hello/open"}),
    ("open access ignores credentials, whatever they are", None, {"path": "/hello/open", "key": "no", "authorization": "Basic x"}),
    ("an alternative that is open opens the route", None, {"path": "/hello/opened", "key": "no"}),
    # --- API key
    ("the key of an approved application", None, {"path": "/hello/key", "key": "key-good"}),
    ("a key that ends in a second", None, {"path": "/hello/key", "key": "key-later"}),
    ("no key", "api-key-missing", {"path": "/hello/key"}),
    ("an empty key", "api-key-missing", {"path": "/hello/key", "key": ""}),
    ("a key nobody has", "api-key-unknown", {"path": "/hello/key", "key": "key-goo"}),
    ("a key in other letters", "api-key-unknown", {"path": "/hello/key", "key": "KEY-GOOD"}),
    ("two keys", "api-key-unknown", {"path": "/hello/key", "key": "key-good,key-good"}),
    ("a revoked key", "api-key-revoked", {"path": "/hello/key", "key": "key-revoked"}),
    ("a key that ends now", "api-key-expired", {"path": "/hello/key", "key": "key-expired"}),
    ("the key of an application that is gone", "api-key-unknown", {"path": "/hello/key", "key": "key-nobody"}),
    ("the key of an application that waits", "application-not-approved", {"path": "/hello/key", "key": "key-pending"}),
    ("the key of an inactive developer's application", "developer-inactive", {"path": "/hello/key", "key": "key-idle"}),
    ("the key of an inactive company's application", "company-inactive", {"path": "/hello/key", "key": "key-closed"}),
    ("the key of an application without products", "application-no-products", {"path": "/hello/key", "key": "key-without"}),
    ("the key of an application with other products", "api-key-wrong-product", {"path": "/hello/key", "key": "key-elsewhere"}),
    ("a key where a token is asked for", "authorization-missing", {"path": "/hello/jwt", "key": "key-good"}),
    # --- access token: the header
    ("no Authorization header", "authorization-missing", {"path": "/hello/jwt"}),
    ("an empty one", "authorization-empty", {"path": "/hello/jwt", "authorization": ""}),
    ("the scheme alone", "access-token-missing", {"path": "/hello/jwt", "authorization": "Bearer"}),
    ("the scheme and a space", "access-token-missing", {"path": "/hello/jwt", "authorization": "Bearer "}),
    ("a word", "access-token-missing", {"path": "/hello/jwt", "authorization": "eyJ"}),
    ("another scheme", "token-type-invalid", {"path": "/hello/jwt", "authorization": "Basic eyJ"}),
    ("the scheme in small letters", "token-type-invalid", {"path": "/hello/jwt", "authorization": "bearer a.b.c"}),
    ("text that is no token", "access-token-unknown", {"path": "/hello/jwt", "authorization": "Bearer opaque"}),
    ("two headers", "access-token-unknown", {"path": "/hello/jwt", "authorization": "Bearer a.b.c,Bearer a.b.c"}),
    ("the certificate's name alone is no credential here", "authorization-missing", {"path": "/hello/jwt", "who": "good.nhs.uk"}),
    # --- TLS-MA
    ("the certificate of an approved application", None, {"path": "/hello/mtls", "who": "good.nhs.uk"}),
    ("no certificate", "certificate-missing", {"path": "/hello/mtls"}),
    ("no certificate on the mutual-TLS port, on any route", "certificate-missing", {"path": "/hello/open", "listener": Listener.MTLS}),
    ("a certificate nobody registered", "certificate-not-registered", {"path": "/hello/mtls", "who": "stray.nhs.uk"}),
    ("a certificate without a name", "certificate-not-registered", {"path": "/hello/mtls", "who": ""}),
    ("the certificate of an application that waits", "certificate-not-registered", {"path": "/hello/mtls", "who": "pending.nhs.uk"}),
    ("the certificate of an application with other products", "certificate-wrong-product", {"path": "/hello/mtls", "who": "elsewhere.nhs.uk"}),
    ("the certificate of an application without products", "certificate-wrong-product", {"path": "/hello/mtls", "who": "without.nhs.uk"}),
    ("a revoked certificate, even where nothing is asked", "certificate-revoked", {"path": "/hello/open", "who": "good.nhs.uk", "fingerprint": "cd" * 32}),
    ("a revoked certificate where there is no route", "certificate-revoked", {"path": "/nothing", "who": "good.nhs.uk", "fingerprint": "cd" * 32}),
    ("a certificate TLS did not find valid", "certificate-invalid", {"path": "/hello/open", "who": "good.nhs.uk", "status": CertificateStatus.INVALID}),
    # --- several patterns
    ("any one is enough: the key", None, {"path": "/hello/either", "key": "key-good"}),
    ("a good key beside a bad token", None, {"path": "/hello/either", "key": "key-good", "authorization": "Bearer x"}),
    ("nothing presented: the first pattern says what is missing", "api-key-missing", {"path": "/hello/either"}),
    ("only the second presented: it says what is wrong", "token-type-invalid", {"path": "/hello/either", "authorization": "Basic x"}),
    ("both bad: the first presented in the route's order", "api-key-unknown", {"path": "/hello/either", "key": "no", "authorization": "Basic x"}),
    ("an unregistered certificate beside a good key", None, {"path": "/hello/any", "who": "stray.nhs.uk", "key": "key-good"}),
    ("an unregistered certificate beside a bad key", "certificate-not-registered", {"path": "/hello/any", "who": "stray.nhs.uk", "key": "no"}),
    # --- X-Request-ID
    ("a UUID where one is required", None, {"path": "/fhir/open", "request_id": GOOD_ID}),
    ("none where one is required", "request-id-missing", {"path": "/fhir/open"}),
    ("an empty one", "request-id-missing", {"path": "/fhir/open", "request_id": ""}),
    ("no UUID", "request-id-invalid", {"path": "/fhir/open", "request_id": GOOD_ID + "0"}),
    ("a UUID and more lines", "request-id-invalid", {"path": "/fhir/open", "request_id": GOOD_ID + "\n"}),
    ("none where it is made up", None, {"path": "/fhir/loose"}),
    ("a bad one where it is made up", None, {"path": "/hello/open", "request_id": "x"}),
    ("what Envoy kept of the caller's counts, not what it put in its place", "request-id-missing",
     {"path": "/fhir/open", "request_id": GOOD_ID, "x-wardgate-given-request-id": ""}),
    ("the credential is judged before the request id", "api-key-missing", {"path": "/fhir/key"}),
    # --- routes
    ("a path of no API", "route-not-found", {"path": "/nothing"}),
    ("a path of no route", "route-not-found", {"path": "/hello/nothing"}),
    ("a method the route does not take", "method-not-allowed", {"path": "/hello/get", "method": "POST"}),
    ("health is not a route", "route-not-found", {"path": "/hello/_ping"}),
)


def code_of(decision: Decision) -> str | None:
    """Return why it was refused, or None."""
    return decision.refusal.reason.code if decision.refusal else None


@pytest.mark.parametrize(("expected", "request_"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_a_request(expected: str | None, request_: dict[str, Any], book: Any) -> None:
    """The request gets this reason, or is let in."""
    assert code_of(book.ask(**request_)) == expected


TOKENS: tuple[tuple[str, str | None, dict[str, Any]], ...] = (
    ("of an approved application", None, {}),
    ("of the second issuer", None, {"issuer": "https://localhost/oauth2-mock"}),
    ("that ended a second ago, within the leeway", None, {"lasts": -1}),
    ("that ended two seconds ago", "access-token-expired", {"lasts": -2}),
    ("without an end", "access-token-unknown", {"exp": None}),
    ("of another issuer", "access-token-unknown", {"issuer": "https://elsewhere/oauth2"}),
    ("for another audience", "access-token-unknown", {"audience": "other"}),
    ("of another type", "access-token-unknown", {"typ": "JWT"}),
    ("whose client is not its subject", "access-token-unknown", {"client_id": "elsewhere"}),
    ("that was revoked", "access-token-revoked", {"jti": "revoked-jti"}),
    ("whose credential was revoked", "access-token-revoked", {"credential": "revoked-credential"}),
    ("of an application that is gone", "access-token-revoked", {"application": "nobody"}),
    ("of an application that waits", "access-token-revoked", {"application": "pending"}),
    ("of an inactive developer's application", "access-token-revoked", {"application": "idle"}),
    ("of an application without products", "access-token-wrong-product", {"application": "without"}),
    ("of an application with other products", "access-token-wrong-product", {"application": "elsewhere"}),
    ("without a scope", "scope-insufficient", {"scope": ""}),
    ("with a scope of another API", "scope-insufficient", {"scope": "urn:nhsd:apim:app:level3:fhir"}),
    ("with a scope that only begins alike", "scope-insufficient", {"scope": "urn:nhsd:apim:app:level3:hello-world"}),
    ("with the scope among others", None, {"scope": "a urn:nhsd:apim:app:level3:hello b"}),
    ("bound to a certificate that is not there", "access-token-not-bound", {"bound": THUMBPRINT}),
    ("revoked and bound elsewhere: revoked", "access-token-revoked", {"bound": THUMBPRINT, "jti": "revoked-jti"}),
    ("bound elsewhere and without scope: not bound", "access-token-not-bound", {"bound": THUMBPRINT, "scope": ""}),
    ("bound elsewhere, of an application with other products: its products", "access-token-wrong-product", {"bound": THUMBPRINT, "application": "elsewhere"}),
)


@pytest.mark.parametrize(("expected", "claims"), [case[1:] for case in TOKENS], ids=[case[0] for case in TOKENS])
def test_a_token(expected: str | None, claims: dict[str, Any], book: Any) -> None:
    """A token gets this reason, or lets its application in."""
    assert code_of(book.ask("/hello/jwt", token=book.token(**claims))) == expected


def test_a_forged_token(book: Any) -> None:
    """Another key under our name: unknown; expired as well: expired, as Envoy says."""
    assert code_of(book.ask("/hello/jwt", token=book.token(signer=book.forger))) == "access-token-unknown"
    assert code_of(book.ask("/hello/jwt", token=book.token(signer=book.forger, lasts=-60))) == "access-token-expired"


def test_a_token_that_is_remembered_is_judged_anew(book: Any) -> None:
    """That it is ours is remembered; when it ends, what was revoked, and by which keys it counts is looked at each time."""
    token = book.token(jti="again")
    assert book.ask("/hello/jwt", token=token).allowed
    assert code_of(book.ask("/hello/jwt", token=token, now=NOW + timedelta(minutes=11))) == "access-token-expired"
    revoked = replace(book.snapshot, revocations=Revocations(tokens=frozenset({"again"})))
    assert code_of(book.ask("/hello/jwt", token=token, snapshot=revoked)) == "access-token-revoked"
    jwks = {"keys": [book.forger.public_jwk()]}
    rotated = replace(book.snapshot, tokens=replace(book.snapshot.tokens, keys=parse_jwk_set(jwks, KeyRules()), jwks=jwks))
    assert code_of(book.ask("/hello/jwt", token=token, snapshot=rotated)) == "access-token-unknown"
    elsewhere = replace(book.snapshot, tokens=replace(book.snapshot.tokens, audience="other"))
    assert code_of(book.ask("/hello/jwt", token=token, snapshot=elsewhere)) == "access-token-unknown"
    assert book.ask("/hello/jwt", token=token).allowed


def test_a_signature_has_one_spelling(book: Any) -> None:
    """Characters added to a signature, or unused bits set in its last one, make another token: an unknown one."""
    token = book.token()
    alike = next(letter for letter in "BRhx" if letter != token[-1])
    for other in (token + "x", token + "A", token[:-1] + alike, token + "=", token[:-1]):
        assert code_of(book.ask("/hello/jwt", token=other)) == "access-token-unknown"


def test_a_bound_token_with_its_certificate(book: Any) -> None:
    """RFC 8705 section 3: over mutual TLS with the certificate it is bound to."""
    token = book.token(bound=THUMBPRINT)
    assert book.ask("/hello/jwt", token=token, who="whoever").allowed
    assert code_of(book.ask("/hello/jwt", token=token, who="whoever", fingerprint="ef" * 32)) == "access-token-not-bound"


@pytest.mark.parametrize(("path", "scope", "expected"), [
    ("/hello/scoped", "one", None), ("/hello/scoped", "two three", None), ("/hello/scoped", "three", "scope-insufficient"),
    ("/hello/kind", "three", "access-token-wrong-kind"), ("/hello/kind", "urn:nhsd:apim:app:level3:hello", None),
])
def test_scopes(path: str, scope: str, expected: str | None, book: Any) -> None:
    """Any one scope of the route is enough; what a wrong one is called is the route's choice (spec README rule 14)."""
    assert code_of(book.ask(path, token=book.token(scope=scope))) == expected


QUOTAS: tuple[tuple[str, tuple[str, str], str, str | None], ...] = (
    ("the application's, at this API", ("good", "hello"), "/hello/key", "application-quota-exceeded"),
    ("the application's, at another", ("good", "fhir"), "/hello/key", None),
    ("another application's", ("idle", "hello"), "/hello/key", None),
    ("the API's", ("", "hello"), "/hello/key", "api-quota-exceeded"),
    ("the API's, on an open route", ("", "hello"), "/hello/open", "api-quota-exceeded"),
    ("another API's", ("", "fhir"), "/hello/key", None),
)


@pytest.mark.parametrize(("pair", "path", "expected"), [case[1:] for case in QUOTAS], ids=[case[0] for case in QUOTAS])
def test_a_spent_quota(pair: tuple[str, str], path: str, expected: str | None, book: Any) -> None:
    """A quota longer than a minute refuses until its window ends, and not a moment longer."""
    snapshot = replace(book.snapshot, over_quota={pair: NOW + timedelta(hours=1)})
    assert code_of(book.ask(path, key="key-good", snapshot=snapshot)) == expected
    assert code_of(book.ask(path, key="key-good", snapshot=snapshot, now=NOW + timedelta(hours=1))) is None


def test_a_spent_quota_is_named_before_a_standing_and_after_a_credential(book: Any) -> None:
    """Who is refused for another reason is not told about quotas of the credential's owner before the credential counts."""
    until = NOW + timedelta(hours=1)
    snapshot = replace(book.snapshot, over_quota={("pending", "hello"): until, ("good", "hello"): until, ("", "hello"): until})
    assert code_of(book.ask("/hello/key", key="key-pending", snapshot=snapshot)) == "application-quota-exceeded"
    assert code_of(book.ask("/hello/key", key="key-revoked", snapshot=snapshot)) == "api-key-revoked"
    assert code_of(book.ask("/hello/key", key="key-elsewhere", snapshot=snapshot)) == "api-quota-exceeded"


def test_a_yes_says_what_was_proved(book: Any) -> None:
    """The explanation of a yes: what held, in order, and who it was; nothing in it is a credential."""
    decision = book.ask("/hello/key", key="key-good")
    assert (decision.allowed, decision.application, decision.pattern, decision.api, decision.route) == (True, "good", "api-key", "hello", "/key")
    assert decision.proved == ("key id-good belongs to good", "good is approved for hello")


@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_no_refusal_repeats_a_credential(case: tuple[str, str | None, dict[str, Any]], book: Any) -> None:
    """Neither keys nor the text of an Authorization header come back in what is recorded."""
    refusal = book.ask(**case[2]).refusal
    said = " ".join((str(refusal.expected), str(refusal.received), *refusal.values.values())) if refusal else ""
    for secret in (case[2].get("key"), (case[2].get("authorization") or "").partition(" ")[2]):
        assert not secret or len(secret) < 3 or secret not in said


def test_every_standing_has_a_name_in_every_pattern() -> None:
    """The table is whole: whatever is wrong with an application, each pattern has a reason of the catalogue for it."""
    patterns = {pattern for pattern, _ in REASONS}
    assert len(patterns) == 4
    assert set(REASONS) == {(pattern, standing) for pattern in patterns for standing in STANDINGS}
    assert set(REASONS.values()) <= set(CATALOGUE)


def test_the_cases_cover_the_reasons() -> None:
    """Every reason of the gateway and of certificates is in a case above, but for roles (`test_role`)."""
    seen = {case[1] for case in CASES} | {case[1] for case in TOKENS} | {"access-token-wrong-kind"}
    asked = {code for code, found in CATALOGUE.items() if found.area in {Area.GATEWAY, Area.CERTIFICATES}}
    assert asked - seen - ROLE_CODES == {"api-status-key-invalid", "certificate-expired", "certificate-untrusted"}


def test_a_decision_is_a_yes_or_has_a_refusal() -> None:
    """A decision that is neither, or both, cannot be made."""
    for allowed, refusal in ((False, None), (True, Refusal(reason("route-not-found")))):
        with pytest.raises(ValueError, match="either allowed or has a refusal"):
            Decision(allowed=allowed, refusal=refusal)
