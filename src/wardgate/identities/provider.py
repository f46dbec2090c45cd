"""A sign-in provider that the authorisation server sends people to, and whose ID tokens it exchanges."""

from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from wardgate.applications.model import ClientSecret, Name
from wardgate.directory.model import Document, Flag
from wardgate.oauth.users import ProviderKind

HTTPURL = Annotated[str, Field(max_length=2000, pattern=r"^https?://[\x21\x22\x24-\x7E]+$")]
ClientID = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")]


def _network(text: str) -> str:
    ip_network(text)
    return text


Network = Annotated[str, Field(max_length=43), AfterValidator(_network)]
REALM_ENVIRONMENTS: Final = (
    "internal-dev", "internal-dev-sandbox", "internal-qa", "internal-qa-sandbox", "ref", "dev", "sandbox", "int",
)
"""The mock realms exist for these, whatever our own environment is called (spec README rule 31)."""
RealmEnvironment = Literal[
    "internal-dev", "internal-dev-sandbox", "internal-qa", "internal-qa-sandbox", "ref", "dev", "sandbox", "int"
]
ENDPOINTS: Final = ("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")


class Authentication(StrEnum):
    """How a client proves itself at a provider's token endpoint."""

    CLIENT_SECRET_POST = "client_secret_post"  # noqa: S105 - the name of a method
    PRIVATE_KEY_JWT = "private_key_jwt"


class IdentityProvider(Document):
    """An OpenID provider: a real one by its issuer, or a stand-in that Wardgate serves itself."""

    name: Name
    """The provider's name in records."""
    kind: ProviderKind
    """What it speaks: `nhs-cis2` or `nhs-login`."""
    base_path: Literal["/oauth2", "/oauth2-mock"]
    """The authorisation server that trusts it; each has at most one provider of a kind."""
    stand_in: Flag = False
    """true: Wardgate serves this provider itself. Refused in a live environment."""
    realm: RealmEnvironment | None = None
    """Of a stand-in: the mock realm that is used, such as `internal-dev`. When absent, the provider's own paths."""
    issuer: HTTPURL | None = None
    """The issuer, to the letter: it is compared with `iss`. Of a stand-in it follows from its path."""
    authorization_endpoint: HTTPURL | None = None
    """Where people are sent; when absent, from the discovery document."""
    token_endpoint: HTTPURL | None = None
    """Where codes are redeemed; when absent, from the discovery document."""
    userinfo_endpoint: HTTPURL | None = None
    """Where the user's details are; when absent, from the discovery document."""
    jwks_uri: HTTPURL | None = None
    """Where the provider's keys are; when absent, from the discovery document."""
    client_id: ClientID = "wardgate"
    """Our name at the provider."""
    authentication: Authentication = Authentication.CLIENT_SECRET_POST
    """How we prove ourselves there. Of `private_key_jwt` the key is made on first use: `wardgate provider show` prints it."""
    client_secret: ClientSecret | None = None
    """The secret, kept encrypted and never exported; refused when live, where `wardgate provider set-secret` takes it."""
    assertion_audience: HTTPURL | None = None
    """With `private_key_jwt`: the `aud` of the assertion; when absent, the token endpoint."""
    logout_networks: Annotated[tuple[Network, ...], Field(max_length=20)] = ()
    """NHS CIS2: the networks (CIDR) its logout tokens come from, as Envoy sees them; when empty, any (user-restricted 7.2)."""

    @model_validator(mode="after")
    def _real_or_not(self) -> Self:
        if self.stand_in:
            stated = [name for name in ("issuer", *ENDPOINTS, "assertion_audience", "logout_networks") if getattr(self, name)]
            if stated:
                raise ValueError(f"a stand-in has no `{stated[0]}`: Wardgate serves it itself")
            return self
        if self.issuer is None:
            raise ValueError("a provider has an `issuer`, or is a `stand_in`")
        if self.realm is not None:
            raise ValueError("`realm` is for a provider that is a `stand_in`")
        if self.client_secret is not None and self.authentication is not Authentication.CLIENT_SECRET_POST:
            raise ValueError("`client_secret` is for the authentication client_secret_post")
        return self
