"""NHS CIS2's names for how somebody signed in (user-restricted 11.3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.oidc.authenticators import ACR_VALUES, LEVELS, Authenticator, acr_of, acr_reached, strongest, wanted

AUTHENTICATORS = st.sampled_from(Authenticator)
NAMES = st.lists(st.sampled_from(sorted(ACR_VALUES)), unique=True)


def test_the_tables_are_whole() -> None:
    """Every authenticator has a level and a specific name that asks for it alone."""
    assert set(LEVELS) == set(Authenticator)
    assert len(ACR_VALUES) == 11
    assert all(ACR_VALUES[acr_of(one)] == {one} for one in Authenticator)


@pytest.mark.parametrize(("text", "names"), [
    (None, ()), ("", ()), ("AAL3_ANY", ("AAL3_ANY",)), ("x AAL2_ANY AAL3_ANY AAL2_ANY", ("AAL2_ANY", "AAL3_ANY")), ("aal3_any", ()), (" AAL1_USERPASS ", ("AAL1_USERPASS",))])
def test_preferences(text: str | None, names: tuple[str, ...]) -> None:
    """Known names once each, in order; unknown ones are no preference."""
    assert wanted(text) == names


@given(AUTHENTICATORS, NAMES)
def test_what_is_reached_was_asked_for(authenticator: Authenticator, names: list[str]) -> None:
    """Nothing asked: the specific name. Else a name that the authenticator satisfies, or none."""
    reached = acr_reached(authenticator, names)
    if not names:
        assert reached == acr_of(authenticator)
    elif reached is None:
        assert all(authenticator not in ACR_VALUES[name] for name in names)
    else:
        assert authenticator in ACR_VALUES[reached]
        assert reached in names or "AAL2_OR_AAL3_ANY" in names


@given(st.lists(AUTHENTICATORS, unique=True), NAMES)
def test_the_one_to_use(available: list[Authenticator], names: list[str]) -> None:
    """One that is there and satisfies the first preference that anything satisfies."""
    found = strongest(available, names)
    fitting = [name for name in names if ACR_VALUES[name] & set(available)]
    if not names:
        assert found == (available[0] if available else None)
    elif fitting:
        assert found in ACR_VALUES[fitting[0]] & set(available)
    else:
        assert found is None
