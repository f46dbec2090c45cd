"""A row of the error tables of the mailbox server: a call, and the whole answer that it must get, in both versions.

What is expected stands here as text, not as a reference to the catalogue: the tables of itk3-messaging 5.1, 5.2 and 5.5 are what is compared.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

V1: Final = "application/vnd.mesh.v1+json"
V2: Final = "application/vnd.mesh.v2+json"
VERSIONS: Final = {1: V1, 2: V2}
MADE: Final = "{made}"
"""In place of an id that is made for each request."""
_ID: Final = re.compile(r"[0-9a-f]{32}")


def filled(value: Any, kept: Mapping[str, str]) -> Any:
    """Return a text, or what is made of texts, with ids in its braces."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda name: kept.get(name[1], name[0]), value)
    if isinstance(value, dict):
        return {name: filled(one, kept) for name, one in value.items()}
    return [filled(one, kept) for one in value] if isinstance(value, list) else value


@dataclass(frozen=True)
class Call:
    """A call by the mailbox `who`. Paths and headers may name in braces what the place made before; a header that is None is left out.

    `token` is how the token is made: `good`, or one of `tokens.SPOILT`.
    """

    method: str
    path: str
    headers: Mapping[str, str | None] = field(default_factory=dict)
    body: bytes = b""
    who: str = "ALICE"
    token: str = "good"


@dataclass(frozen=True)
class Error:
    """Event, code and text: the members of the error table."""

    event: str
    code: str
    text: str
    message_id: str | None = None
    fields: tuple[str, ...] = ()

    def body(self, version: int) -> dict[str, Any]:
        """Return the whole body."""
        fields: dict[str, Any] = {"fields": list(self.fields)} if self.fields else {}
        if version == 1:
            about = {} if self.message_id is None else {"messageID": self.message_id}
            return about | {"errorEvent": self.event, "errorCode": self.code, "errorDescription": self.text} | fields
        about = {} if self.message_id is None else {"message_id": self.message_id}
        return about | {"internal_id": MADE, "detail": [{"event": self.event, "code": self.code, "msg": self.text} | fields]}


@dataclass(frozen=True)
class Plain:
    """The error without detail."""

    text: str

    def body(self, _version: int) -> dict[str, Any]:
        """Return the whole body."""
        return {"internal_id": MADE, "message": self.text}


@dataclass(frozen=True)
class Parameter:
    """A header or parameter that is not what it should be."""

    kind: str
    place: str
    name: str
    text: str

    def body(self, _version: int) -> dict[str, Any]:
        """Return the whole body."""
        return {"detail": [{"type": self.kind, "loc": [self.place, self.name], "msg": self.text}]}


@dataclass(frozen=True)
class Row:
    """`world` is what kind of server is asked: `plain`, or one of `tables.WORLDS`."""

    name: str
    reason: str
    status: int
    said: Error | Plain | Parameter
    call: Call
    world: str = "plain"
    headers: Mapping[str, str] = field(default_factory=dict)
    """What else the answer has."""
    versions: tuple[int, ...] = (1, 2)

    def check(self, answer: httpx2.Response, version: int, kept: Mapping[str, str]) -> None:
        """Assert that this is the whole answer, where `kept` are the ids that the place made."""
        assert (answer.status_code, answer.headers.get("x-wardgate-reason")) == (self.status, self.reason), answer.text
        told = answer.json()
        if "internal_id" in told:
            assert _ID.fullmatch(told["internal_id"])
            told["internal_id"] = MADE
        assert told == filled(self.said.body(version), kept)
        vendor = version == 2 and "detail" in told and "event" in told["detail"][0]
        assert answer.headers["content-type"] == ("application/vnd.mesh.v2+json" if vendor else "application/json")
        assert answer.headers["cache-control"] == "no-store"
        for header, value in self.headers.items():
            assert answer.headers[header] == value
