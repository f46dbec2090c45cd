"""`wardgate call --asid`: what is found in the data directory, and what is asked for when it is not there. Nothing is sent."""

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click.testing
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.cli import main

URN = "urn:nhs:names:services:"
MANIFEST = f"""
environment: {{name: trial}}
organisations: [{{ods: Z9X01, name: Example Hospital}}, {{ods: Z9X02, name: Example Surgery}}]
systems:
  - {{asid: "200000000115", organisation: Z9X01, product: EPR, fqdn: epr.example.thirdparty.nhs.uk, party_key: Z9X01-0000001,
      interactions: ["{URN}raflags:Flag.read:1"]}}
  - {{asid: "200000000116", organisation: Z9X02, fqdn: gp.example.thirdparty.nhs.uk, party_key: Z9X02-0000001,
      endpoints: [{{interaction: "{URN}gpconnect:fhir:rest:read:patient-1", url: "https://gp.example.thirdparty.nhs.uk/Z9X02"}}]}}
  - {{asid: "200000000117", organisation: Z9X02, party_key: Z9X02-0000002, interactions: ["{URN}raflags:Flag.read:1"]}}
users:
  - {{username: "555000009001", given_name: Ada, family_name: Example, worker: {{roles: [
      {{person_orgid: "555000009201", person_roleid: "555000009101", org_code: Z9X01, role_code: "S8000:G8000:R8000", role_name: Clinician}}]}}}}
  - {{username: "555000009002", given_name: Bea, family_name: Example, worker: {{}}}}
  - {{username: nobody, patient: {{subject: nobody}}}}
apis:
  - name: ra
    base_path: /ra/STU3
    backend: http://127.0.0.1:9001
    errors: spine
    spine: {{service: reasonable-adjustments, asid: "200000000116"}}
    routes: [{{path: /Flag, methods: [GET], pattern: asid-interaction, spine_jwt: reasonable-adjustments}}]
  - name: ssp
    base_path: /ssp
    backend: secure-proxy
    spine: {{service: gp-connect}}
    routes: [{{path: "/*", pattern: asid-interaction, spine_jwt: gp-connect-1}}]
"""
FLAG = ("call", "GET", "/ra/STU3/Flag", "--asid", "200000000115")
TARGET = "https://gp.example.thirdparty.nhs.uk/Z9X02/Patient/1"
NOWHERE = ("--base-url", "https://localhost:9")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data directory of systems that has its keys, to be copied."""
    place = tmp_path_factory.mktemp("made")
    (place / "spine.yaml").write_text(MANIFEST)
    for command in (["manifest", "apply", str(place / "spine.yaml"), "--yes"], ["key", "rotate"]):
        result = click.testing.CliRunner().invoke(main, command, env={"WARDGATE_DATA": str(place / "data")})
        assert result.exit_code == 0, result.output
    return place / "data"


@pytest.fixture
def installed(wardgate: Any, made: Path, tmp_path: Path) -> Any:
    """Return the command line of an installation of the test's own."""
    shutil.copytree(made, tmp_path / "data")
    return wardgate


@pytest.mark.parametrize(("arguments", "why"), [
    (["--asid", "115"], "--asid: an ASID is 12 digits"), (["--asid", "200000000115", "--to-asid", "x"], "--to-asid: an ASID"),
    (["--unattended"], "--unattended goes with --asid"), (["--patient", "9990000018"], "--patient goes with"), (["--via-proxy", TARGET], "--via-proxy goes with"),
    (["--interaction", "urn:x"], "--interaction goes with"), (["--asid", "200000000115", "--encoded"], "--encoded goes with --via-proxy"),
    (["--pattern", "asid-interaction"], "goes with --asid"), (["--asid", "200000000115", "--pattern", "tls-ma"], "is for the pattern asid-interaction"),
    (["--asid", "200000000115"], "who is behind the call"), (["--asid", "200000000115", "--role", "1", "--unattended"], "who is behind"),
    (["--asid", "200000000115", "--user", "555000009001", "--patient", "9990000018"], "who is behind"), (["--asid", "200000000115", "--variant", "x"], "Invalid value"),
    (["--asid", "200000000115", "--role", "1", "--cert", __file__], "go together"), (["--asid", "200000000115", "-H", "Authorization: x"], "never an argument"),
])
def test_wrong_use_is_told(installed: Any, arguments: list[str], why: str) -> None:
    """Exit code 2, and which option goes with which."""
    answer = installed("call", "GET", "/ra/STU3/Flag", *arguments)
    assert answer.code == 2, answer.err
    assert why in answer.err


@pytest.mark.parametrize(("arguments", "why"), [
    (["--user", "ada"], "no user ada"), (["--user", "555000009002"], "has 0 roles"), (["--user", "nobody"], "no NHS number"), (["--role", "ada"], "user-form"),
    (["--unattended"], "requesting_user"), (["--patient", "9990000018"], "requesting_user"), (["--role", "1", "--organisation", "a-b"], "ODS"),
    (["--role", "1", "--reason", "migration"], "spine-jwt-reason"), (["--role", "1", "--variant", "gp-connect-1"], "--user NAME"),
])
def test_what_the_api_would_refuse_is_not_sent(installed: Any, arguments: list[str], why: str) -> None:
    """Exit code 1, with the claim or the check, before any certificate is made or connection opened but for the claims."""
    answer = installed(*FLAG, *NOWHERE, *arguments)
    assert answer.code == 1, answer.out
    assert why in answer.err


@pytest.mark.parametrize(("arguments", "why"), [
    (["GET", "/none"], "name what it is with --variant"), (["GET", "https://elsewhere.example/Flag"], "with --variant"),
    (["GET", "/none", "--variant", "reasonable-adjustments"], "--to-asid"), (["GET", "/none", "--variant", "reasonable-adjustments", "--to-asid", "200000000116"], "name one"),
    (["GET", "/ra/STU3/Nothing"], "no interaction of reasonable-adjustments"),
    (["GET", "/ssp", "--via-proxy", "https://elsewhere.example/x", "--user", "555000009001"], "name the receiver with --to-asid"),
    (["GET", "/ssp", "--via-proxy", TARGET + "/../x", "--user", "555000009001"], "`.` and `..`"),
    (["GET", "/ssp", "--via-proxy", "https://gp.example.thirdparty.nhs.uk/Z9X02/metadata", "--user", "555000009001"], "several interactions"),
    (["GET", "/ssp", "--via-proxy", TARGET], "--user NAME"),
])
def test_what_cannot_be_found_is_asked_for(installed: Any, arguments: list[str], why: str) -> None:
    """With the option that says it."""
    more = [] if "--user" in arguments else ["--role", "555000009101"]
    answer = installed("call", *arguments, "--asid", "200000000115", *NOWHERE, *more)
    assert answer.code == 1, answer.out
    assert why in answer.err


def test_a_certificate_is_made_once_and_kept(installed: Any, tmp_path: Path) -> None:
    """Where data are not real: for the system's own name, in DATA/systems, readable by its owner only."""
    first = installed(*FLAG, *NOWHERE, "--role", "555000009101")
    assert "made a certificate of ASID 200000000115 for epr.example.thirdparty.nhs.uk" in first.err
    assert "https://localhost:9" in first.err, "the call itself failed: nobody listens"
    kept = tmp_path / "data" / "systems" / "200000000115"
    chain, key = kept / "chain.pem", kept / "key.pem"
    assert [path.stat().st_mode & 0o777 for path in (kept, chain, key)] == [0o700, 0o600, 0o600]
    leaf = x509.load_pem_x509_certificate(chain.read_bytes())
    assert leaf.public_key() == load_pem_private_key(key.read_bytes(), None).public_key()
    second = installed(*FLAG, *NOWHERE, "--role", "555000009101")
    assert "made a certificate" not in second.err
    assert x509.load_pem_x509_certificate(chain.read_bytes()) == leaf
    chain.write_text("damaged")
    assert "made a certificate" in installed(*FLAG, *NOWHERE, "--role", "555000009101").err


def test_a_certificate_that_is_over_is_made_anew(installed: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three years later there is another one."""
    from wardgate.cli.context import World  # noqa: PLC0415 - a test of the clock alone

    assert "made a certificate" in installed(*FLAG, *NOWHERE, "--role", "555000009101").err
    later = datetime.now(UTC) + timedelta(days=3 * 366)
    monkeypatch.setattr(World, "now", property(lambda _world: later))
    assert installed("key", "rotate").code == 0
    again = installed(*FLAG, *NOWHERE, "--role", "555000009101")
    assert "made a certificate" in again.err, again.err


def test_none_is_made_for_what_has_no_name_or_is_not_known(installed: Any, tmp_path: Path) -> None:
    """A system without FQDN, and an ASID of nobody."""
    for asid, why in (("200000000117", "no name on the network"), ("200000009999", "no name on the network")):
        answer = installed("call", "GET", "/ra/STU3/Flag", "--asid", asid, *NOWHERE, "--role", "1", "--organisation", "Z9X02")
        assert answer.code == 1
        assert why in answer.err
        assert str(tmp_path / "data" / "systems" / asid) in answer.err
    unknown = installed("call", "GET", "/ra/STU3/Flag", "--asid", "200000009999", *NOWHERE, "--role", "1")
    assert "--organisation" in unknown.err


def test_none_is_made_in_a_live_environment(wardgate: Any, tmp_path: Path) -> None:
    """A live system's key is its own."""
    live = re.sub(r"users:.*?apis:", "apis:", MANIFEST, flags=re.DOTALL).replace("{name: trial}", "{name: trial, live: true}")
    (tmp_path / "live.yaml").write_text(live.replace("backend: http://127.0.0.1:9001", "backend: https://backend.example.nhs.uk"))
    applied = wardgate("manifest", "apply", tmp_path / "live.yaml", "--yes")
    assert applied.code == 0, applied.err
    assert wardgate("key", "rotate").code == 0
    answer = wardgate(*FLAG, *NOWHERE, "--role", "555000009101")
    assert answer.code == 1
    assert "no certificate of ASID 200000000115: give --cert" in answer.err
    assert not (tmp_path / "data" / "systems").exists()


def test_without_an_installation_everything_is_said(wardgate: Any) -> None:
    """Another environment is called with options alone; the certificate is the last that is missing."""
    said = ["call", "GET", "https://elsewhere.example/Flag", "--asid", "200000000115", "--role", "555000009101"]
    assert "--variant" in wardgate(*said).err
    said += ["--variant", "reasonable-adjustments", "--to-asid", "200000000116"]
    assert "--organisation" in wardgate(*said).err
    assert "give --cert" in wardgate(*said, "--organisation", "Z9X01").err
