"""The APIs that every environment has: what they are, and what a manifest may say of them."""

import asyncio
import copy
import json
from typing import Any

import pytest

from unit.manifest.conftest import BASE
from unit.security_patterns.test_build import snapshot
from wardgate.catalogue import Environment
from wardgate.catalogue.platform import PLATFORM_APIS, SYSTEM_DIRECTORY
from wardgate.manifest import Manifest, ManifestInvalid, Source, check
from wardgate.manifest.access import Gain, compare_access
from wardgate.quotas import Quota, RateLimits
from wardgate.server.health import status_of

GRANTED = {"name": "directory", "apis": ["spine-directory"]}


def _checked(**changes: Any) -> Manifest:
    return check([Source("manifest.yaml", json.dumps(copy.deepcopy(BASE) | changes).encode())])


def test_every_snapshot_has_them() -> None:
    """In the order of names, and nobody may use one without a product."""
    found = snapshot({"products": ["one"]}, products=({"name": "one", "apis": ["hello"]},))
    assert [api.name for api in found.apis] == ["hello", *(api.name for api in PLATFORM_APIS)]
    assert found.clients["app"].apis == {"hello"}


def test_the_published_limit_where_nothing_else_is_stated() -> None:
    """2,400 a minute; the environment's default, a product's and the application's own go before it."""
    def limit(application: dict[str, Any] | None = None, product: dict[str, Any] | None = None, **more: Any) -> Quota | None:
        made = snapshot({"products": ["directory"], **(application or {})}, products=(GRANTED | (product or {}),), **more)
        return made.clients["app"].limits["spine-directory"].quota

    stated = Environment(name="unit", default_limits=RateLimits(quota=Quota(limit=1)))
    assert limit() == Quota(limit=2_400)
    assert limit(environment=stated) == Quota(limit=1)
    assert limit(product={"limits": {"quota": {"limit": 7}}}, environment=stated) == Quota(limit=7)
    assert limit({"limits": {"quota": {"limit": 8}}}) == Quota(limit=8)


def test_a_product_may_name_one() -> None:
    """And who gains by that is told before it is applied."""
    before, after = _checked(), _checked(products=[*BASE["products"], GRANTED], applications=[BASE["applications"][0] | {"products": ["hello", "directory"]}, BASE["applications"][1]])
    gained, lost = compare_access(before, after)
    assert gained == (Gain("one", "spine-directory", "/spine-directory/FHIR/R4/*", "api-key"),)
    assert lost == ()


@pytest.mark.parametrize(("change", "said"), [
    ({"name": "spine-directory"}, "`spine-directory` is the name of an API that every environment has"),
    ({"base_path": "/spine-directory"}, "`/spine-directory` is reserved for the gateway itself"),
    ({"base_path": SYSTEM_DIRECTORY.base_path}, "`/spine-directory` is reserved for the gateway itself"),
    ({"backend": "wardgate"}, "backend"),
])  # fmt: skip
def test_a_manifest_states_none(change: dict[str, Any], said: str) -> None:
    """Neither under its name, nor at its path, nor by its backend."""
    first, *others = copy.deepcopy(BASE["apis"])
    with pytest.raises(ManifestInvalid) as refused:
        _checked(apis=[first | change, *others])
    assert said in str(refused.value)


def test_it_has_no_backend_to_ask() -> None:
    """Its `_status` passes when it is answered at all: it is this program that answers."""
    body = asyncio.run(status_of(SYSTEM_DIRECTORY))
    assert (body["status"], body["checks"]["healthcheck"]["outcome"]) == ("pass", "no backend of its own")
