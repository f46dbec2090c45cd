"""A whole Wardgate as a place where users sign in: the demo world, with foreign sign-in providers in place of the stand-ins."""

import contextlib
import http.client
import json
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from user_rows.place import BASE, CALLBACK, NOBODY_LISTENS, STANDINGS, TWIN, Answer, Place
from wardgate.demo import source

AGED = {"login_states": ("until",), "authorization_codes": ("until",), "grants": ("started", "until"), "refresh_tokens": ("until",)}
USER_PRODUCTS = ["hello-world", "hello-world-user", "user-demo"]
CHANGES: Mapping[str, Mapping[str, Any]] = {
    "two callbacks": {"callback_urls": [CALLBACK, CALLBACK + "/2"]}, "no callback": {"callback_urls": []},
    "no key set": {"jwks_url": None}, "unreachable key set": {"jwks_url": NOBODY_LISTENS + "/jwks.json"},
    "application scopes only": {"products": ["hello-world"]}, "strongest only": {"products": ["user-demo-strongest"]},
    "not approved": {"status": "revoked"}, "no product": {"products": []}, "developer inactive": {"developer_active": False},
    "company inactive": {"organisation": "Z9X09"}, "known there": {"provider_client_ids": ["known-there"]}, "loses": {"products": ["hello-world", "hello-world-user"]},
}
KEY_CHANGES: Mapping[str, Mapping[str, Any]] = {
    "key revoked": {"status": "revoked"}, "key expired": {"expires": "2024-01-01T00:00:00Z"}, "no secret": {"secret": None},
    "strict": {"secret": None}, "strict over http": {"secret": None},
}


def application(standing: str) -> str:
    """Return the name of the application of a standing."""
    return "demo-app" if standing == "good" else f"rows-{standing.replace(' ', '-')}-app"


def manifest(wardgate: Any, cis2: str, nhs_login: str) -> dict[str, Any]:
    """Return the demo's manifest with an application of every standing, and with foreign providers."""
    found: dict[str, Any] = yaml.safe_load(source(f"http://127.0.0.1:{wardgate.demo_port}").content)
    strict = next(one for one in found["applications"] if one["name"] == "strict-app")
    for standing in STANDINGS[1:]:
        name = application(standing)
        key = {"key": f"{name}-key-not-a-secret", "secret": f"{name}-client-secret", **KEY_CHANGES.get(standing, {})}
        made = {"name": name, "organisation": "Z9X01", "products": USER_PRODUCTS, "callback_urls": [CALLBACK],
                "jwks_url": f"http://127.0.0.1:{wardgate.demo_port}/jwks.json", "api_keys": [{k: v for k, v in key.items() if v is not None}],
                **({"profile": "strict", "jwks": strict["jwks"], "jwks_url": None} if standing.startswith("strict") else {}),
                **CHANGES.get(standing, {})}
        found["applications"].append({k: v for k, v in made.items() if v is not None})
    secret = {"client_secret": "the-secret-of-wardgate"}
    found["identity_providers"] = [
        {"name": "foreign-cis2", "kind": "nhs-cis2", "base_path": BASE, "issuer": cis2, **secret},
        {"name": "foreign-login", "kind": "nhs-login", "base_path": BASE, "issuer": nhs_login, **secret},
        {"name": "down-cis2", "kind": "nhs-cis2", "base_path": TWIN, "issuer": NOBODY_LISTENS, **secret},
        {"name": "down-login", "kind": "nhs-login", "base_path": TWIN, "issuer": NOBODY_LISTENS + "/login", **secret},
    ]
    return found


@dataclass(kw_only=True)
class WholeWardgate(Place):
    """A running Wardgate. `assert_of` makes a client assertion; what passes through is kept in `seen`, to look for it in logs."""

    wardgate: Any
    assert_of: Callable[..., str]
    manifest: dict[str, Any]
    directory: Path
    changed: bool = False
    seen: set[str] = field(default_factory=set)

    # --- asking

    def ask(self, target: str, method: str, headers: Mapping[str, str], body: bytes = b"") -> Answer:
        """Send one request on a connection of its own, to the letter."""
        connection = http.client.HTTPSConnection("localhost", self.wardgate.port, timeout=30, context=self.wardgate.trust())
        with contextlib.closing(connection):
            connection.putrequest(method, target, skip_accept_encoding=True)
            for name, value in {"X-Request-ID": str(uuid.uuid4()), **headers}.items():
                connection.putheader(name, value)
            if body or method in {"POST", "PUT"}:
                connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            answer = connection.getresponse()
            content, found = answer.read(), answer.headers
        jar: SimpleCookie = SimpleCookie()
        for line in found.get_all("set-cookie", []):
            jar.load(line)
        cookies = {name: morsel.value for name, morsel in jar.items()}
        self._remember(target, headers, body, cookies, content, found.get("location", ""))
        return Answer(answer.status, {name.lower(): value for name, value in found.items()}, content, cookies)

    def _remember(self, target: str, headers: Mapping[str, str], body: bytes, cookies: Mapping[str, str], content: bytes, location: str) -> None:
        """Keep every value that is long enough to be a secret, a token, a state or a code."""
        from urllib.parse import parse_qsl  # noqa: PLC0415 - here only

        given = [value for text in (urlsplit(target).query, body.decode("latin-1"), urlsplit(location).query) for name, value in parse_qsl(text)
                 if name in {"code", "state", "client_secret", "client_assertion", "subject_token", "refresh_token", "logout_token", "code_verifier",
                             "request_uri", "client_id"}]
        given += [*cookies.values(), headers.get("authorization", "").removeprefix("Bearer ")]
        with contextlib.suppress(ValueError):
            told = json.loads(content)
            given += [str(told[name]) for name in ("access_token", "refresh_token", "request_uri") if isinstance(told, dict) and name in told]
        self.seen |= {value for value in given if len(value) >= 16 and not set(value) <= set("x")}

    # --- what a place must know

    def identifier(self, standing: str = "good") -> str:
        """Return the API key of an application of this standing."""
        return f"{application(standing)}-key-not-a-secret"

    def secret(self, standing: str = "good") -> str:
        """Return its client secret."""
        return f"{application(standing)}-client-secret"

    def assertion(self, header: Mapping[str, Any] | None = None, *, standing: str = "good", base: str = BASE, **claims: Any) -> str:
        """Return a new signed assertion; None leaves a header member or claim out."""
        sign_with = "strict-es256" if self.is_strict(standing) else "demo-1"
        return self.assert_of(application(standing), self.token_url(base), sign_with=sign_with, header=header, **claims)

    def token_url(self, base: str = BASE) -> str:
        """Return the token endpoint's URL."""
        return f"{self.wardgate.url}{base}/token"

    def seconds(self) -> int:
        """Return the time."""
        return int(time.time())

    def age(self, seconds: int) -> None:
        """Move everything that is kept of sign-ins into the past."""
        with self._database() as database:
            for table, columns in AGED.items():
                moved = ", ".join(f"{column} = {column} - {seconds * 1_000_000}" for column in columns)
                database.execute(f"UPDATE {table} SET {moved}")

    def outlive(self, seconds: float) -> None:
        """Wait: an access token says itself when it is over."""
        time.sleep(seconds)

    def events_of(self, answer: Answer) -> list[dict[str, Any]]:
        """Return what `wardgate explain` tells of a request."""
        return list(self.wardgate.done("explain", answer.headers["x-request-id"])["events"])

    # --- changes

    def revoke(self, standing: str) -> None:
        """Revoke an application."""
        self._application(standing, status="revoked")

    def take_callback_back(self, standing: str) -> None:
        """Take an application's callback URLs away."""
        self._application(standing, callback_urls=[])

    def lose_scopes(self, standing: str) -> None:
        """Take an application's scopes of users away."""
        self._application(standing, products=["hello-world"])

    def limit_logout(self, network: str) -> None:
        """Say that logout tokens of CIS2 come from one network only."""
        self.apply({**self.manifest, "identity_providers": [
            {**one, "logout_networks": [network]} if one["kind"] == "nhs-cis2" else one for one in self.manifest["identity_providers"]]})

    def trust_keys_at(self, path: str) -> None:
        """Say that the keys of the twin's NHS login are at a path of the other one, which is not down."""
        stated = {"jwks_uri": self.nhs_login.issuer + path, **{name: f"{NOBODY_LISTENS}/{name}" for name in ("authorization_endpoint", "token_endpoint")}}
        self.apply({**self.manifest, "identity_providers": [
            one | stated if one["name"] == "down-login" else one for one in self.manifest["identity_providers"]]})

    def forget_provider(self) -> None:
        """Take NHS CIS2 out of the manifest."""
        self.apply({**self.manifest, "identity_providers": [one for one in self.manifest["identity_providers"] if one["name"] != "foreign-cis2"]})

    def _application(self, standing: str, **changes: Any) -> None:
        name = application(standing)
        self.apply({**self.manifest, "applications": [
            one | changes if one["name"] == name else one for one in self.manifest["applications"]]})

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Apply a manifest; the one of the beginning is applied again by `restore`."""
        path = self.directory / "manifest.yaml"
        path.write_text(yaml.safe_dump(dict(manifest)))
        self.wardgate.done("manifest", "apply", path, "--yes")
        self.changed = manifest is not self.manifest

    def restore(self) -> None:
        """Undo what a test has changed."""
        self.jar.clear()
        self.cis2.answers.clear()
        if self.changed:
            self.apply(self.manifest)

    @contextlib.contextmanager
    def store_that_cannot_end(self) -> Iterator[None]:
        """Keep the database from ending sign-ins, for a while."""
        refuse = "CREATE TRIGGER no_end BEFORE UPDATE OF ended ON grants BEGIN SELECT RAISE(ABORT, 'not now'); END"
        with self._database() as database:
            database.execute(refuse)
        try:
            yield
        finally:
            with self._database() as database:
                database.execute("DROP TRIGGER no_end")

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self.wardgate.data / "wardgate.db", timeout=20, isolation_level=None)) as database:
            database.execute("BEGIN IMMEDIATE")
            yield database
            database.execute("COMMIT")

    def written(self) -> dict[str, str]:
        """Return everything this Wardgate has written that people read, by where."""
        found = {path.name: path.read_text(errors="replace") for path in (self.wardgate.log, *(self.wardgate.data / "run").glob("*.log"))}
        with self._database() as database:
            found["record"] = "\n".join(body for (body,) in database.execute("SELECT body FROM audit"))
        return found
