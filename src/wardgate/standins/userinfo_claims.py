"""What userinfo says of a person (user-restricted 11.6 and 12.6). Pure; optional members are left out, never null."""

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final

from wardgate.identities import Patient, Role, User, Worker
from wardgate.oidc.scopes import ALWAYS_TOLD, CIS2_SCOPES, NHS_LOGIN_SCOPES
from wardgate.oidc.vectors import LEVELS

ORDER: Final = (
    "sub", "nhsid_useruid", "uid", "name", "given_name", "family_name", "middle_names", "initials", "title", "display_name", "email",
    "idassurancelevel", "nhsid_org_memberships", "nhsid_org_roles", "nhsid_user_orgs", "nhsid_nrbac_roles",
    "gmc_id", "gdc_id", "gmp_id", "gdp_id", "nmc_id", "gphc_id", "rcn_id", "consultant_id",
)
"""The members of CIS2's answer, in its order."""
Find = Callable[[str], User | None]


def claims_of_worker(user: User, worker: Worker, scopes: Iterable[str], identity_assurance: int) -> dict[str, Any]:
    """Return what CIS2 says, of the claims that the scopes give."""
    ids = worker.professional_ids.model_dump(exclude_none=True) if worker.professional_ids is not None else {}
    known: Mapping[str, Any] = {
        "sub": user.username, "nhsid_useruid": user.username, "uid": user.username, "name": user.name,
        "given_name": user.given_name, "family_name": user.family_name, "middle_names": worker.middle_names,
        "initials": worker.initials, "title": worker.title, "display_name": worker.display_name or user.name,
        "email": worker.email, "idassurancelevel": str(identity_assurance),
        "nhsid_org_memberships": [one.model_dump(exclude_none=True, include={"person_orgid", "org_name", "org_code", "gnc"}) for one in worker.memberships],
        "nhsid_org_roles": [{"person_orgid": one.person_orgid, "org_name": one.org_name, "org_code": one.org_code} for one in worker.memberships],
        "nhsid_user_orgs": [{"org_name": one.org_name, "org_code": one.org_code} for one in worker.memberships],
        "nhsid_nrbac_roles": [_role(role) for role in worker.roles], **ids,
    }
    given = {claim for scope in scopes for claim in CIS2_SCOPES.get(scope, ())} | {"sub"}
    return {name: known[name] for name in ORDER if name in given and known.get(name) not in ("", [], None)}


def _role(role: Role) -> dict[str, Any]:
    found: dict[str, Any] = {
        "person_orgid": role.person_orgid, "person_roleid": role.person_roleid, "org_code": role.org_code,
        "role_name": role.role_name, "role_code": role.role_code,
    }
    pairs = (("activities", "activity_codes", role.activities), ("workgroups", "workgroups_codes", role.workgroups),
             ("aow", "aow_codes", role.areas_of_work))
    for names, codes, coded in pairs:
        if coded:
            found |= {names: [one.name for one in coded], codes: [one.code for one in coded]}
    return found


def claims_of_patient(
    user: User, patient: Patient, scopes: Collection[str], proofing: str, client: Mapping[str, Any], person: Find
) -> dict[str, Any]:
    """Return what NHS login says, of the claims that the scopes give at this level.

    `client` holds what belongs to the client (`client_user_metadata`) and whether it has IM1 access (`im1`).
    """
    gp = patient.gp
    known: dict[str, Any] = {
        "sub": patient.subject, "nhs_number": patient.nhs_number, "birthdate": patient.birthdate, "family_name": user.family_name,
        "identity_proofing_level": proofing, "given_name": user.given_name,
        **_contact(patient),
        "gp_registration_details": {"gp_ods_code": gp.ods_code} if gp else None,
        "gp_integration_credentials":
            {"gp_user_id": gp.user_id, "gp_linkage_key": gp.linkage_key, "gp_ods_code": gp.ods_code} if gp and client.get("im1") else None,
        "client_user_metadata": client.get("client_user_metadata"),
        "delegations": [told for one in patient.delegations if (told := _delegation(person(one.for_user)))],
    }
    given = claims_given(scopes, proofing)
    return {name: known[name] for name in known if name in given and known[name] not in ("", [], None)}


def claims_given(scopes: Collection[str], proofing: str) -> frozenset[str]:
    """Return the claims about a patient that scopes give at a level of identity."""
    given: set[str] = set()
    for scope in scopes:
        claims, level = NHS_LOGIN_SCOPES.get(scope, ((), "P0"))
        reached = LEVELS.index(proofing) >= LEVELS.index(level)
        given |= {claim for claim in claims if reached or claim in ALWAYS_TOLD}
    return frozenset(given)


def _contact(patient: Patient) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if patient.email:
        found |= {"email": patient.email, "email_verified": True}
    if patient.phone_number is not None:
        found |= {"phone_number": patient.phone_number, "phone_number_verified": True,
                  "phone_number_pds_matched": patient.phone_number_pds_matched}
    if patient.landline_number is not None:
        found |= {"landline_number": patient.landline_number, "landline_number_verified": True}
    return found


def _delegation(user: User | None) -> dict[str, str] | None:
    """For whom the patient may act. The published pages do not show this list; these are the members a client needs."""
    if user is None or user.patient is None:
        return None
    found = {"sub": user.patient.subject, "nhs_number": user.patient.nhs_number, "given_name": user.given_name,
             "family_name": user.family_name, "birthdate": user.patient.birthdate}
    return {name: value for name, value in found.items() if value}


def replaced(claims: dict[str, Any], overrides: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the claims as the manifest wants them: members replaced, or left out where it says null."""
    return {name: value for name, value in (claims | dict(overrides or {})).items() if value is not None}
