"""Other makers' OpenID software on both sides of a whole Wardgate, over real ports. A missing part fails the run."""

import contextlib
import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from system import running as system
from wardgate.demo import source

HERE = Path(__file__).parent
NODE = HERE.parents[1] / "script" / "node"
SCRIPT_SECONDS = 120
INSTALL_SECONDS = 300


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything here that starts a Wardgate starts a real Envoy."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("envoy")


@pytest.fixture(scope="package")
def node() -> Path:
    """The command that runs JavaScript, with its packages installed."""
    done = subprocess.run([NODE, "--version"], capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    return NODE


@pytest.fixture(scope="package")
def run(node: Path) -> Callable[..., Any]:
    """Run a script of this folder on what it is given: (name, ca, **given) -> what it wrote."""
    def run_script(name: str, ca: Path, **given: Any) -> Any:
        environ = {**os.environ, "NODE_EXTRA_CA_CERTS": str(ca)}
        done = subprocess.run([node, HERE / name], input=json.dumps(given), capture_output=True, text=True, env=environ,
                              timeout=SCRIPT_SECONDS, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run_script


@pytest.fixture(scope="package")
def told_at() -> int:
    """The port at which clients wait to be told of a sign-out."""
    return int(system.free_ports(1)[0])


@pytest.fixture(scope="package")
def start(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Start a Wardgate with the demo's manifest, changed: (change(manifest), **how to run it) -> a context manager."""
    @contextlib.contextmanager
    def started(change: Callable[[Any], None], **how: Any) -> Iterator[Any]:
        with system.running(tmp_path_factory.mktemp("interop"), **how) as one:
            manifest = yaml.safe_load(source(f"http://127.0.0.1:{one.demo_port}").content)
            change(manifest)
            path = one.data.parent / "manifest.yaml"
            path.write_text(yaml.safe_dump(manifest))
            one.done("manifest", "apply", path, "--yes")
            yield one

    return started


@pytest.fixture(scope="package")
def wardgate(start: Callable[..., Any], told_at: int) -> Iterator[Any]:
    """A demo whose example applications want to be told of a sign-out."""
    def change(manifest: Any) -> None:
        for party in manifest["relying_parties"]:
            signed_out = {uri.replace("/callback", "/signed-out") for uri in party["redirect_uris"] if "127.0.0.1" in uri}
            party["post_logout_redirect_uris"] = sorted(signed_out)
            party["backchannel_logout_uri"] = f"http://127.0.0.1:{told_at}/backchannel-logout"

    with start(change, environ={"WARDGATE_TOKEN_REQUESTS_PER_MINUTE": "100000"}) as one:
        yield one
