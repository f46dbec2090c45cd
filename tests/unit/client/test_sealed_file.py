"""Files sealed and opened: nothing appears under its name before all of it is proved, and nothing is left behind."""

import os
import stat
from pathlib import Path
from typing import Any

import pytest

from message_world import NOW
from seal_post import BROUGHT, CONTEXT, SAID, Only, Post
from wardgate.client import sealed_file
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import Trust

CONTENT = os.urandom(3_000_000)


@pytest.fixture
def post() -> Post:
    """A world of senders and receivers."""
    return Post()


@pytest.fixture
def folder(tmp_path: Path, post: Post) -> Path:
    """A folder with a content and its seal."""
    (tmp_path / "letter.pdf").write_bytes(CONTENT)
    told: list[int] = []
    count = sealed_file.seal_file(
        tmp_path / "letter.pdf", tmp_path / "letter.cms", "application/pdf", CONTEXT, SAID, post.signer, post.to(), directory=post, now=NOW, progress=told.append,
    )
    assert count == len(CONTENT) == sum(told)
    return tmp_path


def open_it(post: Post, folder: Path, **changes: Any) -> Any:
    """Open the seal into a file."""
    asked: dict[str, Any] = {"transport": BROUGHT, "held": Only(post.recipient), "directory": post, "now": NOW} | changes
    return sealed_file.open_file(folder / "letter.cms", folder / "opened.pdf", **asked)


def names(folder: Path) -> set[str]:
    """What is in the folder, hidden files too."""
    return {path.name for path in folder.iterdir()}


def test_a_file_is_sealed_and_opened(post: Post, folder: Path) -> None:
    """For its owner only."""
    assert open_it(post, folder).content_bytes == len(CONTENT)
    assert (folder / "opened.pdf").read_bytes() == CONTENT
    assert names(folder) == {"letter.pdf", "letter.cms", "opened.pdf"}
    for name in ("opened.pdf", "letter.cms"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600


@pytest.mark.parametrize("at", [2000, 1_500_000, -400, -20])
def test_nothing_of_a_changed_file_is_released(post: Post, folder: Path, at: int) -> None:
    """Wherever it was changed."""
    body = bytearray((folder / "letter.cms").read_bytes())
    body[at] ^= 1
    (folder / "letter.cms").write_bytes(body)
    with pytest.raises(SealRefused):
        open_it(post, folder)
    assert names(folder) == {"letter.pdf", "letter.cms"}


def test_nothing_is_released_when_the_signer_is_not_believed(post: Post, folder: Path) -> None:
    """Although it decrypted well: what was written is readable by nobody else meanwhile, and gone afterwards."""
    seen: list[tuple[str, int]] = []

    def watch(count: int) -> None:
        seen.extend((path.name, stat.S_IMODE(path.stat().st_mode)) for path in folder.iterdir() if path.name.startswith(sealed_file.PREFIX))
        assert count >= 0

    post.trusts["X26"] = Trust()
    with pytest.raises(SealRefused) as refused:
        open_it(post, folder, progress=watch)
    assert refused.value.code == "signer-untrusted"
    assert seen
    assert {mode for _, mode in seen} == {0o600}
    assert names(folder) == {"letter.pdf", "letter.cms"}


def test_a_file_that_is_there_is_kept(post: Post, folder: Path) -> None:
    """Unless it may be replaced; then only by what is proved."""
    (folder / "opened.pdf").write_bytes(b"mine")
    with pytest.raises(FileExistsError):
        open_it(post, folder)
    with pytest.raises(SealRefused):
        open_it(post, folder, held=Only(post.signer), replace=True)
    assert (folder / "opened.pdf").read_bytes() == b"mine"
    open_it(post, folder, replace=True)
    assert (folder / "opened.pdf").read_bytes() == CONTENT


def test_a_file_that_appears_meanwhile_is_kept(post: Post, folder: Path) -> None:
    """The name is taken in one step."""

    def meanwhile(_count: int) -> None:
        (folder / "opened.pdf").write_bytes(b"mine")

    with pytest.raises(FileExistsError):
        open_it(post, folder, progress=meanwhile)
    assert (folder / "opened.pdf").read_bytes() == b"mine"
    assert names(folder) == {"letter.pdf", "letter.cms", "opened.pdf"}


def test_an_interruption_leaves_nothing(post: Post, folder: Path) -> None:
    """Of whatever kind."""

    def interrupt(_count: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_it(post, folder, progress=interrupt)
    with pytest.raises(FileNotFoundError):
        sealed_file.open_file(folder / "letter.cms", folder / "none" / "opened.pdf", transport=BROUGHT, held=Only(post.recipient), directory=post, now=NOW)  # type: ignore[arg-type]
    assert names(folder) == {"letter.pdf", "letter.cms"}


def test_a_file_for_new_keys(post: Post, folder: Path) -> None:
    """Sealed again for the archive alone."""
    sealed_file.rekey_file(folder / "letter.cms", folder / "archived.cms", post.to(post.archive), held=Only(post.recipient), directory=post, now=NOW)  # type: ignore[arg-type]
    sealed_file.open_file(folder / "archived.cms", folder / "opened.pdf", transport=BROUGHT, held=Only(post.archive), directory=post, now=NOW)  # type: ignore[arg-type]
    assert (folder / "opened.pdf").read_bytes() == CONTENT
