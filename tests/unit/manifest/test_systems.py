"""Systems, data-sharing rules and routes by ASID in the manifest: what is refused and where, what is taken, and who gains or loses."""

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest

from wardgate.directory.stated import MANIFEST, directory_of, party_key_of, rule_of, stated
from wardgate.directory.whole import check as check_directory
from wardgate.manifest import Manifest, Problem, Source, check
from wardgate.manifest.access import compare_access
from wardgate.manifest.diff import Action, diff
from wardgate.manifest.documents import changes, document_of, from_documents, to_documents
from wardgate.manifest.export import export
from wardgate.refusals.dialects import Dialect

Data = dict[str, Any]
Accept = Callable[..., Manifest]
Refuse = Callable[..., tuple[Problem, ...]]

READ = "urn:nhs:names:services:nrl:DocumentReference.read"
SEARCH = "urn:nhs:names:services:nrl:DocumentReference.search"
SLOTS = "urn:nhs:names:services:gpconnect:fhir:rest:search:slot-1"
SLOT_URL = "https://lab.example.thirdparty.nhs.uk/Z9X02/STU3/1/gpconnect"
ONE, TWO = "200000000115", "200000000116"
EPR = f"Example EPR ({ONE})"


@pytest.fixture
def world(base: Data) -> Data:
    """A consumer, a provider with an endpoint, a rule between them, and two APIs by ASID: a pointer service and the secure proxy."""
    base["systems"][0] |= {"interactions": [READ, SEARCH, SLOTS], "product": "Example EPR"}
    base["systems"][1] |= {"endpoints": [{"interaction": SLOTS, "url": SLOT_URL, "connect_to": "127.0.0.1:9443"}]}
    base["sharing_rules"] = [{"from_asid": ONE, "to_asid": TWO, "service": "urn:nhs:names:services:gpconnect"}]
    base["apis"] += [
        {"name": "nrl", "base_path": "/nrl", "backend": "http://127.0.0.1:9001", "spine": {"service": "nrl", "asid": TWO}, "routes": [
            {"path": "/DocumentReference", "methods": ["GET", "POST"], "pattern": "asid-interaction"},
            {"path": "/DocumentReference/{id}", "methods": ["GET"], "pattern": "asid-interaction", "spine_jwt": "none"}]},
        {"name": "proxy", "base_path": "/ssp", "backend": "secure-proxy", "spine": {"service": "gp-connect"},
         "routes": [{"path": "/*", "pattern": "asid-interaction", "spine_jwt": "gp-connect-1"}]},
    ]
    return base


def _endpoint(data: Data, **changes: Any) -> None:
    data["systems"][1]["endpoints"][0].update(changes)


ENDPOINT = "systems[1].endpoints[0]"
ROWS: list[tuple[Callable[[Data], object], str, str, str | None]] = [
    (lambda data: data["applications"][1].update({"tls_client_auth_san_dns": "lab.example.thirdparty.nhs.uk"}), "applications[1].tls_client_auth_san_dns",
     "the certificate name `lab.example.thirdparty.nhs.uk` is already used by `systems[1].fqdn` (one.yaml, line", "state the system's `asid` if the application is its own"),
    (lambda data: _endpoint(data, url="https://other.nhs.uk/Z9X02"), f"{ENDPOINT}.url",
     "expected the host lab.example.thirdparty.nhs.uk, which is nhsMhsFQDN, without a port; received 'https://other.nhs.uk/Z9X02'", None),
    (lambda data: _endpoint(data, url="https://lab.example.thirdparty.nhs.uk/z9x02"), f"{ENDPOINT}.url",
     "expected Z9X02, which is nhsIDCode, as the first part of the path; received 'https://lab.example.thirdparty.nhs.uk/z9x02'", None),
    (lambda data: _endpoint(data, cpa_id="XYZ"), f"{ENDPOINT}.cpa_id", "expected S and digits, or 20 hexadecimal digits; received 'XYZ'", None),
    (lambda data: _endpoint(data, connect_to="localhost"), f"{ENDPOINT}.connect_to", "must be a host, a colon and a port, not `localhost`", None),
    (lambda data: _endpoint(data, interaction="nothing"), f"{ENDPOINT}.interaction", "expected an interaction id, 1 to 300 visible characters; received ''", None),
    (lambda data: data["systems"][1]["endpoints"].append({"interaction": SLOTS, "url": SLOT_URL, "cpa_id": "S1"}), f"{ENDPOINT}.interaction",
     f"expected an interaction that its party key serves once; received '{SLOTS}'", None),
    (lambda data: data["systems"][1].pop("fqdn"), "systems[1].endpoints", "a system with endpoints has an `fqdn`: their URLs are below it", None),
    (lambda data: data["systems"][0].update(fqdn="*.example.nhs.uk"), "systems[0].fqdn",
     "must be a fully qualified domain name in lower case, such as epr.example.thirdparty.nhs.uk, not `*.example.nhs.uk`", None),
    (lambda data: data["systems"][0].update(interactions=[READ, READ]), "systems[0].interactions", f"expected each value once; received '{READ}' twice", None),
    (lambda data: data["systems"].append({"asid": "300000000115", "organisation": "Z9X01", "party_key": "Z9X01-000000115"}) or data["systems"][0].pop("party_key"),
     "systems[0].asid", "its party key would be `Z9X01-000000115`, which is that of `systems[2].asid`", "state a `party_key`"),
    (lambda data: data["sharing_rules"].append(dict(data["sharing_rules"][0])), "sharing_rules[1]",
     "this data-sharing rule is already used by `sharing_rules[0]` (one.yaml, line ", None),
    (lambda data: data["sharing_rules"][0].update(to_asid="200000000117"), "sharing_rules[0].to_asid",
     "there is no system with ASID `200000000117` in `systems`", "did you mean `200000000116`?"),
    (lambda data: data["apis"][2]["spine"].update(asid="200000000117"), "apis[2].spine.asid",
     "there is no system with ASID `200000000117` in `systems`", "did you mean `200000000116`?"),
    (lambda data: data["apis"][2]["routes"][0].update(path="/Nothing"), "apis[2].routes[0].path",
     "no request to `GET,POST /Nothing` is an interaction of the service nrl", "state the route's `interaction`"),
    (lambda data: data["apis"][3].update(backend_ca="-----BEGIN CERTIFICATE-----"), "apis[3].backend_ca", "`backend_ca` is for an https:// backend", None),
    (lambda data: data["apis"][3]["routes"][0].update(path="/x"), "apis[3]",
     "an API whose backend is the secure-proxy has routes of the path `/*` and the pattern asid-interaction only", None),
]


@pytest.mark.parametrize(("change", "key", "message", "suggestion"), ROWS)
def test_one_mistake(world: Data, refuse: Refuse, change: Callable[[Data], object], key: str, message: str, suggestion: str | None) -> None:
    """One thing is changed in a valid manifest, and the first problem is at its line, in the manifest's words."""
    change(world)
    problem = refuse(world)[0]
    assert problem.key == key
    assert problem.line > 0
    assert message in problem.message
    assert problem.suggestion == suggestion


def test_what_is_taken(world: Data, accept: Accept) -> None:
    """The manifest is one; its systems are a sound directory; what is not stated is made, and is known as the manifest's."""
    manifest = accept(world)
    found = [stated(system, "test") for system in manifest.systems]
    directory = directory_of(found, map(rule_of, manifest.sharing_rules))
    check_directory(directory)
    consumer, provider = directory.systems
    assert (consumer.interactions, consumer.clients, consumer.product_name) == ((READ, SEARCH, SLOTS), ("Z9X01",), "Example EPR")
    assert provider.interactions == (SLOTS,)
    (endpoint,) = directory.endpoints
    assert (endpoint.service, endpoint.interaction_name) == ("urn:nhs:names:services:gpconnect", "fhir:rest:search:slot-1")
    assert (endpoint.urls, endpoint.fqdn, endpoint.interaction_type) == ((SLOT_URL,), "lab.example.thirdparty.nhs.uk", "FHIR")
    assert MANIFEST in endpoint.requestor
    assert found[1].connect_to == {endpoint.identifier: "127.0.0.1:9443"}
    assert [enrolment.fqdn for enrolment in directory.enrolments] == ["epr.example.thirdparty.nhs.uk", "lab.example.thirdparty.nhs.uk"]
    assert manifest.apis[2].errors is Dialect.SPINE
    assert manifest.apis[0].errors is Dialect.FAULT


def test_what_is_not_stated(accept: Accept, base: Data) -> None:
    """A party key follows from organisation and ASID; a system without interactions and endpoints is no entry."""
    del base["systems"][0]["party_key"]
    manifest = accept(base)
    assert party_key_of(manifest.systems[0]) == "Z9X01-000000115"
    assert directory_of(stated(system, "test") for system in manifest.systems).items == ()


def test_errors_may_be_stated(world: Data, accept: Accept) -> None:
    """An API with `spine` may refuse in another shape, and that is kept."""
    world["apis"][2]["errors"] = "fault"
    manifest = accept(world)
    assert manifest.apis[2].errors is Dialect.FAULT
    assert from_documents(to_documents(manifest)[0]).apis[2].errors is Dialect.FAULT
    assert check([Source("exported", export(manifest).encode())]).apis[2].errors is Dialect.FAULT


def test_systems_of_the_store_may_be_named(world: Data) -> None:
    """An ASID that the store has is no missing one."""
    world["sharing_rules"][0]["to_asid"] = world["applications"][0]["asid"] = "200000100001"
    source = Source("one.yaml", json.dumps(world).encode())
    assert check([source], ["200000100001"]).sharing_rules[0].to_asid == "200000100001"


def test_there_and_back(world: Data, accept: Accept) -> None:
    """Documents and export hold all of it; a second apply changes nothing."""
    manifest = accept(world)
    documents, _ = to_documents(manifest)
    names = [document.name for document in documents if document.kind == "sharing_rules"]
    assert names == [f"{ONE} {TWO} urn:nhs:names:services:gpconnect"]
    back = from_documents(documents)
    assert {document_of("systems", system) == document_of("systems", other) for system, other in zip(back.systems, manifest.systems, strict=True)} == {True}
    assert not changes(documents, back)
    again = check([Source("exported", export(manifest).encode())])
    assert export(again) == export(manifest)
    assert not diff(manifest, again)


ACCESS: list[tuple[str, Callable[[Data], object], list[tuple[str, str, str, str]]]] = [
    ("an interaction is granted", lambda data: data["systems"][0]["interactions"].remove(SEARCH),
     [(EPR, "nrl", "GET /nrl/DocumentReference", f"asid-interaction, {SEARCH}")]),
    ("a rule is made", lambda data: data["sharing_rules"].clear(),
     [(EPR, "proxy", "/ssp/*", f"asid-interaction, urn:nhs:names:services:gpconnect of {TWO}")]),
    ("an organisation becomes active", lambda data: data["organisations"][0].update(active=False), [
        (EPR, "nrl", "GET /nrl/DocumentReference", f"asid-interaction, {SEARCH}"), (EPR, "nrl", "GET /nrl/DocumentReference/{id}", f"asid-interaction, {READ}"),
        (EPR, "proxy", "/ssp/*", f"asid-interaction, urn:nhs:names:services:gpconnect of {TWO}")]),
    ("a route has its own interaction", lambda data: data["apis"][2]["routes"][1].update(interaction=SLOTS),
     [(EPR, "nrl", "GET /nrl/DocumentReference/{id}", f"asid-interaction, {READ}")]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "gains"), ACCESS, ids=[name for name, _, _ in ACCESS])
def test_who_gains(world: Data, accept: Accept, name: str, change: Callable[[Data], object], gains: list[tuple[str, str, str, str]]) -> None:
    """Systems are named as applications are, with the interaction; the other way round they lose it."""
    del name
    after = accept(copy.deepcopy(world))
    change(world)
    before = accept(world)
    gained, lost = compare_access(before, after)
    of_systems = [(one.application, one.api, one.route, one.pattern) for one in gained if one.pattern.startswith("asid")]
    assert of_systems == gains
    back, _ = compare_access(after, before)
    assert [(one.application, one.api, one.route, one.pattern) for one in lost if one.pattern.startswith("asid")] == [
        (one.application, one.api, one.route, one.pattern) for one in back if one.pattern.startswith("asid")]


def test_systems_of_the_store_gain_and_lose_with_routes(world: Data, accept: Accept) -> None:
    """A registered system loses a route that goes."""
    registered = directory_of([stated(accept(world).systems[0], "test")]).systems[0]
    before = accept(copy.deepcopy(world))
    world["systems"][0]["interactions"] = [SLOTS]
    del world["apis"][2]["routes"][1]
    found = diff(before, accept(world), registered=[registered])
    assert {(loss.application, loss.route) for loss in found.losses if "asid" in loss.pattern} == {(EPR, "GET /nrl/DocumentReference/{id}")}
    assert Action.CHANGED in {change.action for change in found.documents}
