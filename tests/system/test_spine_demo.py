"""The sample APIs behind the gateway: pointers and reasonable adjustments by ASID and over the internet, a surgery through the secure proxy."""

import json
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from command_result import CommandResult
from flows.samples.test_adjustments import consent, flag
from flows.samples.test_pointers import pointer
from flows.samples.test_practice import BASE, METADATA, SEARCH, relayed
from system.running import Wardgate, running, signed_request
from wardgate.demo.samples import PRACTICE_FQDN
from wardgate.spine.headers import Family, headers_for
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.mint import CoreContext, build_spine_jwt
from wardgate.spine.variants import VARIANTS, VariantName

EPR, LAB, SPINE = "200000000115", "200000000116", "200000000120"
WORKER, ROLE = "787807429512", "555254242105"
JSON = ("-H", "Accept: application/fhir+json")
RA = "urn:nhs:names:services:raflags:"
SURGERY = f"https://{PRACTICE_FQDN}{BASE}"


@pytest.fixture(scope="module")
def wardgate(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wardgate]:
    """One server, in which the tests of this file leave what they make."""
    with running(tmp_path_factory.mktemp("spine")) as one:
        yield one


@pytest.fixture(scope="module")
def call(wardgate: Wardgate, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Call with the command line, and return the answer and its exit code."""
    sent = tmp_path_factory.mktemp("sent") / "body.json"

    def made(method: str, path: str, *arguments: str, body: Any = None) -> Any:
        more: list[Any] = [*arguments, *JSON]
        if body is not None:
            sent.write_text(json.dumps(body))
            more += ["--data-file", sent, "-H", "Content-Type: application/fhir+json"]
        result: CommandResult = wardgate.cli("call", method, path, *more, "--output", "json")
        assert result.out, result.err
        return result.data | {"code": result.code}

    return made


def explained(wardgate: Wardgate, answer: Any) -> Any:
    """What `wardgate explain` says of an answer."""
    return wardgate.done("explain", answer["headers"]["x-request-id"])


def code_of(answer: Any) -> str:
    """The Spine code of an outcome."""
    return str(answer["body"]["issue"][0]["details"]["coding"][0]["code"])


def test_envoy_alone(wardgate: Wardgate, call: Callable[..., Any]) -> None:
    """A route without a token is judged by Envoy itself, and the backend is told who calls and for what."""
    answer = call("GET", "/spine-demo/echo", "--asid", EPR)
    told = answer["body"]["headers"]
    assert (answer["status"], told["nhsd-asid"], told["nhsd-interaction-id"]) == (200, EPR, f"{RA}Flag.read:1")
    refused = call("GET", "/spine-demo/echo", "--asid", LAB)
    assert (refused["status"], code_of(refused), refused["refusal"]["reason"]) == (403, "ASID_CHECK_FAILED", "interaction-not-granted")
    assert "interaction-not-granted" in json.dumps(explained(wardgate, refused))


def test_a_pointer_is_its_custodians(wardgate: Wardgate, call: Callable[..., Any]) -> None:
    """The laboratory cannot keep a pointer in the hospital's name; the hospital can, and may take it back; both are explained."""
    refused = call("POST", "/nrl/STU3/DocumentReference", "--asid", LAB, "--unattended", body=pointer())
    assert (refused["status"], code_of(refused), refused["code"]) == (400, "INVALID_RESOURCE", 1)
    assert refused["body"]["issue"][0]["diagnostics"] == "The Custodian ODS code is not affiliated with the sender ASID."
    made = call("POST", "/nrl/STU3/DocumentReference", "--asid", EPR, "--unattended", body=pointer())
    assert (made["status"], code_of(made)) == (201, "RESOURCE_CREATED")
    for answer, asid in ((refused, LAB), (made, EPR)):
        said = json.dumps(explained(wardgate, answer))
        assert asid in said
        assert "urn:nhs:names:services:nrl:DocumentReference.create" in said
    search = "/nrl/STU3/DocumentReference?subject=https%3A%2F%2Fdemographics.spineservices.nhs.uk%2FSTU3%2FPatient%2F9000000009"
    found = call("GET", search, "--asid", EPR, "--role", ROLE)
    (entry,) = found["body"]["entry"]
    path = f"/nrl/STU3/DocumentReference/{entry['resource']['id']}"
    assert call("GET", path, "--asid", LAB, "--role", ROLE, "--organisation", "Z9X02")["body"]["custodian"] == pointer()["custodian"]
    assert code_of(call("DELETE", path, "--asid", LAB, "--unattended")) == "INVALID_RESOURCE"
    assert code_of(call("DELETE", path, "--asid", EPR, "--unattended")) == "RESOURCE_DELETED"


def test_one_record_behind_two_doors(wardgate: Wardgate, call: Callable[..., Any]) -> None:
    """What a worker records over the internet is read by ASID, with a Provenance from the role, and the other way round."""
    made = call("POST", "/reasonable-adjustments/STU3/Consent", "--app", "demo-app", "--user", WORKER, "-H", "Prefer: return=representation", body=consent())
    assert made["status"] == 201, made
    (provenance,) = made["body"]["contained"]
    assert provenance["agent"][0]["role"][0]["coding"][0]["code"] == "R8000"
    assert provenance["agent"][0]["onBehalfOfReference"]["display"] == "Example Hospital"
    assert call("GET", f"/raflags/STU3/Consent/{made['body']['id']}", "--asid", EPR, "--role", ROLE)["body"] == made["body"]
    flagged = call("POST", "/raflags/STU3/Flag", "--asid", EPR, "--role", ROLE, "-H", "Prefer: return=representation", body=flag())
    assert flagged["status"] == 201, flagged
    search = "Flag?patient=9000000009&status=active&category=NRAF"
    direct = call("GET", f"/raflags/STU3/{search}", "--asid", EPR, "--role", ROLE)
    internet = call("GET", f"/reasonable-adjustments/STU3/{search}", "--app", "demo-app", "--user", WORKER)
    for answer in (direct, internet):
        assert [entry["resource"] for entry in answer["body"]["entry"]] == [flagged["body"]]
        said = json.dumps(explained(wardgate, answer))
        assert f"{RA}Flag.read:1" in said
        assert EPR in said
    again = call("POST", "/raflags/STU3/Consent", "--asid", EPR, "--role", ROLE, body=consent())
    assert (again["status"], code_of(again)) == (422, "DUPLICATE_REJECTED")


def test_the_internet_door_refuses(call: Callable[..., Any]) -> None:
    """An application without an ASID, a path that is none, and a search without its parameters."""
    search = "/reasonable-adjustments/STU3/Flag?patient=9000000009&status=active&category=NRAF"
    as_worker = ("--app", "demo-app", "--user", WORKER)
    for path, who, status, reason in (
        (search, ("--app", "no-asid-app", "--user", WORKER), 500, "ra-asid-not-configured"),
        ("/reasonable-adjustments/STU3/Nothing", as_worker, 404, "ra-resource-not-found"),
        ("/reasonable-adjustments/STU3/Flag?patient=9000000009", as_worker, 404, "ra-query-invalid"),
    ):
        refused = call("GET", path, *who)
        assert (refused["status"], refused["refusal"]["reason"]) == (status, reason)


@pytest.fixture(scope="module")
def certificates(wardgate: Wardgate, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Path, Path]]:
    """Issue a system's certificate."""
    names = {EPR: "epr.example.thirdparty.nhs.uk", LAB: "lab.example.thirdparty.nhs.uk"}

    def issued(asid: str) -> tuple[Path, Path]:
        made = tmp_path_factory.mktemp(asid)
        signed_request(names[asid], made)
        wardgate.done("cert", "issue", "--csr", made / "request.csr", "--system", asid, "--out", made)
        return made / "chain.pem", made / "key.pem"

    return issued


def through_the_proxy(wardgate: Wardgate, certificate: tuple[Path, Path], path: str, **headers: str) -> httpx2.Response:
    """Ask the surgery by way of the secure proxy."""
    context = wardgate.trust()
    context.load_cert_chain(*certificate)
    with httpx2.Client(verify=context, timeout=30, trust_env=False) as client:
        return client.get(f"{wardgate.relay_url}/ssp/{SURGERY}{path}", headers=headers)


def test_a_surgery_through_the_proxy(wardgate: Wardgate, certificates: Callable[[str], tuple[Path, Path]]) -> None:
    """The hospital is let through by its rule; the laboratory is not accredited for it; each is explained."""
    ahead = datetime.now(UTC) - datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    certificate = certificates(EPR)
    for interaction, path, kind in ((METADATA, "/metadata", "CapabilityStatement"), (SEARCH, "/Patient?identifier=https%3A%2F%2Ffhir.nhs.uk%2FId%2Fnhs-number%7C9000000009", "Bundle")):
        trace = str(uuid4())
        answer = through_the_proxy(wardgate, certificate, path, **relayed(interaction, ahead=ahead, **{"Ssp-TraceID": trace}))
        assert (answer.status_code, answer.json()["resourceType"], answer.headers["Cache-Control"]) == (200, kind, "no-store"), answer.text
        said = json.dumps(wardgate.done("explain", trace))
        assert interaction in said
        assert "200000000118" in said
    trace = str(uuid4())
    refused = through_the_proxy(wardgate, certificates(LAB), "/metadata", **relayed(METADATA, ahead=ahead, organisation="Z9X02", **{"Ssp-From": LAB, "Ssp-TraceID": trace}))
    assert (refused.status_code, refused.json()["issue"][0]["diagnostics"]) == (403, f"ASID_CHECK_FAILED_MESSAGESENDER_{LAB}")
    assert "ssp-sender-not-accredited" in json.dumps(wardgate.done("explain", trace))


def test_from_the_command_line(call: Callable[..., Any]) -> None:
    """`wardgate call --via-proxy` knows endpoint, receiver and interaction from the directory."""
    answer = call("GET", "/ssp", "--asid", EPR, "--user", WORKER, "--via-proxy", f"{SURGERY}/Patient/1")
    assert (answer["status"], answer["body"]["identifier"][0]["value"]) == (200, "9000000009")
    refused = call("GET", "/ssp", "--asid", LAB, "--user", WORKER, "--via-proxy", f"{SURGERY}/Patient/1")
    assert (refused["status"], refused["refusal"]["reason"]) == (403, "ssp-sender-not-accredited")


def test_the_surgery_lets_in_nobody_else(wardgate: Wardgate, certificates: Callable[[str], tuple[Path, Path]]) -> None:
    """Neither without a certificate nor with that of a system, however good its headers are (spine 5.1)."""
    headers = relayed(METADATA, ahead=datetime.now(UTC) - datetime(2026, 3, 1, 12, 0, tzinfo=UTC))
    for certificate in (None, certificates(EPR)):
        context = wardgate.trust()
        context.check_hostname = False
        if certificate is not None:
            context.load_cert_chain(*certificate)
        with httpx2.Client(verify=context, timeout=10, trust_env=False) as client, pytest.raises((httpx2.TransportError, ssl.SSLError)):
            client.get(f"https://127.0.0.1:{wardgate.provider_port}{BASE}/metadata", headers=headers)


def test_headers_of_a_caller_are_no_proof(wardgate: Wardgate, certificates: Callable[[str], tuple[Path, Path]]) -> None:
    """Organisations that a caller states for itself do not reach the record of pointers."""
    context = CoreContext("https://lab.example.thirdparty.nhs.uk", f"{wardgate.mtls_url}/nrl/STU3", LAB, "Z9X02")
    token = build_spine_jwt(VARIANTS[VariantName.NRL], context, datetime.now(UTC), find("urn:nhs:names:services:nrl:DocumentReference.create"))
    headers = headers_for(Family.NRL, token, sender=LAB, receiver=SPINE, trace=str(uuid4()))
    stated = {"NHSD-ASID": EPR, "NHSD-Calling-Organisations": "Z9X01", "Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
    with wardgate.client(mutual_tls=certificates(LAB)) as client:
        answer = client.post("/nrl/STU3/DocumentReference", json=pointer(), headers=headers | stated)
    assert (answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]) == (400, "INVALID_RESOURCE")


def test_kept_over_a_kill(wardgate: Wardgate, call: Callable[..., Any]) -> None:
    """What was answered is there after the process was killed."""
    made = call("POST", "/raflags/STU3/Flag", "--asid", EPR, "--role", ROLE, "-H", "Prefer: return=representation", body=flag("9000000017"))
    wardgate.kill()
    wardgate.start()
    assert call("GET", f"/raflags/STU3/Flag/{made['body']['id']}", "--asid", EPR, "--role", ROLE)["body"] == made["body"]
