"""The reference pages say what the code says; `script/docs` rewrites them."""

import re
from pathlib import Path
from typing import Any, Final, cast

import pytest
from starlette.routing import Route

from wardgate.audit.model import EventType
from wardgate.authserver.app import GOT, METADATA, POSTED, READ
from wardgate.authserver.dependencies import AuthServerSettings
from wardgate.ca import create_app
from wardgate.catalogue.paths import HEALTH_PATHS
from wardgate.catalogue.platform import PLATFORM_APIS, SYSTEM_DIRECTORY
from wardgate.cli.main import main
from wardgate.cli.reference import commands, rewritten
from wardgate.dataplane.resources.messaging import PREFIX as MESSAGING
from wardgate.dataplane.resources.routes import PUBLIC_PREFIXES
from wardgate.manifest.reference import with_tables
from wardgate.mesh.bodies import BASE as MAILBOXES
from wardgate.messaging.app import ROUTES as MAILBOX_ROUTES
from wardgate.oauth.users import ProviderKind
from wardgate.outbound.mock_jwks import PREFIX as MOCK_JWKS
from wardgate.refusals import CATALOGUE
from wardgate.sds import SDSSettings
from wardgate.sds import create_app as create_directory_app
from wardgate.server.reference import PAGES
from wardgate.server.reference.endpoints import ENDPOINTS
from wardgate.server.reference.events import EVENTS
from wardgate.server.reference.settings import OPTIONS, described
from wardgate.server.settings import Settings
from wardgate.standins.app import HANDLERS
from wardgate.standins.published import CREDENTIALS_PATH
from wardgate.standins.surfaces import ASSETS, OWN, STEPS, surface_of

ROOT: Final = Path(__file__).resolve().parents[2]
REFERENCE: Final = ROOT / "docs" / "reference"


@pytest.mark.parametrize("name", PAGES)
def test_a_generated_page_is_current(name: str) -> None:
    """Each page that follows from the code is what the code says now; if not, run script/docs."""
    assert (REFERENCE / name).read_text() == PAGES[name]()


def test_the_other_generated_parts_are_current() -> None:
    """The command line's sections and the manifest's tables are what the code says now; if not, run script/docs."""
    for name, again in (("cli.md", rewritten), ("manifest.md", with_tables)):
        text = (REFERENCE / name).read_text()
        assert again(text) == text


def test_every_refusal_has_a_heading_where_its_anchor_points() -> None:
    """`Reason.anchor` of every code leads to a heading of refusals.md, and no heading is left over."""
    headings = re.findall(r"^### `([a-z0-9-]+)`$", (REFERENCE / "refusals.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(CATALOGUE)
    assert len(headings) > 50
    for code, reason in CATALOGUE.items():
        page, _, anchor = reason.anchor.partition("#")
        assert (ROOT / page).is_file()
        assert anchor == code


def test_every_event_is_described() -> None:
    """Every kind of event has an entry with a sentence and details, in the order of the vocabulary on the page."""
    assert set(EVENTS) == set(EventType)
    assert all(entry.when.endswith(".") and entry.details for entry in EVENTS.values())
    assert re.findall(r"^## (.*)$", (REFERENCE / "events.md").read_text(), re.MULTILINE) == [str(kind) for kind in EventType]


def test_every_setting_is_described() -> None:
    """Every field of the settings has words of its own, and the options named are those `wardgate up` has."""
    assert set(described()) == set(Settings.model_fields)
    assert all(described().values())
    up = cast("Any", dict(commands())["wardgate up"])
    taken = {parameter.name for parameter in up.params} & set(Settings.model_fields)
    assert taken == OPTIONS


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_every_option_that_is_a_setting_is_read_from_its_variable(name: str) -> None:
    """`wardgate up` takes WARDGATE_<NAME> for each of its options, as the page says."""
    up = cast("Any", dict(commands())["wardgate up"])
    option = next(parameter for parameter in up.params if parameter.name == name)
    assert option.envvar == f"WARDGATE_{name.upper()}"


def test_every_endpoint_is_listed() -> None:
    """The endpoints listed are those of the authorisation server's tables, the PKI's routes and every API's health paths."""
    settings = AuthServerSettings()
    served = {("POST", "{base}" + path) for path in POSTED} | {("GET", "{base}" + path) for path in READ}
    served |= {("GET", "{base}" + path) for path in GOT}
    served |= {("GET", METADATA), ("GET", METADATA + "{base}"), ("GET", MOCK_JWKS + "{}")}
    routes = [route for route in create_app(cast("Any", None), cast("Any", None)).routes if isinstance(route, Route)]
    served |= {(method, route.path) for route in routes for method in (route.methods or ()) if method != "HEAD"}
    served |= {("GET", "{api}" + path) for path in HEALTH_PATHS}
    directory = create_directory_app(cast("Any", None), SDSSettings(base_path=SYSTEM_DIRECTORY.base_path), str)
    served |= {("GET", route.path) for route in directory.routes if isinstance(route, Route)}

    served |= {(", ".join(methods), "/".join((MAILBOXES, *parts))) for parts, methods in MAILBOX_ROUTES.items()}

    shown, realm = surface_of(ProviderKind.CIS2, "ref"), "/realms/{}"
    taken: dict[str, set[str]] = {}
    for (endpoint, method) in HANDLERS:
        if endpoint in shown.paths:
            taken.setdefault(shown.paths[endpoint], set()).add(method)
    order = ("GET", "POST", "PATCH")
    served |= {(", ".join(one for one in order if one in methods), realm + path) for path, methods in taken.items()}
    served |= {("GET, POST", realm + "/login-actions/{}"), ("GET, POST", OWN + "{}/{}"), ("GET", ASSETS + "{}"), ("GET", CREDENTIALS_PATH)}
    assert all(path.startswith("/login-actions/") for path in STEPS.values())

    def bare(path: str) -> str:
        return re.sub(r"\{(?!base\}|api\})[^}]*\}", "{}", path)

    assert {(row.methods, bare(row.path)) for row in ENDPOINTS} == {(method, bare(path)) for method, path in served}
    assert len(routes) >= 5
    assert settings.base_paths == ("/oauth2", "/oauth2-mock")


def test_every_listed_endpoint_is_routed_to_wardgate() -> None:
    """Envoy sends every listed path of Wardgate's own here, and no prefix of its table is undocumented."""
    own = [row.path.replace("{base}", base) for row in ENDPOINTS for base in AuthServerSettings().base_paths if not row.path.startswith("{api}")]
    assert all(path.startswith((*PUBLIC_PREFIXES, MESSAGING, *(f"{api.base_path}/" for api in PLATFORM_APIS))) for path in own)
    assert all(any(path.startswith(prefix) for path in own) for prefix in PUBLIC_PREFIXES)


def test_the_command_line_is_documented_whole() -> None:
    """Every command has a heading in cli.md."""
    text = (REFERENCE / "cli.md").read_text()
    names = [name for name, _ in commands()]
    assert len(names) > len(main.commands)
    assert all(re.search(rf"^##+ `{re.escape(name)}`$", text, re.MULTILINE) for name in names)
