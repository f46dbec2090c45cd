"""A form, read once and strictly (RFC 6749 section 3.2 and appendix B; application-restricted 6.4)."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from wardgate.oauth.errors import OAuthRefused

FORM: Final = "application/x-www-form-urlencoded"
MAX_FORM_BYTES: Final = 65_536
MAX_PARAMETERS: Final = 32
EXPIRY_PARAMETER: Final = "_access_token_expiry_ms"
REFRESH_EXPIRY_PARAMETER: Final = "_refresh_token_expiry_ms"
VALIDITY_PARAMETER: Final = "_refresh_tokens_validity_ms"
MAX_QUERY_BYTES: Final = 16_384
MAX_QUERY_VALUE_CHARS: Final = 4_096

_ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})|%")
_DIGITS: Final = re.compile(r"[0-9]{1,12}")
_FORM_WITH_PARAMETERS: Final = re.compile(r"application/x-www-form-urlencoded[ \t]*(;[\x20-\x7e\t]*)?", re.IGNORECASE)
_UTF8: Final = re.compile(r";[ \t]*charset[ \t]*=[ \t]*\"?([^\s;\"]+)", re.IGNORECASE)


def check_content_type(value: str | None, *, parameters_allowed: bool) -> None:
    """The header is the form's media type; its parameters are for profiles that allow them (rule 7). Raises row 1."""
    if value == FORM:
        return
    if parameters_allowed and value is not None and _FORM_WITH_PARAMETERS.fullmatch(value):
        charset = _UTF8.search(value)
        if charset is None or charset[1].lower() in {"utf-8", "us-ascii"}:
            return
    raise OAuthRefused("content-type-not-form", FORM, "no header" if value is None else ascii(value[:80]))


def parse_form(body: bytes) -> dict[str, str]:
    """Return the parameters that have a value; one without counts as left out (RFC 6749 section 3.2).

    Raises `OAuthRefused` for a body over 64 KiB or 32 parameters, for text that is not a form in UTF-8, and for a
    parameter that is sent twice, with or without a value.
    """
    if len(body) > MAX_FORM_BYTES:
        raise OAuthRefused("form-too-large", f"at most {MAX_FORM_BYTES} bytes", f"{len(body)} bytes")
    pairs = body.split(b"&", MAX_PARAMETERS)
    if len(pairs) > MAX_PARAMETERS:
        raise OAuthRefused("form-too-large", f"at most {MAX_PARAMETERS} parameters", "more")
    form: dict[str, str] = {}
    for pair in pairs:
        if not pair:
            continue
        key, value = _known_pair(pair) if len(pair) <= _SHORT_BYTES and pair.partition(b"=")[0] in _SAID_AGAIN else _pair(pair)
        if key in form:
            raise OAuthRefused("grant-type-repeated", "each parameter once", f"{key[:60]!a} again", {"parameter": _word(key)})
        form[key] = value
    return {key: value for key, value in form.items() if value}


def parse_query(query: bytes) -> dict[str, str]:
    """Return the parameters of a URL as `parse_form` does, within the limits of a URL. Raises `OAuthRefused`."""
    if len(query) > MAX_QUERY_BYTES:
        raise OAuthRefused("query-too-large", f"at most {MAX_QUERY_BYTES} bytes", f"{len(query)} bytes")
    try:
        found = parse_form(query)
    except OAuthRefused as refused:
        code = {"form-too-large": "query-too-large", "form-malformed": "query-malformed"}.get(refused.code, refused.code)
        raise OAuthRefused(code, refused.expected, refused.received, refused.values) from None
    for name, value in found.items():
        if len(value) > MAX_QUERY_VALUE_CHARS:
            raise OAuthRefused("query-too-large", f"at most {MAX_QUERY_VALUE_CHARS} characters", f"{len(value)} characters of {_word(name)}")
    return found


def _pair(pair: bytes) -> tuple[str, str]:
    name, _, value = pair.partition(b"=")
    return _text(name), _text(value)


_SHORT_BYTES: Final = 160
_SAID_AGAIN: Final = frozenset({
    b"grant_type", b"client_id", b"client_assertion_type", b"scope", b"redirect_uri", b"response_type", b"subject_token_type",
    b"requested_token_type", b"token_type_hint", b"code_challenge_method",
})
_known_pair: Final = lru_cache(maxsize=1024)(_pair)
"""The words of the protocol are the same in every request: they are decoded once. What may be a secret is never remembered."""


def _text(data: bytes) -> str:
    if b"%" in data or b"+" in data:
        data = _ESCAPE.sub(_octet, data.replace(b"+", b" "))
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        raise OAuthRefused("form-malformed", "URL-encoded text in UTF-8", "bytes that are not UTF-8") from None
    if "\0" in text:
        raise OAuthRefused("form-malformed", "URL-encoded text in UTF-8", "a NUL")
    return text


def _octet(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        raise OAuthRefused("form-malformed", "two hexadecimal digits after every %", "something else")
    return bytes((int(match[1], 16),))


def _word(name: str) -> str:
    """A parameter's name as it may be repeated in an answer: only letters, digits, `_` and `-`."""
    return re.sub(r"[^A-Za-z0-9_-]", "?", name[:40])


def lifetime_ms(form: Mapping[str, str], default_ms: int, parameter: str = EXPIRY_PARAMETER) -> int:
    """Return a life in milliseconds: the test knob `parameter` when it shortens the default, else the default (6.4)."""
    asked = form.get(parameter)
    if asked is not None and _DIGITS.fullmatch(asked) and 0 < int(asked) < default_ms:
        return int(asked)
    return default_ms
