"""A change is done when every Envoy that runs confirms it."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from wardgate.cli.confirmation import RECENT
from wardgate.cli.context import World
from wardgate.stores.ports import DataPlane


def test_a_change_waits_for_every_running_envoy(installed: Any, tmp_path: Path) -> None:
    """One that confirms is named; one that lags makes the command fail, and the change stays."""
    with World(tmp_path / "data", None) as world:
        world.stores.data_planes.confirm(DataPlane("edge-1", 1_000_000, world.now))
        done = installed("app", "revoke", "first-app", "-o", "json")
        assert (done.code, done.data["confirmed_by"]) == (0, ["edge-1"])
        world.stores.data_planes.confirm(DataPlane("edge-2", 1, world.now))
        late = installed("app", "approve", "first-app", "--wait", "0.2")
        assert (late.code, late.out) == (1, "")
        assert "edge-2: still at generation 1" in late.err
        assert installed("app", "show", "first-app", "-o", "json").data["status"] == "approved"


def test_an_envoy_that_refused_its_rules_is_named(installed: Any, tmp_path: Path) -> None:
    """The error that a data plane reports is shown."""
    with World(tmp_path / "data", None) as world:
        world.stores.data_planes.confirm(DataPlane("edge-1", 1_000_000, world.now, "no such filter"))
        answer = installed("app", "revoke", "first-app", "--wait", "0.2")
        assert answer.code == 1
        assert "edge-1: no such filter" in answer.err


def test_an_envoy_that_went_away_is_not_waited_for(installed: Any, tmp_path: Path) -> None:
    """Only recently seen data planes count, and --wait 0 waits for none."""
    with World(tmp_path / "data", None) as world:
        world.stores.data_planes.confirm(DataPlane("gone", 1, world.now - RECENT - timedelta(seconds=5)))
        assert installed("app", "revoke", "first-app").code == 0
        world.stores.data_planes.confirm(DataPlane("edge-1", 1, world.now))
        unwaited = installed("app", "approve", "first-app", "--wait", "0", "-o", "json")
        assert (unwaited.code, unwaited.data["confirmed_by"]) == (0, None)
