"""Contexts become tokens that pass the server's own checks, and headers in each API's spelling."""

import json
from dataclasses import replace
from typing import Any

import pytest

from unit.client.spine_callers import CREATE, ENDPOINT, FLAG, GP, NOBODY, PATIENT, PATIENT_READ, SEARCH, WORKER
from wardgate.client import Device, Identifier, SpineAPI, SpineCallInvalid, SpineContext
from wardgate.jose import base64url
from wardgate.spine.authorization import examine
from wardgate.spine.headers import NAMES, Family, read_headers
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.interactions import PREFIX
from wardgate.spine.stated import Expected
from wardgate.spine.unsecured import MAX_TOKEN_CHARS
from wardgate.spine.variants import CallerKind

TRACE = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"


def api(kind: str = "reasonable-adjustments", **how: Any) -> SpineAPI:
    """Return an API of a kind."""
    return SpineAPI.of(kind, ENDPOINT, "200000000116", **how)


@pytest.mark.parametrize(("kind", "context", "interaction", "caller"), [
    ("reasonable-adjustments", WORKER, FLAG, CallerKind.PROFESSIONAL),
    ("nrl", WORKER, SEARCH, CallerKind.PROFESSIONAL), ("nrl", PATIENT, SEARCH, CallerKind.CITIZEN),
    ("nrl", replace(PATIENT, actor="9990000026"), SEARCH, CallerKind.DELEGATED), ("nrl", NOBODY, CREATE, CallerKind.UNATTENDED),
    ("nrl-retrieval", WORKER, f"{PREFIX}nrl:DocumentReference.content.read", CallerKind.PROFESSIONAL),
    ("nems-subscribe", WORKER, f"{PREFIX}clinicals-sync:SubscriptionsApiPost", CallerKind.PROFESSIONAL),
    ("nems-publish", NOBODY, f"{PREFIX}events:PDS001.Write", CallerKind.UNATTENDED),
    ("gp-connect-1", GP, PATIENT_READ, CallerKind.PROFESSIONAL), ("gp-connect-0", replace(GP, record="9990000018"), PATIENT_READ, CallerKind.PROFESSIONAL),
    ("booking", replace(WORKER, scopes=("any",)), f"{PREFIX}careconnect:fhir:rest:search:slot", CallerKind.PROFESSIONAL),
    ("spine-core", replace(NOBODY, local_user="https://a.example/Id/user-id|ada", scopes=("x/y.read",)), "urn:a:b", CallerKind.PROFESSIONAL),
])
def test_a_token_passes_the_servers_checks(clock: Any, kind: str, context: SpineContext, interaction: str, caller: CallerKind) -> None:
    """Whoever calls, by every variant: strict form, times, claims, and the headers read as the server reads them."""
    chosen = api(kind)
    headers = context.headers_for(chosen, interaction, clock.now(), TRACE)
    known = None if kind == "spine-core" else find(interaction)
    stated = examine(headers["Authorization"], Expected(chosen.variant, interaction=known), clock.now())
    assert stated.caller is caller
    assert stated.organisation == "Z9X01"
    family = chosen.kind.family
    read = read_headers(family, {name.lower(): value for name, value in headers.items()})
    assert (read.sender, read.receiver) == ("200000000115", "200000000116")
    assert read.interaction == (None if NAMES[family].interaction_optional else interaction)
    assert read.trace == (TRACE if NAMES[family].trace else None)


def test_a_token_ends_with_its_dot_and_lives_five_minutes(clock: Any) -> None:
    """Unsigned, base64url without padding, 300 seconds from now, for the endpoint (spine 2.1, 2.2)."""
    token = WORKER.build_jwt(api(base_url="https://localhost:8444/ra"), FLAG, clock.now())
    assert token.endswith(".")
    claims = json.loads(base64url.decode(token.split(".")[1].encode()))
    assert claims["exp"] - claims["iat"] == 300
    assert claims["aud"] == ENDPOINT
    assert claims["scope"] == "user/Flag.read"
    assert claims["iss"] == WORKER.issuer


@pytest.mark.parametrize(("context", "kind", "interaction", "why"), [
    (NOBODY, "reasonable-adjustments", FLAG, "requesting_user"), (PATIENT, "reasonable-adjustments", FLAG, "requesting_user"), (NOBODY, "nrl", SEARCH, "requesting_user"),
    (replace(WORKER, patient="9990000018"), "nrl", SEARCH, "requesting_patient"), (replace(WORKER, organisation=None), "nrl", SEARCH, "requesting_organization"),
    (replace(NOBODY, patient="9990000019"), "nrl", SEARCH, "patient-form"), (replace(WORKER, role="ada"), "nrl", SEARCH, "user-form"),
    (replace(WORKER, reason="secondaryuses"), "nrl", SEARCH, "reason"), (replace(WORKER, scopes=("user/Flag.write",)), "reasonable-adjustments", FLAG, "scope-missing"),
    (WORKER, "gp-connect-1", PATIENT_READ, "practitioner"), (WORKER, "spine-core", "urn:a:b", "scope"),
    (replace(GP, confidentiality="conf/R"), "gp-connect-1", PATIENT_READ, "scope"),
    (replace(GP, device=Device(Identifier("a", "b"), "x" * MAX_TOKEN_CHARS, "1")), "gp-connect-1", PATIENT_READ, "16384 characters"),
    (replace(GP, organisation_name="\ud800"), "gp-connect-1", PATIENT_READ, "one small JSON object"),
])
def test_what_the_server_would_refuse_is_not_sent(clock: Any, context: SpineContext, kind: str, interaction: str, why: str) -> None:
    """The claim or the row is named, and no value."""
    with pytest.raises(SpineCallInvalid, match=why) as raised:
        context.headers_for(api(kind), interaction, clock.now(), TRACE)
    assert not any(value in str(raised.value) for value in ("999000001", "555000000101", "ada"))


@pytest.mark.parametrize(("changes", "why"), [
    ({"asid": "115"}, "ASID"), ({"asid": "20000000011\uff15"}, "ASID"), ({"organisation": "Z9X-1"}, "ODS"), ({"organisation": "Z9X0123456"}, "ODS"), ({"organisation": ""}, "ODS"),
    ({"issuer": "epr"}, "issuer"), ({"issuer": "https://"}, "issuer"), ({"issuer": "https://" + "a" * 400}, "issuer"), ({"issuer": "https://a\n"}, "issuer"),
])
def test_a_context_that_is_none_is_refused(changes: Any, why: str) -> None:
    """When it is made, not when it is used."""
    with pytest.raises(SpineCallInvalid, match=why):
        replace(WORKER, **changes)


@pytest.mark.parametrize("trace", ["", "1", "0f7a3c2e9b414d0e8f1a2b6c1d5e7a90"])
def test_a_trace_id_is_a_uuid(clock: Any, trace: str) -> None:
    """Where the family has one."""
    with pytest.raises(SpineCallInvalid, match="TraceID"):
        WORKER.headers_for(api(), FLAG, clock.now(), trace)


def test_people_are_not_shown() -> None:
    """`repr` hides role, patient, user and practitioner."""
    shown = repr(replace(GP, role="555000000101", patient="9990000018", actor="9990000026", local_user="https://a|ada", record="9990000018"))
    assert not any(value in shown for value in ("555000000101", "9990000018", "9990000026", "ada", "Bee"))


def test_every_family_of_callers_has_headers() -> None:
    """Only the gateway's own family towards backends is not a caller's."""
    assert {api(kind).kind.family for kind in ("reasonable-adjustments", "nrl", "nems-publish", "gp-connect-1")} == set(Family) - {Family.TRANSLATED}
