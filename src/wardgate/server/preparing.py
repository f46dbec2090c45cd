"""Before anything serves: the directory, the lock on it, and the manifest the store is to hold."""

import contextlib
import fcntl
import logging
import os
import resource
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from wardgate.audit.model import Event, EventType
from wardgate.demo import source
from wardgate.demo.keys import write_keys
from wardgate.demo.refuse_live import refuse_demo_when_live
from wardgate.manifest import Manifest, Source, check
from wardgate.manifest.documents import Changes, from_documents
from wardgate.server.applying import apply, documents_to_change, key_work
from wardgate.server.errors import StartRefused
from wardgate.server.settings import Settings
from wardgate.server.whole_directory import asids_of, check_directory
from wardgate.server.wiring import now
from wardgate.stores import Stores

OPEN_FILES: Final = 65_536
"""Three for each connection of a full Envoy: the caller's, the backend's, and room."""
MAX_DATA_PATH_BYTES: Final = 90
"""With the name of a socket below it, a longer path does not fit the address of a Unix socket (108 bytes)."""

_log = logging.getLogger(__name__)


def prepare_directory(data: Path) -> None:
    """Make the data directory, readable by its owner only. Raises `OSError`, and `StartRefused` for a path too long."""
    if len(os.fsencode(data.resolve())) > MAX_DATA_PATH_BYTES:
        raise StartRefused(f"the path of the data directory has more than {MAX_DATA_PATH_BYTES} bytes, too long for the sockets below it")
    for directory in (data, data / "run"):
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)


def raise_file_limit() -> None:
    """Allow this process, and Envoy after it, as many open files as the system lets it: many systems begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@contextlib.contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data directory for this process. Raises `StartRefused` when another Wardgate has it."""
    with (data / "run" / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StartRefused(f"another Wardgate runs on {data}") from None
        yield


def prepare_world(settings: Settings, stores: Stores, manifests: Sequence[Path]) -> Manifest:
    """Bring the store to the files that were named, or to the demo when it holds nothing; else take what it holds.

    Raises `StartRefused`, `ManifestInvalid` and `ApplyRefused`.
    """
    sources = [Source(str(path), path.read_bytes()) for path in manifests]
    _, stored = stores.documents.load()
    wanted: Manifest | None = None
    if sources:
        wanted = check(sources, asids_of(stores))
    elif stored:
        wanted = _moved_demo(settings, from_documents(stored)) if settings.demo else None
    elif settings.demo:
        wanted = check([source(_demo_backend(settings.demo_port), settings.demo_provider)])
    else:
        raise StartRefused("there is no manifest yet: name one with --manifest FILE, or try the demo with --demo")
    manifest = wanted or from_documents(stored)
    refuse_demo_when_live(manifest, demo_asked_for=settings.demo)
    if manifest.environment.live and settings.http_port is not None:
        raise StartRefused("a live environment has no plain HTTP port: leave --http-port out")
    if manifest.environment.live and settings.smartcard_port is not None:
        raise StartRefused("a live environment has no stand-in providers and no smartcard port: leave --smartcard-port out")
    if manifest.environment.live and (settings.mesh_test_routes or not settings.mesh_enforce_workflows):
        raise StartRefused("a live environment has no mailbox routes for tests and enforces workflows: leave WARDGATE_MESH_TEST_ROUTES and WARDGATE_MESH_ENFORCE_WORKFLOWS out")
    if manifest.environment.live and settings.ldap_port is not None:
        raise StartRefused("a live environment has no LDAP without TLS: use --ldaps-port and leave --ldap-port out")
    if wanted is not None:
        seen, _, step = documents_to_change(stores, wanted)
        keys = key_work(stores, wanted, step.remove)
        if step or keys:
            check_directory(stores, wanted)
            apply(stores, wanted, seen, step, keys, now(), event_of_start)
            _tell_removed(step)
    if settings.demo:
        write_keys(settings.data / "demo")
        _port_file(settings).write_text(f"{settings.demo_port} {settings.demo_provider}\n", encoding="ascii")
    return manifest


def _tell_removed(step: Changes) -> None:
    """Nobody was shown the difference: files that are older than what commands have stated take that away."""
    if step.remove:
        counted = ", ".join(f"{number} of {kind}" for kind, number in sorted(Counter(kind for kind, _ in step.remove).items()))
        _log.warning("the manifest files did not mention what was stored, and it was removed: %s. Start without --manifest to keep what commands have stated", counted)


def _demo_backend(port: int) -> str:
    return f"http://127.0.0.1:{port}"


def _port_file(settings: Settings) -> Path:
    """Return where the port of the demo's backends, and the place of its surgery, are kept from one start to the next."""
    return settings.data / "demo" / "port"


def _moved_demo(settings: Settings, stored: Manifest) -> Manifest | None:
    """Return the stored manifest with the demo's backends where they listen this time, None when they are there already.

    What was changed since the first start stays changed: a demo that is started again is the same one.
    """
    with contextlib.suppress(OSError, ValueError):
        port, _, provider = _port_file(settings).read_text(encoding="ascii").strip().partition(" ")
        before, after = (_demo_backend(int(port)), provider), (_demo_backend(settings.demo_port), settings.demo_provider)
        if before != after:
            return _with_provider(_moved(stored, before[0], after[0]), before[1], after[1])
    return None


def _with_provider(stored: Manifest, before: str, after: str) -> Manifest:
    systems = tuple(system.model_copy(update={"endpoints": tuple(
        endpoint.model_copy(update={"connect_to": after}) if endpoint.connect_to == before else endpoint for endpoint in system.endpoints
    )}) for system in stored.systems)
    return stored.model_copy(update={"systems": systems})


def _moved(stored: Manifest, before: str, after: str) -> Manifest:
    apis = tuple(api.model_copy(update={"backend": after}) if api.backend == before else api for api in stored.apis)

    def moved(url: str | None) -> str | None:
        return after + url.removeprefix(before) if url is not None and url.startswith(before + "/") else url

    applications = tuple(entry.model_copy(update={
        "jwks_url": moved(entry.jwks_url), "callback_urls": tuple(map(moved, entry.callback_urls))}) for entry in stored.applications)
    parties = tuple(entry.model_copy(update={
        "jwks_url": moved(entry.jwks_url), "redirect_uris": tuple(map(moved, entry.redirect_uris)),
        "post_logout_redirect_uris": tuple(map(moved, entry.post_logout_redirect_uris))}) for entry in stored.relying_parties)
    old, new = before.removeprefix("http://"), after.removeprefix("http://")
    systems = tuple(entry.model_copy(update={"endpoints": tuple(
        found.model_copy(update={"connect_to": new}) if found.connect_to == old else found for found in entry.endpoints)}) for entry in stored.systems)
    return stored.model_copy(update={"apis": apis, "applications": applications, "relying_parties": parties, "systems": systems})


def event_of_start(kind: EventType, application: str | None = None, **details: str | int | bool | None) -> Event:
    """Return an event of something that starting or stopping did."""
    return Event(kind, now(), application=application, details={**details, "by": "wardgate up"})
