"""The certification authority of an installation, for the commands that issue, revoke and judge certificates."""

from typing import Final

from wardgate.ca import CASettings, CertificateAuthority
from wardgate.cli.context import World

CA_BASE_URL: Final = "pki-base-url"
"""The name under which the store keeps where `/pki` is reached; `wardgate up` writes it."""
DEFAULT_CA_BASE_URL: Final = "http://localhost:8080/pki"


def authority_of(world: World) -> CertificateAuthority:
    """Return the authority. Before issuing, `ensure` it: `wardgate up` may not have run yet."""
    base_url = world.stores.values.get(CA_BASE_URL) or DEFAULT_CA_BASE_URL
    settings = CASettings(base_url, client_suffixes=world.settings.client_certificate_suffixes)
    return CertificateAuthority(world.stores.certificates, world.stores.values, settings)
