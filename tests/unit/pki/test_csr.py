"""Certificate requests: accepted or refused as their vectors say, and explained in the same order."""

import json
from pathlib import Path

import pytest

from wardgate.pki import CheckFailed, CheckResult, NameRules, Outcome, accept_csr, explain_csr
from wardgate.pki.check import first_failure, run
from wardgate.pki.csr import ASKING, READING

VECTORS = json.loads((Path(__file__).parent / "vectors" / "csr.json").read_text())
GOOD = next(vector["pem"] for vector in VECTORS if vector["comment"] == "plain").encode()
NAME = "epr.z9x01.thirdparty.nhs.uk"


def failed(results: list[CheckResult]) -> CheckResult:
    """The check that failed, as one must have."""
    failure = first_failure(results)
    assert failure is not None
    return failure


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["comment"])
def test_request_vectors(vector: dict[str, str]) -> None:
    """Each stored request is accepted, or refused by the check its vector names."""
    failure = first_failure(explain_csr(vector["pem"].encode()))
    assert (failure.code if failure else None) == vector["refused_by"]
    if failure is None:
        assert accept_csr(vector["pem"].encode()).name == NAME
        return
    assert failure.expected
    assert failure.received is not None
    with pytest.raises(CheckFailed) as refused:
        accept_csr(vector["pem"].encode())
    assert refused.value.result == failure


def test_every_check_refuses_some_vector() -> None:
    """No check of the tables is without a request that it alone refuses."""
    refusing = {vector["refused_by"] for vector in VECTORS} | {"csr-expected-name"}
    assert {check.code for check in (*READING, *ASKING)} <= refusing


def test_the_registered_name_is_demanded() -> None:
    """A good request for another name than the registered one is refused, and says both."""
    failure = failed(explain_csr(GOOD, expected_name="gp.nhs.uk"))
    assert (failure.code, failure.expected, failure.received) == ("csr-expected-name", "gp.nhs.uk", NAME)
    assert accept_csr(GOOD, expected_name=NAME).name == NAME


def test_checks_after_the_first_failure_are_not_reached() -> None:
    """An explanation has a row for every check, in the order of the tables."""
    pem = next(vector["pem"] for vector in VECTORS if vector["comment"] == "wildcard").encode()
    results = explain_csr(pem)
    assert [result.code for result in results] == [check.code for check in (*READING, *ASKING)]
    at = [result.code for result in results].index("csr-name")
    assert {result.outcome for result in results[:at]} == {Outcome.PASSED}
    assert results[at].outcome is Outcome.FAILED
    assert {result.outcome for result in results[at + 1 :]} == {Outcome.NOT_REACHED}


def test_suffixes_are_a_setting() -> None:
    """The same request is refused under another suffix, and when no suffix is allowed."""
    assert accept_csr(GOOD, NameRules(suffixes=("thirdparty.nhs.uk",))).name == NAME
    for suffixes in (("example.org",), ()):
        with pytest.raises(CheckFailed) as refused:
            accept_csr(GOOD, NameRules(suffixes=suffixes))
        assert refused.value.result.code == "csr-name"


def test_an_empty_table_of_checks_is_a_mistake() -> None:
    """Nothing passes because there was nothing to check."""
    with pytest.raises(ValueError, match="empty"):
        run((), GOOD)


@pytest.mark.parametrize("noise", [b"\xff" * 100, b"-----BEGIN " * 200, b"\0", b"-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----"])
def test_noise_is_explained_not_raised(noise: bytes) -> None:
    """Whatever the bytes, the answer is a failed check."""
    assert failed(explain_csr(noise)).code in {"csr-pem", "csr-der"}


def test_received_text_is_bounded_and_printable() -> None:
    """What is repeated from a request cannot break a terminal or a log."""
    pem = next(vector["pem"] for vector in VECTORS if vector["comment"] == "NUL before the suffix").encode()
    received = failed(explain_csr(pem)).received
    assert received == "example.com\\x00.nhs.uk"
