"""One Wardgate with mailboxes for the files here, which only call them."""

from collections.abc import Iterator

import pytest

from system.mesh_post import MeshPost, a_mesh_post


@pytest.fixture(scope="package")
def mesh_post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MeshPost]:
    """It, and its callers."""
    with a_mesh_post(tmp_path_factory.mktemp("post")) as post:
        yield post
