"""The manifest: the one description of an environment, read, checked, compared, written out.

Owns: YAML with lines, every rule between documents, the difference of two manifests in documents and in access, the
export, the published JSON Schema, and the manifest as separate documents.
Leaves: what each document may say (`directory`, `applications`, `catalogue`, `quotas`), keeping them (`stores`).
Read: model, errors, read, locate, near_miss, wording, draft, then the rules (names, references, identities, routing, systems, keys, messages, live),
check, documents, access, system_access, message_access, diff, export, schema, reference.
"""

from wardgate.manifest.check import check, check_files
from wardgate.manifest.errors import ManifestInvalid, Problem
from wardgate.manifest.model import Manifest
from wardgate.manifest.read import Source

__all__ = ["Manifest", "ManifestInvalid", "Problem", "Source", "check", "check_files"]
