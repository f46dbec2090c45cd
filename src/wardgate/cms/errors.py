"""What can be wrong with a structure of CMS.

CMSError
├── MalformedCMS        not the structure it should be, cut short, or longer than it may be in a part that is small
├── TooLarge            the content, or the whole, is longer than allowed
├── AlgorithmRefused    an algorithm, a mode or a parameter that is not spoken
├── Unsigned            no signature, or one that does not cover what it must
├── SignatureInvalid    the signature or the digest is of other octets, or of another key
├── Unencrypted         signed data where encrypted data should be
├── NotARecipient       none of the keys at hand is a recipient's
└── CannotDecrypt       the content or its key was changed, or encrypted to another key
"""


class CMSError(Exception):
    """The root of this room. Texts tell what was found, never content."""


class MalformedCMS(CMSError):
    """The octets are not the structure that was asked for."""


class TooLarge(CMSError):
    """More octets than allowed."""


class AlgorithmRefused(CMSError):
    """An algorithm that is not on the list."""


class Unsigned(CMSError):
    """There is no signature, or something that it must cover is not in it."""


class SignatureInvalid(CMSError):
    """The signature does not cover these octets by this key."""


class Unencrypted(CMSError):
    """The message is not encrypted."""


class NotARecipient(CMSError):
    """Nobody here can open it."""


class CannotDecrypt(CMSError):
    """One error for all that goes wrong with keys and ciphertext (RFC 5652 section 14; RFC 3218)."""
