"""Writes `vectors/csr.json`: certificate requests named by what is wrong with them, and the check that must refuse each.

Run it by hand after adding a row: `python tests/unit/pki/make_csr_vectors.py`. The requests are put together byte by
byte, because proper tools do not make them.
"""

import base64
import json
import secrets
from hashlib import new as new_hash
from math import prod
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from wardgate.pki import der

NAME = "epr.z9x01.thirdparty.nhs.uk"
DIGEST_INFO = {
    "sha256": bytes.fromhex("3031300d060960864801650304020105000420"),
    "sha512": bytes.fromhex("3051300d060960864801650304020305000440"),
    "sha1": bytes.fromhex("3021300906052b0e03021a05000414"),
    "md5": bytes.fromhex("3020300c06082a864886f70d020505000410"),
}
SIGNATURE_OID = {
    "sha256": "2a864886f70d01010b", "sha512": "2a864886f70d01010d", "sha1": "2a864886f70d010105",
    "md5": "2a864886f70d010104",
}
EXTENSION_REQUEST = bytes.fromhex("2a864886f70d01090e")
CHALLENGE_PASSWORD = bytes.fromhex("2a864886f70d010907")
WINDOWS_VERSION = bytes.fromhex("2b060104018237" + "0d0203")


class RawKey:
    """An RSA key as numbers, so that weak ones can sign too."""

    def __init__(self, p: int, q: int, e: int = 65537) -> None:
        self.n, self.e, self.d = p * q, e, pow(e, -1, (p - 1) * (q - 1))

    @property
    def spki(self) -> bytes:
        numbers = der.sequence([der.integer(self.n), der.integer(self.e)])
        algorithm = der.sequence([der.write(6, bytes.fromhex("2a864886f70d010101")), der.write(5, b"")])
        return der.sequence([algorithm, der.write(3, b"\0" + numbers)])

    def sign(self, data: bytes, algorithm: str) -> bytes:
        size = (self.n.bit_length() + 7) // 8
        info = DIGEST_INFO[algorithm] + new_hash(algorithm, data).digest()
        padded = b"\x00\x01" + b"\xff" * (size - 3 - len(info)) + b"\x00" + info
        return pow(int.from_bytes(padded), self.d, self.n).to_bytes(size)


def is_prime(n: int) -> bool:
    """Whether n is prime, by Fermat's test with random bases."""
    return all(pow(secrets.randbelow(n - 3) + 2, n - 1, n) == 1 for _ in range(8))


def next_prime(n: int) -> int:
    """The first prime from n on that suits the exponent 65537."""
    n |= 1
    while not is_prime(n) or (n - 1) % 65537 == 0:
        n += 2
    return n


def random_prime(bits: int) -> int:
    """A prime whose two top bits are set."""
    return next_prime(secrets.randbits(bits) | 0b11 << (bits - 2))


def roca_prime(bits: int) -> int:
    """A prime as the flawed library made them: k * M + (65537 ** a mod M)."""
    modulus = prod([n for n in range(2, 702) if all(n % d for d in range(2, n))])
    while True:
        k = secrets.randbits(bits - modulus.bit_length()) | 1 << (bits - modulus.bit_length() - 1)
        candidate = k * modulus + pow(65537, secrets.randbits(200), modulus)
        if is_prime(candidate):
            return candidate


def raw(numbers: rsa.RSAPrivateKey) -> RawKey:
    """The key as numbers."""
    private = numbers.private_numbers()
    return RawKey(private.p, private.q)


def extensions(*wanted: tuple[x509.ExtensionType, bool]) -> bytes:
    """The DER of an extensions list."""
    return der.sequence([
        der.sequence([
            der.write(6, oid_bytes(value.oid)),
            *([der.write(1, b"\xff")] if critical else []),
            der.write(4, value.public_bytes()),
        ])
        for value, critical in wanted
    ])


def oid_bytes(oid: x509.ObjectIdentifier) -> bytes:
    """The contents of an OBJECT IDENTIFIER."""
    first, second, *rest = (int(arc) for arc in oid.dotted_string.split("."))
    out = bytearray([first * 40 + second])
    for arc in rest:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        out += bytes(reversed(groups))
    return bytes(out)


def attribute(oid: bytes, *values: bytes) -> bytes:
    """An attribute with its values."""
    return der.sequence([der.write(6, oid), der.write(0x31, b"".join(sorted(values)))])


def asking(*wanted: x509.ExtensionType) -> bytes:
    """An extension request."""
    return attribute(EXTENSION_REQUEST, extensions(*[(value, False) for value in wanted]))


def san(*names: str) -> x509.SubjectAlternativeName:
    """A subject alternative name of DNS names."""
    return x509.SubjectAlternativeName([x509.DNSName(name) for name in names])


def subject(*parts: tuple[x509.ObjectIdentifier, str]) -> bytes:
    """The DER of a subject, whatever its fields hold."""
    return x509.Name([x509.NameAttribute(oid, value, _validate=False) for oid, value in parts]).public_bytes()


def cn(name: str = NAME) -> bytes:
    """The DER of a subject of one CN."""
    return subject((NameOID.COMMON_NAME, name))


def usage(**on: bool) -> x509.KeyUsage:
    """A key usage with these bits."""
    names = ("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
             "key_cert_sign", "crl_sign", "encipher_only", "decipher_only")
    return x509.KeyUsage(**{name: on.get(name, False) for name in names})


def request(key: RawKey, name: bytes, *attributes: bytes, algorithm: str = "sha256", broken: bool = False) -> str:
    """A request signed by the key; `broken` signs something else."""
    info = der.sequence([der.integer(0), name, key.spki, der.write(0xA0, b"".join(sorted(attributes)))])
    identifier = der.sequence([der.write(6, bytes.fromhex(SIGNATURE_OID[algorithm])), der.write(5, b"")])
    signature = key.sign(info + (b"x" if broken else b""), algorithm)
    return armoured(der.sequence([info, identifier, der.write(3, b"\0" + signature)]))


def armoured(content: bytes, label: str = "CERTIFICATE REQUEST") -> str:
    """The bytes as PEM."""
    text = base64.encodebytes(content).decode()
    return f"-----BEGIN {label}-----\n{text}-----END {label}-----\n"


def other_key(private: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> str:
    """A proper request with a key that is not RSA."""
    algorithm = None if isinstance(private, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(private, algorithm)
    return csr.public_bytes(Encoding.PEM).decode()


def vectors() -> list[dict[str, str | None]]:
    """Every row: comment, the check that refuses, the request."""
    good_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = raw(good_key)
    plain = request(key, cn())
    p1024 = random_prime(1024)
    small = RawKey(751, random_prime(2040))
    both_in_one = x509.Name([x509.RelativeDistinguishedName([
        x509.NameAttribute(NameOID.COMMON_NAME, NAME), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "NHS"),
    ])]).public_bytes()
    eku, oid = x509.ExtendedKeyUsage, x509.ObjectIdentifier
    public = good_key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    rows = [
        ("plain", None, plain),
        ("alternative name equal to the common name", None, request(key, cn(), asking(san(NAME)))),
        ("openssl's default extensions", None, request(key, cn(), asking(
            x509.BasicConstraints(False, None), usage(digital_signature=True, content_commitment=True, key_encipherment=True)))),
        ("client and server use asked for", None, request(key, cn(), asking(
            eku([oid("1.3.6.1.5.5.7.3.2"), oid("1.3.6.1.5.5.7.3.1")])))),
        ("made on Windows, with its version attribute", None, request(key, cn(), attribute(WINDOWS_VERSION, der.write(0x16, b"10.0.1.2")))),
        ("label NEW CERTIFICATE REQUEST", None, plain.replace("CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST")),
        ("signed with SHA-512", None, request(key, cn(), algorithm="sha512")),
        ("text around the block", None, "Certificate Request:\n    Data:\n" + plain + "\n"),
        ("longer than 16 KiB", "csr-size", plain + "#" * 16384),
        ("private key sent along", "csr-no-private-key", plain + "-----BEGIN PRIVATE KEY-----\nremoved\n-----END PRIVATE KEY-----\n"),
        ("a private key instead", "csr-no-private-key", "-----BEGIN RSA PRIVATE KEY-----\nremoved\n-----END RSA PRIVATE KEY-----\n"),
        ("empty", "csr-pem", ""),
        ("a public key instead", "csr-pem", public),
        ("two requests", "csr-pem", plain + plain),
        ("cut short", "csr-pem", plain[:400]),
        ("not base64", "csr-pem", plain.replace("M", "!", 3)),
        ("not DER", "csr-der", armoured(b"certificate, please")),
        ("DER with bytes after it", "csr-der", armoured(base64.b64decode("".join(plain.splitlines()[1:-1])) + b"\0\0")),
        ("elliptic curve key", "csr-key-type", other_key(ec.generate_private_key(ec.SECP256R1()))),
        ("Ed25519 key", "csr-key-type", other_key(ed25519.Ed25519PrivateKey.generate())),
        ("RSA of 1024 bits", "csr-key-size", request(raw(rsa.generate_private_key(public_exponent=65537, key_size=1024)), cn())),  # noqa: S505 - the weak key is the point
        ("RSA of 2047 bits", "csr-key-size", request(RawKey(random_prime(1023), random_prime(1024)), cn())),
        ("RSA of more than 8192 bits", "csr-key-size", request(  # known primes: random ones take minutes
            RawKey(2**4423 - 1, 2**4253 - 1), cn())),
        ("exponent 3", "csr-key-exponent", request(exponent_three(), cn())),
        ("modulus with the factor 751", "csr-key-weak", request(small, cn())),
        ("primes next to each other (Fermat)", "csr-key-weak", request(RawKey(p1024, next_prime(p1024 + 2)), cn())),
        ("ROCA (CVE-2017-15361)", "csr-key-weak", request(RawKey(roca_prime(1024), roca_prime(1024)), cn())),
        ("signed with SHA-1", "csr-algorithm", request(key, cn(), algorithm="sha1")),
        ("signed with MD5", "csr-algorithm", request(key, cn(), algorithm="md5")),
        ("signed by another key: someone else's public key", "csr-signature", request(key, cn(), broken=True)),
        ("no subject", "csr-subject", request(key, subject(), asking(san(NAME)))),
        ("organisation in the subject", "csr-subject", request(key, subject((NameOID.ORGANIZATION_NAME, "NHS"), (NameOID.COMMON_NAME, NAME)))),
        ("e-mail in the subject", "csr-subject", request(key, subject((NameOID.COMMON_NAME, NAME), (NameOID.EMAIL_ADDRESS, "a@nhs.uk")))),
        ("two common names", "csr-subject", request(key, subject((NameOID.COMMON_NAME, NAME), (NameOID.COMMON_NAME, "gp.nhs.uk")))),
        ("a second field hidden in a multi-valued name", "csr-subject", request(key, both_in_one)),
        ("name outside nhs.uk", "csr-name", request(key, cn("epr.example.com"))),
        ("nhs.uk itself", "csr-name", request(key, cn("nhs.uk"))),
        ("name that only ends in the letters nhs.uk", "csr-name", request(key, cn("evilnhs.uk"))),
        ("allowed suffix in the middle", "csr-name", request(key, cn("epr.nhs.uk.example.com"))),
        ("NUL before the suffix", "csr-name", request(key, cn("example.com\0.nhs.uk"))),
        ("line feed at the end", "csr-name", request(key, cn(NAME + "\n"))),
        ("wildcard", "csr-name", request(key, cn("*.nhs.uk"))),
        ("upper case", "csr-name", request(key, cn("EPR.nhs.uk"))),
        ("look-alike letters", "csr-name", request(key, cn("еpr.nhs.uk"))),  # noqa: RUF001 - a Cyrillic letter is the attack
        ("final dot", "csr-name", request(key, cn(NAME + "."))),
        ("underscore", "csr-name", request(key, cn("epr_1.nhs.uk"))),
        ("space", "csr-name", request(key, cn("epr .nhs.uk"))),
        ("localhost", "csr-name", request(key, cn("localhost"))),
        ("an IP address", "csr-name", request(key, cn("10.0.0.1"))),
        ("name of 65 characters", "csr-name", request(key, cn("a" * 58 + ".nhs.uk"))),
        ("challenge password", "csr-attributes", request(key, cn(), attribute(CHALLENGE_PASSWORD, der.write(0x13, b"secret")))),
        ("two extension requests, the first harmless", "csr-attributes", request(key, cn(), asking(san(NAME)), asking(san("gp.nhs.uk")))),
        ("one attribute with two values", "csr-attributes", request(key, cn(), attribute(
            EXTENSION_REQUEST, extensions((san(NAME), False)), extensions((san("gp.nhs.uk"), False))))),
        ("second alternative name", "csr-alternative-names", request(key, cn(), asking(san(NAME, "gp.nhs.uk")))),
        ("other alternative name", "csr-alternative-names", request(key, cn(), asking(san("gp.nhs.uk")))),
        ("wildcard alternative name", "csr-alternative-names", request(key, cn(), asking(san(NAME, "*.nhs.uk")))),
        ("e-mail alternative name", "csr-alternative-names", request(key, cn(), asking(
            x509.SubjectAlternativeName([x509.DNSName(NAME), x509.RFC822Name("a@nhs.uk")])))),
        ("URI alternative name", "csr-alternative-names", request(key, cn(), asking(
            x509.SubjectAlternativeName([x509.UniformResourceIdentifier("https://" + NAME)])))),
        ("alternative name twice", "csr-alternative-names", request(key, cn(), asking(san(NAME), san("gp.nhs.uk")))),
        ("wants to be an authority", "csr-extensions", request(key, cn(), asking(x509.BasicConstraints(True, 0)))),
        ("wants to sign certificates", "csr-extensions", request(key, cn(), asking(usage(key_cert_sign=True)))),
        ("wants to sign OCSP", "csr-extensions", request(key, cn(), asking(eku([oid("1.3.6.1.5.5.7.3.9")])))),
        ("wants any use", "csr-extensions", request(key, cn(), asking(eku([oid("2.5.29.37.0")])))),
        ("own revocation list address", "csr-extensions", request(key, cn(), asking(x509.CRLDistributionPoints([
            x509.DistributionPoint([x509.UniformResourceIdentifier("http://evil.example/x.crl")], None, None, None)])))),
        ("no-check extension", "csr-extensions", request(key, cn(), asking(x509.OCSPNoCheck()))),
    ]
    return [{"comment": comment, "refused_by": refused_by, "pem": pem} for comment, refused_by, pem in rows]


def exponent_three() -> RawKey:
    """A sound key but for its exponent."""
    while True:
        p, q = random_prime(1024), random_prime(1024)
        if (p - 1) % 3 and (q - 1) % 3:
            return RawKey(p, q, 3)


if __name__ == "__main__":
    target = Path(__file__).parent / "vectors" / "csr.json"
    target.write_text(json.dumps(vectors(), indent=1) + "\n")
    print(f"{target}: written")
