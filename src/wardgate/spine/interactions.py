"""Interactions: the grammar of their ids, and what each one is (spine 4.1).

An interaction belongs to a service; services are registered together as a message set, which is what an organisation is
approved for. `scopes` are what a token for the interaction needs, all of them.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from wardgate.spine.errors import UnknownInteraction

PREFIX: Final = "urn:nhs:names:services:"
MAX_CHARS: Final = 300


class Style(StrEnum):
    """How an id is built."""

    SPINE = "spine"
    """service : subject . verb [: major]"""
    FHIR = "fhir"
    """service [: capability] : fhir : (rest or operation) : operation [: subject] [- or : major]"""
    EVENT = "event"
    """events : code .Write"""
    SUBSCRIPTION = "subscription"
    """clinicals-sync : SubscriptionsApi and a method"""


class Verb(StrEnum):
    """What an interaction does."""

    READ = "read"
    SEARCH = "search"
    CREATE = "create"
    UPDATE = "update"
    CANCEL = "cancel"
    DELETE = "delete"
    WRITE = "write"
    """Any change: the newer ids of Spine do not say which."""
    OPERATION = "operation"
    MIGRATE = "migrate"
    PUBLISH = "publish"


WRITING: Final = frozenset({Verb.CREATE, Verb.UPDATE, Verb.CANCEL, Verb.DELETE, Verb.WRITE, Verb.PUBLISH})


@dataclass(frozen=True, slots=True)
class Name:
    """An id taken apart. What a style has not is empty."""

    style: Style
    service: str
    subject: str
    verb: str
    capability: str = ""
    major: str = ""


@dataclass(frozen=True, slots=True)
class Interaction:
    """One operation of one service."""

    id: str
    message_set: str
    resource: str
    """The FHIR resource of the path, or an operation with its `$`."""
    verb: Verb
    scopes: tuple[str, ...] = ()
    service: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "service", parse(self.id).service)

    @property
    def writes(self) -> bool:
        """Whether it changes state."""
        return self.verb in WRITING


_SERVICE: Final = r"(?P<service>[a-z][a-z0-9-]*)"
_GRAMMAR: Final = (
    (Style.EVENT, re.compile(rf"{PREFIX}(?P<service>events):(?P<subject>[A-Za-z0-9.-]+)\.(?P<verb>Write)")),
    (Style.SUBSCRIPTION, re.compile(rf"{PREFIX}(?P<service>clinicals-sync):(?P<subject>SubscriptionsApi)(?P<verb>Post|Get|Delete)")),
    (Style.FHIR, re.compile(
        rf"{PREFIX}{_SERVICE}(?::(?P<capability>[a-z]+))?:fhir:"
        r"(?:rest:(?P<verb>[a-z]+):(?P<subject>[a-z_]+)|operation:(?P<operation>[a-z.]+))(?:[-:](?P<major>[0-9]+))?")),
    (Style.SPINE, re.compile(
        rf"{PREFIX}{_SERVICE}:(?P<subject>[A-Za-z][A-Za-z.]*?)(?:\.(?P<verb>read|write|search|create|update|delete))?(?::(?P<major>[0-9]+))?")),
)  # fmt: skip


def parse(text: str) -> Name:
    """Take an id apart. Raises `UnknownInteraction` for what follows none of the grammars."""
    if len(text) <= MAX_CHARS:
        for style, pattern in _GRAMMAR:
            if found := pattern.fullmatch(text):
                parts = found.groupdict(default="")
                operation = parts.get("operation", "")
                return Name(style, parts["service"], operation or parts["subject"], "operation" if operation else parts["verb"],
                            parts.get("capability", ""), parts.get("major", ""))
    raise UnknownInteraction(f"expected an interaction id, urn:nhs:names:services and so on; received {len(text)} other characters")


def text_of(name: Name) -> str:
    """Return the id of its parts: the inverse of `parse`, with the separator of the service for the version."""
    if name.style is Style.EVENT:
        return f"{PREFIX}events:{name.subject}.Write"
    if name.style is Style.SUBSCRIPTION:
        return f"{PREFIX}clinicals-sync:{name.subject}{name.verb}"
    if name.style is Style.SPINE:
        return f"{PREFIX}{name.service}:{name.subject}" + (f".{name.verb}" if name.verb else "") + (f":{name.major}" if name.major else "")
    capability = f":{name.capability}" if name.capability else ""
    what = f"operation:{name.subject}" if name.verb == "operation" else f"rest:{name.verb}:{name.subject}"
    version = f"{_SEPARATORS.get(name.service, '-')}{name.major}" if name.major else ""
    return f"{PREFIX}{name.service}{capability}:fhir:{what}{version}"


_SEPARATORS: Final = {"visitorsandmigrants": ":"}
