"""What an application is told of a patient who agrees, in words for that patient (user-restricted 12.6). Pure."""

from collections.abc import Mapping
from typing import Final

from wardgate.standins.next_step import Progress
from wardgate.standins.userinfo_claims import claims_given

WORDS: Final[Mapping[str, str]] = {
    "sub": "a number that stands for you at this provider",
    "nhs_number": "your NHS number",
    "birthdate": "your date of birth",
    "given_name": "your first name",
    "family_name": "your last name",
    "identity_proofing_level": "how well your identity is proved",
    "email": "your e-mail address",
    "phone_number": "your mobile phone number",
    "landline_number": "your landline phone number",
    "gp_registration_details": "the GP practice you are registered with",
    "gp_integration_credentials": "the details that link you to the online services of your GP practice",
    "client_user_metadata": "what it has noted about you here before",
    "delegations": "the people you may act for",
}
"""Each claim that is a fact about the person, in the order in which they are listed."""
PARTS: Final = frozenset({"email_verified", "phone_number_verified", "phone_number_pds_matched", "landline_number_verified"})
"""Claims that only say more about another one."""


def shared_details(progress: Progress) -> tuple[str, ...]:
    """Return what the scopes give at the level of this sign-in; nothing at NHS CIS2, where nobody is asked."""
    proofing = progress.session.sign_in.proofing
    if proofing is None:
        return ()
    given = claims_given(progress.request.scopes, proofing)
    return tuple(words for claim, words in WORDS.items() if claim in given)
