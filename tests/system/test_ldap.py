"""The faces of the system directory as `wardgate up` opens them: LDAP on loopback, LDAPS with certificates, FHIR, and one change seen by all."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from flows.ldap.serving import LDAPSEARCH, entries
from free_ports import free_ports
from system.running import until

GP = "urn:nhs:names:services:gpconnect:fhir:rest:read:patient-1"
BY_ENDPOINT = f"(&(nhsIDCode=Z9X03)(objectClass=nhsMhs)(nhsMhsSvcIA={GP}))"
LIMIT_SECONDS = 5.0
"""The promise is one second; a loaded machine gets five before a test fails."""
BY_PARTY_KEY = "(&(nhsIDCode=Z9X03)(objectClass=nhsAs)(nhsMHSPartyKey={}))"


class _Faces:
    """A Wardgate with both ports."""

    def __init__(self, wardgate: Any, plain: int, tls: int) -> None:
        self.wardgate, self.plain, self.tls = wardgate, plain, tls

    def asked(self, filter_: str, *attributes: str) -> list[dict[str, list[str]]]:
        """Ask on the plain port."""
        found, said = self.tried(filter_, *attributes, url=f"ldap://127.0.0.1:{self.plain}")
        assert found is not None, said
        return found

    def tried(self, filter_: str, *attributes: str, url: str, **environ: str) -> tuple[list[dict[str, list[str]]] | None, str]:
        """Ask with ldapsearch; None when it did not get an answer."""
        command = [LDAPSEARCH, "-x", "-LLL", "-o", "ldif-wrap=no", "-H", url, "-b", "ou=services,o=nhs", filter_, *attributes]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False, env=os.environ | environ)
        return (entries(done.stdout) if done.returncode == 0 else None), done.stderr

    def over_tls(self, certificate: tuple[Path, Path] | None = None) -> bool:
        """Whether the TLS port answers a caller with this certificate."""
        shown = {"LDAPTLS_CERT": str(certificate[0]), "LDAPTLS_KEY": str(certificate[1])} if certificate else {}
        found, _ = self.tried(BY_ENDPOINT, "1.1", url=f"ldaps://127.0.0.1:{self.tls}", LDAPTLS_CACERT=str(self.wardgate.ca), **shown)
        return found is not None and len(found) == 1

    def found_by_fhir(self, **headers: str) -> Any:
        """Ask for the surgery's system through the gateway."""
        query = f"organization={quote('https://fhir.nhs.uk/Id/ods-organization-code|Z9X03')}&identifier={quote(f'https://fhir.nhs.uk/Id/nhsServiceInteractionId|{GP}')}"
        with self.wardgate.client() as client:
            return client.get(f"/spine-directory/FHIR/R4/Device?{query}", headers=headers)


@pytest.fixture(scope="module")
def faces(new_wardgate: Callable[..., AbstractContextManager[Any]]) -> Iterator[_Faces]:
    """A demonstration of its own."""
    plain, tls = free_ports(2)
    with new_wardgate("--demo", "--ldap-port", str(plain), "--ldaps-port", str(tls)) as one:
        yield _Faces(one, plain, tls)


def test_the_brokered_recipe(faces: _Faces) -> None:
    """Recipe 3 of spine 7.4 over the demo's directory: endpoint and party key, then the ASID; FHIR finds the same system."""
    (endpoint,) = faces.asked(BY_ENDPOINT, "nhsMHSEndPoint", "nhsMHSPartyKey")
    assert endpoint["nhsMHSEndPoint"] == ["https://gp.example.thirdparty.nhs.uk/Z9X03/STU3/1/gpconnect"]
    (system,) = faces.asked(BY_PARTY_KEY.format(endpoint["nhsMHSPartyKey"][0]), "uniqueIdentifier")
    assert system["uniqueIdentifier"] == ["200000000118"]
    answer = faces.found_by_fhir(apikey="demo-app-key-not-a-secret")
    assert (answer.status_code, answer.json()["total"]) == (200, 1)
    (found,) = answer.json()["entry"]
    assert found["resource"]["identifier"][0] == {"system": "https://fhir.nhs.uk/Id/nhsSpineASID", "value": "200000000118"}
    assert found["fullUrl"].startswith(f"{faces.wardgate.url}/spine-directory/FHIR/R4/Device/")


def test_the_tls_port_wants_a_certificate_of_ours(faces: _Faces, new_certificate: Callable[..., tuple[Path, Path]], tmp_path: Path) -> None:
    """None and a stranger's are refused in the handshake; an application's is taken, until it is revoked."""
    assert not faces.over_tls()
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=stranger.nhs.uk", "-days", "1", "-keyout", str(tmp_path / "key.pem"),
                    "-out", str(tmp_path / "cert.pem")], check=True, capture_output=True)  # fmt: skip
    assert not faces.over_tls((tmp_path / "cert.pem", tmp_path / "key.pem"))
    certificate = new_certificate(faces.wardgate, "demo-app")
    assert faces.over_tls(certificate)
    listed = faces.wardgate.done("cert", "list")
    fingerprint = next(row["fingerprint"] for row in listed if row["subject"] == "demo-app")
    faces.wardgate.done("cert", "revoke", "--fingerprint", fingerprint, "--reason", "keyCompromise")
    until(lambda: not faces.over_tls(certificate), what="the refusal of a revoked certificate")


def test_a_suspended_system_is_gone_from_every_face(faces: _Faces) -> None:
    """Within a second of the command, and there again after the other one."""
    faces.wardgate.done("system", "suspend", "200000000118", "--why", "certificate lost")
    began = time.monotonic()
    until(lambda: faces.asked(BY_ENDPOINT) == [] and faces.found_by_fhir(apikey="demo-app-key-not-a-secret").json()["total"] == 0)
    assert time.monotonic() - began < LIMIT_SECONDS
    faces.wardgate.done("system", "resume", "200000000118", "--note", "found again")
    until(lambda: len(faces.asked(BY_ENDPOINT)) == 1)


def test_who_may_ask_by_fhir(faces: _Faces) -> None:
    """An application without the product is refused by the gateway, and `explain` says so."""
    answer = faces.found_by_fhir(apikey="writer-app-key-not-a-secret")
    assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (401, "api-key-wrong-product")
    told = until(lambda: faces.wardgate.cli("explain", answer.headers["x-request-id"]).code == 0 and faces.wardgate.cli("explain", answer.headers["x-request-id"]), what="its record")
    assert "spine-directory" in told.out


def test_nothing_else_is_offered_without_a_wish(wardgate: Any) -> None:
    """A demonstration offers LDAP at 1389 if it is free, and says where; TLS only when it is asked for."""
    offered = [line for line in wardgate.said().splitlines() if line.startswith("system directory")]
    assert offered in ([], ["system directory  ldap://localhost:1389 (loopback only)"])
    if offered:
        with socket.create_connection(("127.0.0.1", 1389), timeout=5) as found:
            assert found.getpeername()[1] == 1389


@pytest.mark.parametrize("option", ["--ldap-port", "--ldaps-port"])
def test_a_port_in_use(option: str, faces: _Faces, new_wardgate: Callable[..., AbstractContextManager[Any]]) -> None:
    """Stops the start, and the message names the option."""
    port = str(faces.plain)
    with pytest.raises(AssertionError) as ended, new_wardgate("--demo", option, port):
        pass
    assert f"LDAP cannot listen on 127.0.0.1 port {port}: Address already in use; name another with {option}" in str(ended.value)
