"""Which providers the authorisation server believes."""


import pytest

from wardgate.demo import manifest as demo_manifest
from wardgate.identities import Identities, IdentityProvider
from wardgate.oauth.providers import by_issuer, by_kind
from wardgate.oauth.users import ProviderKind
from wardgate.server.sign_in import TrustedProviders, own_application, providers_of
from wardgate.stores import Stores

ORIGINS = ("https://localhost:8443", "http://localhost:8080")
DEMO = Identities(demo_manifest().identity_providers)


def test_stand_ins_are_believed_under_every_address_and_in_every_realm(stores: Stores) -> None:
    """People are sent to the stated realm at our first address; the eight realms and both addresses are believed."""
    found = providers_of(DEMO, ORIGINS, stores.values)
    assert len(found) == 2 * 8 * 2 + 2 * 2
    assert len({provider.name for provider in found}) == len(found)
    mock = by_kind(found, "/oauth2-mock", ProviderKind.CIS2)
    assert mock is not None
    base = "https://localhost:8443/realms/Cis2-mock-internal-dev"
    assert (mock.name, mock.issuer, mock.authorization_endpoint, mock.token_endpoint, mock.userinfo_endpoint, mock.jwks_uri) == (
        "cis2-mock", base, *(f"{base}/protocol/openid-connect/{path}" for path in ("auth", "token", "userinfo", "certs")))
    assert mock.mock
    assert mock.record_name == "apim-mock-nhs-cis2"
    other = by_issuer(found, "/oauth2-mock", "http://localhost:8080/realms/Cis2-mock-int")
    assert other is not None
    assert other.client_secret == mock.client_secret is not None
    assert by_issuer(found, "/oauth2", "http://localhost:8080/realms/Cis2-mock-int") is None
    login = by_kind(found, "/oauth2", ProviderKind.NHS_LOGIN)
    assert login is not None
    assert (login.issuer, login.client_secret, login.mock) == ("https://localhost:8443/standins/nhs-login", None, False)
    assert login.signing_key is not None
    assert "secret" not in repr(mock) or str(mock.client_secret) not in repr(mock)


def test_a_real_provider_is_what_the_manifest_says(stores: Stores) -> None:
    """Its secret is what an operator set, and none until then."""
    issuer = "https://am.example.nhs.uk:443/openam/oauth2"
    stated = IdentityProvider(name="real", kind=ProviderKind.CIS2, base_path="/oauth2", issuer=issuer, jwks_uri="https://am.example.nhs.uk/jwks")
    (found,) = providers_of(Identities((stated,)), ORIGINS, stores.values)
    assert (found.issuer, found.jwks_uri, found.token_endpoint, found.client_secret) == (issuer, "https://am.example.nhs.uk/jwks", None, None)
    stores.values.put("client-secret/identity_providers/real", "secret-of-the-operator")
    (found,) = providers_of(Identities((stated,)), ORIGINS, stores.values)
    assert found.client_secret == "secret-of-the-operator"


def test_they_are_read_again_when_something_changed(stores: Stores) -> None:
    """Not with every change of the world."""
    trusted = TrustedProviders(stores.values)
    trusted.reload(DEMO, ORIGINS)
    first = trusted.records
    trusted.reload(DEMO, ORIGINS)
    assert trusted.records is first
    trusted.reload(DEMO, ORIGINS[:1])
    assert len(trusted.records) == len(first) // 2


@pytest.mark.parametrize(("url", "ours"), [
    ("https://localhost:8443/realms/x", True), ("HTTPS://LOCALHOST:8443/x", True), ("https://localhost:8444/x", False),
    ("https://localhost:8443@evil.example/x", False), ("http://localhost:8443/x", False), ("https://localhost:8443.evil.example/", False)])
def test_what_is_answered_within_the_process(url: str, ours: bool) -> None:
    """Our own addresses, to the letter of scheme, host and port."""
    application = object()
    assert (own_application(lambda: ORIGINS, lambda: application)(url) is application) is ours
