"""`wardgate faults`."""

from pathlib import Path
from typing import Any

import pytest

from wardgate.audit import Event, EventType, Outcome
from wardgate.cli.context import World
from wardgate.refusals.faults import FAULTS


@pytest.fixture
def world(installed: Any, tmp_path: Path) -> Any:
    """Open the installation that the commands act on."""
    with World(tmp_path / "data", None) as opened:
        yield opened


def _refuse(world: World, application: str | None, code: str, kind: EventType = EventType.TOKEN_REFUSED, **details: str) -> None:
    world.stores.audit.append([Event(kind, world.now, Outcome.REFUSED, code, application, details=details)])


def test_every_fault_is_listed(installed: Any) -> None:
    """With endpoint, status, error, how to ask for it, and what does not hold; programs get every endpoint and moment."""
    found = installed("faults", "list", "-o", "json").data
    assert [entry["name"] for entry in found] == list(FAULTS)
    entry = next(entry for entry in found if entry["name"] == "refresh-token-expired")
    assert entry == {
        "name": "refresh-token-expired", "endpoints": ["token"], "moments": ["on refreshing"], "status": 401, "error": "invalid_grant",
        "error_description": "refresh token refresh period has expired", "ask_by": ["header", "parameter", "person"],
        "description": "the refresh token is not over, nor the time since the user signed in", "source": "user-restricted 4.5"}
    lines = installed("faults", "list").out.splitlines()
    assert lines[0].split() == ["NAME", "STATUS", "ERROR", "ENDPOINT", "ASK", "BY", "WHAT", "DOES", "NOT", "HOLD"]
    assert len(lines) == len(FAULTS) + 1


def test_those_of_one_endpoint(installed: Any) -> None:
    """By its name."""
    found = installed("faults", "list", "--endpoint", "backchannel_logout", "-o", "json").data
    assert {"logout-malformed", "form-too-large", "slow"} <= {entry["name"] for entry in found}
    assert all("backchannel_logout" in entry["endpoints"] for entry in found)


def test_what_an_application_has_met(installed: Any, world: World) -> None:
    """From the record: real refusals and those that were asked for, of this application alone."""
    _refuse(world, "first-app", "code-invalid")
    _refuse(world, "first-app", "code-invalid", fault="code-invalid", fault_asked_by="header")
    _refuse(world, "first-app", "id-token-aud", EventType.SIGN_IN_REFUSED, fault="id-token-aud", fault_asked_by="persona")
    _refuse(world, "another-app", "refresh-token-invalid")
    _refuse(world, None, "grant-type-missing")
    _refuse(world, "first-app", "request-id-missing", EventType.CALL_REFUSED)
    found = {entry["name"]: entry["met"] for entry in installed("faults", "list", "--app", "first-app", "-o", "json").data}
    assert len(found) == len(FAULTS)
    assert {name: (met["times"], met["asked_for"]) for name, met in found.items() if met} == {"code-invalid": (2, 1), "id-token-aud": (1, 1)}
    shown = installed("faults", "list", "--app", "first-app", "--met").out.splitlines()
    assert [line.split()[0] for line in shown[1:3]] == ["code-invalid", "id-token-aud"]
    assert shown[-1] == f"first-app has met 2 of {len(FAULTS)}"
    assert len(installed("faults", "list", "--app", "first-app", "--not-met", "-o", "json").data) == len(FAULTS) - 2
    assert "2 times, 1 of them asked for" in installed("faults", "show", "code-invalid", "--app", "first-app").out
    assert "met                   not yet" not in installed("faults", "show", "code-invalid").out


def test_one_fault_says_how_to_ask_for_it(installed: Any) -> None:
    """Header, parameter and person, where each of them is possible."""
    out = installed("faults", "show", "idp-slow").out
    for said in ("Wardgate-Fault: idp-slow; seconds=5", "wardgate_fault=idp-slow", "fault: idp-slow of an entry of users", "at most 20 seconds"):
        assert said in out
    assert "wardgate_fault" not in installed("faults", "show", "form-too-large").out


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (("show", "code-invald"), 1, "there is no fault 'code-invald': did you mean code-invalid"),
    (("show", "xyzzy"), 1, "there is no fault 'xyzzy': wardgate faults list"),
    (("list", "--app", "no-such-app"), 1, "there is no application no-such-app: wardgate app list"),
    (("list", "--met"), 2, "--met and --not-met are about an application: give --app"),
    (("list", "--endpoint", "nowhere"), 2, "'nowhere' is not one of"),
])
def test_what_there_is_not_is_said(installed: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    """With near names."""
    answer = installed("faults", *arguments)
    assert (answer.code, said in answer.err) == (code, True), answer.err
