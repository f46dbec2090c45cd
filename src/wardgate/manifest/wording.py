"""What pydantic found, in plain English."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from pydantic import BaseModel

from wardgate.applications.model import APIKey, ClientSecret, Name, Scope
from wardgate.catalogue.model import METHODS, Backend, BasePath, HeaderName, Origin, RoutePath
from wardgate.directory.model import ASID, FQDN, InteractionID, Line, ODSCode, PartyKey
from wardgate.identities.one_time_code import TOTPSecret
from wardgate.identities.password import PasswordHash
from wardgate.identities.patient import NHSNumber, SubjectID, Telephone, Username
from wardgate.identities.provider import ClientID
from wardgate.identities.relying_party import ScopeWord, VectorText
from wardgate.identities.user import FaultName
from wardgate.identities.worker import Code, PersonID, ProfessionalID
from wardgate.manifest.locate import Location
from wardgate.manifest.near_miss import NearMisses
from wardgate.workflows.model import (
    PEM,
    Confidentiality,
    DocumentType,
    KeyID,
    MailboxID,
    MessageEvent,
    SignerRole,
    WorkflowID,
)

SECRET_KEYS: Final = frozenset({"key", "status_key", "jwks", "client_secret", "secret", "nhs_number", "password", "totp_secret"})
"""Keys whose values are never repeated in a message."""


def pattern_of(annotation: Any) -> str:
    """Return the regular expression of an annotated string type of the models."""
    for field in get_args(annotation)[1:]:
        for metadata in getattr(field, "metadata", ()):
            if getattr(metadata, "pattern", None):
                return str(metadata.pattern)
    raise LookupError(f"{annotation} has no pattern")


PATTERNS: Final[Mapping[str, str]] = {
    pattern_of(ODSCode): "an ODS code: 1 to 9 letters and digits",
    pattern_of(ASID): "an ASID: exactly 12 digits, in quotes",
    pattern_of(Line): "one line of text without control characters",
    pattern_of(InteractionID): "an interaction id: printable characters without spaces",
    pattern_of(PartyKey): "a party key: an ODS code, a hyphen and 5 to 9 digits",
    pattern_of(FQDN): "a fully qualified domain name in lower case, such as epr.example.thirdparty.nhs.uk",
    pattern_of(Name): "a name of lower-case letters, digits and `.`, `_`, `-` inside, at most 100 characters",
    pattern_of(Scope): "a scope: printable characters without spaces, quotes and backslashes, at most 300",
    pattern_of(APIKey): "16 to 64 letters, digits, `_` and `-`",
    pattern_of(BasePath): "a base path such as /hello-world or /demo/FHIR/R4, without a slash at its end",
    pattern_of(RoutePath): "a path such as /Patient, /Patient/{id} or /files/*",
    pattern_of(Origin): "a URL of scheme, host and port only, such as https://gateway.example.nhs.uk:8443",
    pattern_of(Backend): "a backend: http:// or https:// with host and port and without a path, unix:/path/to/socket, or secure-proxy",
    pattern_of(HeaderName): "a header name of letters, digits and hyphens",
    "^(" + "|".join(METHODS) + ")$": "a method in capitals: " + ", ".join(METHODS),
    r"^https?://[\x21-\x2E\x30-\x7E]+/[\x21-\x7E]*$": "an http or https URL with a path, at least a `/` after the host",
    r"^https?://[\x21\x22\x24-\x7E]+$": "an http or https URL without a fragment",
    r"^[1-9][0-9]{0,8}(ps|pm)$": "a rate such as 5ps (per second) or 300pm (per minute)",
    pattern_of(NHSNumber): "an NHS number: exactly 10 digits, in quotes",
    pattern_of(SubjectID): "an identifier of at most 64 letters, digits and hyphens",
    pattern_of(Username): "a user name of at most 100 letters, digits and `.`, `_`, `@`, `-`, in quotes when it is all digits",
    pattern_of(Telephone): "a telephone number of digits, with `+` before them for another country, in quotes",
    pattern_of(PersonID): "a number of at most 15 digits, in quotes",
    pattern_of(Code): "a code of at most 60 letters, digits and colons",
    pattern_of(ProfessionalID): "at most 30 letters, digits, `/` and `-`",
    pattern_of(ClientID): "a client id of at most 200 letters, digits, `.`, `_` and `-`",
    pattern_of(ClientSecret): "12 to 200 printable characters without spaces",
    pattern_of(PasswordHash): "a password as an Argon2id hash, which `wardgate user hash-password` makes",
    pattern_of(TOTPSecret): "a secret in base32: 26 to 103 capital letters and digits 2 to 7",
    pattern_of(ScopeWord): "a scope's name, such as profile",
    pattern_of(FaultName): "the name of a fault, such as refresh-token-expired or idp-slow; seconds=5",
    pattern_of(VectorText): "a vector of trust, such as P9.Cp.Cd",
    pattern_of(MailboxID): "a mailbox id: at most 100 capitals, digits, `_` and `-`",
    pattern_of(WorkflowID): "a workflow id: at most 300 letters, digits, `_`, `.` and `-`",
    pattern_of(PEM): "blocks of PEM",
    pattern_of(KeyID): "a key id: at most 100 letters, digits, `_`, `.` and `-`",
    pattern_of(MessageEvent): "a message event code, such as ITK007C",
    pattern_of(DocumentType): "a SNOMED CT code, in quotes",
    pattern_of(Confidentiality): "a confidentiality code in capitals, such as N",
    pattern_of(SignerRole): "a role code, such as R8000",
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$": "a date such as 1970-01-31, in quotes",
    r"^(aal[123]|P[059])$": "aal1, aal2 or aal3 of a healthcare worker, or P0, P5 or P9 of a patient",
    r"^(verify|answer)$": "`verify` or `answer`",
    r"^localhost$": "`localhost`",
    r"-----BEGIN CERTIFICATE-----": "certificates in PEM",
    r"^https://[\x21-\x7E]+$": "an https URL",
    r"^[A-Za-z0-9]{1,30}$": "a CPA id: S and digits, or 20 hexadecimal digits",
    r"^[A-Za-z0-9.-]{1,253}:[0-9]{1,5}$": "a host, a colon and a port",
    r"^https?://[\x21-\x7E]{1,380}$": "an http or https URL",
    r"^/[\x21\x24-\x3E\x40-\x7E]*$": "a path that begins with `/`, without query and fragment",
}
"""Each pattern of the models, as what the value should be; a test sees that none is missing."""

_KINDS: Final[Mapping[str, str]] = {
    "string_type": "text",
    "bool_type": "true or false",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping with keys",
    "model_attributes_type": "a mapping with keys",
    "datetime_type": "a date and time such as 2030-01-31T12:00:00Z",
    "datetime_parsing": "a date and time such as 2030-01-31T12:00:00Z",
    "datetime_from_date_parsing": "a date and time such as 2030-01-31T12:00:00Z",
    "datetime_object_invalid": "a date and time such as 2030-01-31T12:00:00Z",
    "timezone_aware": "a date and time with its zone, such as 2030-01-31T12:00:00Z",
}

_LIMITS: Final[Mapping[str, Callable[[Mapping[str, Any]], str]]] = {
    "greater_than": lambda ctx: f"must be more than {ctx['gt']:g}",
    "greater_than_equal": lambda ctx: f"must be at least {ctx['ge']:g}",
    "less_than": lambda ctx: f"must be less than {ctx['lt']:g}",
    "less_than_equal": lambda ctx: f"must be at most {ctx['le']:g}",
    "string_too_long": lambda ctx: f"must be at most {ctx['max_length']} characters long",
    "string_too_short": lambda ctx: f"must be at least {ctx['min_length']} characters long",
    "too_short": lambda ctx: "must not be empty" if ctx["min_length"] == 1 else f"must have at least {ctx['min_length']} entries",
}


def explain(error: Any, model: type[BaseModel], near: NearMisses) -> tuple[str, str | None]:
    """Return what is wrong and, where something is close, what was probably meant."""
    kind, location, context = error["type"], error["loc"], error.get("ctx", {})
    if kind == "missing":
        return f"`{location[-1]}` is missing", None
    if kind == "extra_forbidden":
        known = fields_at(model, location[:-1])
        return f"unknown key `{_cut(str(location[-1]))}`", near.suggest(str(location[-1]), known) or _listed(known)
    if kind in _LIMITS:
        return _LIMITS[kind](context), None
    if kind in {"enum", "literal_error"}:
        known = re.findall(r"'([^']*)'", context["expected"])
        meant = near.suggest(error["input"], known) if isinstance(error["input"], str) else None
        return f"must be {context['expected'].replace(chr(39), '')}{_received(error)}", meant
    if kind == "string_pattern_mismatch":
        return f"must be {PATTERNS[context['pattern']]}{_received(error)}", None
    if kind in _KINDS:
        return f"must be {_KINDS[kind]}{_received(error)}", _quotes(kind, error)
    return str(error["msg"]).removeprefix("Value error, "), None


def fields_at(model: type[BaseModel], location: Location) -> list[str]:
    """Return the keys that are known at a place in a model."""
    current = model
    for part in location:
        if isinstance(part, str) and part in current.model_fields:
            current = _model_in(current.model_fields[part].annotation) or current
    return list(current.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for argument in get_args(annotation) if (found := _model_in(argument))), None)


def _received(error: Any) -> str:
    value = error["input"]
    if SECRET_KEYS.intersection(part for part in error["loc"] if isinstance(part, str)):
        return ""
    if value is None:
        return ", and is empty"
    if isinstance(value, bool):
        return f", not {str(value).lower()}"
    if isinstance(value, (int, float)):
        return f", not the number {value}"
    if isinstance(value, str):
        return f", not `{_cut(value)}`"
    return ", not a list" if isinstance(value, list) else ", not a mapping" if isinstance(value, dict) else ""


def _quotes(kind: str, error: Any) -> str | None:
    text = kind == "string_type" and isinstance(error["input"], (int, float))
    return "put it in quotes" if text else None


def _cut(text: str) -> str:
    shown = text if len(text) <= 60 else text[:57] + "..."
    return shown.encode("unicode_escape").decode("ascii") if not shown.isprintable() else shown


def _listed(known: list[str]) -> str:
    return "known here: " + ", ".join(known)
