"""Stand-ins for NHS CIS2 and NHS login: strict OpenID providers whose people are the manifest's users.

Owns: the providers' endpoints under the mock realms' paths and under their own, how people sign in there, sessions and
signing out, and the pages for all of it.
Leaves: who people and clients are (`identities`), what levels, scopes and discovery mean (`oidc`), keeping things
(`stores`), being a client of a provider (`authserver`).

A live environment has none of this: `manifest.live` refuses stand-ins, and `StandInsApp` answers 404 when there are none.
Read: errors, surfaces, dependencies, wire, record, clients, faults, authorization_request, transactions, sessions, methods,
asserted_identity, authorize, next_step, steps, codes, id_token, userinfo_claims, client_authentication, token, delegation, userinfo,
logout_delivery, logout, published, shared_details, pages, app.
"""

from wardgate.standins.app import StandInsApp
from wardgate.standins.dependencies import StandIns, StandInSettings
from wardgate.standins.logout_delivery import LogoutDelivery

__all__ = ["LogoutDelivery", "StandInSettings", "StandIns", "StandInsApp"]
