"""A small web application that signs people in: the combined pattern through our authorisation server, and the separate one itself.

It is an ordinary server of its own on a loopback port. A visit is bound to the browser by a cookie with the state, as RFC 6749
section 10.12 asks of clients. Its tokens never reach the browser; a test reads them from `visits`.
"""

import contextlib
import http.server
import secrets
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from http.cookies import SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import yaml

NAME: Final = "browser-app"
CLIENT_ID: Final = f"{NAME}-key-not-a-secret"
SECRET: Final = f"{NAME}-client-secret-not-a-secret"
CIS2: Final = "/standins/nhs-cis2/openam/oauth2/realms/root/realms/NHSIdentity/realms/Healthcare"
LOGIN: Final = "/standins/nhs-login"
EXCHANGE: Final = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token_type": "urn:ietf:params:oauth:token-type:id_token",
    "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
}


@dataclass(frozen=True)
class Flow:
    """One way for the application to sign somebody in, the provider's kind first."""

    kind: str
    base: str
    """The authorisation server's path."""
    provider: str | None = None
    """Of the separate pattern: the provider's path."""
    scope: str = ""


FLOWS: Final[Mapping[str, Flow]] = {
    "cis2-combined": Flow("cis2", "/oauth2", scope="nhs-cis2"),
    "cis2-combined-mock": Flow("cis2", "/oauth2-mock", scope="nhs-cis2"),
    "cis2-separate": Flow("cis2", "/oauth2", CIS2, "openid profile nationalrbacaccess selectedrole"),
    "login-combined": Flow("login", "/oauth2", scope="nhs-login"),
    "login-separate": Flow("login", "/oauth2", LOGIN, "openid profile email phone"),
}
ENDPOINTS: Final = {"cis2": ("/authorize", "/access_token"), "login": ("/authorize", "/token")}


@dataclass
class Visit:
    """One sign-in, and what came of it."""

    flow: Flow
    tokens: dict[str, Any] = field(default_factory=dict)
    """What the authorisation server gave."""
    id_token: str | None = None
    """Of the separate pattern: what the provider gave."""
    error: tuple[str, str] | None = None


class ClientApplication:
    """The application. `url` is where it is; `address` is where a person begins to sign in."""

    def __init__(self, wardgate: Any) -> None:
        self.wardgate = wardgate
        self.visits: dict[str, Visit] = {}
        self.url = ""
        self.http = wardgate.client()

    def address(self, flow: str, **parameters: str) -> str:
        """Return the address at which a sign-in begins; parameters are added to the authorization request."""
        return f"{self.url}/sign-in/{flow}?{urlencode(parameters)}"

    def visit(self, url: str) -> Visit:
        """Return the visit that ended at an address of ours."""
        return self.visits[parse_qs(urlsplit(url).query)["state"][0]]

    def register(self) -> None:
        """Become an application of the gateway and a client of both providers."""
        exported = self.wardgate.cli("manifest", "export")
        assert exported.code == 0, exported.err
        manifest = yaml.safe_load(exported.out)
        model = next(one for one in manifest["applications"] if one["name"] == "demo-app")
        manifest["applications"].append({
            "name": NAME, "organisation": model["organisation"], "products": ["user-demo"], "jwks_url": model["jwks_url"],
            "callback_urls": [f"{self.url}/callback"], "api_keys": [{"key": CLIENT_ID, "secret": SECRET}],
        })
        for kind, provider in (("nhs-cis2", "cis2"), ("nhs-login", "login")):
            more = {"post_logout_redirect_uris": [f"{self.url}/signed-out"]} if provider == "cis2" else {}
            manifest["relying_parties"].append({
                "client_id": f"{NAME}-{provider}", "kind": kind, "name": "Browser test application", "client_secret": SECRET,
                "redirect_uris": [f"{self.url}/callback"], **more,
            })
        plain = f"localhost:{self.wardgate.http_port}", f"127.0.0.1:{self.wardgate.http_port}"
        manifest["environment"]["public_urls"] = [self.wardgate.url, *(f"http://{one}" for one in plain)]
        path = self.wardgate.data.parent / "browser-manifest.yaml"
        path.write_text(yaml.safe_dump(manifest))
        applied = self.wardgate.cli("manifest", "apply", path, "--yes", "--wait", "30")
        assert applied.code == 0, applied.out + applied.err

    # --- what the application does when a browser comes

    def begin(self, name: str, added: Mapping[str, str]) -> tuple[str, str]:
        """Return where to send the browser, and the state to tie it to."""
        flow, state = FLOWS[name], secrets.token_urlsafe(16)
        self.visits[state] = Visit(flow)
        base = f"{flow.base}/authorize" if flow.provider is None else flow.provider + ENDPOINTS[flow.kind][0]
        return f"{self.wardgate.url}{base}?{self.request(name, state=state, **added)}", state

    def request(self, name: str, **added: str) -> str:
        """Return the parameters of an authorization request."""
        flow = FLOWS[name]
        client = {"client_id": CLIENT_ID} if flow.provider is None else {"client_id": f"{NAME}-{flow.kind}", "nonce": secrets.token_urlsafe(16)}
        asked = {"response_type": "code", "redirect_uri": f"{self.url}/callback", "state": "s-1", "scope": flow.scope}
        return urlencode(asked | client | added)

    def finish(self, query: Mapping[str, str], cookie: str | None) -> str:
        """Take the answer, redeem the code, and return what the person is told."""
        state = query.get("state", "")
        visit = self.visits.get(state)
        if visit is None or cookie != state:
            return "This sign-in was not begun in this browser"
        if "error" in query:
            visit.error = query["error"], query.get("error_description", "")
            return "You are not signed in"
        if visit.flow.provider is None:
            form = {"grant_type": "authorization_code", "client_id": CLIENT_ID, "client_secret": SECRET}
            visit.tokens = self._redeem(f"{visit.flow.base}/token", form | {"code": query["code"]})
        else:
            form = {"grant_type": "authorization_code", "client_id": f"{NAME}-{visit.flow.kind}", "client_secret": SECRET}
            found = self._redeem(visit.flow.provider + ENDPOINTS[visit.flow.kind][1], form | {"code": query["code"]})
            visit.id_token = found["id_token"]
            visit.tokens = self._exchange(found["id_token"])
        return "You are signed in"

    def _redeem(self, path: str, form: Mapping[str, str]) -> dict[str, Any]:
        answer = self.http.post(path, data={**form, "redirect_uri": f"{self.url}/callback"})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def _exchange(self, id_token: str) -> dict[str, Any]:
        answer = self.http.post("/oauth2/token", data={
            **EXCHANGE, "subject_token": id_token, "client_assertion": self.wardgate.assertion(NAME)})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def call(self, visit: Visit, path: str, **headers: str) -> httpx2.Response:
        """Call a route of the gateway as the person of a visit."""
        return self.http.get(path, headers={"authorization": f"Bearer {visit.tokens['access_token']}"} | headers)


class _Handler(http.server.BaseHTTPRequestHandler):
    """GET only; one answer for each of the three addresses."""

    application: ClientApplication

    def do_GET(self) -> None:
        """Answer."""
        address = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(address.query).items()}
        if address.path.startswith("/sign-in/"):
            location, state = self.application.begin(address.path.rpartition("/")[2], query)
            self._answer(302, "", ("Location", location), ("Set-Cookie", f"visit={state}; Path=/; HttpOnly; SameSite=Lax"))
        elif address.path == "/callback":
            cookie = SimpleCookie(self.headers.get("Cookie", "")).get("visit")
            self._answer(200, self.application.finish(query, cookie.value if cookie is not None else None))
        elif address.path == "/signed-out":
            self._answer(200, "You are back from signing out")
        else:
            self._answer(404, "There is nothing here")

    def _answer(self, status: int, words: str, *headers: tuple[str, str]) -> None:
        page = f'<!DOCTYPE html><html lang="en"><link rel="icon" href="data:,"><title>{escape(words)}</title><h1>{escape(words)}</h1>'
        body = page.encode()
        self.send_response(status)
        for name, value in (("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body))), *headers):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def serving(handler: type[http.server.BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve on a free loopback port; yield the address."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextlib.contextmanager
def running(wardgate: Any) -> Iterator[ClientApplication]:
    """Serve the application, known to Wardgate; its visits are kept until the end."""
    application = ClientApplication(wardgate)
    handler = type("Handler", (_Handler,), {"application": application})
    with serving(handler) as url:
        application.url = url
        application.register()
        yield application
    application.http.close()
