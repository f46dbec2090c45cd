"""A world of systems for the rule book: a consumer, its sister, a provider with endpoints, a suspended one, and every kind of Spine API."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from unit.directory.samples import ENDPOINT, SYSTEM
from wardgate.catalogue import API, Environment
from wardgate.catalogue.paths import RouteMatcher
from wardgate.directory import Directory
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.onboarding import State, take_over
from wardgate.directory.sharing_rule import SharingRule
from wardgate.jose import JWKSet
from wardgate.security_patterns.build import calling_systems
from wardgate.security_patterns.decide import decide
from wardgate.security_patterns.decision import Decision
from wardgate.security_patterns.facts import Facts, Listener, PresentedCertificate
from wardgate.security_patterns.snapshot import Snapshot, TokenIssuer
from wardgate.spine.interaction_catalogue import INTERACTIONS, message_sets
from wardgate.spine.interactions import PREFIX
from wardgate.spine.unsecured import compact

IAT: Final = 1_767_225_900
NOW: Final = datetime.fromtimestamp(IAT + 100, UTC)
CONSUMER, PROVIDER, SISTER, SUSPENDED = "200000100001", "200000100002", "200000100003", "200000100004"
NATIONAL: Final = "200000100099"
UNKNOWN: Final = "200000199999"
NAME, PROVIDER_NAME = "epr.example.thirdparty.nhs.uk", "gp.example.thirdparty.nhs.uk"
TRACE: Final = "0f7a3c2e-9b41-4d0e-8f1a-2b6c1d5e7a90"
ROLE: Final = "https://fhir.nhs.uk/Id/sds-role-profile-id|555000000101"
ODS: Final = "https://fhir.nhs.uk/Id/ods-organization-code|"
ASID: Final = "https://fhir.nhs.uk/Id/accredited-system|"
PATIENT: Final = "https://fhir.nhs.net/Id/nhs-number|9990000018"
FLAG_READ, FLAG_WRITE = (f"{PREFIX}raflags:Flag.{verb}:1" for verb in ("read", "write"))
REMOVAL: Final = f"{PREFIX}raflags:removerarecord.write:1"
SLOTS: Final = f"{PREFIX}gpconnect:fhir:rest:search:slot-1"
READ_PATIENT: Final = f"{PREFIX}gpconnect:fhir:rest:read:patient-1"
CONTENT_READ, CONTENT = f"{PREFIX}nrl:DocumentReference.content.read", f"{PREFIX}nrl:DocumentReference.content"
GP_ROOT: Final = f"https://{PROVIDER_NAME}/Z9X02/STU3/1/gpconnect"
RECORDS: Final = "https://nrl-Z9X02.example.thirdparty.nhs.uk/Z9X02"
OWN: Final = f"{PREFIX}example:Record.read:1"
"""An interaction of an environment's own, in no published catalogue."""

_SETS: Final = {row.id for rows in message_sets().values() for row in rows}
GRANTED: Final = (*sorted((_SETS & set(INTERACTIONS)) - {FLAG_WRITE, READ_PATIENT}), OWN, f"{PREFIX}events:PDS001.Write")
DIRECTORY: Final = Directory(
    systems=(
        replace(SYSTEM, interactions=GRANTED),
        replace(SYSTEM, asid=PROVIDER, organisation="Z9X02", party_key="Z9X02-850002", clients=(), interactions=(FLAG_READ,)),
        replace(SYSTEM, asid=SISTER, interactions=(FLAG_WRITE,), clients=("Z9X01", "Z9X05")),
        replace(SYSTEM, asid=SUSPENDED, interactions=GRANTED),
        replace(SYSTEM, asid="200000100005"),
    ),
    endpoints=(
        replace(ENDPOINT, interaction=CONTENT, urls=(RECORDS,)),
        replace(ENDPOINT, identifier="S918999000005", cpa_id="S918999000005", interaction=SLOTS, urls=(GP_ROOT,), fqdn=PROVIDER_NAME),
        replace(ENDPOINT, identifier="S918999000006", cpa_id="S918999000006", interaction=OWN, urls=(f"https://{PROVIDER_NAME}",), fqdn=PROVIDER_NAME),
    ),
    sharing_rules=(SharingRule(CONSUMER, PROVIDER, f"{PREFIX}gpconnect"), SharingRule(CONSUMER, PROVIDER, CONTENT), SharingRule(CONSUMER, PROVIDER, OWN)),
    enrolments=(
        *(take_over(asid, "unit", by="a test", at=NOW) for asid in (CONSUMER, PROVIDER, SISTER)),
        replace(take_over(SUSPENDED, "unit", by="a test", at=NOW), state=State.SUSPENDED),
        replace(take_over("200000100005", "unit", by="a test", at=NOW), state=State.APPROVED),
    ),
)  # fmt: skip


def api(name: str, service: str, variant: str = "spine-core", *, routes: tuple[dict[str, Any], ...] = (), backend: str = "http://127.0.0.1:9",
        errors: str = "spine", **spine: Any) -> API:
    """Return an API whose routes are all by ASID, unless they say otherwise."""
    return API.model_validate({
        "name": name, "base_path": f"/{name}", "backend": backend, "errors": errors, "spine": {"service": service, "asid": NATIONAL} | spine,
        "routes": [{"path": "/*", "pattern": "asid-interaction", "spine_jwt": variant} | route for route in routes or ({},)],
    })  # fmt: skip


USER: Final = {"path": "/*", "pattern": "user-restricted", "access_mode": "healthcare-worker", "role": "required"}
_RA: Final = "reasonable-adjustments"
PROXY: Final = {"backend": "secure-proxy", "headers": "secure-proxy", "asid": None}
APIS: Final = (
    api("ra", _RA, _RA), api("plain", _RA, "none"), api("reference", _RA, "none", ungranted="reference"), api("internet", _RA, "none", ungranted="internet"),
    api("anyone", _RA, "none", asid=None), api("any-scope", _RA, _RA, remove_scope="any"), api("hop", _RA, _RA, trusted_hop=True, headers="translated"),
    api("fixed", _RA, "none", routes=({"interaction": OWN},)), api("fixed-nrl", "nrl", "none", routes=({"interaction": OWN},)),
    api("lenient", _RA, _RA, times={"lifetime_exact_seconds": None, "reject_expired": False}), api("ssp-core", "gp-connect", **PROXY),
    api("nrl", "nrl", "nrl"), api("nrl-plain", "nrl", "none"), api("booking", "bookings", "booking"), api("gp", "gp-connect", "gp-connect-1", errors="gp-connect"),
    api("subscriptions", "nems-subscribe", "nems-subscribe"), api("events", "nems-publish", "nems-publish"),
    api("ssp", "gp-connect", "gp-connect-1", **PROXY), api("ssp-nrl", "nrl", "nrl-retrieval", **PROXY),
    api("ssp-plain", "gp-connect", "none", **PROXY), api("ssp-get", "gp-connect", "none", routes=({"methods": ["GET"]},), **PROXY),
)  # fmt: skip
SNAPSHOT: Final = Snapshot(
    generation=1, environment=Environment(name="unit", public_urls=("https://localhost:8443",)), apis=APIS, clients={}, api_keys={}, certificate_names={},
    tokens=TokenIssuer(("https://localhost/oauth2",), "wardgate", JWKSet({}, {}), {"keys": []}),
    systems=calling_systems(DIRECTORY, {"z9x01-850001": frozenset({NAME})}), organisations=frozenset({"Z9X01", "Z9X02", "Z9X03"}),
    directory=DirectoryIndex(DIRECTORY),
)  # fmt: skip
MATCHER: Final = RouteMatcher(APIS)

CLAIMS: Final[Mapping[str, Any]] = {
    "iss": "https://ehr.example-supplier.thirdparty.nhs.uk", "sub": ROLE, "aud": "https://clinicals.spineservices.nhs.uk/STU3",
    "exp": IAT + 300, "iat": IAT, "reason_for_request": "directcare", "scope": "user/Flag.read",
    "requesting_system": ASID + CONSUMER, "requesting_organization": ODS + "Z9X01", "requesting_user": ROLE,
}  # fmt: skip
GP_CLAIMS: Final[Mapping[str, Any]] = {
    "iss": "https://consumer.example.thirdparty.nhs.uk", "sub": "10019", "aud": GP_ROOT, "exp": IAT + 300, "iat": IAT,
    "reason_for_request": "directcare", "requested_scope": "organization/*.read",
    "requesting_device": {"resourceType": "Device", "identifier": [{"system": "https://consumer.example/Id/device", "value": "1"}], "model": "EPR", "version": "5.2"},
    "requesting_organization": {"resourceType": "Organization", "name": "Example Surgery",
                                "identifier": [{"system": "https://fhir.nhs.uk/Id/ods-organization-code", "value": "Z9X01"}]},
    "requesting_practitioner": {
        "resourceType": "Practitioner", "id": "10019", "name": [{"family": "Black", "given": ["Sue"], "prefix": ["Dr"]}],
        "identifier": [{"system": "https://fhir.nhs.uk/Id/sds-user-id", "value": "UNK"}, {"system": "https://fhir.nhs.uk/Id/sds-role-profile-id", "value": "UNK"},
                       {"system": "https://consumer.example/Id/user", "value": "sblack"}]},
}  # fmt: skip
RA_HEADERS: Final = {"fromasid": CONSUMER, "toasid": NATIONAL, "interactionid": FLAG_READ, "traceid": TRACE}
NRL_HEADERS: Final = {"fromasid": CONSUMER, "toasid": NATIONAL}
PROXY_HEADERS: Final = {"ssp-from": CONSUMER, "ssp-to": PROVIDER, "ssp-interactionid": SLOTS, "ssp-traceid": TRACE}


def bearer(claims: Mapping[str, Any]) -> str:
    """Return an Authorization header with these claims; a claim that is None is left out."""
    return "Bearer " + compact({name: value for name, value in claims.items() if value is not None})


def ask(path: str, headers: Mapping[str, str | None], claims: Mapping[str, Any] | None = None, *, method: str = "GET", name: str | None = NAME,
        query: str = "", snapshot: Snapshot = SNAPSHOT, now: datetime = NOW, door: Listener = Listener.MTLS) -> Decision:  # fmt: skip
    """Decide one call. A header that is None is not sent; `name` None: the certificate has no name of its own."""
    told = {key: value for key, value in headers.items() if value is not None}
    if claims is not None:
        told = {"authorization": bearer(claims)} | told
    certificate = PresentedCertificate("ab" * 32, name) if door is Listener.MTLS else None
    return decide(Facts(door, method, path, told, now, certificate, query), snapshot, MATCHER if snapshot is SNAPSHOT else RouteMatcher(snapshot.apis))


def said(decision: Decision) -> str:
    """Return the reason of a refusal, or yes."""
    return decision.refusal.reason.code if decision.refusal is not None else "yes"
