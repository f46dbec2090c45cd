"""The user-restricted pattern on requests, for threads and for asyncio."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from wardgate.client import ClearTextRefused, SignInNeeded, UserAuth, role_headers
from wardgate.client.role import HEADER

BASE = "https://int.example.nhs.uk"


class API:
    """Takes every token but those refused, and remembers who asked."""

    def __init__(self, *refused: str, status: int = 401) -> None:
        self.refused, self.status = set(refused), status
        self.seen: list[tuple[str, str | None]] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.seen.append((token, request.headers.get(HEADER)))
        return httpx2.Response(self.status if token in self.refused or "all" in self.refused else 200, json={"token": token})


def get(api: API, auth: UserAuth, **more: Any) -> httpx2.Response:
    """Call once, blocking."""
    with httpx2.Client(base_url=BASE, auth=auth, transport=httpx2.MockTransport(api)) as client:
        return client.get("/api", **more)


def aget(api: API, auth: UserAuth, **more: Any) -> httpx2.Response:
    """Call once, on asyncio."""
    async def main() -> httpx2.Response:
        async with httpx2.AsyncClient(base_url=BASE, auth=auth, transport=httpx2.MockTransport(api)) as client:
            return await client.get("/api", **more)

    return asyncio.run(main())


BOTH = pytest.mark.parametrize("call", [get, aget])
Call = Callable[..., httpx2.Response]


@BOTH
def test_a_call_has_the_users_token_and_role(sessions: Any, refreshing: Any, call: Call) -> None:
    """The role of the request itself goes first."""
    api, session = API(), sessions(refreshing)
    assert call(api, UserAuth(session)).status_code == 200
    call(api, UserAuth(session, role="656014452101"))
    call(api, UserAuth(session, role="656014452101"), headers={HEADER: "656014452102"})
    assert api.seen == [("access-0", None), ("access-0", "656014452101"), ("access-0", "656014452102")]


@BOTH
def test_a_401_renews_once(sessions: Any, refreshing: Any, call: Call) -> None:
    """The call is repeated with the new token."""
    api = API("access-0")
    assert call(api, UserAuth(sessions(refreshing))).json() == {"token": "access-1"}
    assert refreshing.asked == ["refresh-0"]


@BOTH
def test_a_401_that_renewing_does_not_help_is_an_answer(sessions: Any, refreshing: Any, call: Call) -> None:
    """An API may say 401 for a role: that costs one renewal, not one for each call."""
    api, auth = API("all"), UserAuth(sessions(refreshing))
    assert [call(api, auth).status_code for _ in range(3)] == [401, 401, 401]
    assert refreshing.asked == ["refresh-0"]


@BOTH
def test_a_403_is_an_answer(sessions: Any, refreshing: Any, call: Call) -> None:
    """Another token would say the same (user-restricted 13)."""
    api = API("all", status=403)
    assert call(api, UserAuth(sessions(refreshing))).status_code == 403
    assert refreshing.asked == []


@BOTH
def test_renewing_can_be_left_to_the_program(sessions: Any, refreshing: Any, call: Call) -> None:
    """As `wardgate call` does, which shows the first failure."""
    assert call(API("access-0"), UserAuth(sessions(refreshing), renew_after_401=False)).status_code == 401
    assert refreshing.asked == []


@BOTH
def test_a_user_who_signed_out_has_to_sign_in(sessions: Any, refreshing: Any, call: Call) -> None:
    """The call says so; nothing is sent without a token."""
    api, session = API(), sessions(refreshing)
    session.end()
    with pytest.raises(SignInNeeded):
        call(api, UserAuth(session))
    assert api.seen == []


def test_a_body_that_cannot_be_sent_again_is_not(sessions: Any, refreshing: Any) -> None:
    """A stream is gone after the first attempt."""
    api = API("access-0")

    class Network(httpx2.BaseTransport):
        def handle_request(self, request: httpx2.Request) -> httpx2.Response:
            return api(request)  # unlike a mock's, without reading the body into memory

    with httpx2.Client(base_url=BASE, auth=UserAuth(sessions(refreshing)), transport=Network()) as client:
        assert client.post("/api", content=iter([b"part"])).status_code == 401
    assert len(api.seen) == 1


def test_a_token_does_not_leave_in_clear_text(sessions: Any, refreshing: Any) -> None:
    """Plain HTTP is for this machine."""
    with pytest.raises(ClearTextRefused), httpx2.Client(auth=UserAuth(sessions(refreshing)), transport=httpx2.MockTransport(API())) as client:
        client.get("http://int.example.nhs.uk/api")


@pytest.mark.parametrize("role", ["", "x", "656014452101 ", "-1", "1" * 16, "١٢٣"])
def test_a_role_is_digits(sessions: Any, refreshing: Any, role: str) -> None:
    """Nothing that could become another header."""
    with pytest.raises(ValueError, match="1 to 15 digits"):
        UserAuth(sessions(refreshing), role=role)
    assert role_headers(None) == {}


def test_it_shows_nothing(sessions: Any, refreshing: Any) -> None:
    """No `repr` with a token."""
    assert repr(UserAuth(sessions(refreshing))) == "UserAuth(...)"
