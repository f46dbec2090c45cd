"""One server over the samples for the tests that only ask it."""

from collections.abc import Iterator

import pytest

from flows.ldap.serving import Served, content_of


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    """A server with the limits of production."""
    with Served(content_of()).running() as one:
        yield one
