"""The inbox in pages, and its filters (itk3-messaging 5.2)."""

import pytest

from mesh_rows.place import V1, Place

pytestmark = pytest.mark.anyio


async def test_pages(place: Place) -> None:
    """Each page names the next one as a path; the last one names none."""
    ids = [await place.sent() for _ in range(25)]
    found, path, pages = [], "BOB/inbox?max_results=10", 0
    while path:
        page = (await place.call("BOB", "GET", path)).json()
        assert page["approx_inbox_count"] == 25
        assert page["links"]["self"] == "/messageexchange/BOB/inbox?max_results=10"
        found += page["messages"]
        path = page["links"].get("next", "").removeprefix("/messageexchange/")
        pages += 1
        assert not path.startswith("http")
    assert (found, pages) == (ids, 3)


async def test_a_filter_is_in_the_links(place: Place) -> None:
    """The next page is of the same filter."""
    for _ in range(12):
        await place.sent()
    page = (await place.call("BOB", "GET", "BOB/inbox?max_results=10&workflow_filter=LET*")).json()
    assert page["links"]["self"] == "/messageexchange/BOB/inbox?max_results=10&workflow_filter=LET%2A"
    rest = (await place.call("BOB", "GET", page["links"]["next"].removeprefix("/messageexchange/"))).json()
    assert (len(page["messages"]), len(rest["messages"])) == (10, 2)


@pytest.mark.parametrize(("workflow_filter", "listed"), [
    ("LETTERS", "L"), ("!LETTERS", "N"), ("NOT*", "N"), ("!NOT*", "L"), ("*ETT*", "L"), ("!*ETT*", "N"), ("letters", ""), ("*T*", "LN"),
])
async def test_the_six_forms(place: Place, workflow_filter: str, listed: str) -> None:
    """Letters count as they are written."""
    ids = {"L": await place.sent(), "N": await place.sent(sender="BOB", to="BOB", workflow="NOTES")}
    assert await place.inbox(query=f"?workflow_filter={workflow_filter}") == [ids[letter] for letter in listed]


async def test_version_1_has_no_links(place: Place) -> None:
    """It shows one page, of 500 unless more are asked for."""
    for _ in range(11):
        await place.sent()
    page = (await place.call("BOB", "GET", "BOB/inbox?max_results=10", accept=V1)).json()
    assert list(page) == ["messages"]
    assert len(page["messages"]) == 10


async def test_a_place_of_another_mailbox(place: Place) -> None:
    """What one mailbox's page gave is refused to another."""
    for _ in range(11):
        await place.sent()
    path = (await place.call("BOB", "GET", "BOB/inbox?max_results=10")).json()["links"]["next"]
    answer = await place.call("ALICE", "GET", path.replace("BOB", "ALICE").removeprefix("/messageexchange/"))
    assert (answer.status_code, answer.headers["x-wardgate-reason"]) == (400, "mesh-parameter-value")
