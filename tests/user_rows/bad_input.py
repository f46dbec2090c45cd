"""Bad input of the endpoints of users: addresses that look like registered ones, forged tokens, too much, twice, in another encoding.

Each is refused with a documented error, before it can do anything.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from simulators.openid_provider import OpenIDProvider, bad_key_sets
from user_rows.forged_tokens import FORGED
from user_rows.place import ASSERTION_TYPE, CALLBACK, EXCHANGE, ID_TOKEN, NOBODY_LISTENS, STATE, TWIN, Answer, Place

Case = Callable[[Place], Answer]

ADDRESSES = (
    CALLBACK + "/", CALLBACK + "?", CALLBACK + "?x=1", CALLBACK + "#", CALLBACK + "#x", CALLBACK + "%2f", CALLBACK + "%00", CALLBACK + ";x", CALLBACK + " ",
    " " + CALLBACK, CALLBACK + "\r\nLocation: https://evil.example/", CALLBACK + "\n", CALLBACK + "\t", "https://exa\tmple.org/callback",
    "https://example.org:443/callback", "https://example.org:0443/callback", "https://example.org./callback", "https://EXAMPLE.org/callback",
    "HTTPS://example.org/callback", "http://example.org/callback", "https://example.org/Callback", "https://example.org/%63allback",
    "https://example.org/./callback", "https://example.org/x/../callback", "https://example.org//callback", "https://example.org\\callback",
    "https://example.org\\@evil.example/callback", "https://example.org@evil.example/callback", "https://user@example.org/callback",
    "https://example.org%40evil.example/callback", "https://example.org.evil.example/callback", "https://evil.example/?" + CALLBACK,
    "https://evil.example#" + CALLBACK, "https://evil.example/" + CALLBACK, "//example.org/callback", "///example.org/callback", "/callback", "callback",
    "https:example.org/callback", "https:///example.org/callback", "javascript:alert(1)//" + CALLBACK, "data:text/html,x", "https://example\u3002org/callback",
    "https://ex\u0430mple.org/callback", "https://example.org/call\u200bback", "https://[::1]/callback", "*", "https://*.org/callback", f"{CALLBACK},{CALLBACK}",
    f"{CALLBACK} {CALLBACK}",
)
"""Addresses that some reader takes for the registered one, or for one that leads there."""
NAME_OF = ascii
KEY_SETS = tuple(bad_key_sets(OpenIDProvider("nhs-login")))

TOKEN_FORMS: Mapping[str, dict[str, str]] = {
    "exchange": {"grant_type": EXCHANGE, "subject_token_type": ID_TOKEN, "client_assertion_type": ASSERTION_TYPE, "client_assertion": "a.b.c",
                 "subject_token": "a.b.c", "client_id": "x", "scope": "x", "_access_token_expiry_ms": "1000"},
    "code": {"grant_type": "authorization_code", "client_id": "x", "client_secret": "x", "redirect_uri": CALLBACK, "code": "x", "code_verifier": "x"},
    "refresh": {"grant_type": "refresh_token", "client_id": "x", "client_secret": "x", "refresh_token": "x", "_refresh_token_expiry_ms": "5"},
}
POSTED: Mapping[str, tuple[str, dict[str, str]]] = {
    **{f"token, {name}": ("/token", form) for name, form in TOKEN_FORMS.items()},
    "logout": ("/backchannel_logout", {"logout_token": "a.b.c"}),
    "par": ("/par", {"client_id": "x", "redirect_uri": CALLBACK, "state": STATE, "response_type": "code", "client_assertion": "a.b.c"}),
}
READ: Mapping[str, tuple[str, dict[str, str]]] = {
    "authorize": ("/authorize", {"client_id": "x", "redirect_uri": CALLBACK, "state": STATE, "response_type": "code", "scope": "nhs-cis2",
                                 "acr_values": "AAL3_ANY", "code_challenge": "x", "code_challenge_method": "S256", "request_uri": "x"}),
    "callback": ("/callback", {"state": "x", "code": "x", "iss": "x", "error": "x", "error_description": "x", "client_id": "x"}),
}
ENCODINGS = (b"a=%", b"a=%4", b"a=%zz", b"a=%u0041", b"a=%ff%fe", b"a=%c0%ae", b"a=%ed%a0%80", b"a=%00", b"%ff=a", b"a=%f8%88%80%80%80", b"a=\xff\xfe", b"a=\0")
TYPES = ("application/json", "multipart/form-data; boundary=x", "text/plain", "application/x-www-form-urlencoded; charset=utf-16",
         "application/x-www-form-urlencoded, application/json", "application/x-www-form-urlencodedx", "")


def _twice(form: Mapping[str, str], name: str) -> str:
    return urlencode([*form.items(), (name, form[name])])


def _addresses() -> Iterator[tuple[str, str, Case]]:
    for address in ADDRESSES:
        code = "redirect-uri-invalid"
        yield f"authorize, {NAME_OF(address)}", code, lambda p, a=address: p.authorize(redirect_uri=a)
        yield f"code, {NAME_OF(address)}", code, lambda p, a=address: p.redeem("x", redirect_uri=a)
        yield f"par, {NAME_OF(address)}", code, lambda p, a=address: p.push(standing="strict", redirect_uri=a)
    yield "redirect_uri twice, one of them evil", "grant-type-repeated", lambda p: p.get(
        f"/authorize?client_id={p.identifier()}&redirect_uri={quote(CALLBACK)}&redirect_uri={quote('https://evil.example/')}&state=x&response_type=code")
    yield "authorize, an empty redirect_uri", "redirect-uri-missing", lambda p: p.authorize(redirect_uri="")


def _too_much() -> Iterator[tuple[str, str, Case]]:
    for where, (path, form) in POSTED.items():
        for name in form:
            yield f"{name} of 70,000 characters, {where}", "form-too-large", lambda p, t=path, f=form, n=name: p.post(t, {**f, n: "x" * 70_000})
        many = urlencode({f"p{number}": "1" for number in range(33)}).encode()
        yield f"33 parameters, {where}", "form-too-large", lambda p, t=path, m=many: p.post(t, m)
    for where, (path, query) in READ.items():
        for name in query:
            yield f"{name} of 5,000 characters, {where}", "query-too-large", lambda p, t=path, q=query, n=name: p.get(
                f"{t}?{urlencode({**q, n: 'x' * 5_000})}")
        yield f"33 parameters, {where}", "query-too-large", lambda p, t=path: p.get(f"{t}?{urlencode({f'p{number}': 1 for number in range(33)})}")
    long = "x" * 20_000
    yield "client_assertion of 20,000 characters", "assertion-malformed", lambda p: p.exchange(client_assertion=long)
    yield "subject_token of 20,000 characters", "subject-token-malformed", lambda p: p.exchange(subject_token=long)
    yield "logout_token of 20,000 characters", "logout-malformed", lambda p: p.logout(long)
    yield "grant_type of 20,000 characters", "grant-type-unknown", lambda p: p.post("/token", {"grant_type": long})
    yield "client_id of 20,000 characters", "client-credentials-invalid", lambda p: p.redeem("x", client_id=long)
    yield "client_secret of 20,000 characters", "client-credentials-invalid", lambda p: p.redeem("x", client_secret=long)
    yield "redirect_uri of 20,000 characters", "redirect-uri-invalid", lambda p: p.redeem("x", redirect_uri=long)
    yield "code of 20,000 characters", "code-invalid", lambda p: p.redeem(long)
    yield "refresh_token of 20,000 characters", "refresh-token-invalid", lambda p: p.refresh(long)
    yield "code_verifier of 20,000 characters", "code-verifier-invalid", lambda p: p.redeem(p.sign_in(), code_verifier=long)
    yield "an access token of 20,000 characters", "access-token-unknown", lambda p: p.userinfo("a.b." + long)


def _twice_or_otherwise() -> Iterator[tuple[str, str, Case]]:
    for where, (path, form) in POSTED.items():
        for name in form:
            yield f"{name} twice, {where}", "grant-type-repeated", lambda p, t=path, f=form, n=name: p.post(t, _twice(f, n).encode())
        for data in ENCODINGS:
            yield f"{data!r}, {where}", "form-malformed", lambda p, t=path, d=data: p.post(t, d)
        for kind in TYPES:
            yield f"{kind or 'no media type'}, {where}", "content-type-not-form", lambda p, t=path, f=form, k=kind: p.ask(
                "/oauth2" + t, "POST", {"content-type": k} if k else {}, urlencode(f).encode())
        yield f"JSON as a form, {where}", "content-type-not-form", lambda p, t=path, f=form: p.ask(
            "/oauth2" + t, "POST", {"content-type": "application/json"}, json.dumps(f).encode())
    for where, (path, query) in READ.items():
        for name in query:
            yield f"{name} twice, {where}", "grant-type-repeated", lambda p, t=path, q=query, n=name: p.get(f"{t}?{_twice(q, n)}")
        for data in ENCODINGS[:10]:
            yield f"{data!r}, {where}", "query-malformed", lambda p, t=path, d=data: p.get(f"{t}?{d.decode()}")


def _forged() -> Iterator[tuple[str, str, Case]]:
    def exchange(place: Place, forge: Any) -> Answer:
        provider = place.nhs_login
        answer = place.exchange(subject_token=forge(provider, provider.claims()))
        assert not [path for path, _ in provider.asked if "attacker" in path]
        return answer

    def come_back(place: Place, forge: Any) -> Answer:
        provider, make = place.cis2, place.cis2.id_token
        away = place.authorize()
        genuine = provider.claims()

        def forged(**claims: Any) -> Any:
            provider.id_token = make
            return forge(provider, {**genuine, **claims})

        provider.id_token = forged
        try:
            return place.come_back(away)
        finally:
            provider.id_token = make

    for name, kind, forge in FORGED:
        yield f"{name}, exchanged", f"subject-token-{kind}", lambda p, f=forge: exchange(p, f)
        yield f"{name}, at the callback", f"id-token-{kind}", lambda p, f=forge: come_back(p, f)
    yield "a kid that is a number, exchanged", "subject-token-kid-missing", lambda p: p.exchange(subject_token=p.cis2.id_token({"kid": 5}))
    yield "a kid that is a list, exchanged", "subject-token-kid-missing", lambda p: p.exchange(subject_token=p.cis2.id_token({"kid": ["nhs-cis2-0"]}))
    yield "alg that is a list, exchanged", "subject-token-alg-missing", lambda p: p.exchange(subject_token=p.cis2.id_token({"alg": ["RS256"]}))
    yield "typ of an access token, exchanged", "subject-token-typ", lambda p: p.exchange(subject_token=p.cis2.id_token({"typ": "at+jwt"}))
    yield "a logout token, exchanged", "scope-none-for-user", lambda p: p.exchange(subject_token=p.cis2.logout_token())
    yield "our own access token, exchanged", "subject-token-typ", lambda p: p.exchange(subject_token=p.exchange().json["access_token"])
    yield "the provider's JWT access token, exchanged", "scope-none-for-user", lambda p: p.exchange(subject_token=p.nhs_login.id_token(
        identity_proofing_level=None, nhs_number=None, token_use="access", requesting_patient="9912003071"))


def _key_sets() -> Iterator[tuple[str, str, Case]]:
    def exchange(place: Place, document: bytes, number: int) -> Answer:
        path = f"/bad-keys/{number}"
        place.nhs_login.answers[path] = (200, "application/json", document)
        place.trust_keys_at(path)
        text = place.nhs_login.id_token(iss=NOBODY_LISTENS + "/login")
        return place.post("/token", place.exchange_form(subject_token=text, client_assertion=place.assertion(base=TWIN)), TWIN)

    for number, name in enumerate(KEY_SETS):
        yield f"{name} as the provider's key set", "provider-keys-unavailable", lambda p, n=name, i=number: exchange(
            p, bad_key_sets(p.nhs_login)[n], i)


def _mixed_up() -> Iterator[tuple[str, str, Case]]:
    def come_back(place: Place, begun: str, answering: Any, **query: str) -> Answer:
        """Begin at one provider, and bring what the other one gave (RFC 9207 section 1)."""
        away = place.authorize(scope=begun)
        other = place.authorize(scope="nhs-login" if begun == "nhs-cis2" else "nhs-cis2")
        code = dict(parse_qsl(urlsplit(answering(place).sign_in(other.headers["location"])).query))["code"]
        asked = len(answering(place).asked)
        answer = place.get("/callback?" + urlencode({"state": away.query["state"], "code": code, **query}))
        assert not [path for path, _ in answering(place).asked[asked:] if path.startswith("POST")], "the code went to the provider it is of"
        return answer

    cis2, login = (lambda p: p.cis2), (lambda p: p.nhs_login)
    yield "NHS login's code for a sign-in at CIS2", "provider-code-refused", lambda p: come_back(p, "nhs-cis2", login)
    yield "CIS2's code for a sign-in at NHS login", "provider-code-refused", lambda p: come_back(p, "nhs-login", cis2)
    yield "CIS2's code and name for a sign-in at NHS login", "callback-issuer", lambda p: come_back(p, "nhs-login", cis2, iss=p.cis2.issuer)
    yield "a name that is ours", "callback-issuer", lambda p: come_back(p, "nhs-login", cis2, iss=p.token_url().removesuffix("/token"))


BAD_INPUT = (*_mixed_up(), *_key_sets(), *_addresses(), *_too_much(), *_twice_or_otherwise(), *_forged())
