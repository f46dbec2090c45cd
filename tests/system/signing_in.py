"""A person at a browser, and the application they use: sign-in through Wardgate and the stand-ins, tokens, calls. Nodes may change at every step."""

import json
import re
from dataclasses import dataclass, field
from html import unescape
from typing import Any, Self

import httpx2

from wardgate.jose import base64url

APPLICATION = {"client_id": "demo-app-key-not-a-secret", "client_secret": "demo-app-client-secret"}
BASE = "/oauth2-mock"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ID_TOKEN = "urn:ietf:params:oauth:token-type:id_token"
REALM = "/realms/Cis2-mock-internal-dev/protocol/openid-connect"
WORKER, PATIENT = "656005750104", "9912003071"


def claims(token: str) -> dict[str, Any]:
    """Return what an access token says, unverified."""
    found: dict[str, Any] = json.loads(base64url.decode(token.split(".")[1].encode()))
    return found


@dataclass
class Person:
    """One browser, with its cookies: they know no ports, so they are good at every node on this host."""

    callback: str
    http: httpx2.Client
    username: str = WORKER
    scope: str = "nhs-cis2"
    answers: list[httpx2.Response] = field(default_factory=list)

    @classmethod
    def at(cls, node: Any, username: str = WORKER, scope: str = "nhs-cis2", callback: str = "") -> Self:
        """Return a person whose browser trusts a node's certificate authority, which all nodes of a store share."""
        return cls(callback or f"http://127.0.0.1:{node.demo_port}/callback", node.client(), username, scope)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def code(self, node: Any, base: str = BASE, **parameters: str) -> str:
        """Sign in at a node, by the provider's page when it asks, and return the code."""
        asked = {"client_id": APPLICATION["client_id"], "redirect_uri": self.callback, "response_type": "code", "state": "1", "scope": self.scope}
        answer = self.http.get(f"{node.url}{base}/authorize", params=asked | parameters)
        while not answer.headers.get("location", "").startswith(self.callback):
            if answer.is_redirect:
                answer = self.http.get(answer.headers["location"])
                continue
            form = re.search(r'<form id="kc-form-login" action="([^"]*)"', answer.text)
            assert form is not None, f"{answer.status_code} {answer.text[:500]}"
            answer = self.http.post(unescape(form[1]), data={"username": self.username})
        found = httpx2.URL(answer.headers["location"]).params
        assert "code" in found, str(found)
        return str(found["code"])

    def redeem(self, node: Any, code: str, base: str = BASE) -> httpx2.Response:
        """Redeem a code at a node."""
        return self.http.post(f"{node.url}{base}/token", data=APPLICATION | {
            "grant_type": "authorization_code", "code": code, "redirect_uri": self.callback})

    def refresh(self, node: Any, token: str, base: str = BASE) -> httpx2.Response:
        """Refresh at a node."""
        return self.http.post(f"{node.url}{base}/token", data=APPLICATION | {"grant_type": "refresh_token", "refresh_token": token})

    def tokens(self, node: Any, base: str = BASE) -> dict[str, Any]:
        """Sign in at a node and redeem there."""
        answer = self.redeem(node, self.code(node, base), base)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def call(self, node: Any, token: str, route: str = "/user-demo/echo/worker") -> httpx2.Response:
        """Call a route of a node's Envoy."""
        return self.http.get(node.url + route, headers={"authorization": f"Bearer {token}"})

    def sign_out(self, node: Any) -> None:
        """Sign out at the mock realm, as a person does who presses its button."""
        page = self.http.get(f"{node.url}{REALM}/logout")
        csrf = re.search(r'name="csrf" value="([^"]*)"', page.text)
        assert csrf is not None, page.text[:500]
        assert "You are signed out" in self.http.post(f"{node.url}{REALM}/logout", data={"csrf": csrf[1], "choice": "sign-out"}).text

    def id_token(self, node: Any) -> str:
        """Sign in as an application that does so itself, and return the ID token."""
        party = {"client_id": "test-client-cis2", "redirect_uri": self.callback}
        back = self.http.get(f"{node.url}{REALM}/auth", params=party | {"response_type": "code", "scope": "openid", "state": "s"})
        form = re.search(r'<form id="kc-form-login" action="([^"]*)"', back.text)
        if form is not None:
            back = self.http.post(unescape(form[1]), data={"username": self.username})
        code = httpx2.URL(back.headers["location"]).params["code"]
        answer = self.http.post(f"{node.url}{REALM}/token", data=party | {
            "grant_type": "authorization_code", "code": code, "client_secret": "test-client-cis2-not-a-secret"})
        return str(answer.json()["id_token"])

    def exchange(self, node: Any, id_token: str, base: str = BASE) -> httpx2.Response:
        """Exchange an ID token at a node."""
        assertion = node.assertion(aud=f"{node.url}{base}/token")
        return self.http.post(f"{node.url}{base}/token", data=node.form(
            client_assertion=assertion, grant_type=EXCHANGE, subject_token=id_token, subject_token_type=ID_TOKEN))


def refused(answer: httpx2.Response) -> tuple[int, str]:
    """Return status and description of a refusal of the token endpoint."""
    return answer.status_code, str(answer.json()["error_description"])
