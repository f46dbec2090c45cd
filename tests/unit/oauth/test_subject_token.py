"""Token exchange: rows 22 to 36 of user-restricted 3.3, in order, each with the faults that lead to it."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from wardgate.jose import KeyRules, SigningJWK, base64url, parse_jwk_set
from wardgate.oauth import OAuthRefused
from wardgate.oauth.providers import Provider, by_issuer
from wardgate.oauth.subject_token import ACTOR, SUBJECT, check_subject, provider_of, verify_subject
from wardgate.oauth.users import ProviderKind, SignedIn
from wardgate.refusals import CATALOGUE

NOW = datetime(2026, 3, 2, 9, 0, 0, 500_000, UTC)
SUBJECT_ORDER = ("subject-token-kid-missing", "subject-token-typ", "subject-token-alg-missing", "subject-token-exp-missing",
                 "subject-token-exp-type", "subject-token-expired", "subject-token-iss-missing", "subject-token-aud-missing")
ACTOR_ORDER = ("actor-token-kid-missing", "actor-token-typ", "actor-token-alg-missing", "actor-token-exp-missing", "actor-token-exp-type",
               "actor-token-iss-missing", "actor-token-aud-missing", "actor-token-nhs-number-missing")
CIS2 = "https://am.example:443/openam"
NHS_LOGIN = "https://auth.example"


@pytest.fixture
def cis2(provider: Any) -> Any:
    """The workers' provider."""
    return _at(provider.OpenIDProvider("nhs-cis2", CIS2))


@pytest.fixture
def nhs_login(provider: Any) -> Any:
    """The patients' provider."""
    return _at(provider.OpenIDProvider("nhs-login", NHS_LOGIN))


def _at(found: Any) -> Any:
    found.now = NOW.timestamp()
    return found


def known(*found: Any) -> tuple[Provider, ...]:
    """Return the providers as the server knows them."""
    return tuple(Provider(entry.kind, ProviderKind(entry.kind), entry.issuer, "wardgate") for entry in found)


def exchange(text: str | None, *providers: Any) -> SignedIn:
    """Run every row, with the key sets of the providers."""
    configured = known(*providers)
    subject = check_subject(text, NOW)
    chosen = provider_of(subject, lambda issuer: by_issuer(configured, "/oauth2", issuer))
    serving = next(entry for entry in providers if entry.issuer == chosen.issuer)
    return verify_subject(subject, chosen, parse_jwk_set(serving.jwks(), KeyRules()), NOW)


def refused(text: str | None, *providers: Any) -> str:
    """Return the code of the row that refuses; its words can be written down."""
    with pytest.raises(OAuthRefused) as caught:
        exchange(text, *providers)
    assert caught.value.expected
    assert caught.value.received
    assert caught.value.code in CATALOGUE
    return caught.value.code


def test_the_tables_are_in_the_platforms_order() -> None:
    """Rows 24 to 31, and those of act.sub; every code is in the catalogue in this order."""
    assert tuple(row.code for row in SUBJECT) == SUBJECT_ORDER
    assert tuple(row.code for row in ACTOR) == ACTOR_ORDER
    codes = list(CATALOGUE)
    for order in (SUBJECT_ORDER, ACTOR_ORDER):
        places = [codes.index(code) for code in order]
        assert places == sorted(places)


Fault = Callable[[Any], "str | None"]
FAULTS: list[tuple[str, str, Fault]] = [
    ("none", "subject-token-missing", lambda _p: None),
    ("an opaque access token", "subject-token-malformed", lambda _p: "Zz0opaqueAtRefAAAAAAAAAAAA"),
    ("two parts", "subject-token-malformed", lambda p: p.id_token().rpartition(".")[0]),
    ("a header that is a list", "subject-token-malformed", lambda _p: base64url.encode(b"[]") + ".e30.AA"),
    ("a repeated claim", "subject-token-malformed", lambda p: ".".join([p.id_token().split(".")[0], base64url.encode(b'{"exp":1,"exp":2}'), "AA"])),
    ("20,000 characters", "subject-token-malformed", lambda p: p.id_token(pad="x" * 20_000)),
    ("a critical extension", "subject-token-malformed", lambda p: p.id_token({"crit": ["b64"], "b64": False})),
    ("no kid", "subject-token-kid-missing", lambda p: p.id_token({"kid": None})),
    ("a kid that is a number", "subject-token-kid-missing", lambda p: p.id_token({"kid": 1})),
    ("no typ", "subject-token-typ", lambda p: p.id_token({"typ": None})),
    ("typ at+jwt", "subject-token-typ", lambda p: p.id_token({"typ": "at+jwt"})),
    ("no alg", "subject-token-alg-missing", lambda p: p.id_token({"alg": None})),
    ("no exp", "subject-token-exp-missing", lambda p: p.id_token(exp=None)),
    ("exp as text", "subject-token-exp-type", lambda p: p.id_token(exp="1772442100")),
    ("exp true", "subject-token-exp-type", lambda p: p.id_token(exp=True)),
    ("expired this second", "subject-token-expired", lambda p: p.id_token(exp=int(NOW.timestamp()))),
    ("no iss", "subject-token-iss-missing", lambda p: p.id_token(iss=None)),
    ("no aud", "subject-token-aud-missing", lambda p: p.id_token(aud=None)),
    ("aud of nobody", "subject-token-aud-missing", lambda p: p.id_token(aud=[])),
    ("another environment's issuer", "subject-token-iss", lambda p: p.id_token(iss="https://am.example/openam")),
    ("an issuer in other letters", "subject-token-iss", lambda p: p.id_token(iss=CIS2.upper())),
    ("an issuer that is a list", "subject-token-iss", lambda p: p.id_token(iss=[CIS2])),
    ("an unknown kid", "subject-token-kid-unknown", lambda p: p.id_token({"kid": "forged"})),
    ("alg none", "subject-token-signature", lambda p: p.id_token({"alg": "none"})),
    ("alg HS256", "subject-token-signature", lambda p: p.id_token({"alg": "HS256"})),
    ("alg PS256", "subject-token-signature", lambda p: p.id_token({"alg": "PS256"})),
    ("RS512 with a key for RS256", "subject-token-signature", lambda p: p.id_token({"alg": "RS512"})),
    ("the other key's signature", "subject-token-signature", lambda p: p.id_token({"kid": p.signers[1].kid})),
    ("no signature", "subject-token-signature", lambda p: p.id_token().rpartition(".")[0] + "."),
    ("a swapped payload", "subject-token-signature", lambda p: ".".join(
        [p.id_token().split(".")[0], p.id_token(sub="555000000999").split(".")[1], p.id_token().split(".")[2]])),
]


@pytest.mark.parametrize(("name", "code", "fault"), FAULTS, ids=[name for name, _, _ in FAULTS])
def test_each_fault_is_refused_by_its_row(cis2: Any, name: str, code: str, fault: Fault) -> None:
    """Whatever is wrong with an ID token, the first row that does not hold answers."""
    assert refused(fault(cis2), cis2) == code


def test_the_first_of_two_faults_answers(cis2: Any) -> None:
    """Each row of the table is before those below it, whatever else is wrong."""
    header: dict[str, Any] = {"kid": None, "typ": None, "alg": None}
    claims: dict[str, Any] = {"exp": None, "iss": None, "aud": None}
    found = []
    for member, value in (("kid", "x"), ("typ", "JWT"), ("alg", "RS256")):
        found.append(refused(cis2.id_token(dict(header), **claims), cis2))
        header[member] = value
    for claim, values in (("exp", ("soon", 1, 4_000_000_000)), ("iss", ("x",)), ("aud", ("x",))):
        for value in values:
            found.append(refused(cis2.id_token(dict(header), **claims), cis2))
            claims[claim] = value
    assert tuple(found) == SUBJECT_ORDER
    assert refused(cis2.id_token(dict(header), **claims), cis2) == "subject-token-iss"


def test_a_worker_is_known_by_uid_and_level(cis2: Any) -> None:
    """`sub` is the user; the level may be text or a number; a chosen role is kept (user-restricted 3.4)."""
    for level in ("2", 2):
        who = exchange(cis2.id_token(authentication_assurance_level=level, selected_roleid="555000000201"), cis2)
        assert (who.user, who.level, who.role, who.session) == ("555000000101", "aal2", "555000000201", "0a1b2c3d-session")
    assert exchange(cis2.id_token(authentication_assurance_level="4"), cis2).level is None
    assert exchange(cis2.id_token(selected_roleid=7), cis2).role == ""


def test_a_patient_is_known_by_number_and_level(nhs_login: Any) -> None:
    """`nhs_number` is the user, the first two characters of the proofing level count; without a number it is the subject."""
    who = exchange(nhs_login.id_token(identity_proofing_level="P5.Cp"), nhs_login)
    assert (who.user, who.patient, who.level, who.vot) == ("9912003071", "9912003071", "P5", "P9.Cp.Cd")
    without = exchange(nhs_login.id_token(nhs_number=None), nhs_login)
    assert (without.user, without.patient, without.level) == (nhs_login.person["sub"], None, "P9")
    assert exchange(nhs_login.id_token(identity_proofing_level=None), nhs_login).level is None


def test_a_token_that_names_nobody_has_no_level(cis2: Any) -> None:
    """Then no scope is left, and row 37 refuses."""
    assert exchange(cis2.id_token(sub=None), cis2).level is None
    assert exchange(cis2.id_token(sub=["555000000101"]), cis2).level is None


def test_issuers_are_not_mixed_up(cis2: Any, nhs_login: Any) -> None:
    """A token that names one provider is verified with that provider's keys only."""
    assert refused(nhs_login.id_token(iss=cis2.issuer), cis2, nhs_login) == "subject-token-kid-unknown"
    forged = nhs_login.id_token({"kid": cis2.signers[0].kid}, iss=cis2.issuer, signer=SigningJWK.of("x", "RS256", nhs_login.signers[1].key))
    assert refused(forged, cis2, nhs_login) == "subject-token-signature"


ACTORS: list[tuple[str, str, Callable[[Any], Any]]] = [
    ("not a token", "actor-token-malformed", lambda _p: "9912003072"),
    ("a number", "actor-token-malformed", lambda _p: 7),
    ("no kid", "actor-token-kid-missing", lambda p: p.id_token({"kid": None})),
    ("no typ", "actor-token-typ", lambda p: p.id_token({"typ": None})),
    ("no alg", "actor-token-alg-missing", lambda p: p.id_token({"alg": None})),
    ("no exp", "actor-token-exp-missing", lambda p: p.id_token(exp=None)),
    ("exp as text", "actor-token-exp-type", lambda p: p.id_token(exp="4000000000")),
    ("no iss", "actor-token-iss-missing", lambda p: p.id_token(iss=None)),
    ("no aud", "actor-token-aud-missing", lambda p: p.id_token(aud=None)),
    ("no nhs_number", "actor-token-nhs-number-missing", lambda p: p.id_token(nhs_number=None)),
    ("nhs_number as a number", "actor-token-nhs-number-missing", lambda p: p.id_token(nhs_number=9912003072)),
    ("an unknown kid", "actor-token-signature", lambda p: p.id_token({"kid": "x"})),
    ("another signature", "actor-token-signature", lambda p: p.id_token({"kid": p.signers[1].kid})),
    ("alg none", "actor-token-signature", lambda p: p.id_token({"alg": "none"})),
    ("expired", "actor-token-expired", lambda p: p.id_token(exp=1)),
    ("another issuer", "actor-token-iss", lambda p: p.id_token(iss="https://elsewhere.example")),
]


@pytest.mark.parametrize(("name", "code", "actor"), ACTORS, ids=[name for name, _, _ in ACTORS])
def test_each_fault_of_the_actor_is_refused(nhs_login: Any, name: str, code: str, actor: Callable[[Any], Any]) -> None:
    """user-restricted 14, and spec README rule 33: what the platform only decodes is verified."""
    assert refused(nhs_login.id_token(act={"sub": actor(nhs_login)}), nhs_login) == code


def test_who_acts_is_known(nhs_login: Any) -> None:
    """The actor is the NHS number of the person whose ID token `act.sub` is; the patient stays the subject."""
    who = exchange(nhs_login.id_token(act={"sub": nhs_login.id_token(nhs_number="9912003072")}), nhs_login)
    assert (who.patient, who.actor) == ("9912003071", "9912003072")


@pytest.mark.parametrize("act", [{}, [], "x", {"sub": None}], ids=json.dumps)
def test_an_unreadable_actor_is_not_dropped(nhs_login: Any, act: Any) -> None:
    """A token of somebody who acts for a patient never passes as the patient's own."""
    assert refused(nhs_login.id_token(act=act), nhs_login) == "actor-token-malformed"


def test_a_worker_has_no_actor(cis2: Any) -> None:
    """`act` belongs to NHS login (user-restricted 14)."""
    assert exchange(cis2.id_token(act={"sub": "anything"}), cis2).actor is None


def test_the_row_of_an_early_expiry_allows_the_providers_leeway(cis2: Any) -> None:
    """Spec README rule 35: 0 unless the provider is known to be slow."""
    late = cis2.id_token(exp=int(NOW.timestamp()) - 20)
    with pytest.raises(OAuthRefused):
        check_subject(late, NOW)
    assert check_subject(late, NOW, lambda issuer: 30 if issuer == CIS2 else 0)
