"""The export: a round trip for any manifest, always the same text, no secret."""

import json
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from depth import examples
from wardgate.catalogue.model import ROUTE_SHAPES
from wardgate.demo import manifest as demo_manifest
from wardgate.manifest import Manifest, Source, check
from wardgate.manifest.diff import diff
from wardgate.manifest.documents import from_documents, to_documents
from wardgate.manifest.export import export
from wardgate.manifest.read import read
from wardgate.manifest.schema import json_schema

LINE = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029"), min_size=1, max_size=30)
NAMES = ["a", "b2", "1e5", "0x1", "no", "null", "true", "a-b.c_d", "0o17", "12"]
ODS = ["Z9X01", "5E2", "123", "NO", "1E5", "Y", "0012", "0x1F", "1"]
PATHS = ["/", "/*", "/a", "/a/{id}", "/a/*", "/$op", "/a.b/{id}/c"]
LIMITS = st.none() | st.fixed_dictionaries({}, optional={
    "quota": st.fixed_dictionaries({"limit": st.integers(1, 10**9)}, optional={
        "interval": st.integers(1, 1000), "timeunit": st.sampled_from(["minute", "hour", "day", "week", "month"]),
        "enabled": st.booleans()}),
    "spike_arrest": st.fixed_dictionaries({"rate": st.sampled_from(["5ps", "300pm"])}),
})
PATTERN = st.sampled_from(["open-access", "api-key", "signed-jwt", "tls-ma"])
TEXT_BLOCK = st.sampled_from([
    "x\ny\n", "x\n", "one: two\n  three\n\nfour", " leading\nspace", "trailing \nspace\n\n", "tab\t\n", "# x\n---\n", "é\nü\n"])


@st.composite
def manifests(draw: st.DrawFn) -> Manifest:
    """Any valid manifest, small, with names that YAML could take for something else."""
    organisations = draw(st.lists(st.sampled_from(ODS), unique_by=str.casefold, min_size=1))
    asids = draw(st.lists(st.sampled_from(["000000000001", "200000000115", "012345678901"]), unique=True))
    apis = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    products = draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3))
    data: dict[str, Any] = {
        "environment": draw(st.fixed_dictionaries({"name": st.sampled_from(NAMES)}, optional={
            "profile": st.sampled_from(["nhs", "strict"]), "audit": st.sampled_from(["before", "after"]),
            "public_urls": st.just(["https://localhost:8443", "https://[::1]:8443"]), "default_limits": LIMITS,
            "status_key": st.just("secret-status-0123456789")})),
        "organisations": [{"ods": ods, "name": draw(LINE), "active": draw(st.booleans())} for ods in organisations],
        "systems": [{"asid": asid, "organisation": draw(st.sampled_from(organisations)), "product": draw(LINE),
                     "fqdn": draw(st.none() | st.just(f"s{asid}.nhs.uk")),
                     "interactions": draw(st.lists(st.sampled_from(["urn:nhs:a", "-x", "#", "*x", "yes"]), unique=True))}
                    for asid in asids],
        "apis": [draw(_api(name)) for name in apis],
        "products": [{"name": name, "apis": draw(st.lists(st.sampled_from(apis), unique=True)) if apis else [],
                      "scopes": draw(st.lists(st.sampled_from(["a:b", "!x", "%y", "@z"]))), "limits": draw(LIMITS)}
                     for name in products],
    }
    data["applications"] = [
        {"name": name, "organisation": draw(st.sampled_from(organisations)),
         "products": [{"product": product, "status": draw(st.sampled_from(["approved", "pending"]))} for product in products],
         "jwks": draw(st.none() | st.just({"keys": [{"kty": "OKP", "kid": "1", "crv": "Ed25519", "x": "AA", "n": None, "e": 1.5}]})),
         "tls_client_auth_san_dns": draw(st.none() | st.just(f"app{index}.nhs.uk")), "limits": draw(LIMITS),
         "api_keys": [{"key": f"secret-key-{index}-0123456789"}]}
        for index, name in enumerate(draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)))]
    return Manifest.model_validate(data)


@st.composite
def _api(draw: st.DrawFn, name: str) -> dict[str, Any]:
    routes = [
        {"path": path, **draw(st.fixed_dictionaries({}, optional={
            "methods": st.just(["GET", "POST"]), "enforcement": st.just("decision"), "wrong_token_status": st.just(401),
            "timeout_seconds": st.sampled_from([0.5, 30, 1.0, 600]), "request_id": st.just("required"),
            "identity_headers": st.just({"asid": "NHSD-ASID"})})),
         **draw(st.one_of(PATTERN.map(lambda pattern: {"pattern": pattern}),
                          st.lists(PATTERN, unique=True, min_size=1).map(
                              lambda patterns: {"any_of": [{"pattern": pattern} for pattern in patterns]})))}
        for path in draw(st.lists(st.sampled_from(PATHS), unique=True, min_size=1))]
    return {"name": name, "base_path": f"/{name}", "backend": draw(st.sampled_from(["http://h:1", "unix:/run/x", "https://[::1]"])),
            "routes": routes, "errors": draw(st.sampled_from([str(shape) for shape in ROUTE_SHAPES])), "limits": draw(LIMITS)}


def sorted_without_secrets(manifest: Manifest) -> Manifest:
    """Return what an export keeps."""
    return from_documents(to_documents(manifest)[0])


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(manifests())
def test_round_trip(manifest: Manifest) -> None:
    """What is exported is checked to the same manifest, is exported to the same text, and has no secret."""
    text = export(manifest)
    again = check([Source("export.yaml", text.encode())])
    assert again == sorted_without_secrets(manifest)
    assert export(again) == text
    assert "secret-" not in text
    assert not diff(manifest, again)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=examples(30))
@given(manifests())
def test_documents_round_trip(manifest: Manifest) -> None:
    """Documents of the exported manifest are those of the manifest."""
    exported = check([Source("export.yaml", export(manifest).encode())])
    key = lambda document: (document.kind, document.name)  # noqa: E731 - used twice, here only
    assert sorted(to_documents(exported)[0], key=key) == sorted(to_documents(manifest)[0], key=key)


def test_the_order_of_entries_does_not_matter() -> None:
    """Two files that say the same in another order are exported alike."""
    demo = demo_manifest()
    turned = demo.model_copy(update={
        "applications": demo.applications[::-1], "systems": demo.systems[::-1], "apis": demo.apis[::-1]})
    assert export(turned) == export(demo)
    assert "not-a-secret" not in export(demo)


@given(TEXT_BLOCK)
def test_text_of_several_lines(text: str) -> None:
    """PEM and the like stay what they are, whether written as a block or in quotes."""
    demo = demo_manifest()
    api = demo.apis[0].model_copy(update={"backend_ca": text})
    exported = export(demo.model_copy(update={"apis": (api,)}))
    assert read(Source("x", exported.encode()))["apis"][0]["backend_ca"] == text


def test_short_forms_are_used() -> None:
    """An approved subscription is the product's name; a whole default is left out."""
    data = {"environment": {"name": "x"}, "organisations": [{"ods": "Z9X01", "name": "Example", "active": True}],
            "products": [{"name": "p"}, {"name": "q"}],
            "applications": [{"name": "a", "organisation": "Z9X01", "products": ["p", {"product": "q", "status": "pending"}]}]}
    text = export(check([Source("x", json.dumps(data).encode())]))
    assert text == (
        "environment: {name: x}\n\norganisations:\n- {ods: Z9X01, name: Example}\n\nproducts:\n- {name: p}\n- {name: q}\n\n"
        "applications:\n- name: a\n  organisation: Z9X01\n  products:\n  - p\n  - {product: q, status: pending}\n")


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=examples(30))
@given(manifests())
def test_an_export_satisfies_the_published_schema(manifest: Manifest) -> None:
    """The JSON Schema takes what we write."""
    Draft202012Validator(json_schema()).validate(read(Source("x", export(manifest).encode())))
