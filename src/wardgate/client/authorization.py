"""The authorization code flow as the client has it: the address to send the user to, and what may come back from it.

RFC 6749 section 4.1 with PKCE by S256 (RFC 7636) and the issuer in the answer (RFC 9207). An answer is believed in this order:
it came to our address, it carries each parameter once, its state is ours, its issuer is the one we asked. Only then does an error
or a code in it count.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final
from urllib.parse import SplitResult, parse_qsl, quote, urlsplit

import httpx2

from wardgate.client.environments import refuse_clear_text
from wardgate.client.errors import RedirectInvalid, SignInRefused
from wardgate.oauth.pkce import METHOD, challenge_of

LONGEST_REDIRECT: Final = 16_384
MOST_PARAMETERS: Final = 32
_LONGEST_CODE: Final = 4_096

NewSecret = Callable[[], str]
"""Makes a text of at least 256 random bits, in base64url."""


def new_secret() -> str:
    """Return 43 characters that nobody can guess."""
    return secrets.token_urlsafe(32)


@dataclass(frozen=True, slots=True)
class PendingSignIn:
    """A sign-in that began: send the user to `url`, and give what comes back to `code_of`. Keep it where the user cannot reach."""

    url: str = field(repr=False)
    redirect_uri: str
    issuer: str
    """Who answers."""
    state: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)
    verifier: str | None = field(default=None, repr=False)
    issuer_required: bool = False
    """Whether an answer without `iss` is refused, as servers of the profile `strict` always send it."""

    def is_answered_by(self, redirect: str) -> bool:
        """Whether this has our state: a request to the redirect URI that has not is somebody else's and ends nothing."""
        try:
            parameters = self._parameters(redirect)
        except RedirectInvalid:
            return False
        return self._has_our_state(parameters)

    def code_of(self, redirect: str) -> str:
        """Return the code in the address that the user came back to. Raises `RedirectInvalid`, `SignInRefused`."""
        parameters = self._parameters(redirect)
        if not self._has_our_state(parameters):
            raise RedirectInvalid("the state is not the one that was sent: this is no answer to this sign-in")
        issuer = parameters.get("iss")
        if issuer is None and self.issuer_required:
            raise RedirectInvalid(f"the answer does not say that it is from {self.issuer}")
        if issuer is not None and issuer != self.issuer:
            raise RedirectInvalid(f"the answer is from another server than {self.issuer}")
        error, code = parameters.get("error"), parameters.get("code")
        if (error is None) == (code is None):
            raise RedirectInvalid("the answer has neither a code nor an error, or both")
        if error is not None:
            raise SignInRefused(error, parameters.get("error_description", ""))
        if code is None or not 0 < len(code) <= _LONGEST_CODE or not code.isascii() or not code.isprintable():
            raise RedirectInvalid("the code cannot be one")
        return code

    def _has_our_state(self, parameters: Mapping[str, str]) -> bool:
        return compare_digest(parameters.get("state", "").encode("utf-8", "replace"), self.state.encode())

    def _parameters(self, redirect: str) -> dict[str, str]:
        """Return the parameters of a redirect to our address, each once. Raises `RedirectInvalid`."""
        if len(redirect) > LONGEST_REDIRECT:
            raise RedirectInvalid(f"the address has more than {LONGEST_REDIRECT} characters")
        if not redirect.isascii() or not redirect.isprintable():
            raise RedirectInvalid("the address has characters that none has")
        try:
            found, ours = urlsplit(redirect), urlsplit(self.redirect_uri)
            same = _place(found) == _place(ours)
            pairs = parse_qsl(found.query, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS)
        except (ValueError, UnicodeDecodeError):
            raise RedirectInvalid("the address cannot be read, or has too many parameters") from None
        if not same or found.fragment:
            raise RedirectInvalid(f"the address is not {self.redirect_uri}")
        own = parse_qsl(ours.query, keep_blank_values=True)
        for pair in own:
            if pair not in pairs:
                raise RedirectInvalid(f"the address is not {self.redirect_uri}")
            pairs.remove(pair)
        if len({name for name, _ in pairs}) != len(pairs):
            raise RedirectInvalid("a parameter comes more than once")
        return dict(pairs)


def _place(url: SplitResult) -> tuple[str, str, int | None, str]:
    return url.scheme.lower(), (url.hostname or "").lower(), url.port, url.path or "/"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an authorization endpoint, with the secrets that its answer is recognised by."""

    parameters: Mapping[str, str]
    redirect_uri: str
    state: str = field(repr=False)
    nonce: str | None = field(default=None, repr=False)
    verifier: str | None = field(default=None, repr=False)

    def at(self, endpoint: str, issuer: str, *, issuer_required: bool, pushed: Mapping[str, str] | None = None) -> PendingSignIn:
        """Return the sign-in at this endpoint; with `pushed`, only that goes through the browser (RFC 9126 section 4)."""
        url = with_query(endpoint, pushed if pushed is not None else self.parameters)
        return PendingSignIn(url, self.redirect_uri, issuer, self.state, self.nonce, self.verifier, issuer_required)


def ask(
    client_id: str, redirect_uri: str, *, scope: str | None = None, more: Mapping[str, str] | None = None, pkce: bool = True,
    nonce: bool = False, secret: NewSecret = new_secret,
) -> Asked:
    """Return a new authorization request. `more` are parameters such as `acr_values`. Raises `ClearTextRefused` and `ValueError`."""
    check_redirect_uri(redirect_uri)
    state, verifier, fresh_nonce = secret(), secret() if pkce else None, secret() if nonce else None
    parameters = {"response_type": "code", "client_id": client_id, "redirect_uri": redirect_uri, "state": state}
    if scope is not None:
        parameters["scope"] = scope
    if verifier is not None:
        parameters |= {"code_challenge": challenge_of(verifier), "code_challenge_method": METHOD}
    if fresh_nonce is not None:
        parameters["nonce"] = fresh_nonce
    taken = set(parameters) & set(more or {})
    if taken:
        raise ValueError(f"{', '.join(sorted(taken))} cannot be given: the SDK makes it")
    return Asked(parameters | dict(more or {}), redirect_uri, state, fresh_nonce, verifier)


def check_redirect_uri(redirect_uri: str) -> None:
    """A code comes back over TLS, or to this machine (RFC 9700 section 2.6). Raises `ClearTextRefused` and `ValueError`."""
    url = httpx2.URL(redirect_uri)
    if not url.host or url.scheme not in {"http", "https"} or url.fragment:
        raise ValueError("a redirect URI has a scheme, a host and no fragment")
    refuse_clear_text(url)


def with_query(url: str, parameters: Mapping[str, str]) -> str:
    """Return a URL with parameters added, percent-encoded."""
    added: Sequence[str] = [f"{name}={quote(value, safe='')}" for name, value in parameters.items()]
    return url + ("&" if "?" in url else "?") + "&".join(added) if added else url
