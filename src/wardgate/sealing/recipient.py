"""Which entry of an encrypted message is ours: by key id, else by certificate. Keys are never tried one after the other."""

from wardgate.jose import base64url
from wardgate.jose.jwe import Recipient, UnopenedJWE
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.keys import DecryptionKey, HeldKeys
from wardgate.sealing.signature import certificate_digest


def our_key(sealed: UnopenedJWE, held: HeldKeys) -> tuple[Recipient, DecryptionKey]:
    """Return the first entry that names a key we hold, and the key. Raises `SealRefused` with `seal-not-for-us`."""
    for recipient in sealed.recipients:
        key = _named(recipient, held)
        if key is not None:
            return recipient, key
    raise SealRefused("seal-not-for-us", "a key that we hold", f"{len(sealed.recipients)} other keys")


def _named(recipient: Recipient, held: HeldKeys) -> DecryptionKey | None:
    """An entry that names key and certificate is ours when both are the same key's."""
    kid, digest = recipient.header.get("kid"), recipient.header.get("x5t#S256")
    if kid is not None:
        key = held.decryption_key(kid)
        return key if key is None or digest is None or certificate_digest(key.certificate) == digest else None
    if digest is None:
        return None
    try:
        return held.decryption_key_of(base64url.decode(digest.encode("utf-8")))
    except ValueError:
        return None
