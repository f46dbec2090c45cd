"""Applications and products as the manifest states them (application-restricted 3)."""

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import AwareDatetime, Field, field_validator, model_validator

from wardgate.directory.model import ASID, FQDN, Document, Flag, ODSCode
from wardgate.quotas import RateLimits

Name = Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?$")]
Scope = Annotated[str, Field(pattern=r"^[\x21\x23-\x5B\x5D-\x7E]{1,300}$")]
APIKey = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{16,64}$")]
ClientSecret = Annotated[str, Field(pattern=r"^[\x21-\x7E]{12,200}$")]


class Approval(StrEnum):
    """Where an application or a subscription stands."""

    APPROVED = "approved"
    PENDING = "pending"
    REVOKED = "revoked"


class Profile(StrEnum):
    """`nhs`: the national platform's behaviour. `strict`: RFC 9700 and FAPI 2.0 where they are stronger."""

    NHS = "nhs"
    STRICT = "strict"


class Product(Document):
    """A bundle that gives an application access to APIs and carries scopes."""

    name: Name
    """The product's name, by which applications subscribe to it."""
    apis: tuple[Name, ...] = ()
    """The APIs it gives access to, by name."""
    scopes: tuple[Scope, ...] = ()
    """The scopes that tokens of its applications carry; tokens by signed JWT need `urn:nhsd:apim:app:level3:<api>`."""
    limits: RateLimits | None = None
    """Limits of each application at each API of this product."""


class Subscription(Document):
    """An application's use of one product. In the manifest the product's name alone means `approved`."""

    product: Name
    """The product's name."""
    status: Approval = Approval.APPROVED
    """Only an approved subscription counts."""


class FixedKey(Document):
    """An API key written in the manifest: for demonstrations and tests, refused in a live environment."""

    key: APIKey
    """The key itself, which is also the OAuth client identifier. It is kept encrypted and never exported."""
    secret: ClientSecret | None = None
    """The `client_secret` that belongs to it, for user sign-in through the authorisation server; kept and hidden like the key."""
    status: Approval = Approval.APPROVED
    """A key that is not approved is refused as revoked."""
    expires: AwareDatetime | None = None
    """When the key ends; when absent, never."""


class Application(Document, json_schema_extra={"not": {"required": ["jwks", "jwks_url"]}}):
    """A registered caller. Its API keys are its OAuth client identifiers; the name is its own identifier here."""

    name: Name
    """The application's name, by which `explain`, `diff` and the audit log speak of it."""
    organisation: ODSCode
    """The ODS code of the organisation that answers for it."""
    status: Approval = Approval.APPROVED
    """Only an approved application is let in."""
    profile: Profile | None = None
    """Overrides the environment's profile."""
    developer_active: Flag = True
    """false: refused, because the developer's account is not active (`developer-inactive`)."""
    products: tuple[Subscription, ...] = ()
    """Its subscriptions; a product's name alone is an approved one."""
    callback_urls: tuple[Annotated[str, Field(max_length=2000, pattern=r"^https?://[\x21\x22\x24-\x7E]+$")], ...] = ()
    """Where people are sent back to after signing in, compared to the letter (user-restricted 4.1)."""
    provider_client_ids: Annotated[tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$")], ...], Field(max_length=20)] = ()
    """Its own names at the sign-in providers. When there are any, an ID token that it exchanges must be for one of them (`aud`); else
    `aud` is not compared, as on the platform (user-restricted 3.4)."""
    jwks_url: Annotated[str, Field(max_length=8000, pattern=r"^https?://[\x21-\x2E\x30-\x7E]+/[\x21-\x7E]*$")] | None = None
    """Where the application publishes its public keys (application-restricted 6.1)."""
    jwks: dict[str, Any] | None = None
    """An inline key set, in place of `jwks_url`."""
    tls_client_auth_san_dns: FQDN | None = None
    """The certificate name of TLS-MA and of RFC 8705; when absent, the FQDN of the application's system."""
    asid: ASID | None = None
    """The accredited system the application is; sent to backends that ask for it."""
    limits: RateLimits | None = None
    """Overrides the products' limits for this application."""
    api_keys: tuple[FixedKey, ...] = ()
    """Keys fixed in the file, for demonstrations and tests; refused when live. Real ones: `wardgate app create`."""
    certificate_bound_tokens: Flag = False
    """RFC 8705 section 3: tokens asked for over mutual TLS are bound to the certificate (profile `strict`)."""

    @model_validator(mode="after")
    def _one_key_set(self) -> Self:
        if self.jwks is not None and self.jwks_url is not None:
            raise ValueError("an application has `jwks_url` or `jwks`, not both")
        return self

    @field_validator("products", mode="before", json_schema_input_type=tuple[Name | Subscription, ...])
    @classmethod
    def _names_are_subscriptions(cls, value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return tuple({"product": item} if isinstance(item, str) else item for item in value)
        return value
