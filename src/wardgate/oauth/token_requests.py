"""Which grant a token request is for (user-restricted 2.3), and the first rows of token exchange (3.3 rows 1 to 3)."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from wardgate.oauth.client_assertion import ASSERTION_TYPE
from wardgate.oauth.errors import OAuthRefused

ID_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:id_token"  # noqa: S105 - the name of a type
ACCESS_TOKEN_TYPE: Final = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a type


class GrantType(StrEnum):
    """The grants of this server, spelt as on the wire."""

    CLIENT_CREDENTIALS = "client_credentials"
    TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 - the name of a grant
    AUTHORIZATION_CODE = "authorization_code"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a grant


def dispatch(form: Mapping[str, str], *, token_exchange: bool = True) -> GrantType:
    """Return whose checks apply, in the order of user-restricted 2.3. `token_exchange`: whether that grant is on.

    A wrong or missing `grant_type` beside the type of an ID token is token exchange's own to refuse. Raises `OAuthRefused`.
    """
    grant_type = form.get("grant_type")
    is_id_token = form.get("subject_token_type") == ID_TOKEN_TYPE
    if grant_type == GrantType.CLIENT_CREDENTIALS and not is_id_token:
        return GrantType.CLIENT_CREDENTIALS
    if is_id_token and token_exchange:
        return GrantType.TOKEN_EXCHANGE
    if grant_type in {GrantType.AUTHORIZATION_CODE, GrantType.REFRESH_TOKEN}:
        return GrantType(grant_type)
    if grant_type == GrantType.TOKEN_EXCHANGE and token_exchange:
        received = form.get("subject_token_type")
        raise OAuthRefused("subject-token-type-invalid", ID_TOKEN_TYPE, "nothing" if received is None else ascii(received[:80]))
    if grant_type is None:
        raise OAuthRefused("grant-type-missing", "a grant_type", "none")
    raise OAuthRefused("grant-type-unknown", " or ".join(GrantType), ascii(grant_type[:80]))


def check_exchange(form: Mapping[str, str], *, by_certificate: bool) -> None:
    """Rows 1 and 2 of 3.3; row 3 and the rest are the client's authentication. Raises `OAuthRefused`.

    `by_certificate`: the client shows a certificate in place of an assertion (profile `strict`).
    """
    asked = form.get("client_assertion_type")
    if asked != ASSERTION_TYPE and not by_certificate:
        raise OAuthRefused("assertion-type-invalid", ASSERTION_TYPE, "nothing" if asked is None else ascii(asked[:80]))
    grant_type = form.get("grant_type")
    if grant_type != GrantType.TOKEN_EXCHANGE:
        raise OAuthRefused("exchange-grant-type", GrantType.TOKEN_EXCHANGE, "nothing" if grant_type is None else ascii(grant_type[:80]))
