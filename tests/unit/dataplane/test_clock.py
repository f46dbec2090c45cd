"""While a virtual clock is ahead, Envoy, which goes by the real time, judges no token."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from wardgate.catalogue import Route
from wardgate.dataplane.resources.routes import must_ask


@pytest.mark.parametrize(("route", "asked"), [
    ({"pattern": "signed-jwt"}, True), ({"pattern": "user-restricted", "access_mode": "patient"}, True),
    ({"any_of": [{"pattern": "api-key"}, {"pattern": "signed-jwt"}]}, True),
    ({"pattern": "api-key"}, False), ({"pattern": "open-access"}, False), ({"pattern": "tls-ma"}, False),
])
def test_token_routes_are_asked_about(route: dict[str, Any], asked: bool, world: Any) -> None:
    """Every route that a token can open; the others stay native, and with the clock back all do."""
    found, snapshot = Route.model_validate({"path": "/"} | route), world.snapshot({})
    assert must_ask(found, replace(snapshot, clock_shift=timedelta(hours=12))) is asked
    assert must_ask(found, snapshot) is False
