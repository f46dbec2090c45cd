"""`wardgate system`: from registration to suspension, and every way in which a step is refused."""

from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

NRL = "nrl"
READ = "urn:nhs:names:services:nrl:DocumentReference.read"
SLOT = "urn:nhs:names:services:gpconnect:fhir:rest:search:slot-1"
FQDN = "consumer.example.nhs.uk"
ASID = "200000100000"
OF_MANIFEST = "200000000115"
EVENT = "urn:nhs:names:services:events:pds-birth-notification-1.Write"
ROLE = "uniqueIdentifier=555000000101,uniqueIdentifier=555000000102,uid=555000000103,ou=people,o=nhs"


def register(wardgate: Any, *more: str, organisation: str = "Z9X01", message_set: str = NRL, fqdn: str = FQDN) -> Any:
    """Register a system."""
    return wardgate("system", "register", "--organisation", organisation, "--message-set", message_set, "--fqdn", fqdn, *more, "-o", "json")


def to_live(wardgate: Any, asid: str = ASID) -> None:
    """Take a registered system through its steps."""
    for step in (("evidence", asid, "--kind", "scal", "--reference", "SCAL 17"), ("approve", asid), ("go-live", asid)):
        answer = wardgate("system", *step)
        assert answer.code == 0, answer.err


def test_from_registration_to_suspension(installed: Any) -> None:
    """Each step is named with who took it; numbers are minted; interactions come with the approval."""
    made = register(installed, "--by", "A. Supplier", "--product", "Example EPR", "--manufacturer", "Z9X02")
    assert made.code == 0
    assert {key: made.data[key] for key in ("asid", "party_key", "state", "asked", "fqdn")} == {
        "asid": ASID, "party_key": "Z9X01-850000", "state": "requested", "asked": [NRL], "fqdn": FQDN}
    asked = installed("system", "interactions", ASID, "-o", "json").data
    assert (asked["sends"], READ in asked["asked_for"]) == ([], True)
    refused = installed("system", "go-live", ASID)
    assert (refused.code, refused.err) == (1, f"wardgate: {ASID}: go-live: expected a state of approved; received requested\n")

    to_live(installed)
    sends = installed("system", "interactions", ASID, "-o", "json").data
    assert READ in sends["sends"]
    assert sends["asked_for"] == []
    assert installed("system", "ask", ASID, "--message-set", EVENT).code == 0
    assert installed("system", "grant", ASID, "--urp", ROLE).code == 0
    assert EVENT in installed("system", "interactions", ASID, "-o", "json").data["sends"]

    assert installed("system", "suspend", ASID, "--why", "under investigation", "--by", "Duty Officer", "-o", "json").data["state"] == "suspended"
    shown = installed("system", "show", ASID, "-o", "json").data
    assert [moved["step"] for moved in shown["history"]] == [
        "request", "give-evidence", "approve", "go-live", "ask-for-message-sets", "grant-message-sets", "suspend"]
    assert (shown["history"][0]["by"], shown["history"][-1]["by"], shown["history"][-1]["note"]) == ("A. Supplier", "Duty Officer", "under investigation")
    assert shown["evidence"] == [{"kind": "scal", "reference": "SCAL 17"}]
    assert ROLE not in installed("system", "show", ASID).out
    assert installed("system", "resume", ASID, "-o", "json").data["state"] == "live"
    events = [line for line in installed("audit", "tail", "-n", "50").out.splitlines() if "SystemStepped" in line]
    assert len(events) == 8


def test_the_secure_proxys_name_is_taken(installed: Any) -> None:
    """Whoever had a certificate of the name that the secure proxy shows could ask every endpoint directly, past all rules."""
    taken = "proxy.example.thirdparty.nhs.uk"
    assert register(installed).code == 0
    for refused in (register(installed, fqdn=taken.capitalize()), installed("system", "name", ASID, taken)):
        assert (refused.code, "the gateway's own" in refused.err) == (1, True), refused.err


def test_a_name_of_an_application_is_taken(installed: Any, manifest_file: Path) -> None:
    """One certificate is never a system's and another's application: neither as the system's name nor as that of an endpoint."""
    taken = "tls-app.example.thirdparty.nhs.uk"
    manifest_file.write_text(manifest_file.read_text() + f"  - {{name: tls-app, organisation: Z9X01, products: [hello-world], tls_client_auth_san_dns: {taken}}}\n")
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    assert register(installed).code == 0
    for refused in (register(installed, fqdn=taken), installed("system", "name", ASID, taken),
                    installed("system", "endpoint", "add", ASID, "--interaction", READ, "--url", f"https://{taken}/nrl")):
        assert (refused.code, "certificate name of the application tls-app" in refused.err) == (1, True), refused.err


def test_an_endpoint_beside_live_systems(installed: Any) -> None:
    """Its name would be theirs at once, so the system that it is added to is approved by then."""
    assert register(installed).code == 0
    to_live(installed)
    second = register(installed, "--party-key", "Z9X01-850000", fqdn="second.example.nhs.uk").data["asid"]
    more = ("system", "endpoint", "add", second, "--interaction", READ, "--url", "https://third.example.nhs.uk/nrl")
    refused = installed(*more)
    assert (refused.code, refused.err) == (
        1, f"wardgate: the system {second} is requested and shares its party key with {ASID}, which is live: it has to be approved first\n")
    for step in (("evidence", second, "--kind", "scal", "--reference", "SCAL 17"), ("approve", second)):
        assert installed("system", *step).code == 0
    assert installed(*more).code == 0


def test_numbers_and_keys(installed: Any) -> None:
    """Each registration gets the next numbers; a party key is shared only when it is asked for, and within its organisation."""
    assert register(installed).data["asid"] == ASID
    second = register(installed, fqdn="second.example.nhs.uk").data
    assert (second["asid"], second["party_key"]) == ("200000100001", "Z9X01-850001")
    third = register(installed, "--party-key", "z9x01-850001", fqdn="second.example.nhs.uk").data
    assert (third["asid"], third["party_key"]) == ("200000100002", "Z9X01-850001")
    refused = register(installed, "--party-key", "Z9X01-850001", organisation="Z9X02", fqdn="other.example.nhs.uk")
    assert (refused.code, refused.err) == (1, "wardgate: Z9X01-850001 is no party key of Z9X02: leave --party-key out for a new one\n")


@pytest.mark.parametrize(("options", "message"), [
    ({"fqdn": "*.example.nhs.uk"}, "wardgate: --fqdn: expected one host's name, no wildcard; received *.example.nhs.uk"),
    ({"fqdn": "a.example.nhs.uk,b.example.nhs.uk"}, "wardgate: --fqdn: expected labels of 1 to 63 letters, digits and inner hyphens"),
    ({"fqdn": "epr.example.org"}, "wardgate: --fqdn: expected a name under .nhs.uk"),
    ({"fqdn": "epr.example.nhs.uk"}, "fqdn: expected a name of one party key only; received 'epr.example.nhs.uk'"),
    ({"organisation": "Z9X99"}, "wardgate: there is no organisation Z9X99 in the manifest"),
    ({"organisation": "not one"}, "expected an ODS code, 1 to 9 letters and digits"),
    ({"message_set": "GP Connect"}, "wardgate: message set: name: expected a set that is known; received 'GP Connect'"),
])  # fmt: skip
def test_registrations_that_are_refused(installed: Any, options: dict[str, str], message: str, manifest_file: Path) -> None:
    """A name that is no certificate's, or is another's; unknown organisations and message sets. Nothing is stored."""
    manifest_file.write_text(manifest_file.read_text().replace("party_key: Z9X01-0000001}", f"party_key: Z9X01-0000001, interactions: ['{READ}']}}"))
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    answer = register(installed, **options)
    assert (answer.code, answer.out) == (1, "")
    assert message in answer.err
    assert [one["asid"] for one in installed("system", "list", "-o", "json").data] == [OF_MANIFEST]


def test_systems_of_the_manifest(installed: Any, manifest_file: Path) -> None:
    """They are live, and can be suspended and resumed; everything else is changed in the manifest."""
    manifest_file.write_text(manifest_file.read_text().replace("party_key: Z9X01-0000001}", f"party_key: Z9X01-0000001, interactions: ['{READ}']}}"))
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    shown = installed("system", "show", OF_MANIFEST, "-o", "json").data
    assert (shown["state"], shown["source"], shown["certificate_names"]) == ("live", "manifest", ["epr.example.nhs.uk"])
    for word in ("suspend", "resume", "suspend"):
        assert installed("system", word, OF_MANIFEST, *(("--why", "a test") if word == "suspend" else ())).code == 0
    assert installed("system", "list", "--state", "suspended", "-o", "json").data[0]["asid"] == OF_MANIFEST
    for step in (("ask", OF_MANIFEST, "--message-set", NRL), ("name", OF_MANIFEST, FQDN),
                 ("endpoint", "add", OF_MANIFEST, "--interaction", READ, "--url", "https://epr.example.nhs.uk/a")):
        assert installed("system", *step).err == f"wardgate: the system {OF_MANIFEST} is the manifest's: change it there, then wardgate manifest apply\n"
    assert installed("system", "show", "200000000999").err == "wardgate: there is no system with ASID 200000000999: wardgate system list\n"


def test_endpoints_and_rules(installed: Any) -> None:
    """An endpoint is its own contract and of one host; a rule names two systems that are there; each can be taken back once."""
    register(installed, "--party-key", register(installed).data["party_key"])
    to_live(installed)
    url = "https://consumer.example.nhs.uk/Z9X01/STU3/1/gpconnect"
    made = installed("system", "endpoint", "add", ASID, "--interaction", SLOT, "--url", url, "-o", "json")
    assert made.code == 0
    assert (made.data["fqdn"], made.data["urls"], len(made.data["cpa_id"])) == (FQDN, [url], 20)
    again = installed("system", "endpoint", "add", ASID, "--interaction", SLOT, "--url", url)
    assert (again.code, "expected an interaction that its party key serves once" in again.err) == (1, True)
    for wrong, word in (("http://consumer.example.nhs.uk/a", "expected an https URL"), ("https://consumer.example.nhs.uk:444/a", "without a port"),
                        ("https://consumer.example.nhs.uk/a/", "without a slash"), ("https://u@consumer.example.nhs.uk/a", "expected an https URL")):
        answer = installed("system", "endpoint", "add", ASID, "--interaction", "urn:x:y", "--url", wrong)
        assert (answer.code, word in answer.err) == (1, True), answer.err

    rule = (ASID, "200000100001", "urn:nhs:names:services:gpconnect")
    assert installed("system", "share", *rule).code == 0
    assert installed("system", "share", *rule).err == "wardgate: there is this data-sharing rule already\n"
    assert installed("system", "share", ASID, "200000100009", "urn:x").err.startswith("wardgate: there is no system with ASID 200000100009")
    assert installed("system", "unshare", *rule).code == 0
    assert installed("system", "unshare", *rule).err == "wardgate: this data-sharing rule is not there\n"
    assert installed("system", "endpoint", "remove", made.data["cpa_id"]).code == 0
    assert installed("system", "endpoint", "remove", made.data["cpa_id"]).code == 1


def test_removing(installed: Any) -> None:
    """A live system is suspended first; with it go its rules and, when it was the last of its party key, its endpoints; never its numbers."""
    register(installed, "--party-key", register(installed).data["party_key"])
    to_live(installed)
    installed("system", "endpoint", "add", ASID, "--interaction", "urn:x:y", "--url", f"https://{FQDN}/a")
    installed("system", "share", ASID, "200000100001", "urn:x")
    assert installed("system", "remove", ASID).err == f"wardgate: the system {ASID} is live: wardgate system suspend {ASID} first\n"
    assert installed("system", "suspend", ASID, "--why", "it ends").code == 0
    first = installed("system", "remove", ASID, "-o", "json").data
    assert (first["endpoints"], len(first["sharing_rules"])) == ([], 1)
    assert len(installed("system", "remove", "200000100001", "-o", "json").data["endpoints"]) == 1
    assert installed("system", "list", "-o", "json").data == []
    assert installed("system", "show", ASID).code == 1
    again = register(installed).data
    assert (again["asid"], again["party_key"]) == ("200000100002", "Z9X01-850001")


@pytest.fixture(scope="module")
def request_of(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a maker of request files by common name and alternative names; one key serves all."""
    folder = tmp_path_factory.mktemp("requests")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def make(name: str, *alternatives: str) -> Path:
        builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
        if alternatives:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in alternatives]), critical=False)
        path = folder / f"{len(list(folder.iterdir()))}.csr"
        path.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        return path

    return make


def test_certificates_of_registered_systems(installed: Any, request_of: Any, tmp_path: Path) -> None:
    """One name and no other, as common name and as alternative name: the registered one. After a change of name, the new one."""
    register(installed)

    def issue(csr: Path) -> Any:
        return installed("cert", "issue", "--csr", csr, "--system", ASID, "--out", tmp_path / "out")

    assert issue(request_of(FQDN, FQDN)).code == 0
    certificate = x509.load_pem_x509_certificate((tmp_path / "out" / "cert.pem").read_bytes())
    assert certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [FQDN]
    assert [name.value for name in certificate.subject] == [FQDN]
    assert [one["name"] for one in installed("system", "show", ASID, "-o", "json").data["certificates"]] == [FQDN]
    for csr, code, said in (
        (request_of("*.example.nhs.uk"), "csr-name", "no wildcard"), (request_of(FQDN, FQDN, "two.example.nhs.uk"), "csr-alternative-names", "two.example.nhs.uk"),
        (request_of(FQDN, "*.example.nhs.uk"), "csr-alternative-names", "*.example.nhs.uk"), (request_of("two.example.nhs.uk"), "csr-expected-name", FQDN),
    ):  # fmt: skip
        refused = issue(csr)
        assert (refused.code, said in refused.err) == (1, True), (code, refused.err)
    assert installed("system", "name", ASID, "two.example.nhs.uk").code == 0
    assert issue(request_of("two.example.nhs.uk")).code == 0
    assert issue(request_of(FQDN)).code == 1


def test_the_manifest_beside_registered_systems(installed: Any, manifest_file: Path) -> None:
    """Applications may name a registered ASID; a manifest that states one of its own is refused, by check, diff and apply."""
    register(installed)
    to_live(installed)
    named = manifest_file.read_text().replace('asid: "200000000115"\n    api', f'asid: "{ASID}"\n    api')
    manifest_file.write_text(named)
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    assert installed("app", "create", "second-app", "--organisation", "Z9X01", "--asid", ASID).code == 0
    assert installed("app", "create", "third-app", "--organisation", "Z9X01", "--asid", "200000100009").code == 1
    manifest_file.write_text(named.replace('"200000000115", organisation: Z9X01,', f'"{ASID}", organisation: Z9X01, interactions: ["{READ}"],'))
    for command in (("check",), ("diff",), ("apply", "--yes")):
        refused = installed("manifest", *command, manifest_file)
        assert refused.code == 1
        assert f"uniqueIdentifier={ASID}: uniqueIdentifier: expected an identifier of the manifest's or of a registered system, not of both" in refused.err


def test_a_number_that_the_manifest_had(installed: Any, manifest_file: Path) -> None:
    """A system of the manifest that was suspended and went leaves its standing behind; its number is not given to another."""
    before = manifest_file.read_text()
    entry = f'\n  - {{asid: "{ASID}", organisation: Z9X01, interactions: ["{READ}"]}}'
    manifest_file.write_text(before.replace("systems:", "systems:" + entry))
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    assert installed("system", "suspend", ASID, "--why", "it goes").code == 0
    manifest_file.write_text(before)
    assert installed("manifest", "apply", manifest_file, "--yes").code == 0
    assert register(installed).data["asid"] == "200000100001"
