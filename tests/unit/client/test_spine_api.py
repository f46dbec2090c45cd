"""Where APIs of Spine are called, what each request of them is, and which URLs are refused."""

from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.client import SpineAPI, SpineCallInvalid, ssp_url
from wardgate.client.spine_api import KINDS, may_repeat
from wardgate.spine.interactions import PREFIX
from wardgate.spine.variants import VariantName

ENDPOINT = "https://provider.example.thirdparty.nhs.uk/Z9X02/STU3/1/gpconnect"
PROXY = "https://proxy.example.nhs.uk"
ASID = "200000000116"


def test_every_variant_has_a_kind() -> None:
    """No published token is left without an API to send it to."""
    assert set(KINDS) == set(VariantName)
    assert all(kind.variant == name for name, kind in KINDS.items())


@pytest.mark.parametrize("path", ["/Patient/1", "/Patient?identifier=https://fhir.nhs.uk/Id/nhs-number|9990000018", ""])
@pytest.mark.parametrize("how", [{}, {"base_url": "https://localhost:8444/gp"}, {"proxy": PROXY}, {"proxy": PROXY + "/", "encoded": True}],
                         ids=["direct", "gateway", "proxy", "encoded"])
def test_the_url_of_a_path_has_the_path(how: Any, path: str) -> None:
    """However an API is called, the path below its endpoint is found again in the URL."""
    api = SpineAPI.of("gp-connect-1", ENDPOINT, ASID, **how)
    assert api.path_of(httpx2.URL(api.url(path))) == path.partition("?")[0]


SEGMENTS = st.lists(st.text("aZ0-_~.$!*'(),;:@&=+", min_size=1, max_size=8).filter(lambda part: part not in {".", ".."}), max_size=4)


@given(root=SEGMENTS, below=SEGMENTS, query=st.text("aZ0-_~.$!*'(),;:@&=+/|", max_size=20), how=st.sampled_from(("direct", "plain", "encoded")))
def test_every_path_comes_back(root: list[str], below: list[str], query: str, how: str) -> None:
    """What is put below an endpoint is what is found below it, and the query is no part of it."""
    path = "".join(f"/{part}" for part in below)
    proxied = {"proxy": PROXY + "/ssp", "encoded": how == "encoded"} if how != "direct" else {}
    api = SpineAPI.of("nrl", "https://a.example" + "".join(f"/{part}" for part in root), ASID, **proxied)
    assert api.path_of(httpx2.URL(api.url(path + (f"?{query}" if query else "")))) == path


def test_the_proxy_gets_the_target_as_it_is_or_encoded() -> None:
    """GP Connect concatenates, the record locator percent-encodes the whole target (spine 10)."""
    assert ssp_url(PROXY, ENDPOINT, "/Patient?a=b") == f"{PROXY}/{ENDPOINT}/Patient?a=b"
    assert ssp_url(PROXY + "/", "https://a.example/x?y=1", encoded=True) == f"{PROXY}/https%3A%2F%2Fa.example%2Fx%3Fy%3D1"


@pytest.mark.parametrize("endpoint", [
    "http://a.example/x", "https://a.example:443/x", "https://a.example:/x", "https://user@a.example/x", "https:///x", "//a.example/x", "a.example",
    "https://a.example/x/../y", "https://a.example/x/%2e%2E/y", "https://a.example/./y", "https://a.example/x%2Fy", "https://a.example/x%252e", "https://a.example/x#y",
    "https://a.example\\@b.example/x", "https://a.example/x y", "https://a.example/\u00e9", "https://a.example/\r\nX: y", "https://[::1", "https://a.example:0/x",
    "https://a.example:99999/x", "https://" + "a" * 3_000,
])
def test_targets_that_could_be_another_are_refused(endpoint: str) -> None:
    """No port, no user, no dots, no second escape: the proxy compares byte for byte."""
    with pytest.raises(SpineCallInvalid):
        ssp_url(PROXY, endpoint)
    with pytest.raises(SpineCallInvalid):
        SpineAPI.of("gp-connect-1", endpoint, ASID, proxy=PROXY)


def test_an_api_that_is_called_directly_may_have_a_port() -> None:
    """A Wardgate on one's own machine has; dots stay refused."""
    assert SpineAPI.of("nrl", "https://localhost:8444/nrl", ASID).url("/DocumentReference") == "https://localhost:8444/nrl/DocumentReference"
    with pytest.raises(SpineCallInvalid):
        SpineAPI.of("nrl", "https://localhost:8444/nrl/../x", ASID)


@pytest.mark.parametrize("path", ["Patient", "@evil.example", ".evil.example/x", "/../x", "/%2e%2e/x", "/a/%2E/b", "/a%2fb", "/a%5cb", "/a\\b", "/a#b", "/a b", "/a\nb", "/" + "a" * 2_500])
def test_paths_that_leave_the_endpoint_are_refused(path: str) -> None:
    """A path continues the endpoint's own, so that the host cannot grow by it."""
    with pytest.raises(SpineCallInvalid):
        ssp_url(PROXY, ENDPOINT, path)


@pytest.mark.parametrize("base", ["proxy.example", "ftp://proxy.example", PROXY + "?a=b", PROXY + "#a", ""])
def test_a_proxy_has_a_base_url(base: str) -> None:
    """Scheme, host and at most a port and a path."""
    with pytest.raises(SpineCallInvalid):
        ssp_url(base, ENDPOINT)


@pytest.mark.parametrize(("changes", "why"), [
    ({"asid": "20000000011"}, "12 digits"), ({"asid": "20000000011x"}, "12 digits"), ({"endpoint": ENDPOINT + "/"}, "no slash"),
    ({"endpoint": ENDPOINT + "?a=b"}, "no query"), ({"kind": "pds"}, "no kind"), ({"base_url": "https://a.example", "proxy": PROXY}, "or through"),
])
def test_what_is_no_api_is_refused(changes: Any, why: str) -> None:
    """With the reason."""
    with pytest.raises(SpineCallInvalid, match=why):
        SpineAPI.of(**({"kind": "nrl", "endpoint": ENDPOINT, "asid": ASID} | changes))


@pytest.mark.parametrize("url", [
    "https://evil.example/Z9X02/STU3/1/gpconnect/Patient/1", ENDPOINT + "-other/Patient/1", "https://provider.example.thirdparty.nhs.uk/Z9X02/STU3/1/",
    "https://provider.example.thirdparty.nhs.uk:8443/Z9X02/STU3/1/gpconnect/Patient/1", "http://provider.example.thirdparty.nhs.uk/Z9X02/STU3/1/gpconnect/Patient/1",
])
def test_other_addresses_are_not_the_apis(url: str) -> None:
    """A token is not made for them."""
    for how in ({}, {"proxy": PROXY}, {"proxy": PROXY, "encoded": True}):
        with pytest.raises(SpineCallInvalid, match="elsewhere"):
            SpineAPI.of("gp-connect-1", ENDPOINT, ASID, **how).path_of(httpx2.URL(url))


@pytest.mark.parametrize(("kind", "method", "path", "interaction"), [
    ("reasonable-adjustments", "GET", "/Flag", "raflags:Flag.read:1"),
    ("reasonable-adjustments", "POST", "/$removerarecord", "raflags:removerarecord.write:1"),
    ("nrl", "GET", "/DocumentReference", "nrl:DocumentReference.search"),
    ("nrl", "DELETE", "/DocumentReference/a", "nrl:DocumentReference.delete"),
    ("nrl-retrieval", "GET", "/anything/at/all/there", "nrl:DocumentReference.content.read"),
    ("gp-connect-1", "GET", "/Patient/1", "gpconnect:fhir:rest:read:patient-1"),
    ("booking", "GET", "/Slot", "careconnect:fhir:rest:search:slot"),
    ("nems-subscribe", "POST", "/Subscription", "clinicals-sync:SubscriptionsApiPost"),
])
def test_the_interaction_follows_from_the_request(kind: str, method: str, path: str, interaction: str) -> None:
    """By method and path, for every service whose requests tell."""
    api = SpineAPI.of(kind, ENDPOINT, ASID)
    assert api.interaction_of(method, httpx2.URL(api.url(path))) == PREFIX + interaction


@pytest.mark.parametrize(("kind", "method", "path", "why"), [
    ("gp-connect-1", "GET", "/metadata", "several interactions fit.*read:metadata-1"), ("gp-connect-1", "PUT", "/Appointment/1", "several"),
    ("reasonable-adjustments", "PATCH", "/Flag/1", "no interaction"), ("nems-publish", "POST", "/$process-message", "name it"), ("spine-core", "GET", "/x", "name it"),
])
def test_an_interaction_that_does_not_follow_is_asked_for(kind: str, method: str, path: str, why: str) -> None:
    """And a named one is taken as it is."""
    api = SpineAPI.of(kind, ENDPOINT, ASID)
    with pytest.raises(SpineCallInvalid, match=why):
        api.interaction_of(method, httpx2.URL(api.url(path)))
    assert api.interaction_of(method, httpx2.URL(api.url(path)), "urn:x") == "urn:x"


@pytest.mark.parametrize(("method", "interaction", "repeats"), [
    ("GET", "nrl:DocumentReference.read", True), ("GET", "unknown:x", True), ("POST", "nrl:DocumentReference.create", False),
    ("PUT", "raflags:Flag.write:1", False), ("DELETE", "nrl:DocumentReference.delete", False), ("POST", "unknown:x", False),
    ("POST", "gpconnect:fhir:operation:gpc.getstructuredrecord-1", True), ("POST", "gpconnect:fhir:operation:gpc.registerpatient-1", False),
    ("POST", "raflags:removerarecord.write:1", False), ("POST", "events:PDS001.Write", False),
])
def test_what_changes_nothing_may_be_repeated(method: str, interaction: str, repeats: bool) -> None:
    """Reading by POST may, writing may not, whichever method."""
    assert may_repeat(method, PREFIX + interaction) is repeats
