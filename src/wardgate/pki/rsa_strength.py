"""RSA keys that should not be certified although they are long enough.

Small factors, close primes (Fermat's method) and the ROCA pattern (CVE-2017-15361): what the CA/Browser Forum's
Baseline Requirements, section 6.1.1.3, ask a certification authority to refuse.
"""

from math import gcd, isqrt, prod
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

from wardgate.pki.check import Mismatch

MIN_BITS: Final = 2048
MAX_BITS: Final = 8192
MIN_EXPONENT: Final = 65537
MAX_EXPONENT_BITS: Final = 256
FERMAT_ROUNDS: Final = 100
GENERATOR: Final = 65537


def _primes(limit: int) -> tuple[int, ...]:
    return tuple(n for n in range(2, limit) if all(n % d for d in range(2, isqrt(n) + 1)))


def _powers(prime: int) -> frozenset[int]:
    """The residues that a ROCA modulus can have: powers of 65537."""
    residues, value = set(), 1
    while value not in residues:
        residues.add(value)
        value = value * GENERATOR % prime
    return frozenset(residues)


SMALL_PRIMES: Final = _primes(752)
SMALL_PRIMES_PRODUCT: Final = prod(SMALL_PRIMES)
ROCA_RESIDUES: Final = {prime: _powers(prime) for prime in _primes(168) if 0 < len(_powers(prime)) < prime - 1}


def check_modulus_size(numbers: RSAPublicNumbers) -> None:
    """The modulus is 2048 to 8192 bits (application-restricted 8.1; spec README rule 29)."""
    if not MIN_BITS <= numbers.n.bit_length() <= MAX_BITS:
        raise Mismatch(
            f"an RSA key of {MIN_BITS} to {MAX_BITS} bits",
            f"{numbers.n.bit_length()} bits",
            f"openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{MIN_BITS} -out key.pem",
        )


def check_exponent(numbers: RSAPublicNumbers) -> None:
    """The exponent is odd and from 65537 to 256 bits (FIPS 186-5 section A.1.1)."""
    if numbers.e < MIN_EXPONENT or numbers.e % 2 == 0 or numbers.e.bit_length() > MAX_EXPONENT_BITS:
        shown = str(numbers.e) if numbers.e.bit_length() <= 64 else f"an exponent of {numbers.e.bit_length()} bits"
        raise Mismatch(f"an odd public exponent from {MIN_EXPONENT} to {MAX_EXPONENT_BITS} bits", shown)


def check_not_weak(numbers: RSAPublicNumbers) -> None:
    """The modulus does not show a known weakness of its generator."""
    weakness = _weakness(numbers.n)
    if weakness is not None:
        raise Mismatch("a key without a known weakness", weakness, "make a new key with a current tool")


def _weakness(modulus: int) -> str | None:
    if gcd(modulus, SMALL_PRIMES_PRODUCT) != 1:
        return "a modulus with a small factor"
    if all(modulus % prime in residues for prime, residues in ROCA_RESIDUES.items()):
        return "a modulus with the ROCA pattern (CVE-2017-15361)"
    root = isqrt(modulus)
    for candidate in range(root, root + FERMAT_ROUNDS):
        difference = candidate * candidate - modulus
        if difference >= 0 and isqrt(difference) ** 2 == difference:
            return "a modulus whose two primes are close to each other"
    return None
