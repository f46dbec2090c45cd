"""What the settings of lock-outs mean, to their edges."""

import pytest
from pydantic import ValidationError

from wardgate.server.settings import Settings
from wardgate.server.wiring import stand_in_settings
from wardgate.standins.dependencies import PERSON_TRIES, SOURCE_TRIES


def test_the_defaults_are_the_documented_ones() -> None:
    """Of the settings, and of the stand-ins by themselves."""
    made = stand_in_settings(Settings())
    assert (made.person_tries, made.source_tries) == (PERSON_TRIES, SOURCE_TRIES)


@pytest.mark.parametrize("failures", [1, 2, 3, 4, 100])
@pytest.mark.parametrize("seconds", [1, 4, 86_400])
@pytest.mark.parametrize("source", [1, 2, 100_000])
def test_every_choice_is_a_limit(failures: int, seconds: int, source: int) -> None:
    """The chosen number locks out for the chosen time, one less does not."""
    settings = Settings(sign_in_lock_failures=failures, sign_in_lock_seconds=seconds, sign_in_source_failures=source)
    made = stand_in_settings(settings)
    assert made.person_tries.wait_seconds(failures) == seconds
    assert not made.person_tries.locks(failures - 1)
    assert made.person_tries.locks(failures)
    assert max(made.person_tries.wait_seconds(count) for count in range(failures + 5)) == seconds
    assert [made.source_tries.wait_seconds(count) for count in (source - 1, source)] == [0, 3600]


@pytest.mark.parametrize("wrong", [
    {"sign_in_lock_failures": 0}, {"sign_in_lock_failures": 101}, {"sign_in_lock_seconds": 0}, {"sign_in_lock_seconds": 86_401},
    {"sign_in_source_failures": 0}, {"sign_in_source_failures": 100_001}])
def test_settings_that_are_refused(wrong: dict[str, int]) -> None:
    """No limit at all, one that is none, one for ever (NIST SP 800-63B section 5.2.2: at most 100)."""
    with pytest.raises(ValidationError):
        Settings(**wrong)
