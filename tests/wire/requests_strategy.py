"""Requests to be generated: what is asked, how it is spelled on the wire, and what the rule book is told of it."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from hypothesis import strategies as st

from wardgate.security_patterns.facts import CertificateStatus, Facts, Listener
from wire.cast import APIS, CLIENTS, FIRST_ROLE, GOOD_ID, KEYS, OTHER_ROLE, SECOND_ROLE, Cast, key_of

METHODS: Final = ("GET", "GET", "GET", "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD")


ROUTE_PATHS: Final = tuple(
    api["base_path"] + route["path"].replace("{id}", "9000000009").replace("/*", "/a/b.c") for api in APIS for route in api["routes"]
)
USER_PATHS: Final = tuple(
    api["base_path"] + route["path"] for api in APIS for route in api["routes"]
    if any(found["pattern"] == "user-restricted" for found in route.get("any_of", [route]))
)
BASE_PATHS: Final = tuple(api["base_path"] for api in APIS)
NEAR_PATHS: Final = (
    *(path + more for path in ROUTE_PATHS if not path.endswith("/") for more in ("/", "/more", "x")), *(path.upper() for path in ROUTE_PATHS),
    *(base + more for base in BASE_PATHS for more in ("", "/", "/nothing", "x")),
    "/", "/nothing", "/hello-world/jwt/", "/hello-world/jwt/special/", "/hello-world/jwt/a%20b", "/hello-world/jwt/specia",
    "/hello-world/files/", "/hello-world/files", "/hello-world/open%3Fx", "/fhir", "/fhir/R4/Patient/", "/fhir/R5/metadata",
)
"""Paths that are a route's but for a little, or the base path alone."""


def _decoded(path: str) -> str:
    """Spell the last letter of a path as an escape, which Envoy undoes."""
    return path[:-1] + f"%{ord(path[-1]):02X}" if path[-1].isalnum() and "%" not in path[-3:] else path


SPELLINGS: Final = {
    "plain": lambda path: path,
    "query": lambda path: path + "?apikey=x&access_token=y",
    "dot": lambda path: "/." + path,
    "dot-dot": lambda path: "/oauth2/.." + path,
    "slashes": lambda path: "/" + path.replace("/", "//", 2),
    "escaped-dots": lambda path: "/x/%2e%2E" + path,
    "escaped-letter": _decoded,
    "backslash": lambda path: "/" + path[1:].replace("/", "\\", 1),
    "absolute": lambda path: "http://somewhere.example" + path,
}
"""Ways to write one path that all mean the same after normalisation (RFC 3986 section 6.2.2)."""

AUTHORIZATIONS: Final = ("", "Bearer", "Bearer ", "Basic abc", "bearer {good}", "BEARER {good}", "Token {good}", "Foo {good}", "xBearer {good}",
                         "Basic abc, Bearer {good}", "Bearer  {good}", "Bearer {good}x", "Bearer {good} x", "Bearer {good},x", "{good}",
                         "Bearer\t{good}", "Caf\xe9 {good}", "Bearer caf\xe9", "Bearer a.b.c", "Bearer ..", 'Digest x="y"')
REQUEST_IDS: Final = (GOOD_ID, GOOD_ID.lower(), "bad", "", GOOD_ID + "x", "{" + GOOD_ID + "}", "caf\xe9", "x" * 200)
ROLES: Final = (FIRST_ROLE, SECOND_ROLE, OTHER_ROLE, "", "R8008", "1" * 16, f"{FIRST_ROLE} ", "caf\xe9")
KEY_VALUES: Final = (*(key.key for key in KEYS), key_of("new"), "", "unknown", key_of("alpha") + "x", key_of("alpha").upper(), f"{key_of('alpha')},x")


@dataclass(frozen=True)
class Ask:
    """One generated request: parts in the words of the test, so that a failing one reads well."""

    listener: str
    who: str | None
    how: str
    version: str
    method: str
    path: str
    spelling: str
    keys: tuple[str, ...]
    authorizations: tuple[str, ...]
    request_ids: tuple[str, ...]
    roles: tuple[str, ...] = ()

    def headers(self, cast: Cast) -> list[tuple[str, str]]:
        """Return the headers as they go on the wire. A token is named in braces or as `Bearer NAME`."""
        written = [("apikey", value) for value in self.keys] + [("X-Request-ID", value) for value in self.request_ids]
        written += [("NHSD-Session-URID", value) for value in self.roles]
        return written + [("Authorization", self._token(value, cast)) for value in self.authorizations]

    @staticmethod
    def _token(value: str, cast: Cast) -> str:
        if value.startswith("token:"):
            return f"Bearer {cast.tokens[value.removeprefix('token:')]}"
        return value.replace("{good}", cast.tokens["good"])

    def facts(self, cast: Cast) -> Facts:
        """Return what the rule book is told: names in lower case, values trimmed, repeated ones joined by commas.

        NOTE: of these two headers Envoy leaves empty repeats out.
        """
        found: dict[str, str] = {}
        for name, value in self.headers(cast):
            key, text = name.lower(), value.strip(" \t")
            if key in {"x-request-id", "authorization"} and not (text and found.get(key)):
                found[key] = found.get(key) or text
            else:
                found[key] = f"{found[key]},{text}" if key in found else text
        person = cast.people[self.who].presented if self.who and self.listener == "mtls" else None
        return Facts(Listener(self.listener), self.method, self.path, found, datetime.now(UTC), person)


def asks(cast: Cast, people: tuple[str | None, ...]) -> st.SearchStrategy[Ask]:
    """Return a strategy for requests; `people` may stand at the mutual-TLS port (None: without a certificate)."""
    return st.one_of(_any(cast, people), _any(cast, people), _by_users(cast, people))


def _by_users(cast: Cast, people: tuple[str | None, ...]) -> st.SearchStrategy[Ask]:
    """Calls of users to the routes that are for them: mostly one token and at most one role, so that these decide."""
    token = st.sampled_from([f"token:{name}" for name in cast.tokens if name.startswith(("worker", "patient", "delegated"))] + ["token:good"])
    role = st.one_of(st.just(()), st.sampled_from(ROLES).map(lambda value: (value,)))
    return st.builds(
        Ask,
        listener=st.sampled_from(("https", "https", "mtls", "http")),
        who=st.sampled_from([person for person in people if person]),
        how=st.sampled_from(("open", "open", "open", "resumed")),
        version=st.just("1.3"),
        method=st.sampled_from(("GET", "GET", "POST", "HEAD")),
        path=st.sampled_from(USER_PATHS),
        spelling=st.just("plain"),
        keys=st.one_of(st.just(()), st.just(()), st.just((key_of("alpha"),)), st.just(("unknown",))),
        authorizations=token.map(lambda value: (value,)),
        request_ids=st.just((GOOD_ID,)),
        roles=role,
    )


def _any(cast: Cast, people: tuple[str | None, ...]) -> st.SearchStrategy[Ask]:
    token = st.sampled_from([f"token:{name}" for name in cast.tokens if name != "stranger-issuer"])  # test_deny_lists has it
    authorization = st.one_of(token, token.map(str), st.sampled_from(AUTHORIZATIONS))
    key = st.one_of(st.sampled_from([key_of(found.name) for found in CLIENTS]), st.sampled_from(KEY_VALUES))
    return st.builds(
        Ask,
        listener=st.sampled_from(("https", "https", "mtls", "mtls", "http")),
        who=st.sampled_from(people),
        how=st.sampled_from(("open", "open", "open", "open", "new", "resumed")),
        version=st.sampled_from(("1.3", "1.2")),
        method=st.sampled_from(METHODS),
        path=st.sampled_from(ROUTE_PATHS * 8 + NEAR_PATHS),
        spelling=st.one_of(st.just("plain"), st.sampled_from(tuple(SPELLINGS))),
        keys=_few(key),
        authorizations=_few(authorization),
        request_ids=_few(st.sampled_from(REQUEST_IDS)),
        roles=_few(st.sampled_from(ROLES)),
    )


def _few(values: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    """Mostly none or one, sometimes two."""
    one = values.map(lambda value: (value,))
    return st.one_of(st.just(()), one, one, st.one_of(one, st.tuples(values, values)))


__all__ = ["SPELLINGS", "Ask", "CertificateStatus", "asks"]
