"""What an application's approved products add up to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from wardgate.applications import Application, Approval, Product, Subscription, entitlements

PRODUCTS = {
    "one": Product(name="one", apis=("a", "b"), scopes=("s:1", "s:2")),
    "two": Product(name="two", apis=("b", "c"), scopes=("s:2", "s:3")),
    "empty": Product(name="empty"),
}
SUBSCRIPTIONS = st.lists(
    st.builds(Subscription, product=st.sampled_from(["one", "two", "empty", "unknown"]), status=st.sampled_from(Approval)), max_size=5)


def app(*products: Subscription | str) -> Application:
    """Return an application with these subscriptions."""
    return Application.model_validate({"name": "app", "organisation": "Z9X01", "products": list(products)})


def test_the_union_of_approved_products() -> None:
    """APIs and scopes add up; scopes keep the order in which products are listed, each once."""
    found = entitlements(app("two", "one"), PRODUCTS)
    assert found.products == {"one", "two"}
    assert found.apis == {"a", "b", "c"}
    assert found.scopes == ("s:2", "s:3", "s:1")


@pytest.mark.parametrize("status", [Approval.PENDING, Approval.REVOKED])
def test_what_is_not_approved_counts_for_nothing(status: Approval) -> None:
    """Pending and revoked subscriptions, and unknown products, give nothing."""
    found = entitlements(app(Subscription(product="one", status=status), "unknown"), PRODUCTS)
    assert (found.products, found.apis, found.scopes) == (frozenset(), frozenset(), ())


@given(SUBSCRIPTIONS, SUBSCRIPTIONS)
def test_more_subscriptions_never_take_away(some: list[Subscription], more: list[Subscription]) -> None:
    """Entitlements only grow with subscriptions."""
    fewer, all_of_them = entitlements(app(*some), PRODUCTS), entitlements(app(*some, *more), PRODUCTS)
    assert fewer.products <= all_of_them.products
    assert fewer.apis <= all_of_them.apis
    assert set(fewer.scopes) <= set(all_of_them.scopes)


def test_a_products_name_is_an_approved_subscription() -> None:
    """The short form of the manifest."""
    assert app("one").products == (Subscription(product="one", status=Approval.APPROVED),)


@pytest.mark.parametrize("changes", [
    {"name": "Upper"}, {"name": "-x"}, {"name": "x" * 101}, {"name": ""}, {"organisation": "TOO-LONG-X"},
    {"jwks_url": "https://host"}, {"jwks_url": "ftp://host/x"}, {"jwks_url": "https://host/with space"},
    {"jwks_url": "https://host/x", "jwks": {"keys": []}}, {"callback_urls": ["https://host/#fragment"]},
    {"tls_client_auth_san_dns": "UPPER.nhs.uk"}, {"tls_client_auth_san_dns": "single"}, {"asid": "12345678901"},
    {"api_keys": [{"key": "too-short"}]}, {"api_keys": [{"key": "has a space in it here"}]}, {"developer_active": "yes"},
    {"api_keys": [{"key": "k" * 16, "expires": "2030-01-01T00:00:00"}]}, {"unknown": 1},
])
def test_refused(changes: dict[str, object]) -> None:
    """Each of these is no application."""
    with pytest.raises(ValidationError):
        Application.model_validate({"name": "app", "organisation": "Z9X01"} | changes)


def test_errors_do_not_show_keys() -> None:
    """A wrong API key is not repeated by the model's own error text."""
    with pytest.raises(ValidationError) as invalid:
        Application.model_validate({"name": "app", "organisation": "Z9X01", "api_keys": [{"key": "hush-hush"}]})
    assert "hush" not in str(invalid.value)
