"""Runs npm's `oidc-provider`, with SQLite beside it: the installation that the tests use (`script/node`)."""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.machine import SERVER_CORE, started, wait_port

HERE: Final = Path(__file__).parent
NODE: Final = HERE.parents[1] / "script" / "node"
HOW: Final = "oidc-provider is left out: script/node says above what it needs"


def node() -> str | None:
    """Return how to run Node with oidc-provider, which is installed first when it is not; None when it cannot be."""
    found = subprocess.run([str(NODE), "--version"], stdout=subprocess.DEVNULL, check=False)
    return str(NODE) if found.returncode == 0 else None


@contextlib.contextmanager
def running(directory: Path, settings: Mapping[str, Any]) -> Iterator[int]:
    """Run it with these settings; yields its process id."""
    found = node()
    assert found is not None
    path = directory / f"oidc-provider-{settings['port']}.json"
    path.write_text(json.dumps(settings))
    environment = {"NODE_ENV": "production", "PATH": "/usr/bin:/bin"}
    with started([found, "--no-warnings", str(HERE / "oidc_provider.mjs"), str(path)], SERVER_CORE, path.with_suffix(".out"), env=environment) as process:
        wait_port(settings["port"])
        yield process.pid
