"""Scopes of the two providers and the claims they give (user-restricted 11.5 and 12.6)."""

from collections.abc import Mapping
from typing import Final

from wardgate.oauth.users import ProviderKind

CIS2_SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "openid": ("sub",),
    "profile": ("name", "family_name", "given_name", "uid"),
    "email": ("email",),
    "nhsperson": ("nhsid_useruid", "title", "idassurancelevel", "initials", "middle_names", "display_name"),
    "nationalrbacaccess": ("nhsid_useruid", "name", "nhsid_nrbac_roles"),
    "associatedorgs": ("nhsid_user_orgs",),
    "organisationalmemberships": ("nhsid_org_memberships", "nhsid_org_roles"),
    "professionalmemberships": ("gmc_id", "gdc_id", "gmp_id", "gdp_id", "nmc_id", "gphc_id", "rcn_id", "consultant_id"),
    "selectedrole": (),
    "changedrole": (),
}
"""The last two ask for a role choice; what was chosen is in the ID token as `selected_roleid`."""

NHS_LOGIN_SCOPES: Final[Mapping[str, tuple[tuple[str, ...], str]]] = {
    "openid": (("sub",), "P0"),
    "profile": (("nhs_number", "birthdate", "family_name", "identity_proofing_level"), "P5"),
    "basic_demographics": (("birthdate", "family_name", "identity_proofing_level"), "P5"),
    "profile_extended": (("given_name",), "P5"),
    "email": (("email", "email_verified"), "P0"),
    "phone": (("phone_number", "phone_number_verified", "phone_number_pds_matched"), "P0"),
    "landline": (("landline_number", "landline_number_verified"), "P0"),
    "gp_registration_details": (("gp_registration_details",), "P5"),
    "gp_integration_credentials": (("gp_integration_credentials",), "P9"),
    "client_metadata": (("client_user_metadata",), "P0"),
    "delegation": (("delegations",), "P0"),
    "nhs_app_credentials": ((), "P0"),
}
"""Each scope: its claims, and the level from which they are given."""
ALWAYS_TOLD: Final = frozenset({"identity_proofing_level"})
"""Given at every level: somebody whose identity is not proved is told to be so."""

SCOPES: Final[Mapping[ProviderKind, tuple[str, ...]]] = {
    ProviderKind.CIS2: tuple(CIS2_SCOPES), ProviderKind.NHS_LOGIN: tuple(NHS_LOGIN_SCOPES),
}
