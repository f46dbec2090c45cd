"""An installation with an authority, a partner's authority, and the command whose keys are tried."""

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from simulators.message_authority import MessageAuthority
from unit.cli.message_installation import NOW, Run, install
from unit.cli.message_keys.steps import MANIFEST


@pytest.fixture(scope="package")
def partner() -> MessageAuthority:
    """An authority that is not ours."""
    return MessageAuthority("Partner Root", NOW - timedelta(minutes=30))


@pytest.fixture(scope="package")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of an installation whose authority has been made: that takes its time."""
    return install(tmp_path_factory.mktemp("template"), MANIFEST, ("message", "keys", "new", "--organisation", "Z9X02", "--use", "signing", "--kid", "first"))


@pytest.fixture
def installed(wardgate: Any, template: Path, tmp_path: Path) -> Any:
    """Run a command on a copy of it."""
    shutil.copytree(template, tmp_path, dirs_exist_ok=True)
    return wardgate


@pytest.fixture
def keys(installed: Any) -> Run:
    """Run `wardgate message keys`, which must succeed, and return its JSON; with `code`, which must fail, what it says."""
    def run(*words: Any, code: int = 0) -> Any:
        waits = ["--wait", "0"] if words[0] not in {"request", "list", "export", "erase"} else []
        answer = installed("message", "keys", *words, *waits, "-o", "json")
        assert answer.code == code, answer
        return answer.data if code == 0 else answer.err

    return run
