"""What can go wrong with a request.

LDAPError
├── Malformed  what came is no LDAP message: the connection ends with a notice (RFC 4511 section 4.1.1)
└── Refused    an operation ends with a result code; the connection goes on

Messages name limits and forms, never what a caller sent.
"""

from wardgate.ldap.results import Code


class LDAPError(Exception):
    """The root of this room."""


class Malformed(LDAPError):
    """Not a message."""


class Refused(LDAPError):
    """One operation is not done, or not in full."""

    def __init__(self, code: Code, diagnostic: str, matched: str = "") -> None:
        super().__init__(diagnostic)
        self.code = code
        self.diagnostic = diagnostic
        self.matched = matched
