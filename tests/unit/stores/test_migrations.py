"""The revision that commands compare with is the newest one there is."""

from pathlib import Path

from alembic.script import ScriptDirectory

from wardgate.stores import migrations


def test_the_constant_is_the_newest_revision() -> None:
    """A migration that is added without raising `REVISION` would never run."""
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_current_head() == migrations.REVISION
