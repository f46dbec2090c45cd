"""What the gateway would enforce now, for commands that judge something by it."""

from datetime import datetime

from wardgate.cli.context import World
from wardgate.cli.failures import Failed
from wardgate.keystores.database import ACCESS_TOKEN
from wardgate.security_patterns.snapshot import Snapshot
from wardgate.server import serving
from wardgate.server.world import WorldKeeper


def snapshot_of(world: World, now: datetime, base_url: str | None = None) -> Snapshot:
    """Return the world of this moment; `now` is the real time. Raises `Failed` when there is nothing to enforce."""
    world.manifest()
    if not world.keys.public_keys(ACCESS_TOKEN, now):
        raise Failed("this Wardgate has not been started yet: `wardgate up` makes its keys")
    url = base_url or serving.read(world.data).https
    keeper = WorldKeeper(world.stores, lambda at: world.keys.public_jwks(ACCESS_TOKEN, at), lambda _at: frozenset(), (url,))
    return keeper.refresh(now)
