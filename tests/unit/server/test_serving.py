"""Where the server answers: written once it does, and never a reason for a command to fail."""

from pathlib import Path

import pytest

from wardgate.server import serving
from wardgate.server.settings import Settings


def test_commands_find_the_server(tmp_path: Path) -> None:
    """The ports that the server was started with."""
    (tmp_path / "run").mkdir()
    serving.write(Settings(data=tmp_path, port=9443, mtls_port=9444))
    assert serving.read(tmp_path) == serving.Serving("https://localhost:9443", "https://localhost:9444")
    serving.write(Settings(data=tmp_path, relay_port=9445))
    assert serving.read(tmp_path).relay == "https://localhost:9445"


@pytest.mark.parametrize("content", [None, "", "{", "[]", "{}", "null", '{"https": "https://localhost:1"}', "x" * 100_000], ids=range(8))
def test_what_cannot_be_read_is_as_if_it_were_not_there(content: str | None, tmp_path: Path) -> None:
    """No server yet, or a damaged file: the default ports."""
    if content is not None:
        (tmp_path / "run").mkdir()
        (tmp_path / serving.FILE).write_text(content)
    assert serving.read(tmp_path) == serving.Serving("https://localhost:8443", "https://localhost:8444")
