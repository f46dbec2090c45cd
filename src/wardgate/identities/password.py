"""Passwords as they are stated and checked: Argon2id (RFC 9106), in the PHC string format. Pure, and slow on purpose.

A password is normalised (NFKC) before it is hashed, so that it can be typed on any keyboard (NIST SP 800-63B section 5.1.1.2).
"""

import re
from typing import Annotated, Final
from unicodedata import normalize

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from pydantic import AfterValidator, Field

MIN_PASSWORD_CHARS: Final = 8
MAX_PASSWORD_CHARS: Final = 256
MEMORY_KIB: Final = 19_456
ITERATIONS: Final = 2
LANES: Final = 1
SALT_BYTES: Final = 16
HASH_BYTES: Final = 32
MAX_MEMORY_KIB: Final = 65_536
MAX_ITERATIONS: Final = 10
MAX_LANES: Final = 4
MIN_MEMORY_KIB: Final = 7_168
MIN_WORK_KIB: Final = 35_840
"""Memory times iterations: the weakest of OWASP's equal choices."""
_PHC: Final = re.compile(
    r"^\$argon2id\$v=19\$m=([0-9]{4,5}),t=([0-9]{1,2}),p=([0-9])\$[A-Za-z0-9+/]{22,64}\$[A-Za-z0-9+/]{43,86}$")


class WrongPassword(Exception):
    """The password is not the one that was hashed."""


class UnfitPassword(Exception):
    """A new password is too short or too long; the text says which."""


def _fit(phc: str) -> str:
    """Return a hash that is neither too cheap to guess nor too dear to check. Raises `ValueError`."""
    found = _PHC.fullmatch(phc)
    if found is None:
        raise ValueError("a password is stated as an Argon2id hash: wardgate user hash-password")
    memory, iterations, lanes = map(int, found.groups())
    if not (MIN_MEMORY_KIB <= memory <= MAX_MEMORY_KIB and 1 <= iterations <= MAX_ITERATIONS and 1 <= lanes <= MAX_LANES):
        raise ValueError(f"a hash has m={MIN_MEMORY_KIB} to {MAX_MEMORY_KIB}, t=1 to {MAX_ITERATIONS} and p=1 to {MAX_LANES}")
    if memory * iterations < MIN_WORK_KIB:
        raise ValueError(f"a hash is too cheap to guess: m times t must be {MIN_WORK_KIB} or more")
    return phc


PasswordHash = Annotated[str, Field(pattern=_PHC.pattern, max_length=250), AfterValidator(_fit)]
"""`$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`."""


def hash_password(password: str, salt: bytes) -> str:
    """Return the hash of a new password. Raises `UnfitPassword`."""
    if len(password) < MIN_PASSWORD_CHARS:
        raise UnfitPassword(f"a password has at least {MIN_PASSWORD_CHARS} characters")
    if len(password) > MAX_PASSWORD_CHARS:
        raise UnfitPassword(f"a password has at most {MAX_PASSWORD_CHARS} characters")
    argon2id = Argon2id(salt=salt, length=HASH_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB)
    return argon2id.derive_phc_encoded(_bytes(password))


def check_password(phc: str, password: str) -> None:
    """Raise `WrongPassword` unless this is the password; takes as long for a wrong one as for the right one."""
    try:
        Argon2id.verify_phc_encoded(_bytes(password), phc)
    except InvalidKey:
        raise WrongPassword from None


NOBODYS: Final = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGF0IGFsbC4uLg$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""Checked when there is nobody, or nobody with a password: the answer takes as long. No password has this hash."""


def _bytes(password: str) -> bytes:
    return normalize("NFKC", password).encode("utf-8", "surrogatepass")
