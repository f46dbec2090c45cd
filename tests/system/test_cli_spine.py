"""Calls by ASID as a consumer's developer makes them: the command line and the SDK against a Wardgate that runs, and what went wrong explained."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from wardgate.client import (
    AccessDenied,
    ASIDCheckFailed,
    ClientCertificateRejected,
    NotInDirectory,
    SpineAPI,
    SpineAuth,
    SpineContext,
    SpineDirectory,
    raise_for_spine_error,
    spine_client,
)

EPR, LABORATORY, PROVIDER, NATIONAL = "200000000115", "200000000116", "200000000118", "200000000120"
WORKER, ROLE = "656005750105", "555254242103"
URN = "urn:nhs:names:services:"
FLAG_READ, PATIENT_READ = f"{URN}raflags:Flag.read:1", f"{URN}gpconnect:fhir:rest:read:patient-1"
NHS_NUMBER = "9000000009"
POINTERS = f"/nrl/STU3/DocumentReference?subject=https://demographics.spineservices.nhs.uk/STU3/Patient/{NHS_NUMBER}"
FLAGS = f"/raflags/STU3/Flag?patient={NHS_NUMBER}&status=active&category=https://fhir.nhs.uk/STU3/CodeSystem/RARecord-FlagCategory-1|NRAF"
NUMBERS = "https://fhir.nhs.uk/Id/nhs-number"
ROOT = "https://gp.example.thirdparty.nhs.uk/Z9X03/STU3/1/gpconnect"


def called(wardgate: Any, *arguments: str) -> Any:
    """Run a call, and return its exit code and JSON."""
    answer = wardgate.cli("call", *arguments, "--output", "json")
    assert answer.out, answer.err
    return answer.code, answer.data


@pytest.fixture(scope="module")
def kept(wardgate: Any) -> dict[str, tuple[Path, Path]]:
    """The certificates of two systems of the demo, made by their first calls."""
    for asid in (EPR, LABORATORY):
        wardgate.cli("call", "GET", "/spine-demo/echo", "--asid", asid)
    return {asid: (wardgate.data / "systems" / asid / "chain.pem", wardgate.data / "systems" / asid / "key.pem") for asid in (EPR, LABORATORY)}


@pytest.fixture(scope="module")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate of nobody's authority."""
    directory = tmp_path_factory.mktemp("foreign")
    key, name = rsa.generate_private_key(65537, 2048), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "epr.example.thirdparty.nhs.uk")])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(7).not_valid_before(
        datetime(2025, 1, 1, tzinfo=UTC)).not_valid_after(datetime(2099, 1, 1, tzinfo=UTC)).sign(key, hashes.SHA256())
    (directory / "chain.pem").write_bytes(made.public_bytes(Encoding.PEM))
    (directory / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return directory / "chain.pem", directory / "key.pem"


def test_a_system_calls_with_nothing_but_its_asid(wardgate: Any) -> None:
    """Certificate, headers and interaction are found; the gateway tells the backend who calls, and for what."""
    code, data = called(wardgate, "GET", "/spine-demo/echo", "--asid", EPR)
    assert code == 0
    headers = data["body"]["headers"]
    assert (headers["nhsd-asid"], headers["toasid"], headers["nhsd-interaction-id"]) == (EPR, NATIONAL, FLAG_READ)
    assert headers["traceid"] == data["headers"]["x-request-id"]


@pytest.mark.parametrize("who", [("--role", ROLE), ("--user", WORKER)], ids=["role", "user"])
def test_a_worker_reads_flags(wardgate: Any, who: tuple[str, str]) -> None:
    """With a role profile, or a person of the manifest."""
    code, data = called(wardgate, "GET", FLAGS, "--asid", EPR, *who)
    assert (code, data["status"], data["body"]["resourceType"]) == (0, 200, "Bundle")


@pytest.mark.parametrize("who", [("--role", ROLE), ("--patient", NHS_NUMBER)], ids=["worker", "citizen"])
def test_pointers_are_searched(wardgate: Any, who: tuple[str, str]) -> None:
    """By a worker, and by a citizen."""
    code, data = called(wardgate, "GET", POINTERS, "--asid", LABORATORY, *who, "-H", "Accept: application/fhir+json")
    assert (code, data["status"], data["body"]["resourceType"]) == (0, 200, "Bundle")


def test_a_refusal_is_told_and_explained(wardgate: Any) -> None:
    """The reason with the call, the whole story by its id, and no person in either."""
    answer = wardgate.cli("call", "GET", FLAGS, "--asid", LABORATORY, "--role", ROLE)
    assert answer.code == 1
    assert "HTTP 403" in answer.out
    assert "refused      interaction-not-granted" in answer.out
    story = wardgate.cli("explain", answer.out.split("wardgate explain ")[1].split()[0], "--wait", "10")
    assert story.code == 0, story.err
    assert all(text in story.out for text in (LABORATORY, FLAG_READ, "interaction-not-granted"))
    assert ROLE not in answer.out + story.out


def test_a_refusal_in_xml_is_told_as_well(wardgate: Any) -> None:
    """Its code and sentence are read from the OperationOutcome."""
    code, data = called(wardgate, "GET", FLAGS, "--asid", LABORATORY, "--role", ROLE, "-H", "Accept: application/fhir+xml")
    assert (code, data["refusal"]["code"], data["refusal"]["reason"]) == (1, "ASID_CHECK_FAILED", "interaction-not-granted")
    assert data["body"].startswith("<OperationOutcome")


def test_a_certificate_of_another_system_is_refused(wardgate: Any, kept: Any) -> None:
    """The ASID is not of its party key (spec README rule 25)."""
    chain, key = kept[LABORATORY]
    code, data = called(wardgate, "GET", "/spine-demo/echo", "--asid", EPR, "--cert", str(chain), "--cert-key", str(key))
    assert (code, data["status"], data["refusal"]["reason"]) == (1, 401, "certificate-not-of-asid")


def test_a_certificate_of_another_authority_ends_the_handshake(wardgate: Any, foreign: Any) -> None:
    """Told as the certificate's fault, not as a broken connection."""
    answer = wardgate.cli("call", "GET", "/spine-demo/echo", "--asid", EPR, "--cert", foreign[0], "--cert-key", foreign[1])
    assert answer.code == 1
    assert "TLS alert" in answer.err or "handshake" in answer.err, answer.err
    assert "wardgate audit tail" in answer.err


def test_an_asid_that_nobody_has_is_refused(wardgate: Any, kept: Any) -> None:
    """With somebody's certificate and organisation."""
    chain, key = kept[EPR]
    code, data = called(wardgate, "GET", "/spine-demo/echo", "--asid", "200000009999", "--organisation", "Z9X01", "--cert", str(chain), "--cert-key", str(key))
    assert (code, data["status"], data["refusal"]["reason"]) == (1, 400, "from-asid-unknown")


@pytest.mark.parametrize("how", [(), ("--encoded",)], ids=["plain", "encoded"])
def test_the_surgery_is_asked_through_the_secure_proxy(wardgate: Any, how: tuple[str, ...]) -> None:
    """Receiver, endpoint and interaction are found in the directory; the target goes as it is, or percent-encoded."""
    code, data = called(wardgate, "GET", "/ssp", "--asid", EPR, "--user", WORKER, "--via-proxy", f"{ROOT}/Patient?identifier={NUMBERS}|{NHS_NUMBER}", *how)
    assert (code, data["status"], data["body"]["resourceType"]) == (0, 200, "Bundle"), data


def test_the_proxys_refusals_are_told(wardgate: Any) -> None:
    """A target that is not the receiver's endpoint, and a system without a data-sharing rule."""
    elsewhere = "https://gp.example.thirdparty.nhs.uk/Z9X03/STU3/1/other/Patient/1"
    code, data = called(wardgate, "GET", "/ssp", "--asid", EPR, "--user", WORKER, "--to-asid", PROVIDER, "--interaction", PATIENT_READ, "--via-proxy", elsewhere)
    assert (code, data["status"], data["refusal"]["reason"]) == (1, 400, "ssp-endpoint-varies")
    code, data = called(wardgate, "GET", "/ssp", "--asid", LABORATORY, "--user", WORKER, "--via-proxy", f"{ROOT}/Patient/1")
    assert (code, data["status"], data["refusal"]["reason"]) == (1, 403, "ssp-sender-not-accredited")


def test_the_doctor_judges_by_the_directory(wardgate: Any) -> None:
    """A token of the SDK passes for its own system, and not for another organisation's."""
    api = SpineAPI.of("reasonable-adjustments", "https://spine.example.thirdparty.nhs.uk/raflags/STU3", NATIONAL)

    def judged(asid: str, ods: str) -> Any:
        token = SpineContext(asid, "https://epr.example.thirdparty.nhs.uk", ods, role=ROLE).build_jwt(api, FLAG_READ, datetime.now(UTC))
        return wardgate.cli("doctor", "spine-jwt", "--api", "raflags", "--asid", EPR, "--interaction", FLAG_READ, "-o", "json", stdin=token)

    good = judged(EPR, "Z9X01")
    assert good.code == 0, good.out
    assert all(check["outcome"] == "passed" for check in good.data["checks"])
    for asid, ods, code in ((EPR, "Z9X02", "asid-not-of-ods"), (LABORATORY, "Z9X02", "asid-not-from"), ("200000009999", "Z9X01", "asid-unknown")):
        refused = judged(asid, ods)
        assert (refused.code, refused.data["checks"][-1]["code"]) == (1, f"spine-jwt-{code}")
        assert ROLE not in refused.out


def test_the_sdk_calls_and_types_what_is_refused(wardgate: Any, kept: Any, foreign: Any) -> None:
    """One client for many requests; refusals by Spine's code, a refused certificate by itself."""
    api = SpineAPI.of("reasonable-adjustments", "https://spine.example.thirdparty.nhs.uk/raflags/STU3", NATIONAL, base_url=f"{wardgate.mtls_url}/raflags/STU3")
    epr = SpineAuth(SpineContext(EPR, "https://epr.example.thirdparty.nhs.uk", "Z9X01", role=ROLE), api)
    laboratory = epr.speaking_for(SpineContext(LABORATORY, "https://lab.example.thirdparty.nhs.uk", "Z9X02", role=ROLE))
    path = FLAGS.removeprefix("/raflags/STU3")
    now = datetime.now(UTC)
    with spine_client(epr, *kept[EPR], wardgate.ca) as client:
        for _ in range(2):
            assert raise_for_spine_error(client.get(path), now).json()["resourceType"] == "Bundle"
        with pytest.raises(AccessDenied) as denied:
            raise_for_spine_error(client.get(path, auth=laboratory), now)
        assert denied.value.reason == "certificate-not-of-asid"
    with spine_client(laboratory, *kept[LABORATORY], wardgate.ca) as client, pytest.raises(ASIDCheckFailed):
        raise_for_spine_error(client.get(path), now)
    with spine_client(epr, *foreign, wardgate.ca) as client, pytest.raises(ClientCertificateRejected):
        client.get(path)


def test_the_sdk_asks_the_directory(wardgate: Any) -> None:
    """Endpoint and ASID of the surgery, of the national API, and the caller's own."""
    with SpineDirectory(wardgate.url, "demo-app-key-not-a-secret", tls=wardgate.trust()) as directory, directory.session() as look_up:
        surgery = look_up.resolve_endpoint("Z9X03", PATIENT_READ)
        assert (surgery.url, surgery.asid) == (ROOT, PROVIDER)
        assert look_up.resolve_endpoint(None, FLAG_READ, party_key="Z9X04-0000001").asid == NATIONAL
        assert look_up.own_asid("Z9X01", FLAG_READ) == EPR
        with pytest.raises(NotInDirectory):
            look_up.resolve_endpoint("Z9X02", PATIENT_READ)


def test_nobody_is_in_the_servers_log(wardgate: Any) -> None:
    """Not the role, not the NHS number, not a token."""
    said = wardgate.said() + wardgate.envoy_log()
    assert not any(value in said for value in (ROLE, NHS_NUMBER, "eyJhbGciOiJub25l"))
