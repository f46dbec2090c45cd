"""Every refusal of the authorisation server, produced on the wire through Envoy, and then explained.

Rows 1 to 28 of application-restricted 6.7 in the platform's order, then what the profile `strict` and our own
endpoints add. Status and whole body are compared with the catalogue; `wardgate explain` must name the reason.
"""

import json
import re
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from wardgate.refusals import CATALOGUE, Area

MESSAGE_ID = re.compile(r"rrt-[0-9]{19}-[a-z]-geu2-[0-9]+-[0-9]+-[0-9]+")
TOKEN = "/oauth2/token"
Case = Callable[[Any], httpx2.Response]


class Asker:
    """Asks the token endpoint of one Wardgate."""

    def __init__(self, wardgate: Any, client: httpx2.Client, certificates: Callable[..., Any]) -> None:
        self.wardgate, self.client, self.certificates = wardgate, client, certificates

    def post(self, data: Any = None, path: str = TOKEN, **more: Any) -> httpx2.Response:
        """POST a form."""
        return self.client.post(path, data=data, **more)

    def raw(self, body: bytes, **headers: str) -> httpx2.Response:
        """POST bytes as a form."""
        return self.client.post(TOKEN, content=body, headers={"content-type": "application/x-www-form-urlencoded"} | headers)

    def form(self, application: str = "demo-app", **changes: Any) -> dict[str, str]:
        """Return a good form with changes."""
        return dict(self.wardgate.form(application, **changes))

    def asserted(self, application: str = "demo-app", path: str = TOKEN, extra: dict[str, str] | None = None, **how: Any) -> httpx2.Response:
        """POST a form with a changed assertion."""
        text = self.wardgate.assertion(application, **how)
        return self.post(self.form(application, client_assertion=text) | (extra or {}), path)

    def by_certificate(self, application: str, of: str | None) -> httpx2.Response:
        """Ask as a client that authenticates by certificate (RFC 8705), with that of another application or none."""
        data = {"grant_type": "client_credentials", "client_id": f"{application}-key-not-a-secret"}
        if of is None:
            return self.post(data)
        with self.wardgate.client(mutual_tls=self.certificates(of)) as client:
            return client.post(TOKEN, data=data)


def _ahead(seconds: int) -> int:
    return int(time.time()) + seconds


def _replay(ask: Asker) -> httpx2.Response:
    form = ask.form()
    assert ask.post(form).status_code == 200
    return ask.post(form)


def _too_many(ask: Asker) -> httpx2.Response:
    """Use up the limit of an application that no other test asks for; its window slides, so a few more may get through."""
    for number in range(400):
        answer = ask.asserted("wrong-product-app", aud="https://elsewhere.example/token")
        if answer.status_code != 401:
            assert number >= 300
            return answer
    raise AssertionError("there is no limit")


def _store_refuses(ask: Asker) -> httpx2.Response:
    """The database takes no record: neither the token nor the refusal can be written down."""
    connection = sqlite3.connect(ask.wardgate.data / "wardgate.db", isolation_level=None, timeout=60)
    connection.execute("CREATE TRIGGER no_record BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'the disk is full'); END")
    try:
        return ask.post(ask.form())
    finally:
        connection.execute("DROP TRIGGER no_record")
        connection.close()


def _of_another(ask: Asker) -> httpx2.Response:
    token = ask.wardgate.token(ask.client, "demo-app")
    return ask.asserted("strict-app", "/oauth2/revoke", {"token": token}, sign_with="strict-es256")


# fmt: off
CASES: list[tuple[str, str, Case]] = [
    # --- rows 1 to 28, in the platform's order
    ("1: JSON", "content-type-not-form", lambda a: a.client.post(TOKEN, json={"grant_type": "client_credentials"})),
    ("1: no content type", "content-type-not-form", lambda a: a.client.post(TOKEN, content=b"grant_type=client_credentials")),
    ("1: nhs refuses a charset", "content-type-not-form", lambda a: a.client.post(TOKEN, content=b"grant_type=x", headers={"content-type": "application/x-www-form-urlencoded; charset=UTF-8"})),
    ("2: GET", "token-method-not-post", lambda a: a.client.get(TOKEN)),
    ("2: PUT", "token-method-not-post", lambda a: a.client.put(TOKEN, data=a.form())),
    ("3", "grant-type-missing", lambda a: a.post(a.form(grant_type=None))),
    ("3: in the query only", "grant-type-missing", lambda a: a.client.post(f"{TOKEN}?grant_type=client_credentials", data={"x": "1"})),
    ("4", "grant-type-unknown", lambda a: a.post(a.form(grant_type="password"))),
    ("5: none", "assertion-type-invalid", lambda a: a.post(a.form(client_assertion_type=None))),
    ("5: another", "assertion-type-invalid", lambda a: a.post(a.form(client_assertion_type="urn:ietf:params:oauth:client-assertion-type:saml2-bearer"))),
    ("6", "assertion-missing", lambda a: a.post(a.form(client_assertion=None))),
    ("7", "assertion-malformed", lambda a: a.post(a.form(client_assertion="not.a.jwt"))),
    ("8: RS256", "assertion-alg", lambda a: a.asserted(header={"alg": "RS256"})),
    ("8: none", "assertion-alg", lambda a: a.asserted(header={"alg": "none"})),
    ("9", "assertion-expired", lambda a: a.asserted(exp=_ahead(-2))),
    ("10", "assertion-kid-missing", lambda a: a.asserted(header={"kid": None})),
    ("11", "assertion-typ", lambda a: a.asserted(header={"typ": None})),
    ("12", "assertion-exp-missing", lambda a: a.asserted(exp=None)),
    ("13", "assertion-exp-type", lambda a: a.asserted(exp=str(_ahead(60)))),
    ("14", "assertion-iss-sub", lambda a: a.asserted(iss="somebody-else")),
    ("15", "assertion-jti-missing", lambda a: a.asserted(jti=None)),
    ("16", "assertion-jti-type", lambda a: a.asserted(jti=12345)),
    ("17", "assertion-jti-replayed", _replay),
    ("18", "assertion-exp-too-far", lambda a: a.asserted(exp=_ahead(330))),
    ("19", "client-unknown", lambda a: a.asserted(iss="nobody", sub="nobody")),
    ("19: a revoked key", "client-not-approved", lambda a: a.asserted("revoked-key-app")),
    ("19: an expired key", "client-not-approved", lambda a: a.asserted("expired-key-app")),
    ("19: a pending application", "client-not-approved", lambda a: a.asserted("pending-app")),
    ("19: a revoked application", "client-not-approved", lambda a: a.asserted("revoked-app")),
    ("19: an inactive developer", "client-not-approved", lambda a: a.asserted("inactive-developer-app")),
    ("19: an inactive organisation", "client-not-approved", lambda a: a.asserted("inactive-organisation-app")),
    ("19: no product", "client-not-subscribed", lambda a: a.asserted("no-products-app")),
    ("19: a product that is not approved", "client-not-subscribed", lambda a: a.asserted("pending-product-app")),
    ("20", "public-key-not-registered", lambda a: a.asserted("no-public-key-app")),
    ("21: nothing listens", "jwks-unreachable", lambda a: a.asserted("unreachable-jwks-app")),
    ("21: a 404", "jwks-unreachable", lambda a: a.asserted("missing-jwks-app")),
    ("21: not a key set", "jwks-unreachable", lambda a: a.asserted("broken-jwks-app")),
    ("21: ten megabytes", "jwks-unreachable", lambda a: a.asserted("huge-jwks-app")),
    ("22", "assertion-kid-unknown", lambda a: a.asserted(sign_with="unpublished")),
    ("23", "assertion-signature", lambda a: a.asserted(sign_with="unpublished", header={"kid": "demo-1"})),
    ("24: another server", "assertion-aud", lambda a: a.asserted(aud="https://int.api.service.nhs.uk/oauth2/token")),
    ("24: none", "assertion-aud", lambda a: a.asserted(aud=None)),
    ("24: the twin's URL", "assertion-aud", lambda a: a.asserted(aud=a.wardgate.url + "/oauth2-mock/token")),
    ("25", "scope-none-granted", lambda a: a.asserted("no-scope-app")),
    ("26", "token-rate-limited", _too_many),
    ("27", "oauth-path-unknown", lambda a: a.client.get("/oauth2/nothing")),
    ("28", "oauth-unexpected", _store_refuses),
    # --- our own, of both profiles
    ("a parameter twice", "grant-type-repeated", lambda a: a.raw(b"grant_type=client_credentials&grant_type=client_credentials")),
    ("half an escape", "form-malformed", lambda a: a.raw(b"grant_type=%4")),
    ("not UTF-8", "form-malformed", lambda a: a.raw(b"grant_type=%ff%fe")),
    ("a megabyte", "form-too-large", lambda a: a.post(a.form(client_assertion="x" * 1_000_000))),
    ("a hundred parameters", "form-too-large", lambda a: a.raw("&".join(f"p{n}=1" for n in range(100)).encode())),
    ("nbf ahead", "assertion-nbf", lambda a: a.asserted(nbf=_ahead(60))),
    # --- the profile strict
    ("strict: iat ahead", "assertion-iat", lambda a: a.asserted("strict-app", sign_with="strict-es256", iat=_ahead(120))),
    ("strict: another client_id", "client-id-mismatch", lambda a: a.asserted("strict-app", sign_with="strict-ps256", extra={"client_id": "x"})),
    ("strict: RS512", "assertion-alg-strict", lambda a: a.asserted("strict-app")),
    ("strict: no certificate", "client-certificate-missing", lambda a: a.by_certificate("bound-app", None)),
    ("strict: a bound token without a certificate", "client-certificate-missing", lambda a: a.asserted("bound-app", sign_with="bound-es256")),
    ("strict: another's certificate", "client-certificate-mismatch", lambda a: a.by_certificate("bound-app", "tls-app")),
    # --- introspection, revocation, health
    ("introspection by nobody", "client-authentication-missing", lambda a: a.post({"token": "x"}, "/oauth2/introspect")),
    ("revocation by nobody", "client-authentication-missing", lambda a: a.post({"token": "x"}, "/oauth2/revoke")),
    ("introspection of nothing", "token-parameter-missing", lambda a: a.asserted(path="/oauth2/introspect")),
    ("another client's token", "token-of-another-client", _of_another),
    ("an assertion to revoke", "token-type-unsupported", lambda a: a.asserted(path="/oauth2/revoke", extra={"token": a.wardgate.assertion()})),
    ("_status without a key", "status-key-invalid", lambda a: a.client.get("/oauth2/_status")),
    ("_status with an application's key", "status-key-invalid", lambda a: a.client.get("/oauth2/_status", headers={"apikey": "demo-app-key-not-a-secret"})),
]
# fmt: on
TRUE_REASONS = {
    "revoked-key-app": "api-key-revoked", "expired-key-app": "api-key-expired", "pending-app": "application-not-approved",
    "revoked-app": "application-not-approved", "inactive-developer-app": "developer-inactive",
    "inactive-organisation-app": "company-inactive",
}
"""What the record says where the wire has one text for all (spec README rule 5)."""


@pytest.fixture
def ask(wardgate: Any, client: httpx2.Client, certified: Callable[..., Any]) -> Asker:
    """Somebody who asks."""
    return Asker(wardgate, client, certified)


@pytest.mark.parametrize(("name", "code", "case"), CASES, ids=[f"{name} {code}" for name, code, _ in CASES])
def test_each_refusal_has_its_words_and_its_explanation(ask: Asker, name: str, code: str, case: Case) -> None:
    """Status and whole body are the row's; what was answered can be looked up by its message id."""
    answer = case(ask)
    row = CATALOGUE[code]
    assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (row.status, code), answer.text
    assert answer.headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
    assert answer.headers["cache-control"] == "no-store"
    for header, value in row.headers:
        assert answer.headers[header] == value
    message_id = _message_id(answer, code)
    if code == "oauth-unexpected":
        return  # what could not be recorded has no story; the operator finds the id in the server's log
    (event,) = ask.wardgate.done("explain", message_id or answer.headers["x-request-id"])["events"]
    assert event["reason"] == code
    assert event["refusal"]["who_can_fix"] == row.fixer
    assert "not-a-secret" not in json.dumps(event)


def _message_id(answer: httpx2.Response, code: str) -> str | None:
    """Compare the whole body with the catalogue and return its message id, if the row has a body."""
    row = CATALOGUE[code]
    if not row.error and code != "token-rate-limited":
        assert (answer.content, answer.headers["content-type"]) == (b"", "text/plain")
        return None
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    message_id = str(body["message_id"])
    assert MESSAGE_ID.fullmatch(message_id)
    if code == "token-rate-limited":
        seconds = body["ratelimiting_expiry_time_ms"] / 1000 - time.time()
        assert 0 < seconds <= 120
        assert abs(int(answer.headers["retry-after"]) - seconds) <= 2
        text = "Your application, wrong-product-app, has exceeded its quota of 300 requests every 1 minute(s) and is being rate limited."
        assert body == {
            "message": text, "scope": "application", "policy": "quota", "limit": 300, "interval": 1, "timeunit": "minute",
            "ratelimiting_expiry_time_ms": body["ratelimiting_expiry_time_ms"], "message_id": message_id,
        }
        return message_id
    text = row.text.replace("{parameter}", "grant_type")
    assert body == {"error": row.error, "error_description": text, "message_id": message_id}
    return message_id


def test_every_reason_of_the_area_is_produced() -> None:
    """No row of the catalogue is left that was never seen on the wire."""
    assert {code for _, code, _ in CASES} == {row.code for row in CATALOGUE.values() if row.area is Area.TOKEN_ENDPOINT}


@pytest.mark.parametrize(("application", "true_reason"), TRUE_REASONS.items())
def test_the_record_names_the_true_reason(ask: Asker, application: str, true_reason: str) -> None:
    """Where the wire has one text for six reasons, `explain` tells them apart (spec README rule 5)."""
    message_id = ask.asserted(application).json()["message_id"]
    (event,) = ask.wardgate.done("explain", message_id)["events"]
    assert (event["application"], event["details"]["client_reason"]) == (application, true_reason)


def test_explain_tells_people_what_to_do(ask: Asker) -> None:
    """The text names the check, expected and received, who can fix it, and what to do."""
    message_id = ask.asserted(aud="https://elsewhere.example/token").json()["message_id"]
    told = ask.wardgate.cli("explain", message_id)
    assert told.code == 0
    for part in ("A token request was refused", "assertion-aud", "aud is the token URL of this server", "elsewhere.example",
                 "who can fix   the calling application's developer", "what to do    set aud to the exact token URL"):
        assert part in told.out


@pytest.mark.parametrize("base", ["/oauth2", "/oauth2-mock"])
def test_a_success_has_four_members_and_all_are_text(wardgate: Any, client: httpx2.Client, base: str) -> None:
    """application-restricted 6.6: numbers are strings; nothing is cached; the token is recorded by its id."""
    before = int(time.time() * 1000)
    text = wardgate.assertion(aud=wardgate.url + base + "/token")
    answer = client.post(f"{base}/token", data=wardgate.form(client_assertion=text))
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    body = answer.json()
    assert body == {"access_token": body["access_token"], "expires_in": "599", "token_type": "Bearer", "issued_at": body["issued_at"]}
    assert isinstance(body["issued_at"], str)
    assert before <= int(body["issued_at"]) <= time.time() * 1000
    answer = client.get("/hello-world/hello/application", headers={"authorization": f"Bearer {body['access_token']}"})
    assert answer.json() == {"message": "Hello Application!"}


@pytest.mark.parametrize(("asked", "given"), [("100000", "99"), ("700000", "599"), ("nonsense", "599")])
def test_a_caller_may_only_shorten_the_life(wardgate: Any, client: httpx2.Client, asked: str, given: str) -> None:
    """application-restricted 6.6: `_access_token_expiry_ms` above the default is ignored."""
    answer = client.post(TOKEN, data=wardgate.form() | {"_access_token_expiry_ms": asked})
    assert answer.json()["expires_in"] == given


@pytest.mark.parametrize("kid", ["strict-ps256", "strict-es256", "strict-eddsa"])
def test_strict_takes_its_algorithms_and_the_issuer_as_audience(wardgate: Any, client: httpx2.Client, kid: str) -> None:
    """FAPI 2.0: PS256, ES256, EdDSA; `aud` may be the issuer."""
    assert wardgate.token(client, "strict-app", sign_with=kid, aud=wardgate.url + "/oauth2")


def test_a_bound_token_works_with_its_certificate_only(wardgate: Any, client: httpx2.Client, certified: Any) -> None:
    """RFC 8705: authentication by certificate; the token is worthless on a connection without it."""
    with wardgate.client(mutual_tls=certified("bound-app")) as bound:
        data = {"grant_type": "client_credentials", "client_id": "bound-app-key-not-a-secret"}
        token = bound.post(TOKEN, data=data).json()["access_token"]
        headers = {"authorization": f"Bearer {token}"}
        assert bound.get("/hello-world/hello/application", headers=headers).status_code == 200
    with wardgate.client(mutual_tls=certified("tls-app")) as other:
        assert other.get("/hello-world/hello/application", headers=headers).headers["x-wardgate-reason"] == "access-token-not-bound"
    assert client.get("/hello-world/hello/application", headers=headers).headers["x-wardgate-reason"] == "access-token-not-bound"


def test_the_order_of_two_faults_is_the_platforms(ask: Asker) -> None:
    """application-restricted 6.5: with two faults the earlier check answers."""
    def reason(answer: httpx2.Response) -> str:
        return str(answer.headers["x-wardgate-reason"])

    assert reason(ask.client.post(TOKEN, json={})) == "content-type-not-form"
    assert reason(ask.post(ask.form(grant_type="x", client_assertion_type=None))) == "grant-type-unknown"
    assert reason(ask.post(ask.form(client_assertion_type=None, client_assertion=None))) == "assertion-type-invalid"
    assert reason(ask.asserted(header={"alg": "RS256", "kid": None}, exp=_ahead(-5))) == "assertion-alg"
    assert reason(ask.asserted(header={"kid": None, "typ": None}, exp=_ahead(-5))) == "assertion-expired"
    assert reason(ask.asserted(header={"kid": None, "typ": None}, exp=None)) == "assertion-kid-missing"
    assert reason(ask.asserted(iss="x", jti=None)) == "assertion-iss-sub"
    assert reason(ask.asserted("revoked-key-app", exp=_ahead(400))) == "assertion-exp-too-far"
    assert reason(ask.asserted("no-public-key-app", aud=None)) == "public-key-not-registered"
    assert reason(ask.asserted("no-scope-app", aud=None)) == "assertion-aud"
    assert reason(ask.asserted(header={"kid": "nowhere"}, aud=None)) == "assertion-kid-unknown"


@pytest.fixture(scope="module", autouse=True)
def _last(wardgate: Any) -> Iterator[None]:
    """After all of it, the chain is intact."""
    yield
    assert wardgate.done("audit", "verify")["intact"]
    assert Path(wardgate.data / "wardgate.db").stat().st_mode & 0o077 == 0
