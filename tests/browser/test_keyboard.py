"""Everything by keyboard: each page's controls in the order of the page, each visibly focused, and whole sign-ins with Tab, Space and Enter."""

from itertools import pairwise
from typing import Any

from playwright.sync_api import Page, expect

FOCUSED = """() => {
  const element = document.activeElement;
  if (element === document.body) return null;
  const box = element.getBoundingClientRect(), label = (element.labels && element.labels[0]) || element;
  const visible = [null, "::before"].map(part => getComputedStyle(element, part)).concat(
    Array.from(element.querySelectorAll("*"), inner => getComputedStyle(inner))).some(
    style => style.boxShadow !== "none" || (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0));
  return {name: label.innerText.replace(/\\s+/g, " ").trim(), top: box.top + scrollY, visible};
}"""
MOST_STOPS = 120


def _tab(page: Page) -> Any:
    page.keyboard.press("Tab")
    return page.evaluate(FOCUSED)


def _tabs_to(page: Page, name: str) -> None:
    """Press Tab until the control of this name has the focus."""
    passed = []
    for _ in range(MOST_STOPS):
        found = _tab(page)
        if found is not None and found["name"] == name:
            return
        passed.append(found and found["name"])
    raise AssertionError(f"Tab never came to {name!r}: {passed}")


def test_controls_come_in_the_order_of_the_page(application: Any, page: Page) -> None:
    """From the skip link to the last control: downwards, each with a name and a focus that can be seen, and no trap."""
    page.goto(application.address("cis2-combined"))
    stops = []
    while (found := _tab(page)) is not None and len(stops) < MOST_STOPS:
        stops.append(found)
    assert len(stops) < MOST_STOPS
    assert stops[0]["name"] == "Skip to main content"
    assert [stop for stop in stops if not stop["name"] or not stop["visible"]] == []
    tops = [stop["top"] for stop in stops[1:]]
    assert all(later > earlier - 40 for earlier, later in pairwise(tops)), stops
    names = [stop["name"] for stop in stops]
    assert names.index("User name") < names.index("Find") < names.index("Sign in as Amara Osei")
    assert names[-1] == "Pretend another level, or another way of signing in"


def test_the_skip_link_leads_to_the_content(application: Any, page: Page) -> None:
    """Past the header, to the first control of the page."""
    page.goto(application.address("cis2-combined"))
    assert _tab(page)["name"] == "Skip to main content"
    page.keyboard.press("Enter")
    first = page.locator("main").get_by_role("link").or_(page.locator("main").get_by_role("textbox")).first
    page.keyboard.press("Tab")
    expect(first).to_be_focused()


def test_a_worker_signs_in_and_chooses_a_role(application: Any, page: Page) -> None:
    """A name is typed; a role is found, a missed choice is put right, and the application is reached."""
    page.goto(application.address("cis2-separate"))
    _tabs_to(page, "User name")
    page.keyboard.type("656005750106")
    page.keyboard.press("Enter")
    expect(page).to_have_title("Choose a role - Wardgate stand-in for NHS CIS2")
    _tabs_to(page, "Continue")
    page.keyboard.press("Enter")
    expect(page.locator(".nhsuk-error-summary")).to_be_focused()
    _tabs_to(page, "Choose a role")
    page.keyboard.press("Enter")
    expect(page.get_by_role("radio").first).to_be_focused()
    for key in ("ArrowDown", "ArrowDown", "ArrowUp", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page).to_have_title("You are signed in")
    role = application.call(application.visit(page.url), "/user-demo/echo/role").json()["headers"]["nhsd-session-urid"]
    assert role == "555254243002"


def test_a_patient_signs_in_and_agrees(application: Any, page: Page) -> None:
    """Somebody of the list, then consent."""
    page.goto(application.address("login-separate"))
    _tabs_to(page, "Sign in as Nia EXAMPLE")
    page.keyboard.press("Space")
    expect(page).to_have_title("Share your details - Wardgate stand-in for NHS login")
    _tabs_to(page, "Agree and continue")
    page.keyboard.press("Enter")
    expect(page).to_have_title("You are signed in")


def test_a_tester_pretends_and_refuses(application: Any, page: Page) -> None:
    """The folded part opens with Space; radio buttons move with arrows."""
    page.goto(application.address("login-combined"))
    _tabs_to(page, "Pretend another level, or another way of signing in")
    page.keyboard.press("Space")
    _tabs_to(page, "User name of the person")
    page.keyboard.type("9912003071")
    _tabs_to(page, "The person is asked as usual")
    for key in ("ArrowDown", "ArrowDown", "Tab", "Enter"):
        page.keyboard.press(key)
    expect(page).to_have_title("You are not signed in")
    assert application.visit(page.url).error == ("access_denied", "ConsentNotGiven")
