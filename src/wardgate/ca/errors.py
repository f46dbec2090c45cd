"""What can go wrong at the certification authority.

CAError
├── NotEnsured             there is no authority yet, or none of them has a revocation list: nothing is trusted
├── AuthorityNotFound      no authority has that name
├── AuthorityInUse         an authority cannot be retired: it is the only one, or unexpired certificates depend on it
├── CertificateNotFound    no certificate matches
├── NotRevocable           an authority's certificate, which is retired instead, or an unknown reason
├── NotRenewable           too early, over, revoked, or not a client's certificate
├── KeyRefused             the key was revoked as compromised
└── CRLPublicationFailed   some authority's revocation list could not be renewed; `failed` names them

A request that is refused for what it holds raises `wardgate.pki.CheckFailed`.
"""

from collections.abc import Mapping


class CAError(Exception):
    """The root of this room."""


class NotEnsured(CAError):
    """There is no trust to hand out; an empty one would turn the checks off."""


class AuthorityNotFound(CAError):
    """No authority has that name."""


class AuthorityInUse(CAError):
    """Retiring the authority would cut off certificates that are still good."""


class CertificateNotFound(CAError):
    """No certificate matches what was asked for."""


class NotRevocable(CAError):
    """The certificate cannot be revoked this way."""


class NotRenewable(CAError):
    """The certificate cannot be renewed now."""


class KeyRefused(CAError):
    """The key must not be certified again."""


class CRLPublicationFailed(CAError):
    """Lists of these authorities were not renewed. When one passes its `nextUpdate`, every client of it is refused."""

    def __init__(self, failed: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{name}: {why}" for name, why in failed.items()))
        self.failed = dict(failed)
