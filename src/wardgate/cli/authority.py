"""The certification authority of an installation, for the commands that issue, revoke and judge certificates."""

from wardgate.ca import CASettings, CertificateAuthority
from wardgate.cli.context import World
from wardgate.server.installation import CA_BASE_URL, default_ca_base_url


def authority_of(world: World) -> CertificateAuthority:
    """Return the authority. Before issuing, `ensure` it: `wardgate up` may not have run yet."""
    base_url = world.stores.values.get(CA_BASE_URL) or default_ca_base_url(world.settings)
    settings = CASettings(base_url, client_suffixes=world.settings.client_certificate_suffixes, reserved_names=(world.settings.relay_name,))
    return CertificateAuthority(world.stores.certificates, world.stores.values, settings)
