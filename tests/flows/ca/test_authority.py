"""The authority from its first start: two tiers, certificates that OpenSSL accepts, and a record of each step."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from wardgate.ca import CASettings, CertificateAuthority
from wardgate.ca.errors import (
    AuthorityInUse,
    AuthorityNotFound,
    CertificateNotFound,
    NotEnsured,
    NotRenewable,
)
from wardgate.ca.records import SubjectKind
from wardgate.keystores import Sealer
from wardgate.pki import CheckFailed, Outcome, explain_cert
from wardgate.stores import open_stores

DAY = timedelta(days=1)


def test_first_start_makes_two_tiers(world: Any) -> None:
    """A root, an issuing authority, a list of each, and their events; a second start changes nothing."""
    before = world.stores.generation.current()
    world.ca.ensure(world.environment, world.now)
    assert world.stores.generation.current() == before
    assert {a.name: a.parent for a in world.stores.certificates.authorities()} == {"root-1": None, "authentication-1": "root-1"}
    kinds = [kind for kind, _ in world.events()]
    assert kinds == ["CertificateIssued", "CertificateIssued", "CRLIssued", "CRLIssued"]
    subjects = [c.subject.rfc4514_string() for c in x509.load_pem_x509_certificates(world.ca.trust_bundle().encode())]
    assert subjects == [
        "CN=Wardgate flows Root Authority,OU=CA,O=Wardgate,C=GB", "CN=Wardgate flows Authentication,OU=CA,O=Wardgate,C=GB",
    ]  # fmt: skip


def test_two_processes_start_at_once(tmp_path: Any, world: Any) -> None:
    """Whoever is first wins; both end with the same authorities, lists by their keys, and one record of each."""
    stores = open_stores(f"sqlite:///{tmp_path}/second.db", Sealer([b"t" * 32]))
    barrier = threading.Barrier(4)

    def start() -> str:
        own = CertificateAuthority(stores.certificates, stores.values, world.settings, world.ca._hierarchy._randomness)
        barrier.wait(10)
        own.ensure("race", world.now)
        return own.trust_bundle()

    with ThreadPoolExecutor(4) as pool:
        bundles = {future.result(60) for future in [pool.submit(start) for _ in range(4)]}
    assert len(bundles) == 1
    assert len(stores.certificates.all()) == 2
    for pem in bundles:
        for crl in stores.certificates.crls():
            issuers = x509.load_pem_x509_certificates(pem.encode())
            loaded = x509.load_pem_x509_crl(crl.pem.encode())
            assert any(c.subject == loaded.issuer and loaded.is_signature_valid(c.public_key()) for c in issuers)
    stores.close()


def test_nothing_is_trusted_before_the_first_start(tmp_path: Any, world: Any) -> None:
    """Without authorities and lists there is an error, not an empty bundle that would turn checks off."""
    stores = open_stores(f"sqlite:///{tmp_path}/empty.db", Sealer([b"t" * 32]))
    empty = CertificateAuthority(stores.certificates, stores.values, world.settings)
    for ask in (empty.client_trust, empty.trust_bundle, empty.crl_bundle, lambda: empty.server_certificate(["localhost"], world.now)):
        with pytest.raises(NotEnsured):
            ask()
    stores.close()


def test_openssl_accepts_what_is_issued(world: Any) -> None:
    """`openssl verify` accepts a client's certificate for client and server use with lists of the whole chain."""
    issued, _ = world.client()
    world.write("leaf.pem", issued.certificate_pem)
    world.write("ca.pem", world.ca.trust_bundle())
    world.write("crl.pem", world.ca.crl_bundle())
    for purpose in ("sslclient", "sslserver"):
        done = world.openssl("verify", "-x509_strict", "-CAfile", "ca.pem", "-CRLfile", "crl.pem", "-crl_check_all", "-purpose", purpose, "leaf.pem")
        assert (done.returncode, done.stdout) == (0, "leaf.pem: OK\n"), done.stderr
    shown = world.openssl("x509", "-in", "leaf.pem", "-noout", "-subject", "-ext", "subjectAltName,extendedKeyUsage").stdout
    assert shown.splitlines() == [
        f"subject=CN = {world.name}", "X509v3 Extended Key Usage: ", "    TLS Web Client Authentication, TLS Web Server Authentication",
        "X509v3 Subject Alternative Name: ", f"    DNS:{world.name}",
    ]  # fmt: skip
    chain = x509.load_pem_x509_certificates(issued.chain_pem.encode())
    assert [c.subject.rfc4514_string().split(",")[0] for c in chain] == [f"CN={world.name}", "CN=Wardgate flows Authentication"]


def test_the_doctor_agrees(world: Any) -> None:
    """What was issued passes every check of `explain_cert`; once revoked it fails that check and no other before it."""
    issued, _ = world.client()
    trust = world.ca.client_trust()
    results = explain_cert(issued.chain_pem.encode(), trust.authorities.encode(), trust.crls.encode(), now=world.now, expected_name=world.name)
    assert {result.outcome for result in results} == {Outcome.PASSED}
    world.ca.revoke(fingerprint=issued.certificate.fingerprint, reason="superseded", now=world.now)
    trust = world.ca.client_trust()
    results = explain_cert(issued.chain_pem.encode(), trust.authorities.encode(), trust.crls.encode(), now=world.now)
    assert [result.code for result in results if result.outcome is Outcome.FAILED] == ["cert-revoked"]


def test_a_refused_request_leaves_no_trace(world: Any) -> None:
    """A request with another name than the registered one is refused and nothing is issued."""
    before = len(world.stores.certificates.all())
    csr, _ = world.csr("gp.nhs.uk")
    with pytest.raises(CheckFailed) as refused:
        world.ca.issue_from_csr(csr, subject_kind=SubjectKind.SYSTEM, subject="200000000115", expected_name=world.name, now=world.now)
    assert refused.value.result.code == "csr-expected-name"
    assert len(world.stores.certificates.all()) == before
    with pytest.raises(ValueError, match="not certified on request"):
        world.client(subject_kind=SubjectKind.AUTHORITY)


def test_issuing_is_recorded(world: Any) -> None:
    """The event names certificate, authority, name and subject; an application's also says whose it is."""
    issued, _ = world.client(subject_kind=SubjectKind.APPLICATION, subject="demo-app")
    kind, details = world.events()[-1]
    assert kind == "CertificateIssued"
    assert details == {
        "fingerprint": issued.certificate.fingerprint, "serial": issued.certificate.serial, "authority": "authentication-1",
        "name": world.name, "subject_kind": "application", "subject": "demo-app", "profile": "endpoint",
        "not_after": f"{issued.certificate.not_after:%Y-%m-%dT%H:%M:%SZ}",
    }  # fmt: skip
    record = json.loads(world.stores.audit.last(1)[0].body)
    assert record["application"] == "demo-app"


def test_a_server_certificate_on_request(world: Any) -> None:
    """A backend's certificate is for servers only, and may be outside nhs.uk."""
    issued, _ = world.client("api.trust.example", subject_kind=SubjectKind.SERVER, subject="api.trust.example")
    loaded = x509.load_pem_x509_certificate(issued.certificate_pem.encode())
    uses = loaded.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(uses) == [x509.ExtendedKeyUsageOID.SERVER_AUTH]
    assert issued.certificate.not_after < world.now + 366 * DAY


def test_the_gateways_certificate_stays_until_it_is_due(world: Any) -> None:
    """The same one for the same names, in any order, in another process; a new key when names change or it is due."""
    names = ("localhost", "127.0.0.1", "gateway.trust.example")
    first = world.ca.server_certificate(names, world.now)
    assert world.another().server_certificate(names[::-1], world.now) == first
    wider = world.ca.server_certificate((*names, "::1"), world.now)
    due = world.ca.server_certificate(names, first.not_after - 60 * DAY)
    assert len({first.fingerprint, wider.fingerprint, due.fingerprint}) == 3
    assert len({first.private_key_pem, wider.private_key_pem, due.private_key_pem}) == 3
    leaf = x509.load_pem_x509_certificates(wider.chain_pem.encode())[0]
    assert load_pem_private_key(wider.private_key_pem.encode(), None).public_key() == leaf.public_key()
    assert "PRIVATE" not in repr(wider)
    with pytest.raises(CheckFailed):
        world.ca.server_certificate(("*.example.org",), world.now)
    with pytest.raises(CheckFailed):
        world.ca.server_certificate((), world.now)


def test_the_relays_certificate_is_a_clients(world: Any) -> None:
    """What the secure proxy shows: kept until due or renamed, apart from the server's, for client use only; no obstacle to retiring its authority."""
    server = world.ca.server_certificate(("proxy.trust.example",), world.now)
    first = world.ca.relay_certificate("proxy.trust.example", world.now)
    assert world.another().relay_certificate("proxy.trust.example", world.now) == first
    renamed = world.ca.relay_certificate("other.trust.example", world.now)
    due = world.ca.relay_certificate("proxy.trust.example", first.not_after - 60 * DAY)
    assert len({server.fingerprint, first.fingerprint, renamed.fingerprint, due.fingerprint}) == 4
    assert world.ca.server_certificate(("proxy.trust.example",), world.now) == server
    leaf = x509.load_pem_x509_certificates(first.chain_pem.encode())[0]
    assert list(leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [x509.ExtendedKeyUsageOID.CLIENT_AUTH]
    assert leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == ["proxy.trust.example"]
    assert load_pem_private_key(first.private_key_pem.encode(), None).public_key() == leaf.public_key()
    with pytest.raises(CheckFailed):
        world.ca.relay_certificate("*.example.org", world.now)
    old = world.ca.authorities()[-1].name
    later = world.now + DAY
    world.ca.rotate_issuing_ca("unit", later)
    world.ca.retire_issuing_ca(old, later + DAY)
    assert world.ca.relay_certificate("proxy.trust.example", later + DAY).chain_pem != first.chain_pem


def test_the_gateways_names_are_nobody_else_s(world: Any) -> None:
    """No system or application is certified under the name by which endpoints know the secure proxy, nor is an older certificate renewed."""
    request, _ = world.csr("proxy.z9x01.thirdparty.nhs.uk")
    asked: dict[str, Any] = {"subject_kind": SubjectKind.SYSTEM, "subject": "200000100001", "expected_name": "proxy.z9x01.thirdparty.nhs.uk", "now": world.now}
    issued = world.ca.issue_from_csr(request, **asked)
    guarded = world.another(reserved_names=("proxy.z9x01.thirdparty.nhs.uk",))
    for kind in (SubjectKind.SYSTEM, SubjectKind.APPLICATION):
        with pytest.raises(CheckFailed, match="gateway's own"):
            guarded.issue_from_csr(request, **asked | {"subject_kind": kind})
    with pytest.raises(CheckFailed, match="gateway's own"):
        guarded.renew(now=world.now, fingerprint=issued.certificate.fingerprint, early=True)
    assert guarded.relay_certificate("proxy.z9x01.thirdparty.nhs.uk", world.now).fingerprint


def test_private_keys_are_sealed(world: Any, tmp_path: Any) -> None:
    """No private key stands in the database files in clear."""
    world.ca.server_certificate(("localhost",), world.now)
    for file in tmp_path.glob("wardgate.db*"):
        assert b"PRIVATE KEY" not in file.read_bytes()


def test_renewal(world: Any) -> None:
    """In its window, with the old key or a new request, for the same name and subject; the old one stays good."""
    issued, _ = world.client()
    old = issued.certificate
    with pytest.raises(NotRenewable, match="may be renewed from"):
        world.ca.renew(fingerprint=old.fingerprint, now=world.now)
    due = old.not_after - 59 * DAY
    again = world.ca.renew(fingerprint=old.fingerprint, now=due)
    before, after = (x509.load_pem_x509_certificate(c.certificate_pem.encode()) for c in (old, again.certificate))
    assert before.public_key() == after.public_key()
    assert (again.certificate.name, again.certificate.subject) == (old.name, old.subject)
    csr, _ = world.csr()
    third = world.ca.renew(name=world.name, now=world.now, csr=csr, early=True)
    assert third.certificate.subject == old.subject
    other, _ = world.csr("gp.nhs.uk")
    with pytest.raises(CheckFailed):
        world.ca.renew(fingerprint=old.fingerprint, now=due, csr=other)
    assert world.ca.revoked_fingerprints(world.now) == frozenset()


def test_what_cannot_be_renewed(world: Any) -> None:
    """Unknown, revoked, expired, authorities, and the gateway's own, which it renews itself."""
    own = world.ca.server_certificate(("localhost",), world.now)
    with pytest.raises(NotRenewable, match="its own"):
        world.ca.renew(fingerprint=own.fingerprint, now=world.now, early=True)
    issued, _ = world.client()
    with pytest.raises(CertificateNotFound):
        world.ca.renew(name="nobody.nhs.uk", now=world.now)
    with pytest.raises(NotRenewable, match="expired"):
        world.ca.renew(name=world.name, now=issued.certificate.not_after)
    root = next(c for c in world.ca.certificates() if c.name == "root-1")
    with pytest.raises(NotRenewable, match="rotated"):
        world.ca.renew(fingerprint=root.fingerprint, now=world.now)
    world.ca.revoke(name=world.name, reason="superseded", now=world.now)
    with pytest.raises(NotRenewable, match="revoked"):
        world.ca.renew(name=world.name, now=world.now, early=True)


def test_expiring(world: Any) -> None:
    """What ends soon and has no successor, authorities too; soonest first."""
    issued, _ = world.client()
    end = issued.certificate.not_after
    assert world.ca.expiring(60, world.now) == ()
    assert [c.name for c in world.ca.expiring(60, end - 30 * DAY)] == [world.name]
    world.ca.renew(name=world.name, now=end - 30 * DAY)
    assert world.ca.expiring(60, end - 30 * DAY) == ()
    assert [c.name for c in world.ca.expiring(3653, world.now)] == [world.name, "authentication-1"]


def test_a_generation_changes_in_two_stages(world: Any) -> None:
    """The new authority is trusted beside the old and issues; the old is retired when nothing depends on it."""
    old, _ = world.client()
    assert world.ca.rotate_issuing_ca(world.environment, world.now) == "authentication-2"
    assert len(x509.load_pem_x509_certificates(world.ca.trust_bundle().encode())) == 3
    assert world.ca.crl_bundle().count("BEGIN X509 CRL") == 3
    new, _ = world.client()
    assert (old.certificate.authority, new.certificate.authority) == ("authentication-1", "authentication-2")
    with pytest.raises(AuthorityInUse, match=world.name):
        world.ca.retire_issuing_ca("authentication-1", world.now)
    world.ca.revoke(fingerprint=old.certificate.fingerprint, reason="superseded", now=world.now)
    world.ca.retire_issuing_ca("authentication-1", world.now)
    assert len(x509.load_pem_x509_certificates(world.ca.trust_bundle().encode())) == 2
    assert len(x509.load_pem_x509_crl(world.ca.crl("root-1").pem.encode())) == 1
    assert old.certificate.fingerprint in world.ca.revoked_fingerprints(world.now)
    for name in ("authentication-2", "root-1"):
        with pytest.raises(AuthorityInUse):
            world.ca.retire_issuing_ca(name, world.now, force=True)
    with pytest.raises(AuthorityNotFound):
        world.ca.retire_issuing_ca("authentication-9", world.now)


def test_a_new_generation_issues_only_once_it_is_known(world: Any) -> None:
    """For the lead time the old authority goes on issuing."""
    slow = world.another(trust_lead_seconds=60)
    slow.rotate_issuing_ca(world.environment, world.now)
    csr, _ = world.csr()
    wanted = {"subject_kind": SubjectKind.SYSTEM, "subject": "200000000115", "expected_name": world.name}
    assert slow.issue_from_csr(csr, now=world.now, **wanted).certificate.authority == "authentication-1"
    later = slow.issue_from_csr(csr, now=world.now + timedelta(seconds=61), **wanted)
    assert later.certificate.authority == "authentication-2"


def test_the_gateways_certificate_leaves_a_retired_authority(world: Any) -> None:
    """It does not hold the retirement back, and the next one is of the new generation."""
    first = world.ca.server_certificate(("localhost",), world.now)
    world.ca.rotate_issuing_ca(world.environment, world.now)
    assert world.ca.server_certificate(("localhost",), world.now) == first
    world.ca.retire_issuing_ca("authentication-1", world.now)
    second = world.ca.server_certificate(("localhost",), world.now)
    assert second.fingerprint != first.fingerprint
    assert "G2" in x509.load_pem_x509_certificates(second.chain_pem.encode())[1].subject.rfc4514_string()


@pytest.mark.parametrize(
    "wrong",
    [{"base_url": "ftp://x/pki"}, {"base_url": "http://x/pki/"}, {"client_suffixes": ()}, {"client_suffixes": ("NHS.uk",)},
     {"renew_ahead_days": 0}, {"renew_ahead_days": 400}, {"client_validity_days": 4000}, {"crl_validity_hours": 0},
     {"crl_validity_hours": 1000}, {"ocsp_validity_minutes": 0}, {"trust_lead_seconds": -1}],
)  # fmt: skip
def test_settings_that_make_no_sense(wrong: dict[str, Any]) -> None:
    """They are refused at the start, not when a certificate is issued."""
    with pytest.raises(ValueError, match=r"\w"):
        replace(CASettings("http://pki.test/pki"), **wrong)
