"""The form of a Spine JWT, told rule by rule (spine 2.1): the decoder itself says yes or no to the whole.

What a rule found is told by kind, length and place: a token names people, so none of its text is repeated but names of claims.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from wardgate.cli.prognosis import Finding
from wardgate.jose import base64url
from wardgate.spine.errors import Fault, MalformedClaims
from wardgate.spine.unsecured import MAX_DEPTH, MAX_TOKEN_CHARS, MAX_VALUES, parse, parse_tolerantly
from wardgate.spine.variants import Variant


@dataclass(frozen=True, slots=True)
class Rule:
    """What has to be so, the decoder's faults that mean it is not, what to do about it, and the row that answers: Spine's, GP Connect's."""

    states: str
    faults: frozenset[Fault]
    advice: str
    row: str
    gp_row: str


_ALPHABET: Final = Rule(
    "base64url without padding", frozenset({Fault.PADDED, Fault.BASE64}),
    "encode header and claims with the alphabet of URLs (- and _, not + and /), and leave out the = at the end", "malformed", "padded")
RULES: Final[tuple[Rule, ...]] = (
    Rule(f"at most {MAX_TOKEN_CHARS} characters", frozenset({Fault.TOO_LONG}), "leave out what the variant does not ask for", "malformed", "scheme"),
    Rule("three sections joined by dots: the token ends with a dot", frozenset({Fault.SECTIONS}),
         "keep the dot at the end, after which nothing comes", "sections", "blocks"),
    Rule("a section of claims", frozenset({Fault.BODY_EMPTY}), "put the claims between the two dots", "body-empty", "blocks"),
    Rule("an empty third section: the token is not signed", frozenset({Fault.SIGNED}),
         "do not sign it: Spine's token has the algorithm none", "sections", "blocks"),
    _ALPHABET,
    Rule("the header alg none and typ JWT, and no other member", frozenset({Fault.HEADER_JSON, Fault.HEADER_VALUE, Fault.HEADER_KEY}),
         'the header is {"alg":"none","typ":"JWT"}', "malformed", "header-value"),
    Rule("claims that are one small JSON object with unique names", frozenset({Fault.CLAIMS_JSON}),
         "build the token with the SDK, or write each claim once", "malformed", "not-json"),
)  # fmt: skip
"""In the order in which the decoder asks."""
_STANDARD: Final = re.compile(r"[+/=]")
_CLAIM_NAME: Final = re.compile(r"[A-Za-z_]{1,40}")


def findings(token: str, refused: str, variant: Variant, *, trusted_hop: bool) -> list[Finding]:
    """Return every rule up to the first that does not hold, which has the code `refused`; all of them for a token in form.

    GP Connect's providers ask for the alphabet first, at the edge (spine 2.1).
    """
    first = [_ALPHABET] if variant.is_gp_connect and not trusted_hop else []
    fault, expected, received = _fault(token, trusted_hop=trusted_hop, alphabet_first=bool(first))
    told: list[Finding] = []
    for rule in [*first, *(rule for rule in RULES if rule not in first)]:
        if fault in rule.faults:
            return [*told, Finding(refused, rule.states, "failed", expected, _detail(fault, token) or received, rule.advice)]
        told.append(Finding(f"{variant.refusals}-{rule.gp_row if variant.is_gp_connect else rule.row}", rule.states, "passed", rule.states, "", None))
    return told


def _fault(token: str, *, trusted_hop: bool, alphabet_first: bool) -> tuple[Fault | None, str, str]:
    if alphabet_first and _STANDARD.search(token):
        return Fault.PADDED, "base64url without padding", "characters of standard base64"
    try:
        (parse_tolerantly if trusted_hop else parse)(token)
    except MalformedClaims as malformed:
        return malformed.fault, malformed.expected, malformed.received
    return None, "", ""


def _detail(fault: Fault | None, token: str) -> str:
    """Return more than the decoder says of a fault; empty where there is no more."""
    if fault is Fault.PADDED:
        kinds = [name for name, found in (("+ or /, of standard base64", re.search(r"[+/]", token)), ("= at the end, which is padding", "=" in token)) if found]
        return " and ".join(kinds)
    if fault is Fault.SECTIONS and token.count(".") > 2:
        return f"{token.count('.') + 1} sections"
    if fault not in {Fault.CLAIMS_JSON, Fault.HEADER_JSON}:
        return ""
    try:
        data = base64url.decode(token.split(".")[fault is Fault.CLAIMS_JSON].rstrip("=").translate(str.maketrans("+/", "-_")).encode("ascii"))
    except ValueError:
        return ""
    return _why_not_claims(data)


def _why_not_claims(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return "bytes that are not UTF-8"
    twice: list[str] = []

    def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        twice.extend(name for name in dict.fromkeys(names) if names.count(name) > 1)
        return dict(pairs)

    try:
        found = json.loads(text, object_pairs_hook=note)
    except ValueError as error:
        return f"no JSON, from character {getattr(error, 'pos', 0) + 1} on"
    except RecursionError:
        return f"more than {MAX_DEPTH} levels"
    if twice:
        return "a name twice: " + (twice[0] if _CLAIM_NAME.fullmatch(twice[0]) else "one that is no claim's")
    if not isinstance(found, dict):
        return "JSON that is no object"
    count = sum(1 for _ in _values(found))
    return f"{count} values, of which {MAX_VALUES} are allowed" if count > MAX_VALUES else f"more than {MAX_DEPTH} levels, a number that is none, or half of a character"


def _values(value: Any) -> Iterator[Any]:
    level = [value]
    while level:
        yield from level
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one if isinstance(one, list) else ())]
