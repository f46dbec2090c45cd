"""The published JSON Schema of a manifest file (draft 2020-12), for editors and other programs.

It says what one file may hold: each section may be absent or empty, and `environment` is not required, because a
manifest may have many files. What holds between entries (names, references, routes) only `check` knows.

`python -m wardgate.manifest.schema FILE` writes it.
"""

import json
import sys
from pathlib import Path
from typing import Any, Final

from wardgate.manifest.documents import ENVIRONMENT
from wardgate.manifest.model import Manifest

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IDENTIFIER: Final = "urn:wardgate:schema:manifest"


def json_schema() -> dict[str, Any]:
    """Return the schema of one manifest file."""
    schema = Manifest.model_json_schema(mode="validation")
    schema["description"] = "One file of a Wardgate manifest. Over all files, `environment` is stated exactly once."
    del schema["required"]
    for section, described in schema["properties"].items():
        if section != ENVIRONMENT:
            described["type"] = ["array", "null"]
    for described in (schema, *schema["$defs"].values()):
        if "description" in described:
            described["description"] = " ".join(described["description"].split())
    return {"$schema": DIALECT, "$id": IDENTIFIER, **schema}


def schema_text() -> str:
    """Return the schema as it is published."""
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text(), encoding="utf-8")
