"""What `script/node` installs is fixed to the digest, and comes from wherever the machine's packages come from."""

import json
import re
from pathlib import Path

HERE = Path(__file__).parent


def test_versions_are_exact() -> None:
    """A range would be resolved by whoever writes the lock next."""
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert set(wanted) == {"jose", "oidc-provider", "openid-client"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_every_package_has_its_digest_and_none_an_address() -> None:
    """`npm ci` then takes each from the registry that the machine is set up for, and believes none of them."""
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    locked = {name: entry for name, entry in packages.items() if name}
    assert len(locked) > 30
    assert all(re.fullmatch(r"sha512-[A-Za-z0-9+/]{86}==", entry["integrity"]) for entry in locked.values())
    assert not any("resolved" in entry for entry in locked.values())
    wanted = json.loads((HERE / "package.json").read_text())["dependencies"]
    assert packages[""]["dependencies"] == wanted
    assert {name: locked[f"node_modules/{name}"]["version"] for name in wanted} == wanted


def test_no_package_runs_a_program_when_it_is_installed() -> None:
    """Install scripts are off; none of these needs one."""
    packages = json.loads((HERE / "package-lock.json").read_text())["packages"]
    assert not any(entry.get("hasInstallScript") for entry in packages.values())
