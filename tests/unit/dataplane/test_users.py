"""Routes that users are behind: what Envoy judges of them by itself, and what it writes down."""

import json
from pathlib import Path
from typing import Any

import pytest

from wardgate.catalogue import API, Route
from wardgate.dataplane.compile import ROUTES, Inputs, Key, Mapped, compile_resources
from wardgate.dataplane.resources import log_format, standing
from wardgate.dataplane.resources.envoy import PROXIED_PATIENT, PROXIED_PROVIDER, PROXIED_ROLE, PROXIED_USER
from wardgate.dataplane.resources.routes import must_ask
from wardgate.dataplane.resources.secrets import TLSMaterial
from wardgate.security_patterns.snapshot import Revocations

WORKER: dict[str, Any] = {"pattern": "user-restricted", "access_mode": "healthcare-worker"}
PATIENT: dict[str, Any] = {"pattern": "user-restricted", "access_mode": "patient"}
ASKED: tuple[tuple[str, bool, dict[str, Any]], ...] = (
    ("a user's route", False, WORKER),
    ("several kinds of callers by token", False, {"any_of": [WORKER, PATIENT, {"pattern": "signed-jwt"}]}),
    ("the patient's header", False, PATIENT | {"identity_headers": {"patient": "NHSD-NHSLogin-User", "issuer": "NHSD-Identity-IdP"}}),
    ("the worker's header", False, WORKER | {"identity_headers": {"user": "NHSD-Identity-UUID"}}),
    ("the worker's header beside a key", False, {"any_of": [WORKER, {"pattern": "api-key"}], "identity_headers": {"user": "NHSD-Identity-UUID"}}),
    ("the worker's header where patients come too", True, {"any_of": [WORKER, PATIENT], "identity_headers": {"user": "NHSD-Identity-UUID"}}),
    ("the worker's header where applications come too", True,
     {"any_of": [WORKER, {"pattern": "signed-jwt"}], "identity_headers": {"user": "NHSD-Identity-UUID"}}),
    ("a role", True, WORKER | {"role": "required"}),
    ("a role of some", True, {"any_of": [WORKER, PATIENT], "role": "optional"}),
    ("recorded before the answer", True, WORKER | {"audit": "before"}),
)


@pytest.mark.parametrize(("asked", "route"), [case[1:] for case in ASKED], ids=[case[0] for case in ASKED])
def test_what_envoy_judges_by_itself(asked: bool, route: dict[str, Any], world: Any) -> None:
    """A user's route is native as an application's is; a role is not, nor a header that would tell the wrong thing."""
    assert must_ask(Route.model_validate({"path": "/"} | route), world.snapshot({})) is asked


def test_a_users_route_has_the_filters_of_an_applications(world: Any, tls: TLSMaterial, tmp_path: Path) -> None:
    """The same filters are on, so it costs what a route by signed JWT costs."""
    api = API.model_validate({"name": "x", "base_path": "/x", "backend": "http://127.0.0.1:9", "routes": [
        {"path": "/user", **WORKER}, {"path": "/jwt", "pattern": "signed-jwt"}, {"path": "/all", "any_of": [WORKER, PATIENT, {"pattern": "signed-jwt"}]}]})
    snapshot = world.snapshot({}, (api,))
    compiled = compile_resources(Inputs(snapshot, (Mapped.of(snapshot),), Mapped.of(snapshot), tls, world.layout(tmp_path, Path("envoy")), world.now, "secret"), {})
    listed = compiled[Key(ROUTES, "routes-https")].resources[0]["virtual_hosts"][0]["matcher"]["matcher_tree"]["prefix_match_map"]["map"]["/x/"]
    on = {}
    for route in listed["action"]["typed_config"]["routes"]:
        if "route" in route and route["match"].get("path") in {"/x/user", "/x/jwt", "/x/all"}:
            on[route["match"]["path"]] = {name for name, config in route["typed_per_filter_config"].items() if not config.get("disabled")}
    assert on["/x/user"] == on["/x/jwt"] == on["/x/all"]


def test_an_ended_sign_in_is_in_the_overlay(world: Any) -> None:
    """It is denied by name whoever the application is; others are not."""
    snapshot = world.snapshot({"a": world.client("a", frozenset({"x"}))}, revocations=Revocations(grants=frozenset({"ended"})))
    rbac = standing.overlay(snapshot, standing.Overlay(), world.now)
    assert world.verdict(rbac, {"x-wardgate-session": "ended"}) == ("access-token-revoked", "DENY")
    assert world.verdict(rbac, {"x-wardgate-session": "another"}) == ("unlisted", "ALLOW")


def test_no_line_of_the_log_says_who_the_user_is() -> None:
    """Neither the identifier, nor the NHS number, nor the role; how strongly they signed in is said."""
    for line in (log_format.REQUEST_LINE, log_format.SUCCESS_LINE):
        text = json.dumps(line).lower()
        assert not [name for name in (PROXIED_USER, PROXIED_PATIENT, PROXIED_ROLE, PROXIED_PROVIDER, "urid") if name in text]
        assert "wardgate.level" in text
