"""The secure proxy: who may ask whom, in which order it is said, and that nothing goes anywhere but to the directory's endpoints."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unit.security_patterns.systems import (
    CLAIMS,
    CONSUMER,
    CONTENT,
    CONTENT_READ,
    DIRECTORY,
    GP_CLAIMS,
    GP_ROOT,
    IAT,
    NAME,
    NOW,
    OWN,
    PROVIDER,
    PROVIDER_NAME,
    PROXY_HEADERS,
    READ_PATIENT,
    RECORDS,
    SISTER,
    SLOTS,
    SNAPSHOT,
    SUSPENDED,
    TRACE,
    UNKNOWN,
    ask,
    bearer,
    said,
)
from wardgate.directory import Directory
from wardgate.directory.index import DirectoryIndex
from wardgate.security_patterns.build import calling_systems
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.security_patterns.system_call import Relay
from wardgate.spine.interactions import PREFIX

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "secure_proxy_targets.json").read_text())["vectors"]
PATH = GP_ROOT.removeprefix(f"https://{PROVIDER_NAME}")
RETRIEVAL = {**CLAIMS, "scope": "patient/*.read"}
RECORD_HEADERS = PROXY_HEADERS | {"ssp-interactionid": CONTENT_READ}


def world(directory: Directory) -> Snapshot:
    """Return the world with another directory."""
    return replace(SNAPSHOT, systems=calling_systems(directory, {"z9x01-850001": frozenset({NAME})}), directory=DirectoryIndex(directory))


def test_a_call_is_relayed() -> None:
    """To the endpoint's host, with the rest of the target; and it is known who asks whom for what."""
    found = ask(f"/ssp/{GP_ROOT}/Slot", PROXY_HEADERS, GP_CLAIMS, query="start=ge2026-11-21")
    assert said(found) == "yes"
    assert found.call is not None
    assert found.call.stated is not None
    assert found.call.relay == Relay(PROVIDER_NAME, f"{PATH}/Slot?start=ge2026-11-21", "S918999000005")
    assert (found.call.sender, found.call.receiver, found.call.interaction, found.call.trace) == (CONSUMER, PROVIDER, SLOTS, TRACE)
    assert found.call.stated.organisation == "Z9X01"
    assert found.proved == (
        f"certificate {NAME} is of ASID {CONSUMER}", "the token states a professional caller of Z9X01, directcare", f"ASID {CONSUMER} has been granted {SLOTS}",
        f"a rule lets ASID {CONSUMER} ask ASID {PROVIDER}", f"the target is at endpoint S918999000005 of {PROVIDER_NAME}",
    )


def test_records_are_retrieved() -> None:
    """The interaction that is sent is registered under another id; the pointer's URL comes percent-encoded (spine 10)."""
    target = quote(f"{RECORDS}/record/1?a=b|c", safe="")
    found = ask(f"/ssp-nrl/{target}", RECORD_HEADERS, RETRIEVAL)
    assert said(found) == "yes"
    assert found.call is not None
    assert found.call.relay == Relay("nrl-Z9X02.example.thirdparty.nhs.uk", "/Z9X02/record/1?a=b|c", "S918999000001")


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE"])
def test_the_methods_of_the_proxy(method: str) -> None:
    """Five are relayed."""
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS | {"content-type": "application/fhir+json"}, method=method)) == "yes"


@pytest.mark.parametrize(("method", "given", "expected"), [
    ("GET", "text/plain", "yes"), ("DELETE", "text/plain", "yes"), ("POST", None, "yes"), ("POST", "application/xml+fhir;charset=utf-8", "yes"),
    ("POST", "text/plain", "ssp-media-type"), ("PATCH", "application/json,text/plain", "ssp-media-type"), ("PUT", "", "ssp-media-type"),
])  # fmt: skip
def test_media_types(method: str, given: str | None, expected: str) -> None:
    """Of what is sent; a call that sends nothing has none to look at."""
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS | {"content-type": given}, method=method)) == expected


@dataclass
class Request:
    """A good call to spoil."""

    path: str = f"/ssp/{GP_ROOT}/Slot"
    headers: dict[str, str | None] = field(default_factory=lambda: dict(PROXY_HEADERS))
    claims: dict[str, Any] = field(default_factory=lambda: dict(GP_CLAIMS))
    name: str | None = NAME
    method: str = "POST"
    directory: Directory = DIRECTORY

    @property
    def outcome(self) -> str:
        """What is said."""
        told = {"authorization": bearer(self.claims)} | self.headers
        snapshot = SNAPSHOT if self.directory is DIRECTORY else world(self.directory)
        return said(ask(self.path, told, method=self.method, name=self.name, snapshot=snapshot))


def _ungranted(request: Request) -> None:
    systems = tuple(replace(found, interactions=(OWN,)) if found.asid == CONSUMER else found for found in request.directory.systems)
    request.directory = replace(request.directory, systems=systems)


def _unserved(request: Request) -> None:
    request.directory = replace(request.directory, endpoints=tuple(found for found in request.directory.endpoints if found.interaction != SLOTS))


def _unshared(request: Request) -> None:
    request.directory = replace(request.directory, sharing_rules=())


ORDER: list[tuple[str, Callable[[Request], None]]] = [
    ("ssp-method-not-allowed", lambda r: setattr(r, "method", "HEAD")),
    ("certificate-not-of-asid", lambda r: setattr(r, "name", "other.example")),
    ("ssp-header-missing", lambda r: r.headers.update({"ssp-traceid": None})),
    ("gp-connect-jwt-expired", lambda r: r.claims.update(iat=IAT - 600, exp=IAT - 300)),
    ("ssp-sender-not-accredited", _ungranted),
    ("ssp-receiver-unknown", lambda r: r.headers.update({"ssp-to": UNKNOWN})),
    ("ssp-receiver-lacks-interaction", _unserved),
    ("ssp-no-sharing-rule", _unshared),
    ("ssp-endpoint-varies", lambda r: setattr(r, "path", "/ssp/https://evil.example/Slot")),
    ("ssp-media-type", lambda r: r.headers.update({"content-type": "application/pdf"})),
]
"""A fault of each step, in the order in which they are said (spine 11)."""


@pytest.mark.parametrize(("expected", "spoil"), ORDER, ids=[code for code, _ in ORDER])
def test_one_fault_is_said(expected: str, spoil: Callable[[Request], None]) -> None:
    """Each alone."""
    request = Request()
    spoil(request)
    assert request.outcome == expected


@pytest.mark.parametrize(("first", "second"), list(combinations(ORDER, 2)), ids=lambda found: found[0])
def test_the_first_of_two_faults_is_said(first: tuple[str, Callable[[Request], None]], second: tuple[str, Callable[[Request], None]]) -> None:
    """Headers, token, sender, receiver, interaction, rule, endpoint."""
    request = Request()
    second[1](request)
    first[1](request)
    assert request.outcome == first[0]


@pytest.mark.parametrize(("expected", "headers"), [
    ("ssp-header-missing", {"ssp-from": None}), ("ssp-header-missing", {"ssp-to": None}), ("ssp-header-missing", {"ssp-interactionid": None}),
    ("ssp-header-missing", {"ssp-interactionid": f"{SLOTS},{SLOTS}"}), ("ssp-header-missing", {"ssp-traceid": "1"}),
    ("ssp-header-missing", {"ssp-from": f"{CONSUMER},{CONSUMER}"}), ("ssp-header-missing", {"ssp-to": "9"}),
    ("ssp-sender-not-accredited", {"ssp-from": UNKNOWN}), ("ssp-sender-not-accredited", {"ssp-from": SUSPENDED}),
    ("ssp-sender-not-accredited", {"ssp-from": SISTER}), ("ssp-sender-not-accredited", {"ssp-interactionid": "urn:x"}),
    ("ssp-receiver-unknown", {"ssp-to": UNKNOWN}), ("ssp-receiver-unknown", {"ssp-to": SUSPENDED}), ("ssp-receiver-unknown", {"ssp-to": "200000100005"}),
    ("ssp-receiver-lacks-interaction", {"ssp-to": SISTER}),
    ("ssp-receiver-lacks-interaction", {"ssp-interactionid": f"{PREFIX}gpconnect:fhir:rest:search:slot-1".replace("search:slot", "read:metadata")}),
    ("ssp-sender-not-accredited", {"ssp-interactionid": READ_PATIENT}),
    ("certificate-not-of-asid", {"ssp-from": PROVIDER}),
])  # fmt: skip
def test_headers(expected: str, headers: dict[str, str | None]) -> None:
    """Each of the four, absent, twice, in another form, or of somebody who may not."""
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS | headers)) == expected


def test_the_words_of_the_proxy() -> None:
    """ASIDs in the published texts; the endpoint, its contract and the target (spine 4.4)."""
    for headers, text in (
        ({"ssp-from": SISTER}, f"ASID_CHECK_FAILED_MESSAGESENDER_{SISTER}"), ({"ssp-to": UNKNOWN}, f"ASID_CHECK_FAILED_MESSAGERECEIVER_{UNKNOWN}"),
        ({"ssp-to": SISTER}, f"PARTYKEY_INTERACTION_CHECK_FAILED_MESSAGERECEIVER_{SISTER}"),
    ):
        refusal = ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS | headers).refusal
        assert refusal is not None
        assert refusal.fill(refusal.reason.text) == text
    unshared = ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS, snapshot=world(replace(DIRECTORY, sharing_rules=()))).refusal
    assert unshared is not None
    assert unshared.fill(unshared.reason.text) == f"FOT_CHECK_FAILED_MESSAGESENDER_{CONSUMER}_MESSAGERECEIVER_{PROVIDER}"
    refusal = ask("/ssp-plain/https://evil.example/9990000018", PROXY_HEADERS).refusal
    assert refusal is not None
    assert refusal.fill(refusal.reason.text) == f"ENDPOINT_{GP_ROOT}_CPAID_S918999000005_VARIES_FROM_TARGETURL_https://evil.example/9990000018"
    assert "9990000018" not in f"{refusal.expected} {refusal.received}"


def test_a_token_of_another_system() -> None:
    """Row 14, once the sender is known; GP Connect's token has no ASID."""
    claims = RETRIEVAL | {"requesting_system": f"https://fhir.nhs.uk/Id/accredited-system|{SISTER}"}
    assert said(ask(f"/ssp-nrl/{RECORDS}", RECORD_HEADERS, claims)) == "spine-jwt-asid-not-from"
    assert said(ask(f"/ssp-nrl/{RECORDS}", RECORD_HEADERS, RETRIEVAL | {"scope": "patient/DocumentReference.read"})) == "spine-jwt-scope"


def test_the_scopes_of_the_interaction() -> None:
    """Asked for once it is granted, where the variant has them included."""
    assert said(ask(f"/ssp-core/{GP_ROOT}/Slot", PROXY_HEADERS, CLAIMS)) == "spine-jwt-scope-missing"
    assert said(ask(f"/ssp-core/{GP_ROOT}/Slot", PROXY_HEADERS, CLAIMS | {"scope": "organization/*.read x"})) == "yes"


def test_an_interaction_of_one_s_own() -> None:
    """What no catalogue has is relayed where it was granted, registered and shared; of what was not granted nothing is recorded."""
    found = ask(f"/ssp-plain/https://{PROVIDER_NAME}/Record/1", PROXY_HEADERS | {"ssp-interactionid": OWN})
    assert found.call is not None
    assert found.call.relay == Relay(PROVIDER_NAME, "/Record/1", "S918999000006")
    assert found.call.interaction == OWN
    refused = ask(f"/ssp-plain/https://{PROVIDER_NAME}/Record/1", PROXY_HEADERS | {"ssp-interactionid": "patient-9990000018"})
    assert "9990000018" not in f"{refused.refusal} {refused.call}"


def test_a_rule_is_for_one_service() -> None:
    """A rule for records does not open up appointments, and one for one way does not open the other."""
    records_only = world(replace(DIRECTORY, sharing_rules=tuple(rule for rule in DIRECTORY.sharing_rules if rule.service == CONTENT)))
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS, snapshot=records_only)) == "ssp-no-sharing-rule"
    assert said(ask(f"/ssp-nrl/{RECORDS}", RECORD_HEADERS, RETRIEVAL, snapshot=records_only)) == "yes"
    turned = world(replace(DIRECTORY, sharing_rules=tuple(replace(rule, from_asid=rule.to_asid, to_asid=rule.from_asid) for rule in DIRECTORY.sharing_rules)))
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS, snapshot=turned)) == "ssp-no-sharing-rule"


def test_without_a_directory() -> None:
    """Nothing is anywhere."""
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS, snapshot=replace(SNAPSHOT, directory=None))) == "ssp-receiver-lacks-interaction"


def test_a_method_that_no_route_takes() -> None:
    """Where the manifest names the methods, the proxy's own words all the same."""
    found = ask(f"/ssp-get/{GP_ROOT}/Slot", PROXY_HEADERS, method="POST")
    assert said(found) == "ssp-method-not-allowed"


def test_the_proxy_s_quota() -> None:
    """In its own words."""
    spent = replace(SNAPSHOT, over_quota={("", "ssp-plain"): NOW + timedelta(hours=1)})
    assert said(ask(f"/ssp-plain/{GP_ROOT}/Slot", PROXY_HEADERS, snapshot=spent)) == "ssp-throttled"


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["comment"] for vector in VECTORS])
def test_no_open_proxy(vector: dict[str, str]) -> None:
    """None of these is relayed anywhere."""
    found = ask(f"/ssp-plain/{vector['target']}", PROXY_HEADERS, query=vector["query"])
    assert said(found) in {"ssp-endpoint-varies", "route-not-found"}
    assert found.call is None or found.call.relay is None


@given(st.lists(st.sampled_from((GP_ROOT, RECORDS, "https://", "evil.example", "/", "..", "%2F", "@", ":", "?", "#", "%3A", "Slot", "\\", ";", ".")), max_size=7).map("".join),
       st.booleans())  # fmt: skip
def test_whatever_is_relayed_begins_with_an_endpoint(text: str, whole: bool) -> None:
    """Byte for byte, once decoded; host and path joined are the target again."""
    target = quote(text, safe="") if whole else text
    path, _, query = target.partition("?")
    found = ask(f"/ssp-plain/{path}", PROXY_HEADERS, query=query)
    if found.call is None or found.call.relay is None:
        return
    relay = found.call.relay
    assert f"https://{relay.host}{relay.path}" == text
    assert text.startswith(GP_ROOT)
    assert text[len(GP_ROOT):][:1] in {"", "/", "?"}
