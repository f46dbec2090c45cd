"""The published JSON Schema and the reference page: current, and of one mind with the check."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from wardgate.demo import manifest as demo_manifest
from wardgate.demo import source as demo_source
from wardgate.demo.keys import KEYS
from wardgate.manifest import ManifestInvalid, Source, check
from wardgate.manifest.read import read
from wardgate.manifest.reference import documented, models, with_tables
from wardgate.manifest.schema import json_schema, schema_text

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"


def test_the_published_schema_is_current() -> None:
    """Rewrite it with `python -m wardgate.manifest.schema docs/reference/manifest.schema.json`."""
    assert (REFERENCE / "manifest.schema.json").read_text(encoding="utf-8") == schema_text()


def test_the_schema_is_one() -> None:
    """It is a valid schema of its draft."""
    Draft202012Validator.check_schema(json_schema())


def test_the_demo_manifest_satisfies_the_schema() -> None:
    """Short forms, anchors and all: the bundled manifest, and a file with an empty section or without an environment."""
    validator = Draft202012Validator(json_schema())
    validator.validate(read(demo_source()))
    validator.validate({"applications": None})
    validator.validate({})


SHAPES = [
    {"apis": [{"name": "a", "base_path": "/a", "backend": "http://h", "routes": [{"path": "/"}]}]},
    {"apis": [{"name": "a", "base_path": "/a", "backend": "http://h", "routes": []}]},
    {"apis": [{"name": "a", "base_path": "/a", "backend": "http://h", "errors": "oauth",
               "routes": [{"path": "/", "pattern": "api-key"}]}]},
    {"apis": [{"name": "a", "base_path": "/a", "backend": "http://h",
               "routes": [{"path": "/", "pattern": "api-key", "any_of": [{"pattern": "tls-ma"}]}]}]},
    {"apis": [{"name": "a", "base_path": "/a", "backend": "http://h", "routes": [{"path": "//*", "pattern": "api-key"}]}]},
    {"environment": {"name": "x", "live": "yes"}},
    {"environment": {"name": "x", "unknown": 1}},
    {"systems": [{"asid": 200000000115, "organisation": "Z9X01"}]},
    {"applications": [{"name": "a", "organisation": "Y", "jwks": {}, "jwks_url": "https://x.nhs.uk/"}]},
    {"applications": [{"name": "a", "organisation": "Y", "products": [1]}]},
    {"applications": [{"name": "a", "organisation": "Y", "products": [{"name": "p"}]}]},
    {"organisations": {"ods": "Y", "name": "n"}},
    {"nonsense": []},
]


@pytest.mark.parametrize("data", SHAPES, ids=lambda data: json.dumps(data)[:60])
def test_schema_and_check_refuse_the_same_shapes(data: dict[str, Any]) -> None:
    """A wrong shape is refused by both."""
    assert not Draft202012Validator(json_schema()).is_valid(data)
    with pytest.raises(ManifestInvalid):
        check([Source("x", json.dumps({"environment": {"name": "x"}} | data).encode())])


def test_the_reference_page_has_every_key() -> None:
    """Rewrite the tables with `python -m wardgate.manifest.reference docs/reference/manifest.md`."""
    page = (REFERENCE / "manifest.md").read_text(encoding="utf-8")
    assert documented(page) == {model.__name__ for model in models()}
    assert with_tables(page) == page


def test_every_key_has_a_meaning() -> None:
    """No row of the reference is empty."""
    assert [f"{model.__name__}.{name}" for model in models() for name, field in model.model_fields.items()
            if not field.description] == []


def test_the_example_of_the_reference_page_is_valid() -> None:
    """The YAML on the page passes the check."""
    page = (REFERENCE / "manifest.md").read_text(encoding="utf-8")
    examples = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert examples
    assert all(check([Source("manifest.md", example.encode())]) for example in examples)


def test_the_demo_page_names_everything() -> None:
    """Each application with its API key, each key pair, each system, API and the monitoring key has its row."""
    page = (REFERENCE / "demo.md").read_text(encoding="utf-8")
    demo = demo_manifest()
    rows = [line for line in page.splitlines() if line.startswith("|")]
    for application in demo.applications:
        assert any(f"| `{application.name}` | `{application.api_keys[0].key}` |" in row for row in rows), application.name
    for name in [*(key.kid for key in KEYS), *(system.asid for system in demo.systems), *(api.name for api in demo.apis),
                 *(organisation.ods for organisation in demo.organisations)]:
        assert any(f"| `{name}` |" in row for row in rows), name
    assert str(demo.environment.status_key) in page
    named = set(re.findall(r"\| `([a-z0-9-]+-app)` \|", page))
    assert named == {application.name for application in demo.applications}
