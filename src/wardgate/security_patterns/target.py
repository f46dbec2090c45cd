"""The target of a call through the secure proxy: a URL in the path (spine 10; RFC 3986).

It comes as it is, `/https://host/path?query`, or percent-encoded as a whole, `/https%3A%2F%2Fhost%2Fpath`. What is relayed is
what was compared, byte for byte: a URL that two readers could read in two ways is none of ours. So there is no user, port,
address, fragment or backslash, no segment that is empty or made of dots, no character that is encoded twice or without need
of the kind that changes where a path leads, and no mixture of the two forms.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

MAX_TARGET_CHARS: Final = 4_096
_ENCODED_BEGIN: Final = re.compile(r"https%3[Aa]%2[Ff]%2[Ff]")
_ENCODED: Final = re.compile(r"(?:[A-Za-z0-9._~!'()*-]|%[0-9A-Fa-f]{2})+")
"""What `encodeURIComponent` leaves, and nothing else that is not encoded."""
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_PLAIN: Final = re.compile(
    rf"https://(?P<host>(?:{_LABEL}\.)+[A-Za-z](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?)"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,=:@-]|%[0-9A-Fa-f]{2})*)+)"
    r"(?P<query>\?(?:[A-Za-z0-9._~!$&'()*+,;=:@/?|-]|%[0-9A-Fa-f]{2})*)?"
)
_CHANGES_A_PATH: Final = re.compile(r"%(?:[01][0-9A-F]|2[35EF]|3[BF]|5C|7F|[89A-F][0-9A-F])", re.IGNORECASE)
"""Controls, `#`, `%`, `.`, `/`, `;`, `?`, a backslash, DEL, and what is not ASCII."""
_NEVER_IN_A_QUERY: Final = re.compile(r"%(?:[01][0-9A-F]|7F|25[0-9A-F]{2})", re.IGNORECASE)
"""Controls, DEL, and an encoding of an encoding."""
_DOTS: Final = frozenset({".", ".."})


class NoTarget(ValueError):
    """The text is no target; the message says why, in words of ours."""


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart: `https://`, host, path and query are the whole of it."""

    host: str
    path: str
    query: str = ""
    """With its `?`, where there is one."""

    @property
    def url(self) -> str:
        """The URL without its query, as endpoints are compared."""
        return f"https://{self.host}{self.path}"

    @property
    def rest(self) -> str:
        """Path and query: what the endpoint gets."""
        return self.path + self.query

    def begins_with(self, endpoint: str) -> bool:
        """Return whether it is an endpoint, or below one: the endpoint's URL ends where a segment does."""
        return self.url == endpoint or self.url.startswith(endpoint if endpoint.endswith("/") else endpoint + "/")


def parse(path: str, query: str) -> Target:
    """Return the target of what follows the proxy's base path, and of the query. Raises `NoTarget`."""
    given = path.removeprefix("/")
    if len(given) + len(query) >= MAX_TARGET_CHARS:
        raise NoTarget(f"longer than {MAX_TARGET_CHARS} characters")
    if _ENCODED_BEGIN.match(given) is None:
        return _plain(f"{given}?{query}" if query else given)
    if query:
        raise NoTarget("encoded, with a query that is not")
    if not _ENCODED.fullmatch(given):
        raise NoTarget("encoded in part")
    text = unquote_to_bytes(given)
    if not text.isascii() or b"%" in text:
        raise NoTarget("encoded twice, or not ASCII")
    return _plain(text.decode("ascii"))


def _plain(text: str) -> Target:
    found = _PLAIN.fullmatch(text)
    if found is None or len(found["host"]) > 253:
        raise NoTarget("not https, a name, a path and a query, in the characters of these")
    host, path, query = found["host"], found["path"], found["query"] or ""
    if _CHANGES_A_PATH.search(path) or _NEVER_IN_A_QUERY.search(query):
        raise NoTarget("with a character that must not be encoded")
    segments = path.split("/")[1:]
    if _DOTS.intersection(segments):
        raise NoTarget("with a segment of dots")
    if "" in segments[:-1]:
        raise NoTarget("with an empty segment")
    return Target(host, path, query)
