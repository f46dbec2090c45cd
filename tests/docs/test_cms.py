"""What the reference says of CMS seals is what the code does."""

from pathlib import Path

import pytest

from wardgate.ca.time_stamping import POLICY
from wardgate.cms import oids
from wardgate.cms.ber import MIN_PART_BYTES
from wardgate.sealing.revocation import HARMLESS
from wardgate.sealing.stream import GIB, STREAM_LIMITS

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "cms.md").read_text()


@pytest.mark.parametrize("identifier", [oids.SEAL_CONTEXT, oids.SEAL_STATEMENT, oids.MIME_TYPE, oids.SIGNING_CERTIFICATE_V2, oids.ALGORITHM_PROTECTION, POLICY])
def test_identifiers_are_documented(identifier: str) -> None:
    """Each as it is written in messages."""
    assert f"`{identifier}`" in TEXT


def test_limits_and_reasons_are_documented() -> None:
    """The size of attachments, of parts, and why an authority's word still counts."""
    assert f"{STREAM_LIMITS.max_content_bytes // GIB} GiB" in TEXT
    assert f"{MIN_PART_BYTES} octets" in TEXT
    assert all(f"`{reason.value}`" in TEXT for reason in HARMLESS)
