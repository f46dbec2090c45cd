"""Names that the tests of this folder share."""

import re
from html import unescape
from urllib.parse import parse_qs, urlsplit

import httpx2

from wardgate.oauth.users import ProviderKind
from wardgate.standins.surfaces import surface_of

ORIGIN = "https://gateway.example.nhs.uk"
PLAIN_ORIGIN = "http://localhost:8080"
CALLBACK = "https://example.org/callback"
MOCK_CIS2 = surface_of(ProviderKind.CIS2, "internal-dev")
MOCK_LOGIN = surface_of(ProviderKind.NHS_LOGIN, "internal-dev")
CIS2 = surface_of(ProviderKind.CIS2, None)
LOGIN = surface_of(ProviderKind.NHS_LOGIN, None)
CLIENTS = {ProviderKind.CIS2: "test-client-cis2", ProviderKind.NHS_LOGIN: "test-client-nhs-login"}


def forms(page: httpx2.Response) -> list[tuple[str, dict[str, str]]]:
    """Return each form's action and hidden fields, in order."""
    found = []
    for form in re.findall(r"<form\b.*?</form>", page.text, re.DOTALL):
        action = re.search(r'action="([^"]*)"', form)
        assert action is not None
        hidden = re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form)
        found.append((unescape(action[1]), {name: unescape(value) for name, value in hidden}))
    return found


def returned(answer: httpx2.Response) -> dict[str, str]:
    """Return the parameters that the person is sent back with."""
    assert answer.status_code == 302, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query, keep_blank_values=True).items()}
