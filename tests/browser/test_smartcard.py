"""A smartcard in Chromium: the browser is asked for a certificate on a port of its own, and the sign-in goes on at its own address.

Playwright presents the certificate, from files; that its key may be in a token that nobody reads is tested with a real handshake
in `tests/system/test_smartcards.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from playwright.sync_api import Page, expect

from simulators.smartcards import in_files
from wardgate.jose import UnverifiedJWT

WORKER, NAME = "656005750104", "Amara Osei"


@pytest.fixture(scope="module")
def card(application: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A worker's certificate, and its key."""
    return in_files(application.wardgate, WORKER, tmp_path_factory.mktemp("cards"))


def _with_card(open_page: Callable[..., Page], application: Any, card: tuple[Path, Path], **how: Any) -> Page:
    """Open a page of a browser that has a card. NOTE: Playwright makes its TLS connections itself then, so it trusts anybody."""
    chain, key = card
    held = {"origin": application.wardgate.smartcard_url, "certPath": str(chain), "keyPath": str(key)}
    return open_page(client_certificates=[held], ignore_https_errors=True, **how)


def _presents(page: Page, application: Any) -> None:
    page.goto(application.address("cis2-separate", scope="openid", acr_values="AAL3_SMARTCARD"))
    page.get_by_role("link", name="Sign in with a smartcard").click()
    expect(page).to_have_title("Sign in with a smartcard - Wardgate stand-in for NHS CIS2")
    page.get_by_text("Present your smartcard").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["", "without-scripts"])
def test_a_smartcard(application: Any, open_page: Callable[..., Page], card: tuple[Path, Path], scripts: bool) -> None:
    """Whose card it is is shown, and a button goes on: AAL3 by a smartcard, and the gateway opens AAL3's route."""
    page = _with_card(open_page, application, card, java_script_enabled=scripts)
    _presents(page, application)
    expect(page.get_by_text(f"The smartcard of {NAME} ({WORKER}) was read.")).to_be_visible()
    page.get_by_role("button", name=f"Continue as {NAME}").click()
    expect(page).to_have_title("You are signed in")
    visit = application.visit(page.url)
    claims = UnverifiedJWT.parse(visit.id_token).claims
    assert (claims["sub"], claims["amr"], claims["acr"]) == (WORKER, ["N3_SMARTCARD"], "AAL3_SMARTCARD")
    assert application.call(visit, "/user-demo/test-auth/nhs-cis2/aal3").status_code == 200


def test_a_card_of_somebody_is_shown_before_anybody_is_signed_in(application: Any, open_page: Callable[..., Page], card: tuple[Path, Path]) -> None:
    """Following links signs nobody in; somebody else may still be chosen."""
    page = _with_card(open_page, application, card)
    _presents(page, application)
    expect(page.get_by_text(f"The smartcard of {NAME}")).to_be_visible()
    page.get_by_role("link", name="Sign in with one click").click()
    page.get_by_role("button", name="Sign in as Dafydd Marchetti").click()
    expect(page).to_have_title("You are signed in")
    claims = UnverifiedJWT.parse(application.visit(page.url).id_token).claims
    assert (claims["sub"], claims["amr"]) == ("656005750107", ["N3_SMARTCARD"])


def test_a_revoked_card(application: Any, open_page: Callable[..., Page], tmp_path: Path) -> None:
    """Refused on the reader's page; a link leads back to the sign-in, which goes on in another way."""
    chain, key = in_files(application.wardgate, WORKER, tmp_path)
    fingerprint = x509.load_pem_x509_certificate(chain.read_bytes()).fingerprint(hashes.SHA256()).hex()
    application.wardgate.done("cert", "revoke", "--fingerprint", fingerprint, "--reason", "keyCompromise")
    page = _with_card(open_page, application, (chain, key))
    _presents(page, application)
    expect(page).to_have_title("Error: The smartcard cannot be used - Wardgate stand-in for NHS CIS2")
    page.get_by_role("link", name="Go back to the sign-in page").click()
    expect(page).to_have_title("Sign in with a smartcard - Wardgate stand-in for NHS CIS2")


def test_no_card(application: Any, page: Page) -> None:
    """Without a certificate the browser still gets a page, which says what to do."""
    _presents(page, application)
    expect(page).to_have_title("Error: The smartcard cannot be used - Wardgate stand-in for NHS CIS2")
    expect(page.get_by_text("The browser presented no certificate.")).to_be_visible()
