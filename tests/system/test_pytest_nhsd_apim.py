"""The platform's own test tool, unchanged, with nothing but our base URL."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from wardgate.demo.keys import private_pem

SCRIPT = """
import json, sys
import requests
from pytest_nhsd_apim.identity_service import ClientCredentialsAuthenticator, ClientCredentialsConfig

given = json.load(sys.stdin)
config = ClientCredentialsConfig(environment="internal-dev", identity_service_base_url=given["base"], client_id=given["client_id"],
                                 jwt_private_key=given["private_key"], jwt_kid=given["kid"])
token = ClientCredentialsAuthenticator(config).get_token()
answer = requests.get(given["api"], headers={"Authorization": "Bearer " + token["access_token"]}, timeout=20)
json.dump({"token": token, "status": answer.status_code, "body": answer.json()}, sys.stdout)
"""


def _run(wardgate: Any, base: str, **changes: str) -> subprocess.CompletedProcess[str]:
    """Run the tool in a process of its own: it brings libraries whose deprecations are not our errors."""
    given = {"base": wardgate.url + base, "client_id": "demo-app-key-not-a-secret", "kid": "demo-1", "private_key": private_pem("demo-1"),
             "api": wardgate.url + "/hello-world/hello/application"} | changes
    environ = {**os.environ, "REQUESTS_CA_BUNDLE": str(wardgate.ca)}
    return subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], input=json.dumps(given), capture_output=True, text=True,
                          env=environ, timeout=60, check=False)


@pytest.mark.parametrize("base", ["/oauth2-mock", "/oauth2"])
def test_its_authenticator_gets_a_token_that_works(wardgate: Any, base: str) -> None:
    """`ClientCredentialsAuthenticator` of PyPI's pytest-nhsd-apim obtains a token, and the demo API takes it."""
    done = _run(wardgate, base)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found["token"]) == ["access_token", "expires_in", "issued_at", "token_type"]
    assert (found["status"], found["body"]) == (200, {"message": "Hello Application!"})


def test_it_is_refused_in_the_platforms_words(wardgate: Any) -> None:
    """The tool raises what came: status and body, as on the platform."""
    done = _run(wardgate, "/oauth2-mock", kid="nowhere")
    assert done.returncode == 1
    assert "RuntimeError: 401: " in done.stderr
    assert "Invalid 'kid' header in client_assertion JWT - no matching public key" in done.stderr
