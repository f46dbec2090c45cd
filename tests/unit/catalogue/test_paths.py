"""Path templates: what they match, which wins, and that Envoy's form means the same."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardgate.catalogue import API
from wardgate.catalogue.model import METHODS
from wardgate.catalogue.paths import (
    Found,
    MatchKind,
    MethodNotAllowed,
    NotFound,
    PathTemplate,
    RouteMatcher,
    by_precedence,
    compile_template,
    match,
)

MATCHES = [
    ("/", "/", True),
    ("/", "/x", False),
    ("/", "//", False),
    ("/x", "/x", True),
    ("/x", "/x/", False),
    ("/x", "/X", False),
    ("/x", "/%78", False),
    ("/Patient/{id}", "/Patient/9000000009", True),
    ("/Patient/{id}", "/Patient/a%2Fb", True),
    ("/Patient/{id}", "/Patient/", False),
    ("/Patient/{id}", "/Patient", False),
    ("/Patient/{id}", "/Patient/1/2", False),
    ("/x/*", "/x/", True),
    ("/x/*", "/x/a", True),
    ("/x/*", "/x/a/b/", True),
    ("/x/*", "/x//", True),
    ("/x/*", "/x", False),
    ("/x/*", "/xa/", False),
    ("/*", "/", True),
    ("/*", "/a/b", True),
    ("/{a}/*", "/x/", True),
    ("/{a}/*", "/x", False),
    ("/{a}/*", "//x", False),
    ("/$process-message", "/$process-message", True),
    ("/a.b", "/aXb", False),
]


def api(*routes: tuple[str, tuple[str, ...]], base_path: str = "/base", name: str = "sample") -> API:
    """Return an API with routes of these paths and methods."""
    return API.model_validate({
        "name": name, "base_path": base_path, "backend": "http://127.0.0.1:9001",
        "routes": [{"path": path, "methods": methods, "pattern": "api-key"} for path, methods in routes],
    })


@pytest.mark.parametrize(("template", "path", "expected"), MATCHES)
def test_a_template_matches(template: str, path: str, expected: bool) -> None:
    """Each row of the rules holds, in our match and in each form for Envoy."""
    compiled = compile_template(template)
    assert compiled.matches(path) is expected
    assert (re.fullmatch(compiled.as_regex(), path) is not None) is expected
    assert (re.fullmatch(compiled.as_regex("/base"), "/base" + path) is not None) is expected
    assert _envoy_matches(compiled, "/base", "/base" + path) is expected


def _envoy_matches(template: PathTemplate, base_path: str, path: str) -> bool:
    """Compare as Envoy would."""
    compare = {
        MatchKind.EXACT: lambda value: path == value,
        MatchKind.PREFIX: path.startswith,
        MatchKind.REGEX: lambda value: re.fullmatch(value, path) is not None,
    }
    return any(compare[one.kind](one.value) for one in template.as_matches(base_path))


SEGMENT = st.sampled_from(["a", "b", "a.b", "$x", "{id}", "{other}"])
TEMPLATE = st.builds(
    lambda segments, below: ("".join(f"/{s}" for s in segments) + ("/*" if below else "")) or "/",
    st.lists(SEGMENT, max_size=3), st.booleans(),
)
PATH = st.lists(st.sampled_from(["a", "b", "a.b", "axb", "$x", "", "%61", "z"]), max_size=5).map(
    lambda parts: "/" + "/".join(parts)
)


@given(TEMPLATE, PATH, st.sampled_from(["", "/base", "/a/b.c"]))
def test_every_form_of_a_template_agrees(text: str, path: str, base_path: str) -> None:
    """Our match, the regular expression and the cheap comparisons give one answer for any path."""
    template = compile_template(text)
    expected = template.matches(path)
    assert (re.fullmatch(template.as_regex(base_path), base_path + path) is not None) is expected
    if base_path:
        assert _envoy_matches(template, base_path, base_path + path) is expected


@given(st.lists(TEMPLATE, min_size=1, max_size=8), PATH)
def test_the_first_by_precedence_is_what_find_returns(texts: list[str], path: str) -> None:
    """Trying templates in `by_precedence` order, as Envoy does, finds the route that `find` finds."""
    sample = api(*((text, ()) for text in dict.fromkeys(texts)))
    first = next((template for template, _ in by_precedence(sample.routes) if template.matches(path)), None)
    found = match(sample, "/base" + path, "GET")
    if path in {"/_ping", "/_status"} or first is None:
        assert found == NotFound(sample)
    else:
        assert isinstance(found, Found)
        assert found.template == first


@given(st.lists(TEMPLATE, min_size=2, max_size=2), PATH)
def test_two_templates_that_match_one_path_are_ordered(texts: list[str], path: str) -> None:
    """Precedence is total: of two templates of different shape that match a path one is more specific."""
    one, other = (compile_template(text) for text in texts)
    if one.matches(path) and other.matches(path):
        assert (one.specificity == other.specificity) is (one.shape == other.shape)


def test_a_literal_beats_a_parameter_beats_everything_below() -> None:
    """Precedence is judged segment by segment from the left."""
    sample = api(("/*", ()), ("/{a}/*", ()), ("/x/{id}", ()), ("/{a}/special", ()), ("/x/*", ()), ("/x/special", ()))
    matcher = RouteMatcher((sample,))
    rows = {"/x/special": "/x/special", "/x/1": "/x/{id}", "/x/1/2": "/x/*", "/y/special": "/{a}/special",
            "/y/1": "/{a}/*", "/y": "/*", "": "/*", "/": "/*"}
    found = {path: matcher.find("GET", "/base" + path) for path in rows}
    assert {path: entry.route.path for path, entry in found.items() if isinstance(entry, Found)} == rows


def test_the_most_specific_template_decides_about_the_method_alone() -> None:
    """A method that the winning template does not take is refused, even when a wider template would take it."""
    sample = api(("/x/{id}", ("GET",)), ("/x/{name}", ("PUT", "DELETE")), ("/*", ()))
    found = match(sample, "/base/x/1", "POST")
    assert found == MethodNotAllowed(sample, ("GET", "PUT", "DELETE"), compile_template("/x/{id}"))
    taken = match(sample, "/base/x/1", "DELETE")
    assert isinstance(taken, Found)
    assert taken.route.path == "/x/{name}"


def test_methods_are_exact_and_none_listed_means_all() -> None:
    """HEAD is not implied by GET; a route without methods takes every one."""
    sample = api(("/x", ("GET",)), ("/y", ()))
    assert isinstance(match(sample, "/base/x", "HEAD"), MethodNotAllowed)
    assert all(isinstance(match(sample, "/base/y", method), Found) for method in METHODS)


def test_the_base_path_alone_is_the_root_route() -> None:
    """With or without the last slash, and only at a segment's end."""
    sample = api(("/", ()), base_path="/a/b")
    matcher = RouteMatcher((sample,))
    assert isinstance(matcher.find("GET", "/a/b"), Found)
    assert isinstance(matcher.find("GET", "/a/b/"), Found)
    assert matcher.find("GET", "/a/bc") == NotFound(None)
    assert matcher.find("GET", "/a") == NotFound(None)
    assert matcher.find("GET", "/A/b") == NotFound(None)


def test_the_api_is_found_by_its_base_path() -> None:
    """APIs of different depth live beside each other; a path below a base path without a route names its API."""
    one, two = api(("/x", ()), base_path="/one", name="one"), api(("/x", ()), base_path="/two/FHIR/R4", name="two")
    matcher = RouteMatcher((one, two))
    assert isinstance(matcher.find("GET", "/two/FHIR/R4/x"), Found)
    assert matcher.find("GET", "/one/y") == NotFound(one)
    assert matcher.find("GET", "/two/FHIR/x") == NotFound(None)
    assert matcher.find("GET", "*") == NotFound(None)
    assert matcher.find("GET", "") == NotFound(None)
    assert RouteMatcher(()).find("GET", "/one/x") == NotFound(None)


def test_health_paths_are_not_routes() -> None:
    """`_ping` and `_status` are the gateway's, whatever a route covers."""
    sample = api(("/*", ()))
    matcher = RouteMatcher((sample,))
    assert matcher.find("GET", "/base/_ping") == NotFound(sample)
    assert matcher.health("/base/_ping") == (sample, "/_ping")
    assert matcher.health("/base/_status") == (sample, "/_status")
    assert matcher.health("/base/_status/") is None
    assert matcher.health("/_ping") is None
    assert isinstance(matcher.find("GET", "/base/_pings"), Found)
