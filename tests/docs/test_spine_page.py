"""`spine.md` says everything that the tables say, and its links lead to refusals."""

import re

from wardgate.refusals import CATALOGUE
from wardgate.refusals.gp_connect import GP_CONNECT
from wardgate.refusals.reasonable_adjustments import REASONABLE_ADJUSTMENTS
from wardgate.refusals.spine_jwt import SPINE_JWT
from wardgate.server.reference.spine import page
from wardgate.spine.headers import NAMES
from wardgate.spine.interaction_catalogue import INTERACTIONS
from wardgate.spine.variants import VARIANTS

PAGE = page()


def test_everything_is_there() -> None:
    """Each variant, interaction and header once."""
    assert all(PAGE.count(f"| `{name}` |") == 1 for name in (*VARIANTS, *INTERACTIONS))
    assert all(f"`{header}`" in PAGE for names in NAMES.values() for header in (names.sender, names.receiver, names.interaction, names.trace) if header)


def test_the_order_has_every_row_of_the_token() -> None:
    """Both families, and no refusal that does not exist."""
    linked = re.findall(r"\(refusals\.md#([a-z0-9-]+)\)", PAGE)
    assert len(linked) == len(set(linked))
    assert {row.code for row in REASONABLE_ADJUSTMENTS} <= set(linked)
    assert {row.code for row in SPINE_JWT} | {row.code for row in GP_CONNECT if "-jwt-" in row.code} <= set(linked) <= set(CATALOGUE)


def test_requests_are_told() -> None:
    """A request stands beside its interaction; where none tells, the header does."""
    assert "| `urn:nhs:names:services:nrl:DocumentReference.search` | `GET /DocumentReference` | `patient/DocumentReference.read` |" in PAGE
    assert "| `urn:nhs:names:services:gpconnect:fhir:rest:search:patient_appointments-1` | `GET /Patient/{id}/Appointment` | `patient/*.read` |" in PAGE
    assert "| `urn:nhs:names:services:nrl:DocumentReference.content.read` | named by the header |" in PAGE
