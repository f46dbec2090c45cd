"""What XML can be refused for.

XMLSecurityError
├── XMLTooLarge        more octets, levels, elements or attributes than are taken
├── XMLMalformed       not one strict structure of its kind
├── AlgorithmRefused   an algorithm, transform or kind of key is not on the list
├── SignatureMissing   there is no signature where one belongs
├── SignatureWrapped   the signature is elsewhere, or covers something else, than what is read
├── SignatureInvalid   the signature or a digest is wrong
├── NotForUs           no key of ours is named
└── Undecryptable      the content did not decrypt; it is not said why (W3C XML Encryption 1.1 section 6.4.1)
"""


class XMLSecurityError(Exception):
    """XML was refused: what was expected, and what was found, which only a record may tell."""

    def __init__(self, expected: str, received: str | None = None) -> None:
        super().__init__(expected)
        self.expected = expected
        self.received = received


class XMLTooLarge(XMLSecurityError):
    """More octets, levels, elements or attributes than are taken."""


class XMLMalformed(XMLSecurityError):
    """Not one strict structure of its kind."""


class AlgorithmRefused(XMLSecurityError):
    """An algorithm, a transform or a kind of key is not on the list."""


class SignatureMissing(XMLSecurityError):
    """There is no signature where one belongs."""


class SignatureWrapped(XMLSecurityError):
    """The signature is elsewhere, or covers something else, than what is read."""


class SignatureInvalid(XMLSecurityError):
    """The signature, or a digest, is wrong."""


class NotForUs(XMLSecurityError):
    """No key of ours is named."""


class Undecryptable(XMLSecurityError):
    """The content did not decrypt."""

    def __init__(self) -> None:
        super().__init__("content that decrypts")
