"""People and sign-in providers as the manifest states them.

Owns: the test people of the stand-in providers, the providers the authorisation server trusts, and the clients that the
stand-in providers know.
Leaves: references between them and what a live environment refuses (`manifest`), serving a provider (`standins`).
Read: worker, patient, password, one_time_code, user, provider, relying_party, directory.
"""

from wardgate.identities.directory import Identities
from wardgate.identities.patient import Delegation, Patient
from wardgate.identities.provider import Authentication, IdentityProvider
from wardgate.identities.relying_party import RelyingParty
from wardgate.identities.user import User
from wardgate.identities.worker import Role, Worker

__all__ = ["Authentication", "Delegation", "Identities", "IdentityProvider", "Patient", "RelyingParty", "Role", "User", "Worker"]
