"""Pages that are watched: whatever a browser complains about, and whatever it asks another host for, fails the test."""

import base64
import contextlib
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Response, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")
HERE: Final = frozenset({"localhost", "127.0.0.1"})
FLAGS: Final = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
)
STEP_MILLISECONDS: Final = 15_000
"""How long one step may take on a busy machine."""
TELL_VIOLATIONS: Final = """
document.addEventListener("securitypolicyviolation", event =>
  console.error(`policy violated: ${event.effectiveDirective} ${event.blockedURI}`));
"""
REFUSED_PAGE: Final = "Failed to load resource: the server responded with a status of 4"
"""What Chromium says of a page that is answered with 400: the page itself shows the problem, and that is looked at."""


@contextlib.contextmanager
def chromium(wardgate: Any) -> Iterator[Browser]:
    """Start Debian's Chromium with an empty profile, which trusts this Wardgate's certificate and finds no other host."""
    if not CHROMIUM.exists():
        pytest.fail(f"{CHROMIUM} is not there: script/system-packages installs it")
    with sync_playwright() as playwright:
        pin = f"--ignore-certificate-errors-spki-list={_pin(wardgate)}"
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), headless=True, args=[*FLAGS, pin])
        try:
            yield browser
        finally:
            browser.close()


def _pin(wardgate: Any) -> str:
    """Return the digest of the certificate's key. That its chain is right is what every other test of the TLS port looks at."""
    pem = ssl.get_server_certificate(("localhost", wardgate.port))
    key = x509.load_pem_x509_certificate(pem.encode()).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


@dataclass
class Watched:
    """What the pages of one browser context complained about."""

    complaints: list[str] = field(default_factory=list)
    expected: tuple[str, ...] = ()
    """Beginnings of complaints that a test is about."""

    def watch(self, context: BrowserContext) -> None:
        """Hear every page of a context."""
        context.set_default_timeout(STEP_MILLISECONDS)
        context.add_init_script(TELL_VIOLATIONS)
        context.on("page", self._watch_page)
        context.on("request", lambda request: self._check_host(request.url))
        context.on("response", self._check_part)

    def _watch_page(self, page: Page) -> None:
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.complaints.append(f"script: {error}"))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not message.text.startswith((REFUSED_PAGE, *self.expected)):
            self.complaints.append(f"{message.type}: {message.text}")

    def _check_host(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in {"data", "blob"} and address.hostname not in HERE:
            self.complaints.append(f"asked another host: {url}")

    def _check_part(self, response: Response) -> None:
        if response.status >= 400 and not response.request.is_navigation_request():
            self.complaints.append(f"{response.status} for a part of a page: {response.url}")


# --- what people do on pages

def signs_in_as(page: Page, name: str) -> None:
    """Press somebody's button on the list."""
    page.get_by_role("button", name=f"Sign in as {name}").click()


def agrees(page: Page) -> None:
    """Agree to share."""
    page.get_by_role("button", name="Agree and continue").click()
