"""Envoy's own log does not fill the disk."""

from pathlib import Path

from wardgate.dataplane.process import put_aside


def test_a_log_that_has_grown_is_put_aside(tmp_path: Path) -> None:
    """Whoever has it open to append goes on at its start; a small one, and one that is not there, are left alone."""
    log = tmp_path / "envoy.log"
    put_aside(log, 10)
    with log.open("a") as envoy:
        for text in ("0123456789", "x", "y"):
            envoy.write(text)
            envoy.flush()
            put_aside(log, 10)
    assert (log.read_text(), (tmp_path / "envoy.log.1").read_text()) == ("y", "0123456789x")
