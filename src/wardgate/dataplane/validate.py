"""Ask Envoy itself whether it would take a configuration, before it is published.

Over REST a rejected resource is not reported back, so what Envoy would reject must never be offered. Only the
resources that changed are asked about: they are put, by value, into a bootstrap of their own. Of their hash maps and long
lists only the entries are put there that Envoy has not been asked about: it looks at each of them by itself.
"""

import asyncio
import contextlib
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from wardgate.dataplane.compile import CLUSTERS, EXTENSIONS, LISTENERS, ROUTES, SECRETS, Key, Resource, Resources
from wardgate.dataplane.errors import EnvoyMissing, Rejected
from wardgate.dataplane.layout import Layout
from wardgate.dataplane.resources.bootstrap import RUNTIME
from wardgate.dataplane.resources.clusters import wardgate_clusters
from wardgate.dataplane.resources.envoy import HTTP, JSON, REFUSAL_SECRET, T, named, plain

TIMEOUT_SECONDS: Final = 60.0
SHOWN_CHARACTERS: Final = 1000
MASK: Final = "[redacted]"
HASH_MAP: Final = "exact_match_map"
"""The map of a matcher tree (`envoy.tree`)."""
LISTS: Final[Mapping[str, Callable[[JSON], Hashable]]] = {
    "credentials": lambda item: item["key"], "descriptors": lambda item: tuple(entry["value"] for entry in item["entries"]),
}
"""Lists of API keys and of buckets, and what no two items may have in common: that alone Envoy would look for in the others."""
IDLE_NICENESS: Final = 10
_ROUTER: Final = named("envoy.filters.http.router", HTTP + "router.v3.Router")


_NOTHING: Final[Resources] = {}


async def validate(
    changed: Mapping[Key, Resource], resources: Resources, layout: Layout, known: Resources = _NOTHING, *, patient: bool = False
) -> None:
    """Raise `Rejected` with Envoy's own words unless Envoy takes every one of the changed resources.

    A certificate is only looked at by a listener that uses it, so listeners and secrets are always asked about together.
    `known` are resources that Envoy takes; `patient` leaves the processor to whatever else wants it.
    """
    if not changed:
        return
    if any(key.kind in {LISTENERS, SECRETS} for key in changed):
        changed = {key: found for key, found in resources.items() if key in changed or key.kind in {LISTENERS, SECRETS}}
    complaint = await asyncio.to_thread(_complaint, changed, layout, known, IDLE_NICENESS if patient else 0)
    if complaint is not None:
        raise Rejected(masked(complaint, _secrets_of(changed))[-SHOWN_CHARACTERS:])


def _complaint(changed: Mapping[Key, Resource], layout: Layout, known: Resources, niceness: int) -> str | None:
    fresh = {key: tuple(_fresh(list(found.resources), list(known[key].resources))) if key in known and key.kind == EXTENSIONS else found.resources
             for key, found in changed.items()}
    return _ask_envoy(json.dumps(static_form(fresh, layout)), layout, niceness)


def _fresh(found: Any, known: Any) -> Any:
    """Return what was compiled with those entries of its hash maps and `LISTS` left out that were known, in the same place, to be good.

    NOTE: Envoy refuses some of them empty, so one entry always stays.
    """
    if isinstance(found, list) and isinstance(known, list) and len(found) == len(known):
        return [_fresh(item, before) for item, before in zip(found, known, strict=True)]
    if not isinstance(found, dict) or not isinstance(known, dict):
        return found
    return {name: _fresh_named(name, item, known.get(name)) for name, item in found.items()}


def _fresh_named(name: str, found: Any, known: Any) -> Any:
    if known is not None and name == HASH_MAP:
        return _fresh_entries(found, known)
    if known is not None and name in LISTS:
        return _fresh_items(found, known, LISTS[name])
    return _fresh(found, known)


def _fresh_items(found: list[JSON], known: list[JSON], own: Callable[[JSON], Hashable]) -> list[JSON]:
    before = {own(item): item for item in known}
    if len({own(item) for item in found}) < len(found):
        return found  # Envoy shall say what is wrong with it
    return [item for item in found if before.get(own(item)) != item] or found[:1]


def _fresh_entries(found: JSON, known: JSON) -> JSON:
    entries, before = found["map"], known["map"]
    same: dict[tuple[int, int], bool] = {}
    """One object stands at many keys; it is compared once."""
    fresh: JSON = {}
    for key, entry in entries.items():
        other = before.get(key)
        pair = id(entry), id(other)
        if pair not in same:
            same[pair] = entry == other
        if not same[pair]:
            fresh[key] = entry
    return {"map": fresh or dict([next(iter(entries.items()))])}


def _ask_envoy(configuration: str, layout: Layout, niceness: int = 0) -> str | None:
    with tempfile.TemporaryDirectory(dir=layout.run_directory) as directory:
        path = Path(directory) / "envoy.json"
        path.touch(mode=0o600)
        path.write_text(configuration)
        command = [str(layout.envoy_binary), "--mode", "validate", "-c", str(path), "--log-level", "error", "--log-format", "%v"]
        try:
            asked = subprocess.Popen(  # noqa: S603 - the binary is a setting of the operator
                command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, umask=0o077
            )
        except OSError as error:
            raise EnvoyMissing(f"{layout.envoy_binary} cannot be run: {error.strerror}") from error
        with asked:
            if niceness:
                with contextlib.suppress(ProcessLookupError):  # it may have ended already
                    os.setpriority(os.PRIO_PROCESS, asked.pid, niceness)
            try:
                _, words = asked.communicate(timeout=TIMEOUT_SECONDS)
            except subprocess.TimeoutExpired:
                asked.kill()
                raise Rejected(f"Envoy did not finish validating within {TIMEOUT_SECONDS:.0f} s") from None
    if asked.returncode == 0:
        return None
    return words.decode(errors="replace").strip() or f"exit code {asked.returncode}"


def masked(text: str, secrets: Iterable[str]) -> str:
    """Return Envoy's words without these secrets: it repeats what it does not like, keys in clear included."""
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def _secrets_of(changed: Mapping[Key, Resource]) -> Iterator[str]:
    """Yield what must not be repeated: API keys, lines of private keys, the secret of our own redirects."""
    for found in changed.values():
        yield from _secrets_in(list(found.resources))


def _secrets_in(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _secrets_in(item)
    elif isinstance(value, dict):
        if REFUSAL_SECRET in {str(value.get("name")), str(value.get("key"))}:
            yield value.get("value") or value["string_match"]["exact"]
        yield from (credential["key"] for credential in value.get("credentials", ()))
        if "private_key" in value:
            yield from (line for line in value["private_key"]["inline_string"].splitlines() if line and not line.startswith("-----"))
        for item in value.values():
            yield from _secrets_in(item)


def static_form(changed: Mapping[Key, Sequence[JSON]], layout: Layout) -> JSON:
    """Return a bootstrap that holds the resources by value: one listener per listener, route table and set of filters."""
    by_kind: dict[str, list[JSON]] = {}
    for key, found in changed.items():
        by_kind.setdefault(key.kind, []).extend(found)
    extensions = [{"name": item["name"], "typed_config": item["typed_config"]} for item in by_kind.get(EXTENSIONS, [])]
    listeners = [_inlined(listener) for listener in by_kind.get(LISTENERS, [])]
    managers = [_manager(route_config=table) for table in by_kind.get(ROUTES, [])]
    if extensions:
        managers.append(_manager(filters=extensions))
    listeners += [_listener(index, manager) for index, manager in enumerate(managers)]
    clusters = [*wardgate_clusters(layout), *by_kind.get(CLUSTERS, [])]
    return {
        "node": {"id": "validate", "cluster": "wardgate"},
        "layered_runtime": RUNTIME,
        "static_resources": {
            "listeners": [plain(listener) for listener in listeners],
            "clusters": [plain(cluster) for cluster in clusters],
            "secrets": [plain(secret) for secret in by_kind.get(SECRETS, [])],
        },
    }


def _manager(*, filters: list[JSON] | None = None, route_config: JSON | None = None) -> JSON:
    table: JSON = {"name": "none", "virtual_hosts": []}
    if route_config is not None:
        table = plain(route_config) | {"validate_clusters": False}
    return {
        "@type": T + "envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "validate", "route_config": table, "http_filters": [*(filters or []), _ROUTER],
    }


def _listener(index: int, manager: JSON) -> JSON:
    return {"name": f"validate-{index}", "address": {"pipe": {"path": f"@wardgate-validate-{index}"}},
            "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}


def _inlined(listener: JSON) -> JSON:
    """Return a listener that waits for nothing: its discovered filters, routes and secrets are left out or defaulted.

    NOTE: what is changed is copied, and nothing else: a listener holds megabytes of error shapes.
    """
    return {**listener, "filter_chains": [_chain(chain) for chain in listener["filter_chains"]]}


def _chain(chain: JSON) -> JSON:
    http, *others = chain["filters"]
    manager = {name: value for name, value in http["typed_config"].items() if name != "rds"}
    if len(manager) < len(http["typed_config"]):
        manager["route_config"] = {"name": "none", "virtual_hosts": []}
    manager["http_filters"] = [_defaulted(item) for item in manager["http_filters"]]
    changed: JSON = {**chain, "filters": [{**http, "typed_config": manager}, *others]}
    if "transport_socket" in chain:
        socket = chain["transport_socket"]
        changed["transport_socket"] = {**socket, "typed_config": _tls_by_name(socket["typed_config"])}
    return changed


def _defaulted(item: dict[str, Any]) -> JSON:
    discovery = item.get("config_discovery")
    return {"name": item["name"], "typed_config": discovery["default_config"]} if discovery else item


def _tls_by_name(context: dict[str, Any]) -> JSON:
    """Return the TLS context with its secrets taken from the bootstrap instead of waited for."""
    return {**context, "common_tls_context": _by_name(context["common_tls_context"])}


def _by_name(value: Any) -> Any:
    if isinstance(value, list):
        return [_by_name(item) for item in value]
    if isinstance(value, dict):
        return {name: _by_name(item) for name, item in value.items() if name != "sds_config"}
    return value
