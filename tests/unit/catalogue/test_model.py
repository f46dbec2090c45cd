"""APIs and routes: what they may say."""

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from wardgate.catalogue import API, Alternative, Pattern, Route
from wardgate.catalogue.model import RESERVED_BASE_PATHS, BasePath
from wardgate.refusals.dialects import Dialect

BASE = {"name": "a", "base_path": "/a", "backend": "http://127.0.0.1:9001", "routes": [{"path": "/", "pattern": "api-key"}]}


def test_the_short_form_is_a_list_of_one() -> None:
    """`pattern` and `any_of` mean the same."""
    short = Route.model_validate({"path": "/x", "pattern": "signed-jwt", "scopes": ["s"]})
    long = Route.model_validate({"path": "/x", "any_of": [{"pattern": "signed-jwt", "scopes": ["s"]}]})
    assert short.alternatives == long.alternatives == (Alternative(pattern=Pattern.SIGNED_JWT, scopes=("s",)),)


def test_a_route_has_a_name_for_people() -> None:
    """Methods, if not all, and the path."""
    assert Route.model_validate({"path": "/x", "pattern": "api-key"}).label == "/x"
    assert Route.model_validate({"path": "/x", "pattern": "api-key", "methods": ["GET", "PUT"]}).label == "GET,PUT /x"


@pytest.mark.parametrize("backend", ["http://h", "https://api.example.nhs.uk:8443", "http://[::1]:80", "unix:/run/backend.sock"])
def test_backends(backend: str) -> None:
    """Scheme, host and port, or a socket."""
    assert API.model_validate(BASE | {"backend": backend}).backend == backend


@pytest.mark.parametrize("changes", [
    {"backend": "http://h/"}, {"backend": "http://h:0"}, {"backend": "http://h:65536"}, {"backend": "http://user@h"},
    {"backend": "http://h:"}, {"backend": "http://"}, {"backend": "http://-h"}, {"backend": "ftp://h"}, {"backend": "unix:relative"},
    {"backend": "unix:/a b"}, {"backend": "http://h\r\nx"}, {"base_path": "a"}, {"base_path": "/"}, {"base_path": "/a/"},
    {"base_path": "/a//b"}, {"base_path": "/a/.."}, {"base_path": "/."}, {"base_path": "/a{b}"}, {"base_path": "/a%2F"}, {"routes": []},
    {"errors": "oauth"}, {"errors": "html"}, {"status_path": "status"}, {"status_path": "/s?x"}, {"status_path": "/s t"},
    {"backend_ca": "not PEM"}, {"name": "A"},
])
def test_refused_apis(changes: dict[str, Any]) -> None:
    """Each of these is no API."""
    with pytest.raises(ValidationError):
        API.model_validate(BASE | changes)


@pytest.mark.parametrize("changes", [
    {"path": ""}, {"path": "x"}, {"path": "//*"}, {"path": "/x/"}, {"path": "/x//y"}, {"path": "/x*"}, {"path": "/*/x"},
    {"path": "/{Id}"}, {"path": "/{}"}, {"path": "/{a}{b}"}, {"path": "/a{b}"}, {"path": "/./x"}, {"path": "/x/.."}, {"path": "/%41"},
    {"path": "/x?y"}, {"path": "/x\n"}, {"methods": ["TRACE"]}, {"methods": ["GET", "GET"]}, {"pattern": None},
    {"any_of": [{"pattern": "tls-ma"}]}, {"scopes": ["s"]}, {"errors": "oauth"}, {"wrong_token_status": 402},
    {"timeout_seconds": 0}, {"timeout_seconds": 601}, {"max_body_bytes": -1}, {"identity_headers": {"asid": "a b"}},
])
def test_refused_routes(changes: dict[str, Any]) -> None:
    """Each of these is no route."""
    with pytest.raises(ValidationError):
        Route.model_validate({"path": "/x", "pattern": "api-key"} | changes)


def test_reserved_base_paths_are_base_paths() -> None:
    """The table has what it protects; the default of errors is the platform's fault."""
    assert all(TypeAdapter(BasePath).validate_python(path) == path for path in RESERVED_BASE_PATHS)
    assert {"/oauth2", "/oauth2-mock"} <= set(RESERVED_BASE_PATHS)
    assert API.model_validate(BASE).errors is Dialect.FAULT
