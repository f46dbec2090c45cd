"""Tests of `server.preparing`: what stands before anything serves."""

import resource
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from wardgate.audit.model import Event
from wardgate.demo import manifest as demo_manifest
from wardgate.manifest import ManifestInvalid
from wardgate.manifest.documents import from_documents
from wardgate.server.errors import StartRefused
from wardgate.server.preparing import only_one, prepare_directory, prepare_world, raise_file_limit
from wardgate.server.settings import Settings
from wardgate.stores import Stores
from wardgate.stores.ports import StoredDocument

SMALL = """
environment: {{name: trial, live: {live}}}
organisations: [{{ods: Z9X01, name: Example Hospital}}]
apis:
  - {{name: hello-world, base_path: /hello, backend: "https://backend.example", routes: [{{path: /, pattern: open-access}}]}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Any:
    """Write a small manifest and return its path."""
    def written(*, live: bool = False) -> Path:
        path = tmp_path / "manifest.yaml"
        path.write_text(SMALL.format(live=str(live).lower()))
        return path

    return written


def settings(directory: Path, **more: Any) -> Settings:
    """Return settings below a directory."""
    return Settings(data=directory, **more)


def backends(stores: Stores) -> set[str]:
    """Return where the stored APIs are."""
    return {api.backend for api in from_documents(stores.documents.load()[1]).apis if not api.relays}


def surgery(stores: Stores) -> set[str | None]:
    """Return where the secure proxy connects to."""
    return {endpoint.connect_to for system in from_documents(stores.documents.load()[1]).systems for endpoint in system.endpoints if endpoint.connect_to}


def test_the_directory_is_its_owners(tmp_path: Path) -> None:
    """Mode 0700, also when it was wider before."""
    data = tmp_path / "data"
    data.mkdir(mode=0o755)
    prepare_directory(data)
    for path in (data, data / "run"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_a_path_too_long_for_sockets_is_refused(tmp_path: Path) -> None:
    """Before anything is made."""
    with pytest.raises(StartRefused, match="too long for the sockets"):
        prepare_directory(tmp_path / ("x" * 120))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_is_held_by_one(tmp_path: Path) -> None:
    """Until it is let go."""
    prepare_directory(tmp_path)
    with only_one(tmp_path), pytest.raises(StartRefused, match="another Wardgate runs on"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


@pytest.fixture
def file_limit() -> Iterator[tuple[int, int]]:
    """The limit of this process, put back afterwards."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield before
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_the_limit_of_open_files_is_raised_and_never_lowered(file_limit: tuple[int, int]) -> None:
    """To what the system allows, at most 65,536."""
    _, hard = file_limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    raise_file_limit()
    raised = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert raised == (min(65_536, hard) if hard != resource.RLIM_INFINITY else 65_536, hard)
    raise_file_limit()
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == raised


def test_without_a_manifest_there_is_no_start(tmp_path: Path, stores: Stores) -> None:
    """Neither named nor stored nor the demo."""
    with pytest.raises(StartRefused, match="there is no manifest yet"):
        prepare_world(settings(tmp_path), stores, [])


def test_named_files_are_applied_and_then_kept(tmp_path: Path, stores: Stores, file: Any) -> None:
    """The next start needs no file."""
    assert prepare_world(settings(tmp_path), stores, [file()]).environment.name == "trial"
    generation = stores.generation.current()
    assert prepare_world(settings(tmp_path), stores, []).environment.name == "trial"
    assert stores.generation.current() == generation


def test_files_are_the_whole_manifest_at_a_later_start_too(tmp_path: Path, stores: Stores, file: Any, event: Event, caplog: pytest.LogCaptureFixture) -> None:
    """What commands stated meanwhile is removed, of every section alike, and that is told; a start without files keeps it."""
    prepare_world(settings(tmp_path), stores, [file()])
    before = {(document.kind, document.name) for document in stores.documents.load()[1]}
    stated = [
        StoredDocument("applications", "one", {"name": "one", "organisation": "Z9X01"}),
        StoredDocument("mailboxes", "Z9X01OT001", {"id": "Z9X01OT001", "organisation": "Z9X01"}),
        StoredDocument("message_keys", "Z9X01", {"organisation": "Z9X01"}),
    ]
    stores.documents.write(stated, [], event)
    prepare_world(settings(tmp_path), stores, [])
    assert {(document.kind, document.name) for document in stores.documents.load()[1]} == before | {(one.kind, one.name) for one in stated}
    assert caplog.messages == []
    prepare_world(settings(tmp_path), stores, [file()])
    assert {(document.kind, document.name) for document in stores.documents.load()[1]} == before
    assert ["1 of applications, 1 of mailboxes, 1 of message_keys. Start without" in said for said in caplog.messages] == [True]


@pytest.mark.parametrize(("more", "error", "said"), [
    ({"demo": True}, ManifestInvalid, "no demo"), ({"http_port": 8080}, StartRefused, "no plain HTTP port"),
    ({"ldap_port": 1389}, StartRefused, "no LDAP without TLS"),
    ({"mesh_test_routes": True}, StartRefused, "no mailbox routes for tests"), ({"mesh_enforce_workflows": False}, StartRefused, "enforces workflows"),
])
def test_a_live_environment_refuses(tmp_path: Path, stores: Stores, file: Any, more: Any, error: type[Exception], said: str) -> None:
    """The demo and plain HTTP, from a file and from the store; nothing is stored when it refuses."""
    with pytest.raises(error, match=said):
        prepare_world(settings(tmp_path, **more), stores, [file(live=True)])
    assert stores.generation.current() == 0
    prepare_world(settings(tmp_path), stores, [file(live=True)])
    with pytest.raises(error, match=said):
        prepare_world(settings(tmp_path, **more), stores, [])


def test_a_demo_that_starts_again_is_the_same_one(tmp_path: Path, stores: Stores) -> None:
    """What was changed in it stays changed; its keys are written for its users."""
    prepare_world(settings(tmp_path, demo=True), stores, [])
    assert (tmp_path / "demo" / "demo-1.pem").exists()
    assert backends(stores) == {"http://127.0.0.1:9001"}
    before = {document.name for document in stores.documents.load()[1] if document.kind == "applications"}
    assert "demo-app" in before
    credential = stores.credentials.by_key("demo-app-key-not-a-secret")
    assert credential is not None
    generation = stores.generation.current()
    prepare_world(settings(tmp_path, demo=True), stores, [])
    assert stores.generation.current() == generation


def test_a_demo_moves_with_its_backends(tmp_path: Path, stores: Stores) -> None:
    """Another port moves APIs and key sets that were at the old one, and nothing else."""
    prepare_world(settings(tmp_path, demo=True), stores, [])
    prepare_world(settings(tmp_path, demo=True, demo_port=9002), stores, [])
    assert backends(stores) == {"http://127.0.0.1:9002"}
    applications = from_documents(stores.documents.load()[1]).applications
    urls = {entry.jwks_url for entry in applications if entry.jwks_url}
    assert all(url.startswith(("http://127.0.0.1:9002/", "http://127.0.0.1:9/")) for url in urls)
    assert len(applications) == len(demo_manifest().applications)
    assert surgery(stores) == {"127.0.0.1:9003"}
    prepare_world(settings(tmp_path, demo=True, demo_port=9002, demo_provider_port=9010), stores, [])
    assert surgery(stores) == {"127.0.0.1:9010"}


def test_what_is_not_the_demos_does_not_move(tmp_path: Path, stores: Stores, file: Any) -> None:
    """A manifest of one's own is served as it is, with the sample backends beside it."""
    prepare_world(settings(tmp_path, demo=True), stores, [file()])
    prepare_world(settings(tmp_path, demo=True, demo_port=9002), stores, [])
    assert backends(stores) == {"https://backend.example"}
