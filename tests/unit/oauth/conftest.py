"""The simulator of a client's developer, for the tests of this room."""

from typing import Any

import pytest

from simulators import client_developer, openid_provider


@pytest.fixture(scope="session")
def developer() -> Any:
    """A client's developer with keys of every kind."""
    return client_developer


@pytest.fixture(scope="session")
def provider() -> Any:
    """A sign-in provider of somebody else."""
    return openid_provider
