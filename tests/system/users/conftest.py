"""One Wardgate with two foreign sign-in providers for the files here. What a test changes in it, it changes back."""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from simulators.openid_provider import OpenIDProvider
from system import running as system
from system import sign_in_place as sign_in


@pytest.fixture(scope="package")
def whole_place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A Wardgate of its own with two foreign sign-in providers."""
    providers = [OpenIDProvider("nhs-cis2"), OpenIDProvider("nhs-login")]
    with system.running(tmp_path_factory.mktemp("foreign"), environ=system.MANY_TOKENS) as one:
        for found in providers:
            found.clock = time.time
            found.start()
        cis2, nhs_login = providers
        made = sign_in.WholeWardgate(
            cis2=cis2, nhs_login=nhs_login, wardgate=one, assert_of=system.assertion, directory=tmp_path_factory.mktemp("manifests"),
            manifest=sign_in.manifest(one, cis2.issuer, nhs_login.issuer))
        made.apply(made.manifest)
        yield made
        for found in providers:
            found.stop()


@pytest.fixture
def place(whole_place: Any) -> Iterator[Any]:
    """The same, as it was at first."""
    yield whole_place
    whole_place.restore()
