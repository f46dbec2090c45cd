"""New identifiers: the next free ASID and party key, and CPA ids (spine 7.3; spec README rule 21).

The numbers that are taken come from whoever holds the directory; making one's own in one step with storing it is the store's work.
"""

from collections.abc import Iterable
from typing import Final

from wardgate.directory.errors import Exhausted, InvalidEntries, Problem, shown
from wardgate.directory.forms import ODS_CODE

FIRST_ASID: Final = 200_000_100_000
LAST_ASID: Final = 299_999_999_999
FIRST_PARTY_NUMBER: Final = 850_000
LAST_PARTY_NUMBER: Final = 999_999_999
CPA_ID_BYTES: Final = 10


def next_asid(taken: Iterable[str]) -> str:
    """Return the ASID after the highest minted one: 12 digits that begin with 2. Raises `Exhausted`."""
    minted = (int(asid) for asid in taken if len(asid) == 12 and asid.isascii() and asid.isdecimal())
    found = max((number for number in minted if FIRST_ASID <= number <= LAST_ASID), default=FIRST_ASID - 1) + 1
    if found > LAST_ASID:
        raise Exhausted(f"expected an ASID up to {LAST_ASID}; received one that is the last")
    return str(found)


def next_party_key(organisation: str, taken: Iterable[str]) -> str:
    """Return a party key of an organisation, with the number after the highest minted one of anybody.

    Raises `InvalidEntries` for what is no ODS code, and `Exhausted`.
    """
    if not ODS_CODE.holds(organisation):
        raise InvalidEntries([Problem("party key", "nhsIDCode", ODS_CODE.said, shown(organisation))])
    numbers = (int(number) for key in taken if (number := key.rpartition("-")[2]).isdecimal() and number.isascii() and len(number) <= 9)
    found = max((number for number in numbers if number >= FIRST_PARTY_NUMBER), default=FIRST_PARTY_NUMBER - 1) + 1
    if found > LAST_PARTY_NUMBER:
        raise Exhausted(f"expected a party number up to {LAST_PARTY_NUMBER}; received one that is the last")
    return f"{organisation}-{found}"


def cpa_id(random: bytes) -> str:
    """Return a CPA id of 20 hexadecimal digits. `random` has `CPA_ID_BYTES` bytes that nobody can guess; others raise `ValueError`."""
    if len(random) != CPA_ID_BYTES:
        raise ValueError(f"expected {CPA_ID_BYTES} bytes; received {len(random)}")
    return random.hex()
