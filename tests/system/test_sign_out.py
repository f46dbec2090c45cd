"""Signing out at a provider ends what came of the sign-in: at the provider, at the token endpoint and at the gateway."""

import re
from html import unescape
from typing import Any

import httpx2

APPLICATION = {"client_id": "demo-app-key-not-a-secret", "client_secret": "demo-app-client-secret"}


def _signed_in(wardgate: Any, browser: httpx2.Client, callback: str) -> Any:
    asked = {"client_id": APPLICATION["client_id"], "redirect_uri": callback, "response_type": "code", "scope": "nhs-cis2", "state": "1"}
    page = browser.get(f"{wardgate.url}/oauth2-mock/authorize", params=asked, follow_redirects=True)
    action = re.search(r'<form id="kc-form-login" action="([^"]*)"', page.text)
    assert action is not None
    answer = browser.post(unescape(action[1]), data={"username": "656005750104"})
    while not answer.headers["location"].startswith(callback):
        answer = browser.get(answer.headers["location"])
    code = httpx2.URL(answer.headers["location"]).params["code"]
    return browser.post(f"{wardgate.url}/oauth2-mock/token", data=APPLICATION | {
        "grant_type": "authorization_code", "code": code, "redirect_uri": callback}).json()


def test_a_sign_out_reaches_the_gateway(wardgate: Any, until: Any) -> None:
    """Within a second or two: the access token is refused by Envoy, the refresh token by the token endpoint (18, line 13)."""
    callback = f"http://127.0.0.1:{wardgate.demo_port}/callback"
    with wardgate.client() as browser:
        found = _signed_in(wardgate, browser, callback)
        call = lambda: browser.get(  # noqa: E731 - asked twice, here only
            f"{wardgate.url}/user-demo/echo/worker", headers={"authorization": f"Bearer {found['access_token']}"})
        assert call().json()["headers"]["nhsd-identity-uuid"] == "656005750104"
        logout = f"{wardgate.url}/realms/Cis2-mock-internal-dev/protocol/openid-connect/logout"
        page = browser.get(logout)
        csrf = re.search(r'name="csrf" value="([^"]*)"', page.text)
        assert csrf is not None
        assert "You are signed out" in browser.post(logout, data={"csrf": csrf[1], "choice": "sign-out"}).text
        refused = until(lambda: answer if (answer := call()).status_code == 401 else None, what="the end of the access token")
        assert refused.json()["fault"]["faultstring"] == "Access Token not approved"
        answer = browser.post(f"{wardgate.url}/oauth2-mock/token", data=APPLICATION | {
            "grant_type": "refresh_token", "refresh_token": found["refresh_token"]})
        assert (answer.status_code, answer.json()["error_description"]) == (401, "refresh_token is invalid")
