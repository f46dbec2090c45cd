"""The platform's own test tool signs people in, unchanged but for its base URLs."""

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
from pytest_nhsd_apim.identity_service import (
    AuthorizationCodeAuthenticator, AuthorizationCodeConfig, KeycloakUserAuthenticator, KeycloakUserConfig,
    TokenExchangeAuthenticator, TokenExchangeConfig,
)

given = json.load(sys.stdin)
base, login = given["base"], {"username": given["username"]}

class HereConfig(KeycloakUserConfig):
    @property
    def keycloak_url(self):
        return f"{base}/realms/{self.realm}/protocol/openid-connect"

if given["pattern"] == "separate":
    found = requests.get(f"{base}/mock-jwks/keycloak-client-credentials", headers={"apikey": "x"}, timeout=20).json()[given["provider"]]
    realm = {"cis2": "Cis2-mock-", "nhs-login": "NHS-Login-mock-"}[given["provider"]] + given["environment"]
    tokens = KeycloakUserAuthenticator(HereConfig(realm=realm, redirect_uri=given["callback"], login_form=login, **found)).get_token()
    token = TokenExchangeAuthenticator(TokenExchangeConfig(
        environment="internal-dev", identity_service_base_url=base + "/oauth2-mock", client_id="demo-app-key-not-a-secret",
        jwt_private_key=given["private_key"], jwt_kid="demo-1", id_token=tokens["id_token"])).get_token()
else:
    token = AuthorizationCodeAuthenticator(AuthorizationCodeConfig(
        environment="internal-dev", identity_service_base_url=base + "/oauth2-mock", callback_url=given["callback"],
        client_id="demo-app-key-not-a-secret", client_secret="demo-app-client-secret", scope=given["scope"], login_form=login)).get_token()
calls = {path: requests.get(base + path, headers={"Authorization": "Bearer " + token["access_token"]}, timeout=20).status_code for path in given["paths"]}
json.dump({"token": {name: value for name, value in token.items() if not name.endswith("_token")}, "calls": calls}, sys.stdout)
"""
ROUTES = [f"/user-demo/test-auth/{route}" for route in (
    "nhs-cis2/aal1", "nhs-cis2/aal2", "nhs-cis2/aal3", "nhs-login/P0", "nhs-login/P5", "nhs-login/P9", "app/level3")]
PEOPLE = [
    ("cis2", "656005750104", "nhs-cis2/aal3", "43199"), ("cis2", "656005750109", "nhs-cis2/aal2", "43199"),
    ("cis2", "656005750110", "nhs-cis2/aal1", "43199"), ("nhs-login", "9912003071", "nhs-login/P9", "3599"),
    ("nhs-login", "9912003072", "nhs-login/P5", "3599"), ("nhs-login", "9912003073", "nhs-login/P0", "3599"),
]


def _run(wardgate: Any, **given: Any) -> Any:
    """Run the tool in a process of its own: it brings libraries whose deprecations are not our errors."""
    given |= {"base": wardgate.url, "private_key": private_pem("demo-1"), "paths": ROUTES,
              "callback": f"http://127.0.0.1:{wardgate.demo_port}/callback"}
    environ = {**os.environ, "REQUESTS_CA_BUNDLE": str(wardgate.ca)}
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", SCRIPT], input=json.dumps(given), capture_output=True, text=True,
                          env=environ, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _only(route: str) -> dict[str, int]:
    return {path: 200 if path.endswith(route) else 403 for path in ROUTES}


@pytest.mark.parametrize(("provider", "username", "route", "refresh"), PEOPLE)
def test_separate(wardgate: Any, provider: str, username: str, route: str, refresh: str) -> None:
    """`KeycloakUserAuthenticator`, then `TokenExchangeAuthenticator`: a token that opens exactly its own level's route."""
    found = _run(wardgate, pattern="separate", provider=provider, username=username, environment="internal-dev")
    assert found["token"] == {"expires_in": "599", "token_type": "Bearer", "refresh_token_expires_in": refresh, "refresh_count": "0",
                              "issued_token_type": "urn:ietf:params:oauth:token-type:access_token"}
    assert found["calls"] == _only(route)


@pytest.mark.parametrize("environment", ["internal-dev-sandbox", "internal-qa", "internal-qa-sandbox", "ref", "dev", "sandbox", "int"])
def test_every_mock_realm(wardgate: Any, environment: str) -> None:
    """Whatever our own environment is called (spec README rule 31)."""
    found = _run(wardgate, pattern="separate", provider="cis2", username="656005750104", environment=environment)
    assert found["calls"] == _only("nhs-cis2/aal3")


@pytest.mark.parametrize(("provider", "username", "route", "refresh"), PEOPLE)
def test_combined(wardgate: Any, provider: str, username: str, route: str, refresh: str) -> None:
    """`AuthorizationCodeAuthenticator`: through our authorization endpoint to the stand-in and back."""
    scope = {"cis2": "nhs-cis2", "nhs-login": "nhs-login"}[provider]
    found = _run(wardgate, pattern="combined", scope=scope, username=username)
    left = found["token"].pop("refresh_token_expires_in")
    assert 0 <= int(refresh) - int(left) <= 30, "a busy machine may take seconds from the sign-in to here"
    assert found["token"] == {"expires_in": "599", "token_type": "Bearer", "refresh_count": "0"}
    assert found["calls"] == _only(route)
