"""`wardgate doctor assertion|jwks`."""

import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from wardgate.client.assertion import make_assertion
from wardgate.client.signer import PrivateKeySigner
from wardgate.demo.keys import key_set, private_pem

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
NOW_TEXT = "2026-03-01T12:00:00Z"
TOKEN_URL = "https://localhost:8443/oauth2/token"


def assertion(kid: str = "demo-1", algorithm: str = "RS512", audience: str = TOKEN_URL, lifetime_seconds: int = 120) -> str:
    """Return an assertion of the demo application."""
    signer = PrivateKeySigner.from_pem(private_pem(kid).encode(), algorithm)
    return make_assertion(signer, client_id="demo-app-key-not-a-secret", audience=audience, kid=kid, jti=str(uuid.uuid4()), now=NOW,
                          lifetime_seconds=lifetime_seconds)


@pytest.fixture
def jwks(tmp_path: Path) -> Path:
    """Return a file with the demo's published keys."""
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps(key_set()))
    return path


def test_a_good_assertion_passes_every_check(wardgate: Any, jwks: Path) -> None:
    """Each check is shown in the server's order; the key is not needed for the first part."""
    answer = wardgate("doctor", "assertion", "--jwks", jwks, "--now", NOW_TEXT, stdin=assertion())
    assert answer.code == 0
    codes = [line.split()[1].rstrip(":") for line in answer.out.splitlines() if line.startswith("ok")]
    assert codes[:4] == ["assertion-missing", "assertion-malformed", "assertion-alg", "assertion-expired"]
    assert codes.index("assertion-kid-unknown") < codes.index("assertion-signature") < codes.index("assertion-aud")
    assert wardgate("doctor", "assertion", "--now", NOW_TEXT, stdin=assertion()).code == 0


@pytest.mark.parametrize(("text", "arguments", "code"), [
    ("", [], "assertion-missing"),
    ("a.b", [], "assertion-malformed"),
    (assertion("strict-ps256", "PS256"), [], "assertion-alg"),
    (assertion(), ["--now", "2026-03-01T12:03:00Z"], "assertion-expired"),
    (assertion(lifetime_seconds=600), [], "assertion-exp-too-far"),
    (assertion("unpublished"), [], "assertion-kid-unknown"),
    (assertion()[:-8] + "AAAAAAAA", [], "assertion-signature"),
    (assertion(audience="https://int.api.service.nhs.uk/oauth2/token"), [], "assertion-aud"),
], ids=["empty", "malformed", "algorithm", "expired", "too far", "unknown kid", "signature", "audience"])
def test_the_first_check_that_fails_is_told(wardgate: Any, jwks: Path, text: str, arguments: list[str], code: str) -> None:
    """Expected, received and advice of the failing check are printed; the exit code is 1."""
    now = [] if "--now" in arguments else ["--now", NOW_TEXT]
    answer = wardgate("doctor", "assertion", "--jwks", jwks, *now, *arguments, "-o", "json", stdin=text)
    assert answer.code == 1
    last = answer.data["checks"][-1]
    assert (last["code"], last["outcome"]) == (code, "failed")
    assert last["expected"]
    assert last["received"]
    assert last["advice"]
    assert all(check["outcome"] == "passed" for check in answer.data["checks"][:-1])


def test_audiences_may_be_named(wardgate: Any, jwks: Path) -> None:
    """The token URLs of another environment are given with --audience or --base-url."""
    there = "https://int.api.service.nhs.uk/oauth2/token"
    for arguments in (["--audience", there], ["--base-url", "https://int.api.service.nhs.uk"]):
        assert wardgate("doctor", "assertion", "--jwks", jwks, "--now", NOW_TEXT, *arguments, stdin=assertion(audience=there)).code == 0


def test_the_strict_profile_has_other_rules(wardgate: Any, tmp_path: Path) -> None:
    """RS512 is refused there, and PS256 with the issuer as audience passes."""
    path = tmp_path / "strict.json"
    path.write_text(json.dumps(key_set(["strict-ps256"])))
    base = ["doctor", "assertion", "--profile", "strict", "--jwks", path, "--now", NOW_TEXT, "-o", "json"]
    assert wardgate(*base, stdin=assertion()).data["checks"][-1]["code"] == "assertion-alg-strict"
    assert wardgate(*base, stdin=assertion("strict-ps256", "PS256", "https://localhost:8443/oauth2")).code == 0


def test_an_assertion_of_a_megabyte_is_refused(wardgate: Any) -> None:
    """Input is bounded."""
    answer = wardgate("doctor", "assertion", "--now", NOW_TEXT, stdin="a" * 1_000_001)
    assert answer.code == 2
    assert "more than 1000000 bytes" in answer.err


def test_key_sets_are_checked_key_by_key(wardgate: Any, jwks: Path) -> None:
    """A good set passes; a set with a private member fails, and the member is not repeated."""
    assert wardgate("doctor", "jwks", jwks).code == 0
    bad = key_set()
    bad["keys"][0]["d"] = "c2VjcmV0"
    answer = wardgate("doctor", "jwks", "-", stdin=json.dumps(bad))
    assert answer.code == 1
    assert "the private members d" in answer.out
    assert "c2VjcmV0" not in answer.out


def test_key_sets_are_fetched_under_the_servers_limits(wardgate: Any) -> None:
    """An address that the server would not ask is not asked; one that does not answer is told."""
    refused = wardgate("doctor", "jwks", "--url", "https://127.0.0.1:9/jwks.json", "-o", "json")
    assert refused.code == 1
    assert refused.data["checks"][0]["code"] == "jwks-unreachable"
    down = wardgate("doctor", "jwks", "--url", "http://127.0.0.1:9/jwks.json", "--allow-loopback")
    assert down.code == 1
    assert "expected    an answer" in down.out
