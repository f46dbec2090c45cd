"""The explanation of certificates lists the checks that the code makes, in its order."""

import re
from pathlib import Path

from wardgate.pki import csr, explain

PAGE = (Path(__file__).parents[3] / "docs" / "explanation" / "certificates.md").read_text()


def test_the_page_lists_every_check_in_order() -> None:
    """`docs/explanation/certificates.md` and the tables of checks agree."""
    listed = re.findall(r"`((?:csr|cert)-[a-z-]+)`", PAGE)
    assert [code for code in listed if code.startswith("csr-")] == [c.code for c in (*csr.READING, *csr.ASKING)]
    assert [code for code in listed if code.startswith("cert-")] == [c.code for c in (*explain.READING, *explain.HOLDING)]
