"""A small directory: a consumer, a provider with two systems' worth of rules, Spine itself, and strategies for more."""

from dataclasses import replace
from datetime import UTC, datetime

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from wardgate.directory import AccreditedSystem, Directory, Endpoint
from wardgate.directory.onboarding import Enrolment, take_over

PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""For tests that draw whole directories: what is tested is what they answer, not how fast a busy machine draws them."""
AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
READ = "urn:nhs:names:services:nrl:DocumentReference.read"
CONTENT = "urn:nhs:names:services:nrl:DocumentReference.content"
SLOTS = "urn:nhs:names:services:gpconnect:fhir:rest:search:slot-1"
ROLE = "uniqueIdentifier=555000000101,uniqueIdentifier=555000000102,uid=555000000103,ou=people,o=nhs"

SYSTEM = AccreditedSystem(
    asid="200000100001", organisation="Z9X01", party_key="Z9X01-850001", interactions=(READ, SLOTS),
    requestor=ROLE, requested_at="20260101090000", approver=ROLE, approved_at="20260102090000", clients=("Z9X01",),
    manufacturer="Z9S99", product_name="Example EPR", product_version="1.0", access_control_functions=("RBAC", "CNST"),
)  # fmt: skip
PROVIDER = replace(SYSTEM, asid="200000100002", organisation="Z9X02", party_key="Z9X02-850002", clients=(), interactions=(SLOTS,))
ENDPOINT = Endpoint(
    identifier="S918999000001", cpa_id="S918999000001", organisation="Z9X02", party_key="Z9X02-850002", interaction=CONTENT,
    service="urn:nhs:names:services:nrl", interaction_name="DocumentReference.content", urls=("https://nrl-Z9X02.example.thirdparty.nhs.uk/Z9X02",),
    fqdn="nrl-Z9X02.example.thirdparty.nhs.uk", template_key="14", interaction_type="FHIR", authenticated="none", product_key="10894",
    requestor=ROLE, requested_at="20260101090000", approver=ROLE, approved_at="20260102090000", dns_approver=ROLE, dns_approved_at="20260103090000",
    sync_reply_mode="MSHSignalsOnly", ack_requested="always", duplicate_elimination="never", persist_duration="PT5M", retries="2",
    retry_interval="PT1M", actors=("urn:oasis:names:tc:ebxml-msg:actor:toPartyMSH",),
)  # fmt: skip
APPOINTMENTS = replace(
    ENDPOINT, identifier="472b35d4641b76454b13", cpa_id="472b35d4641b76454b13", interaction=SLOTS, service="urn:nhs:names:services:gpconnect:fhir:rest:search",
    interaction_name="slot-1", urls=("https://gp.example.thirdparty.nhs.uk/Z9X02/STU3/1/gpconnect",), fqdn="gp.example.thirdparty.nhs.uk",
)  # fmt: skip
NATIONAL = replace(
    ENDPOINT, identifier="S918999000002", cpa_id="S918999000002", organisation="YES", party_key="YES-0000806", interaction=READ,
    interaction_name="DocumentReference.read", urls=("https://clinicals.spineservices.nhs.uk/STU3",), fqdn="clinicals.spineservices.nhs.uk",
)  # fmt: skip


def live(asid: str) -> Enrolment:
    """The enrolment of a system that is live."""
    return take_over(asid, "demo", by="a test", at=AT)


DIRECTORY = Directory(
    systems=(SYSTEM, PROVIDER), endpoints=(ENDPOINT, APPOINTMENTS, NATIONAL), enrolments=(live(SYSTEM.asid), live(PROVIDER.asid)),
)  # fmt: skip

WORDS = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1, max_size=40).filter(lambda text: text == text.strip())
CODES = st.text("ABCabc019", min_size=1, max_size=9)
_SERVICES = st.sampled_from(("urn:nhs:names:services:nrl", "urn:nhs:names:services:raflags", "urn:x"))
_NAMES = st.sampled_from(("Flag.read:1", "flag.read:1", "List.write", "a|b"))


def _distinct(values: st.SearchStrategy[str], least: int = 0) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(values, min_size=least, max_size=4, unique_by=str.casefold).map(tuple)


SYSTEMS = st.builds(
    replace, st.just(SYSTEM), asid=st.from_regex(r"\A2[0-9]{11}\Z"), organisation=CODES, party_key=st.from_regex(r"\A[AB][0-9]-8[0-9]{4}\Z"),
    interactions=_distinct(st.builds("{}:{}".format, _SERVICES, _NAMES), 1), clients=_distinct(CODES), manufacturer=st.none() | CODES,
    product_name=st.none() | WORDS, product_version=st.none() | WORDS, categories=_distinct(WORDS), description=_distinct(WORDS),
)  # fmt: skip


@st.composite
def _endpoints(draw: st.DrawFn) -> Endpoint:
    service, name, host = draw(_SERVICES), draw(_NAMES), draw(st.sampled_from(("a.nhs.uk", "B.nhs.uk", "c-1.example.nhs.uk")))
    return replace(
        ENDPOINT, identifier=draw(st.from_regex(r"\AS[0-9]{12}\Z")), cpa_id=draw(st.from_regex(r"\A[0-9a-f]{20}\Z")), organisation=draw(CODES),
        party_key=draw(st.from_regex(r"\A[AB][0-9]-8[0-9]{4}\Z")), service=service, interaction_name=name, interaction=f"{service}:{name}", fqdn=host,
        urls=tuple(draw(st.lists(st.sampled_from((f"https://{host}/a", f"https://{host}/A", f"https://{host}")), min_size=1, max_size=3, unique=True))),
        service_description=draw(st.none() | WORDS), sync_reply_mode=draw(st.sampled_from(("None", "never", None))), retries=draw(st.sampled_from(("0", "12", None))),
    )  # fmt: skip


ENDPOINTS = _endpoints()


@st.composite
def directories(draw: st.DrawFn) -> Directory:
    """Directories that hold every rule between entries; most systems are live."""
    systems = draw(st.lists(SYSTEMS, max_size=6, unique_by=lambda item: item.asid))
    endpoints = draw(st.lists(
        ENDPOINTS, max_size=6, unique_by=(lambda item: item.identifier, lambda item: item.cpa_id, lambda item: (item.party_key.lower(), item.interaction)),
    ))  # fmt: skip
    enrolments = tuple(live(system.asid) for system in systems if draw(st.integers(0, 4)))
    return Directory(systems=tuple(systems), endpoints=tuple(endpoints), enrolments=enrolments)
