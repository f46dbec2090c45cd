"""Providers, their clients and people: that a request can mean one of them only."""

from collections.abc import Iterator
from datetime import date

from wardgate.identities import IdentityProvider, RelyingParty, User
from wardgate.manifest.draft import Draft, Entry
from wardgate.manifest.errors import Problem
from wardgate.oauth.users import ProviderKind
from wardgate.oidc.scopes import SCOPES
from wardgate.oidc.vectors import BadVTR, parse_vtr


def check_identities(draft: Draft) -> Iterator[Problem]:
    """One provider of a kind for each authorisation server; clients of their own name; people with identifiers of their own."""
    yield from _providers(draft)
    for entry, party in draft.models("relying_parties", RelyingParty):
        yield from _relying_party(entry, party)
    yield from _people(draft)


def _providers(draft: Draft) -> Iterator[Problem]:
    first: dict[tuple[str, str], str] = {}
    issuers: dict[tuple[str, str], str] = {}
    served: dict[tuple[str, str | None, str], str] = {}
    clients = {(party.kind, party.client_id) for _, party in draft.models("relying_parties", RelyingParty)}
    for entry, provider in draft.models("identity_providers", IdentityProvider):
        owner = first.setdefault((provider.base_path, provider.kind), provider.name)
        if owner != provider.name:
            yield entry.place("base_path").problem(f"`{owner}` is already the {provider.kind} provider of `{provider.base_path}`")
        if provider.issuer is not None:
            owner = issuers.setdefault((provider.base_path, provider.issuer.lower()), provider.name)
            if owner != provider.name:
                yield entry.place("issuer").problem(f"`{owner}` has this issuer: an ID token must name one provider")
        if provider.stand_in:
            owner = served.setdefault((provider.kind, provider.realm, provider.client_id), provider.name)
            if owner != provider.name:
                yield entry.place("client_id" if "client_id" in provider.model_fields_set else "realm").problem(
                    f"`{owner}` is the same client of the same stand-in", "give them different realms or client ids")
        if provider.stand_in and (provider.kind, provider.client_id) in clients:
            yield entry.place("client_id").problem(
                f"`{provider.client_id}` is a relying party of that stand-in, and cannot be the authorisation server as well")


def _relying_party(entry: Entry, party: RelyingParty) -> Iterator[Problem]:
    for index, scope in enumerate(party.scopes):
        if scope not in SCOPES[party.kind]:
            yield entry.place("scopes", index).problem(f"{party.kind} has no scope `{scope}`", "known: " + ", ".join(SCOPES[party.kind]))
    if party.vtr and party.kind is not ProviderKind.NHS_LOGIN:
        yield entry.place("vtr").problem("`vtr` is for clients of nhs-login")
    for index, text in enumerate(party.vtr):
        try:
            parse_vtr(f'["{text}"]')
        except BadVTR as bad:
            yield entry.place("vtr", index).problem(str(bad))
    for index, url in enumerate(party.redirect_uris):
        if party.redirect_uris.index(url) != index:
            yield entry.place("redirect_uris", index).problem("this redirect URI is already listed")


def _people(draft: Draft) -> Iterator[Problem]:
    subjects: dict[str, str] = {}
    numbers: dict[str, str] = {}
    kinds = {user.username: user.kind for _, user in draft.models("users", User)}
    for entry, user in draft.models("users", User):
        if user.worker is not None:
            seen: set[str] = set()
            for index, role in enumerate(user.worker.roles):
                if role.person_roleid in seen:
                    yield entry.place("worker", "roles", index, "person_roleid").problem("the worker has a role of this number already")
                seen.add(role.person_roleid)
            continue
        patient = user.patient
        if patient is None:
            continue
        if subjects.setdefault(patient.subject.casefold(), user.username) != user.username:
            yield entry.place("patient", "subject").problem("another patient has this subject")
        if patient.nhs_number is not None and numbers.setdefault(patient.nhs_number, user.username) != user.username:
            yield entry.place("patient", "nhs_number").problem("another patient has this NHS number")
        if patient.birthdate is not None and not _is_date(patient.birthdate):
            yield entry.place("patient", "birthdate").problem("there is no such day")
        for index, delegation in enumerate(patient.delegations):
            at = entry.place("patient", "delegations", index, "for_user")
            if delegation.for_user == user.username:
                yield at.problem("nobody acts for themselves")
            elif kinds.get(delegation.for_user, ProviderKind.NHS_LOGIN) is not ProviderKind.NHS_LOGIN:
                yield at.problem(f"`{delegation.for_user}` is a worker; a patient acts for patients")


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
