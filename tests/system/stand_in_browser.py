"""A browser and a client of the stand-in providers, over the wire."""

import re
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from wardgate.oauth.users import ProviderKind
from wardgate.standins.surfaces import Endpoint, Surface, surface_of

CALLBACK = "https://example.org/callback"
MOCK_CIS2, MOCK_LOGIN = (surface_of(kind, "internal-dev") for kind in (ProviderKind.CIS2, ProviderKind.NHS_LOGIN))
CIS2, LOGIN = (surface_of(kind, None) for kind in (ProviderKind.CIS2, ProviderKind.NHS_LOGIN))
CLIENTS = {ProviderKind.CIS2: "test-client-cis2", ProviderKind.NHS_LOGIN: "test-client-nhs-login"}
Parameters = dict[str, Any]


def changed(good: Parameters, changes: Parameters) -> Parameters:
    """Return parameters with changes; None leaves one out."""
    return {name: value for name, value in (good | changes).items() if value is not None}


class Visitor:
    """Cookies, forms, no following of redirects. `apply` puts changes into the manifest of its Wardgate."""

    def __init__(self, wardgate: Any, apply: Any) -> None:
        self.wardgate, self.apply = wardgate, apply
        self.http = wardgate.client()

    def url(self, surface: Surface, endpoint: Endpoint) -> str:
        """Return an endpoint's address."""
        return surface.url(self.wardgate.url, endpoint)

    def begin(self, surface: Surface, **changes: Any) -> httpx2.Response:
        """Send a good authorization request, changed."""
        good = {"response_type": "code", "client_id": CLIENTS[surface.kind], "redirect_uri": CALLBACK, "scope": "openid profile",
                "state": "state-1", "nonce": "nonce-1"}
        return self.http.get(self.url(surface, Endpoint.AUTHORIZE), params=changed(good, changes))

    def submit(self, page: httpx2.Response, which: str = 'id="kc-form-login"', /, **fields: str) -> httpx2.Response:
        """Send the form that `which` is part of, with its hidden fields and these."""
        form = next(form for form in re.findall(r"<form\b.*?</form>", page.text, re.DOTALL) if which in form)
        hidden = {name: unescape(value) for name, value in re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)}
        action = re.search(r'action="([^"]*)"', form)
        assert action is not None
        return self.http.post(unescape(action[1]), data=hidden | fields)

    def sign_in(self, surface: Surface, username: str, **changes: Any) -> httpx2.Response:
        """Begin, and choose a person; at NHS login itself, let the person agree."""
        page = self.begin(surface, **changes)
        if page.status_code == 302:  # signed in already
            return page
        if surface is LOGIN:
            return self.submit(page, 'value="pretend"', username=username, consent="given")
        return self.submit(page, username=username)

    def redeem(self, surface: Surface, code: str | None, **changes: Any) -> httpx2.Response:
        """Redeem a code."""
        client_id = CLIENTS[surface.kind]
        good = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "client_id": client_id,
                "client_secret": f"{client_id}-not-a-secret"}
        return self.http.post(self.url(surface, Endpoint.TOKEN), data=changed(good, changes))

    def tokens(self, surface: Surface, username: str, **changes: Any) -> Parameters:
        """Sign in and redeem the code."""
        answer = self.redeem(surface, told(self.sign_in(surface, username, **changes))["code"])
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def refresh(self, surface: Surface, token: str | None, **changes: Any) -> httpx2.Response:
        """Refresh."""
        return self.redeem(surface, None, **{"grant_type": "refresh_token", "refresh_token": token, "redirect_uri": None, **changes})

    def userinfo(self, surface: Surface, token: str | None, method: str = "GET", **more: Any) -> httpx2.Response:
        """Ask for details."""
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        return self.http.request(method, self.url(surface, Endpoint.USERINFO), headers=headers, **more)

    def sign_out(self, **parameters: str) -> httpx2.Response:
        """Ask the mock realm to end the session."""
        return self.http.get(self.url(MOCK_CIS2, Endpoint.LOGOUT), params=parameters)


def told(answer: httpx2.Response) -> dict[str, str]:
    """Return what a browser is sent back with."""
    assert answer.status_code == 302, answer.text[:2000]
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query, keep_blank_values=True).items()}
