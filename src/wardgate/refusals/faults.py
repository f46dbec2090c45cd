"""Faults: every refusal of the token, sign-in and provider endpoints that may be asked for where no live people are.

There is no list of them: a fault is a row of the tables of refusals, and which endpoint it is of follows from the table it
stands in. A new row is a fault. Beside them stand two that are no refusal: an answer that takes its time.
"""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from wardgate.refusals import providers, sign_in, user_tokens
from wardgate.refusals.asking import RESERVED
from wardgate.refusals.gateway import GATEWAY
from wardgate.refusals.platform import PLATFORM
from wardgate.refusals.reason import Reason
from wardgate.refusals.token_endpoint import TOKEN_ENDPOINT

HEADER: Final = "Wardgate-Fault"
PARAMETER: Final = "wardgate_fault"
DEFAULT_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 20.0
"""Below every time limit that Envoy has for Wardgate itself (30 s): the caller's own limits are met, not ours."""
MAX_ASKED_CHARS: Final = 100


class Endpoint(StrEnum):
    """Where a fault can be met: an endpoint of the authorisation server, or one of the stand-in providers."""

    TOKEN = "token"  # noqa: S105 - the name of an endpoint
    PAR = "par"
    INTROSPECT = "introspect"
    REVOKE = "revoke"
    LOGOUT = "backchannel_logout"
    AUTHORIZE = "authorize"
    CALLBACK = "callback"
    USERINFO = "userinfo"
    STATUS = "_status"
    PROVIDER_AUTHORIZE = "provider authorize"
    PROVIDER_SIGN_IN = "provider sign-in"
    PROVIDER_TOKEN = "provider token"  # noqa: S105 - the name of an endpoint
    PROVIDER_USERINFO = "provider userinfo"
    PROVIDER_LOGOUT = "provider logout"
    PROVIDER_KEYS = "provider keys"
    """Discovery and the key set."""


class Moment(StrEnum):
    """When a sign-in that carries a fault meets it; a persona's sign-ins carry the persona's."""

    PROVIDER = "while signing in at the provider"
    PROVIDER_TOKEN = "when the provider's code is redeemed"  # noqa: S105 - words
    PROVIDER_USERINFO = "when the provider is asked for details"
    CALLBACK = "on coming back from the provider"
    EXCHANGE = "at token exchange"
    CODE = "when our code is redeemed"
    REFRESH = "on refreshing"
    USERINFO = "when we are asked for details"
    LOGOUT = "when the provider tells of the end"


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that can go wrong, by the name it is asked for. Without a reason the answer is late, and otherwise as ever."""

    name: str
    endpoints: tuple[Endpoint, ...]
    moments: tuple[Moment, ...]
    reason: Reason | None = None

    @property
    def is_delay(self) -> bool:
        """Whether it takes time instead of refusing."""
        return self.reason is None

    @property
    def is_providers(self) -> bool:
        """Whether the stand-in providers give it."""
        return self.endpoints[0].value.startswith("provider ")

    @property
    def description(self) -> str:
        """What does not hold, in a line."""
        return self.reason.check if self.reason is not None else "the answer, which is otherwise what it would be, comes at once"


@dataclass(frozen=True, slots=True)
class Wanted:
    """A fault that was asked for; `seconds` is for one that takes time."""

    fault: Fault
    seconds: float = DEFAULT_SECONDS


class UnknownFault(ValueError):
    """There is no such fault; `hint` names near ones and repeats nothing of what was asked."""

    def __init__(self, hint: str) -> None:
        super().__init__(f"there is no fault of this name{hint}")
        self.hint = hint


E, M = Endpoint, Moment
POSTED: Final = (E.TOKEN, E.PAR, E.INTROSPECT, E.REVOKE, E.LOGOUT)
OURS: Final = (*POSTED, E.AUTHORIZE, E.CALLBACK, E.USERINFO, E.STATUS)
THEIRS: Final = (E.PROVIDER_TOKEN, E.PROVIDER_AUTHORIZE, E.PROVIDER_SIGN_IN, E.PROVIDER_USERINFO, E.PROVIDER_LOGOUT, E.PROVIDER_KEYS)
GRANTS: Final = (M.EXCHANGE, M.CODE, M.REFRESH)
_NOT_AT_USERINFO: Final = frozenset({"access-token-wrong-product", "access-token-wrong-kind"})
BEARER: Final = tuple(row for row in GATEWAY if row.headers and row.code not in _NOT_AT_USERINFO)
"""What is wrong with an access token at userinfo: the gateway's rows about tokens, which are those with a challenge."""
SLOW_FORM: Final = tuple(row for row in PLATFORM if row.code == "request-timeout")

Places = tuple[tuple[Endpoint, ...], tuple[Moment, ...]]
TABLES: Final[tuple[tuple[tuple[Reason, ...], Places], ...]] = (
    (TOKEN_ENDPOINT, ((E.TOKEN,), GRANTS)),
    (SLOW_FORM, (POSTED, ())),
    (user_tokens.EXCHANGE, ((E.TOKEN,), (M.EXCHANGE,))),
    (user_tokens.CLIENTS, ((E.TOKEN, E.AUTHORIZE, E.CALLBACK, E.PAR), (M.CODE, M.REFRESH))),
    (user_tokens.CODE_AND_REFRESH, ((E.TOKEN,), (M.CODE,))),
    (sign_in.AUTHORIZE, ((E.AUTHORIZE, E.PAR), ())),
    (sign_in.CALLBACK, ((E.CALLBACK,), (M.CALLBACK,))),
    (sign_in.USERINFO, ((E.USERINFO,), (M.USERINFO,))),
    (BEARER, ((E.USERINFO,), (M.USERINFO,))),
    (sign_in.LOGOUT, ((E.LOGOUT,), (M.LOGOUT,))),
    (RESERVED, ((E.LOGOUT,), (M.LOGOUT,))),
    (providers.AUTHORIZE, ((E.PROVIDER_AUTHORIZE,), (M.PROVIDER,))),
    (providers.STEPS, ((E.PROVIDER_SIGN_IN,), (M.PROVIDER,))),
    (providers.TOKEN, ((E.PROVIDER_TOKEN,), (M.PROVIDER_TOKEN,))),
    (providers.USERINFO, ((E.PROVIDER_USERINFO,), (M.PROVIDER_USERINFO,))),
    (providers.LOGOUT, ((E.PROVIDER_LOGOUT,), ())),
    (providers.OUTAGES, (THEIRS, (M.PROVIDER_TOKEN,))),
)
"""Every table, with where its rows are met; the first endpoint is the one that a row is mostly of."""

_ASSERTIONS: Final[Places] = ((E.TOKEN, E.PAR, E.INTROSPECT, E.REVOKE), (M.EXCHANGE,))
_EVERYWHERE: Final[Places] = (OURS, (M.CALLBACK, *GRANTS, M.USERINFO))
_AUTHENTICATED: Final[Places] = ((E.INTROSPECT, E.REVOKE), ())
_FORMS: Final[Places] = (POSTED, ())
_REGISTERED: Final[Places] = ((E.TOKEN, E.AUTHORIZE, E.PAR, E.CALLBACK), (M.CODE,))
PREFIXES: Final[Mapping[str, Places]] = {
    "assertion-": _ASSERTIONS, "refresh-token-": ((E.TOKEN,), (M.REFRESH,)), "redirect-uri-": _REGISTERED, "form-": _FORMS,
}
"""Rows of one table that are met elsewhere than the rest of it, by the beginning of their codes."""
EXCEPTIONS: Final[Mapping[str, Places]] = {
    "content-type-not-form": _FORMS, "grant-type-repeated": _FORMS, "token-method-not-post": _FORMS,
    "client-unknown": _ASSERTIONS, "client-not-approved": _ASSERTIONS, "client-not-subscribed": _ASSERTIONS,
    "public-key-not-registered": _ASSERTIONS, "jwks-unreachable": _ASSERTIONS, "client-certificate-missing": _ASSERTIONS, "client-certificate-mismatch": _ASSERTIONS,
    "client-id-mismatch": _ASSERTIONS, "client-authentication-missing": _AUTHENTICATED, "token-parameter-missing": _AUTHENTICATED,
    "token-of-another-client": ((E.REVOKE,), ()), "token-type-unsupported": ((E.REVOKE,), ()), "status-key-invalid": ((E.STATUS,), ()),
    "token-rate-limited": ((E.TOKEN, E.AUTHORIZE, E.PAR), GRANTS), "scope-none-granted": ((E.TOKEN,), ()),
    "oauth-path-unknown": (OURS, ()), "oauth-unexpected": _EVERYWHERE,
    "client-credentials-invalid": ((E.TOKEN,), (M.CODE, M.REFRESH)), "client-secret-missing": ((E.TOKEN,), (M.CODE, M.REFRESH)),
    "client-id-missing": ((E.TOKEN, E.AUTHORIZE), (M.CODE, M.REFRESH)),
    "scope-none-for-user": ((E.TOKEN, E.CALLBACK), (M.CALLBACK, *GRANTS)),
    "provider-keys-unavailable": ((E.TOKEN, E.CALLBACK), (M.CALLBACK, M.EXCHANGE)),
    "provider-unreachable": ((E.CALLBACK, E.USERINFO), (M.CALLBACK, M.USERINFO)),
    "method-not-get": ((E.AUTHORIZE, E.CALLBACK, E.USERINFO), ()),
    "query-malformed": ((E.AUTHORIZE, E.CALLBACK), ()), "query-too-large": ((E.AUTHORIZE, E.CALLBACK), ()),
    "provider-not-configured": ((E.AUTHORIZE, E.CALLBACK), ()), "provider-unavailable": ((E.AUTHORIZE,), ()),
    "request-uri-invalid": ((E.AUTHORIZE,), ()), "request-not-pushed": ((E.AUTHORIZE,), ()),
    "authorize-client-id-invalid": ((E.AUTHORIZE,), ()),
}
"""The same, one by one. A code that is here and in no table is a mistake that a test finds."""
_DELAYS: Final = (
    Fault("slow", OURS, GRANTS),
    Fault("idp-slow", THEIRS, (M.PROVIDER_TOKEN,)),
)


def _places(row: Reason, of_table: Places) -> Places:
    if row.code in EXCEPTIONS:
        return EXCEPTIONS[row.code]
    return next((places for prefix, places in PREFIXES.items() if row.code.startswith(prefix)), of_table)


def faults_of(tables: Iterable[tuple[tuple[Reason, ...], Places]]) -> Iterator[Fault]:
    """Yield the fault of every row."""
    for rows, of_table in tables:
        for row in rows:
            endpoints, moments = _places(row, of_table)
            yield Fault(row.code, endpoints, moments, row)


FAULTS: Final[Mapping[str, Fault]] = MappingProxyType({fault.name: fault for fault in (*faults_of(TABLES), *_DELAYS)})
"""By name, in the order of the tables."""
EXAMPLES: Final[Mapping[str, str]] = {
    "parameter": "grant_type", "scheme": "Basic", "error": "access_denied", "description": "ConsentNotGiven",
    "problem": "The parameters must be URL-encoded UTF-8, at most 32, and none of them twice",
}
"""What stands for placeholders of a text that nothing of the request fills."""
_ASKED: Final = re.compile(r"([a-z0-9-]{1,60})(?:; ?seconds=([0-9]{1,3}(?:\.[0-9]{1,3})?))?")


def wanted(text: str) -> Wanted:
    """Return the fault that a header, a parameter or a manifest asks for. Raises `UnknownFault`."""
    found = _ASKED.fullmatch(text) if len(text) <= MAX_ASKED_CHARS else None
    if found is None:
        raise UnknownFault(": NAME, or NAME; seconds=N for one that takes time")
    fault = FAULTS.get(found[1])
    if fault is None:
        raise UnknownFault(near(found[1]))
    if found[2] is None:
        return Wanted(fault)
    if not fault.is_delay or not 0 < float(found[2]) <= LONGEST_SECONDS:
        raise UnknownFault(f": seconds are for slow and idp-slow, at most {LONGEST_SECONDS:g}")
    return Wanted(fault, float(found[2]))


def near(name: str) -> str:
    """Return the names that somebody probably meant, as the end of a sentence; nothing when none is near."""
    found = difflib.get_close_matches(name, FAULTS, 3, 0.6)
    return f": did you mean {' or '.join(found)}?" if found else ": wardgate faults list"


def example_values(reason: Reason, values: Mapping[str, str]) -> dict[str, str]:
    """Return a value for each placeholder of a row: of the request, else an example, else the placeholder's own name."""
    return {name: values.get(name, EXAMPLES.get(name, name)) for name in reason.placeholders}
