"""`wardgate doctor spine-jwt`: the form of a token, its rows, the header and the scopes."""

import base64
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from unit.client.conftest import VirtualClock
from unit.client.spine_callers import ENDPOINT, FLAG, GP, NOBODY, PATIENT, PATIENT_READ, SEARCH, WORKER
from wardgate.client import SpineAPI
from wardgate.spine.unsecured import compact

NOW, NOW_TEXT = VirtualClock().now(), "2026-03-01T12:00:00Z"
RA = ("--variant", "reasonable-adjustments")
PERSONAL = ("555000000101", "9990000018", "9990000026", "Bee")


def token(context: Any = WORKER, kind: str = "reasonable-adjustments", interaction: str = FLAG) -> str:
    """Return a good token."""
    return context.build_jwt(SpineAPI.of(kind, ENDPOINT, "200000000116"), interaction, NOW)  # type: ignore[no-any-return]


def claims(text: str | None = None, **changes: Any) -> dict[str, Any]:
    """Return claims with some changed; None leaves one out."""
    body = (text or token()).split(".")[1]
    found = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))) | changes
    return {name: value for name, value in found.items() if value is not None}


def remade(header: bytes = b'{"alg":"none","typ":"JWT"}', body: bytes | None = None, end: str = ".") -> str:
    """Return a token of these bytes."""
    parts = (header, body if body is not None else json.dumps(claims()).encode())
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + end


def test_a_good_token_passes_every_check(wardgate: Any) -> None:
    """Form, rows, header and scopes, each in a line; who it names is not printed."""
    answer = wardgate("doctor", "spine-jwt", *RA, "--asid", "200000000115", "--interaction", FLAG, "--now", NOW_TEXT, stdin=token())
    assert answer.code == 0, answer.out
    codes = [line.split()[1].rstrip(":") for line in answer.out.splitlines() if line.startswith("ok")]
    assert codes[:4] == ["spine-jwt-malformed", "spine-jwt-sections", "spine-jwt-body-empty", "spine-jwt-sections"]
    assert codes[-2:] == ["spine-jwt-asid-not-from", "spine-jwt-scope-missing"]
    assert "--api NAME" in answer.err
    assert not any(value in answer.out for value in PERSONAL)
    assert answer.out.count("\n-     spine-jwt-") == 3, "the rows of the directory were not asked"


@pytest.mark.parametrize("before", ["Bearer ", "bearer  ", "Authorization: Bearer ", "authorization:bearer ", "\n  "])
def test_a_header_is_taken_as_it_was_copied(wardgate: Any, before: str) -> None:
    """With the scheme, and the header's name."""
    assert wardgate("doctor", "spine-jwt", *RA, "--now", NOW_TEXT, stdin=before + token() + "\n").code == 0


@pytest.mark.parametrize(("variant", "context", "interaction"), [
    ("nrl", PATIENT, SEARCH), ("nrl", replace(PATIENT, actor="9990000026"), SEARCH), ("gp-connect-1", GP, PATIENT_READ), ("gp-connect-0", replace(GP, record="9990000018"), PATIENT_READ),
    ("spine-core", replace(NOBODY, scopes=("a.read",)), FLAG), ("booking", replace(WORKER, scopes=("a.read",)), "urn:nhs:names:services:careconnect:fhir:rest:search:slot"),
])
def test_every_variant_can_be_asked_about(wardgate: Any, variant: str, context: Any, interaction: str) -> None:
    """Whoever is behind the call, nobody is shown."""
    kind = "booking" if variant == "spine-core" else variant
    asked = "urn:nhs:names:services:careconnect:fhir:rest:search:slot" if variant == "spine-core" else interaction
    text = token(context, kind, asked)
    answer = wardgate("doctor", "spine-jwt", "--variant", variant, "--asid", "200000000115", "--now", NOW_TEXT, "-o", "json", stdin=text)
    assert answer.code == 0, answer.out
    assert (answer.data["variant"], answer.data["passed"], answer.data["answer"]) == (variant, True, None)
    assert not any(value in answer.out for value in PERSONAL)


DUPLICATED = json.dumps(claims()).replace('{"iss"', '{"sub":"555000000101","iss"').encode()
FORMS = {
    "no dot": (token()[:-1], "spine-jwt-sections", "without the dot at the end"), "one section": ("abc", "spine-jwt-sections", "1 sections"),
    "many sections": (token() + ".", "spine-jwt-sections", "4 sections"), "signed": (token() + "c2ln", "spine-jwt-sections", "4 characters"),
    "no claims": ("eyJhbGciOiJub25lIn0..", "spine-jwt-body-empty", "an empty section"),
    "padded": (token()[:-1] + "==.", "spine-jwt-malformed", "= at the end, which is padding"),
    "standard base64": (token()[:-5] + "+/+/.", "spine-jwt-malformed", "+ or /, of standard base64"),
    "not base64": (token()[:-5] + "!!!!.", "spine-jwt-malformed", "other characters"),
    "too long": (remade(body=json.dumps(claims(x="y" * 20_000)).encode()), "spine-jwt-malformed", "characters"),
    "algorithm": (remade(header=b'{"alg":"RS512","typ":"JWT"}'), "spine-jwt-malformed", "another value"),
    "header member": (remade(header=b'{"alg":"none","typ":"JWT","kid":"1"}'), "spine-jwt-malformed", "another member"),
    "no typ": (remade(header=b'{"alg":"none"}'), "spine-jwt-malformed", "a header without it"),
    "header": (remade(header=b"[]"), "spine-jwt-malformed", "no object"),
    "claim twice": (remade(body=DUPLICATED), "spine-jwt-malformed", "a name twice: sub"),
    "name twice": (remade(body=b'{"555000000101":1,"555000000101":2}'), "spine-jwt-malformed", "one that is no claim's"),
    "not json": (remade(body=b'{"iss":'), "spine-jwt-malformed", "no JSON, from character 8"), "list": (remade(body=b"[1]"), "spine-jwt-malformed", "no object"),
    "not utf-8": (remade(body=b'{"a":"\xff"}'), "spine-jwt-malformed", "not UTF-8"), "half": (remade(body=b'{"a":"\\ud800"}'), "spine-jwt-malformed", "half of a character"),
    "deep": (remade(body=b'{"a":' * 30 + b"1" + b"}" * 30), "spine-jwt-malformed", "12 levels"),
    "many": (remade(body=json.dumps({"a": [1] * 2_000}).encode()), "spine-jwt-malformed", "2002 values"),
    "empty": ("", "spine-jwt-missing", "an empty one"), "blanks": ("a b c", "spine-jwt-sections", "sections"),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_fault_of_form_is_told_exactly(wardgate: Any, name: str) -> None:
    """Which rule, what came, what to do, and what the API would answer; nothing of the token is repeated."""
    text, code, received = FORMS[name]
    answer = wardgate("doctor", "spine-jwt", *RA, "--now", NOW_TEXT, "-o", "json", stdin=text)
    assert answer.code == 1
    *before, last = answer.data["checks"]
    assert (last["code"], last["outcome"]) == (code, "failed")
    assert received in last["received"]
    assert last["expected"]
    assert last["advice"]
    assert all(check["outcome"] == "passed" for check in before)
    assert (answer.data["answer"]["status"], answer.data["answer"]["code"]) == (400, "MISSING_OR_INVALID_HEADER")
    assert not any(value in answer.out for value in PERSONAL)


@pytest.mark.parametrize(("changes", "arguments", "code"), [
    ({"iss": None}, [], "claim-missing"), ({"exp": "1"}, [], "claim-missing"), ({"exp": claims()["iat"] + 301}, [], "lifetime"),
    ({}, ["--now", "2026-03-01T12:05:31Z"], "time"), ({"requesting_user": None}, [], "claim-missing"), ({"sub": "x"}, [], "user-not-sub"),
    ({"requesting_system": "200000000115"}, [], "system-form"), ({"reason_for_request": "migration"}, [], "reason"),
    ({"requesting_organization": "Z9X01"}, [], "organisation-form"), ({}, ["--asid", "200000000116"], "asid-not-from"),
    ({"scope": "user/Flag.write"}, ["--interaction", FLAG], "scope-missing"), ({"scope": "user/Flag.write"}, ["--variant", "nrl"], "scope"),
])
def test_the_first_row_that_fails_is_told(wardgate: Any, changes: Any, arguments: list[str], code: str) -> None:
    """With the words of the published answer, places of the token's values left open."""
    now = [] if "--now" in arguments else ["--now", NOW_TEXT]
    answer = wardgate("doctor", "spine-jwt", *RA, *now, *arguments, "-o", "json", stdin=compact(claims(**changes)))
    assert answer.code == 1
    last = answer.data["checks"][-1]
    assert (last["code"], last["outcome"]) == (f"spine-jwt-{code}", "failed")
    assert "doctor" not in last["advice"]
    assert [check["outcome"] for check in answer.data["checks"]].count("failed") == 1
    assert answer.data["answer"]["diagnostics"]
    assert not any(value in answer.out for value in PERSONAL)


@pytest.mark.parametrize(("text", "code", "status"), [
    (token(GP, "gp-connect-1", PATIENT_READ)[:-1] + "==.", "padded", 400), (token(GP, "gp-connect-1", PATIENT_READ)[:-1], "blocks", 400),
    (compact(claims(token(GP, "gp-connect-1", PATIENT_READ), requesting_device={"resourceType": "Patient"})), "resource", 422),
])
def test_gp_connect_has_its_own_order_and_answers(wardgate: Any, text: str, code: str, status: int) -> None:
    """The alphabet first; an embedded resource that is none is 422."""
    answer = wardgate("doctor", "spine-jwt", "--variant", "gp-connect-1", "--now", NOW_TEXT, "-o", "json", stdin=text)
    assert (answer.data["checks"][-1]["code"], answer.data["answer"]["status"]) == (f"gp-connect-jwt-{code}", status)


def test_behind_a_trusted_hop_the_form_is_tolerant(wardgate: Any) -> None:
    """Standard base64, padding and no times, as the internet gateway writes it (spine 2.1)."""
    body = base64.b64encode(json.dumps(claims(iat=None, exp=None)).encode()).decode()
    text = f"{base64.b64encode(json.dumps({'typ': 'JWT', 'alg': 'none'}).encode()).decode()}.{body}."
    assert wardgate("doctor", "spine-jwt", *RA, "--now", NOW_TEXT, stdin=text).code == 1
    assert wardgate("doctor", "spine-jwt", *RA, "--now", NOW_TEXT, "--trusted-hop", stdin=text).code == 0


@pytest.mark.parametrize(("arguments", "why"), [
    (["--asid", "115"], "12 digits"), (["--interaction", "x"], "interaction id"), (["--interaction", "urn:nhs:names:services:other:x.read:1"], "interaction"), (["--variant", "x"], "invalid"),
])
def test_wrong_use_is_told(wardgate: Any, arguments: list[str], why: str) -> None:
    """Exit code 2, and why."""
    answer = wardgate("doctor", "spine-jwt", *arguments, stdin=token())
    assert answer.code == 2
    assert why in answer.err.lower() or why in answer.err


def test_a_megabyte_is_not_read(wardgate: Any, tmp_path: Path) -> None:
    """Refused before it is looked at."""
    path = tmp_path / "large"
    path.write_text(remade(body=json.dumps(claims(x="y" * 1_000_000)).encode()))
    answer = wardgate("doctor", "spine-jwt", path)
    assert answer.code == 2
    assert "more than 1000000 bytes" in answer.err


MANIFEST = """
environment: {name: trial}
organisations: [{ods: Z9X01, name: Example Hospital}, {ods: Z9X02, name: Example Laboratory}]
systems:
  - {asid: "200000000115", organisation: Z9X01, fqdn: epr.example.nhs.uk, party_key: Z9X01-0000001, interactions: ["urn:nhs:names:services:raflags:Flag.read:1"]}
  - {asid: "200000000116", organisation: Z9X02, fqdn: ra.example.nhs.uk, party_key: Z9X02-0000001}
apis:
  - name: ra
    base_path: /ra/STU3
    backend: http://127.0.0.1:9001
    errors: spine
    spine: {service: reasonable-adjustments, asid: "200000000116", times: {lifetime_exact_seconds: 120}}
    routes: [{path: /Flag, pattern: asid-interaction, spine_jwt: reasonable-adjustments}]
  - name: open
    base_path: /open
    backend: http://127.0.0.1:9001
    routes: [{path: /, pattern: open-access}]
  - name: bare
    base_path: /bare
    backend: http://127.0.0.1:9001
    spine: {service: nrl}
    routes: [{path: /DocumentReference, pattern: asid-interaction, spine_jwt: none}]
  - name: both
    base_path: /both
    backend: http://127.0.0.1:9001
    spine: {service: nrl, trusted_hop: true}
    routes: [{path: /DocumentReference, methods: [GET], pattern: asid-interaction, spine_jwt: nrl}, {path: /DocumentReference, methods: [POST], pattern: asid-interaction}]
"""


def test_an_api_brings_its_rules_and_its_directory(wardgate: Any, tmp_path: Path) -> None:
    """Variant, times and the three rows of the directory are the API's."""
    (tmp_path / "spine.yaml").write_text(MANIFEST)
    assert wardgate("manifest", "apply", tmp_path / "spine.yaml", "--yes").code == 0
    refused = wardgate("doctor", "spine-jwt", "--api", "ra", stdin=token())
    assert (refused.code, "has not been started" in refused.err) == (1, True)
    assert wardgate("key", "rotate").code == 0

    def codes(api: str, *arguments: str, **changes: Any) -> Any:
        answer = wardgate("doctor", "spine-jwt", "--api", api, "--now", NOW_TEXT, "-o", "json", *arguments, stdin=compact(claims(**changes)))
        assert answer.out, answer.err
        return [check["code"] for check in answer.data["checks"] if check["outcome"] == "failed"]

    short = {"exp": claims()["iat"] + 120}
    assert codes("ra") == ["spine-jwt-lifetime"]
    assert codes("ra", **short) == []
    assert codes("ra", **short, requesting_system="https://fhir.nhs.uk/Id/accredited-system|200000000999") == ["spine-jwt-asid-unknown"]
    assert codes("ra", **short, requesting_organization="https://fhir.nhs.uk/Id/ods-organization-code|Z9X77") == ["spine-jwt-ods-unknown"]
    assert codes("ra", **short, requesting_organization="https://fhir.nhs.uk/Id/ods-organization-code|Z9X02") == ["spine-jwt-asid-not-of-ods"]
    for api, why in (("open", "knows its callers by ASID; of those there are: bare, both, ra"), ("none", "there is no API none"),
                     ("bare", "asks for no Spine JWT"), ("both", "several variants.*nrl, spine-core")):
        answer = wardgate("doctor", "spine-jwt", "--api", api, stdin=token())
        assert answer.code == 1
        assert re.search(why, answer.err)
