"""Secrets and keys of sign-in: ours at providers, those of the stand-in providers' clients, people's one-time codes. Sealed in the store.

A secret that the manifest does not state is made on first use where both ends are ours, and is absent where the other end
is somebody else's. A private key is always made here: it has never been in a file.
"""

import secrets
from collections.abc import Mapping
from typing import Final

from wardgate.jose import SigningJWK
from wardgate.keystores.rsa import new_pem, signing_key
from wardgate.stores.ports import Values

PROVIDERS: Final = "identity_providers"
RELYING_PARTIES: Final = "relying_parties"
USERS: Final = "users"
SECRET_SECTIONS: Final[Mapping[str, str]] = {
    PROVIDERS: "client secret", RELYING_PARTIES: "client secret", USERS: "secret of one-time codes",
}
"""The sections of the manifest whose entries may have a secret, and what it is called."""
CLIENT_KEY_ALGORITHM: Final = "RS512"


def secret_name(section: str, name: str) -> str:
    """Return under which name the store's values keep the secret of an entry."""
    return f"client-secret/{section}/{name}" if section != USERS else f"totp-secret/{name}"


def stated_secret(values: Values, section: str, name: str) -> str | None:
    """Return the secret that the manifest or an operator set; None when there is none."""
    return values.get(secret_name(section, name))


def own_secret(values: Values, section: str, name: str) -> str:
    """Return the secret of a client whose provider is ours; made on first use."""
    place = secret_name(section, name)
    return values.get(place) or values.set_if_absent(place, secrets.token_urlsafe(32))


def client_key(values: Values, provider: str) -> SigningJWK:
    """Return the key by which we prove ourselves at a provider (`private_key_jwt`); made on first use."""
    name = f"client-key/{provider}"
    return signing_key(values.get(name) or values.set_if_absent(name, new_pem()), CLIENT_KEY_ALGORITHM)
