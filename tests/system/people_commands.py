"""People on the command line, under a server that runs: what is said of them is what the stand-in then does."""

import json
import re
from html import unescape
from typing import Any

import httpx2

from simulators import authenticator as software
from system.stand_in_browser import CIS2, Visitor

CIS2_SIGN_IN = "/realms/Cis2-mock-internal-dev/protocol/openid-connect/auth"


def passwords_and_codes(own: Any, run: Any) -> None:
    """`user list`, `show`, `totp`, `hash-password`, `unlock`: what they say and do is what the stand-in then does."""
    name, password = "656005750109", "not a real password"
    assert ["password", "code"] in [one["proves_with"] for one in run("user", "list") if one["username"] == name]
    assert run("user", "hash-password", stdin=password)["password"].startswith("$argon2id$")
    visitor = Visitor(own, None)
    with visitor.http:
        link = re.search(r'href="([^"]*method=password)"', visitor.begin(CIS2, acr_values="AAL2_ANY").text)
        assert link is not None
        page = visitor.http.get(unescape(link[1]))
        for _ in range(2):
            assert "The user name or the password is wrong." in visitor.submit(page, "<form", username=name, password="a wrong password").text
        assert "Try again in 30 minutes." in visitor.submit(page, "<form", username=name, password=password).text
        assert run("user", "show", name)["failures"] == {"password": 2, "code": 0}
        assert run("user", "unlock", name)["forgotten"] is True
        asked = visitor.submit(page, "<form", username=name, password=password)
        assert "Enter your one-time code" in asked.text
        back = visitor.submit(asked, "<form", code=run("user", "totp", name)["code"])
        assert back.headers["location"].startswith("https://example.org/callback?code=")
    events = [json.loads(line) for line in own.cli("audit", "tail", "-n", "50", "--output", "json").out.splitlines()]
    assert [one["details"]["whose"] for one in events if one["type"] == "StandInLocked"] == ["person"]
    assert run("user", "unlock", "--source", "2001:db8::1")["forgotten"] is False


def passkeys(own: Any, run: Any) -> None:
    """Registered and used at a page, listed, removed: then it signs nobody in."""
    name, authenticator = "656005750105", software.Authenticator(own.url)
    with own.client() as browser:
        def sign_in(**how: str) -> httpx2.Response:
            begun = browser.get(CIS2_SIGN_IN, params={"client_id": "test-client-cis2", "redirect_uri": "https://example.org/callback",
                                                      "response_type": "code", "scope": "openid", "prompt": "login"})
            page = browser.get(software.method_url(begun.text, **how))
            ask = authenticator.register if "do" in how else authenticator.sign_in
            action, hidden = software.form_of(page.text)
            return browser.post(action, data={**hidden, **ask(software.options_of(page.text)), "label": "Blue key"})

        assert sign_in(do="register", username=name).status_code == 200
        assert "code=" in sign_in(username=name).headers["location"]
        (kept,) = run("user", "passkeys", name)
        assert (kept["name"], kept["sign_count"]) == ("Blue key", 2)
        run("user", "remove-passkey", name, kept["id"])
        assert sign_in().status_code == 400
    assert run("user", "passkeys", name) == []
