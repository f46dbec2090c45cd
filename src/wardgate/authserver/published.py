"""What anybody may read: metadata (RFC 8414), our public keys, and key sets hosted in their own address."""

from wardgate.audit.model import EventType
from wardgate.authserver.addresses import Addresses
from wardgate.authserver.dependencies import AuthServer
from wardgate.authserver.exchange import Exchange
from wardgate.authserver.wire import CACHED_SHORTLY, Send, respond_json
from wardgate.jose import InvalidJWKSet, KeyRules, parse_jwk_set
from wardgate.jose.strict_json import decode_object
from wardgate.oauth.errors import OAuthRefused
from wardgate.oauth.metadata import metadata
from wardgate.oauth.profiles import PROFILES
from wardgate.outbound.mock_jwks import decode_path
from wardgate.security_patterns.snapshot import Snapshot


async def describe(server: AuthServer, exchange: Exchange, snapshot: Snapshot, addresses: Addresses, send: Send, *, head: bool) -> None:
    """Answer the metadata of the issuer whose host was asked; the host only chooses among the configured ones."""
    issuer = addresses.for_host(exchange.headers.get(b"host"))
    mtls = server.settings.mtls_public_url
    document = metadata(
        issuer, PROFILES[snapshot.environment.profile], mtls + addresses.base_path if mtls is not None else None
    )
    await respond_json(send, 200, document, CACHED_SHORTLY, head=head)


async def publish_keys(server: AuthServer, exchange: Exchange, send: Send, *, head: bool) -> None:
    """Answer the keys our tokens are or will be signed with (RFC 7517 section 5)."""
    await respond_json(send, 200, server.keys.published(exchange.real_at), CACHED_SHORTLY, head=head)


async def host_key_set(exchange: Exchange, text: str, send: Send, *, head: bool) -> None:
    """Answer the key set that the path spells; only what is one, so that nothing else can be hosted here.

    Raises `OAuthRefused` row 27 for any other path.
    """
    exchange.refused_as = EventType.CALL_REFUSED
    try:
        data = decode_path(text)
        parse_jwk_set(data, KeyRules())
    except (ValueError, InvalidJWKSet):
        raise OAuthRefused("oauth-path-unknown", "base64url of a key set", f"{len(text)} other characters") from None
    await respond_json(send, 200, {"keys": decode_object(data)["keys"]}, CACHED_SHORTLY, head=head)
