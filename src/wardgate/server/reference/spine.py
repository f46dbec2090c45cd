"""`spine.md`: the variants of the Spine JWT, the interactions by message set, and the headers of each family of APIs."""

from collections.abc import Iterator
from typing import Final

from wardgate.spine.checks import CHECKS
from wardgate.spine.gp_connect import CHECKS as GP_CHECKS
from wardgate.spine.gp_connect import REQUIRED as GP_REQUIRED
from wardgate.spine.headers import NAMES
from wardgate.spine.interaction_catalogue import message_sets
from wardgate.spine.interactions import Interaction
from wardgate.spine.resolve import GP_REQUESTS, RULES, SEARCHED_BY, Shape
from wardgate.spine.times import PUBLISHED
from wardgate.spine.unsecured import MAX_DEPTH, MAX_TOKEN_CHARS
from wardgate.spine.variants import MANDATORY, VARIANTS, ScopeRule, Variant

INTRODUCTION: Final = f"""\
# Spine

How systems, and the people behind them, are stated in calls to the FHIR APIs of Spine: an unsigned token, headers, and an
interaction for each request. Nobody signs the token: it says who calls, and the client certificate says which system may say so.

## The token

`Authorization: Bearer` and three sections of base64url without padding, the third empty: the token ends with a dot. The header is
`{{"alg":"none","typ":"JWT"}}`, members in any order and no others. At most {MAX_TOKEN_CHARS:,} characters and {MAX_DEPTH} levels; no name twice.
Behind a hop that a route trusts, either alphabet of base64, padding, further header members and absent times are taken as well.

Times are whole numbers of seconds. `exp` is exactly {PUBLISHED.lifetime_exact_seconds} s after `iat`, `iat` at most {PUBLISHED.iat_ahead_seconds} s ahead, and `exp` at most {PUBLISHED.exp_grace_seconds} s past.
"""


def page() -> str:
    """Return the whole page."""
    parts = (_variants(), _order(), _interactions(), _headers())
    return "\n".join([INTRODUCTION, *(line for part in parts for line in part)]).rstrip() + "\n"


def _variants() -> Iterator[str]:
    claims = ", ".join(f"`{name}`" for name in MANDATORY)
    yield from ("## Variants", "", f"Every variant but GP Connect's has {claims}. `sub` is the user, else the patient, else the system.", "")
    yield from ("| variant | who may call: for which reason | organisation | scope | answer to a bad token |", "|---|---|---|---|---|")
    for variant in VARIANTS.values():
        yield _variant(variant)
    embedded = ", ".join(f"`{name}`" for name in GP_REQUIRED)
    yield from ("", f"GP Connect's tokens have {embedded}; the old ones (`gp-connect-0`) `requested_record` as well, which new ones must not have.", "")


def _variant(variant: Variant) -> str:
    if variant.is_gp_connect:
        return f"| `{variant.name}` | a practitioner: `directcare` or `migration` | an embedded resource | one `requested_scope`, and a `conf` token | 400, 422 |"
    callers = "; ".join(
        f"{kind}{' (writes only)' if rules.writes_only else ''}: {' or '.join(f'`{name}`' for name in rules.reasons)}" for kind, rules in variant.callers.items()
    )
    organisation = "needed" if variant.organisation_needed else "may be absent"
    exact = " or ".join(f"`{name}`" for name in variant.exact_scopes)
    scope = f"exactly {exact}" if variant.scope_rule is ScopeRule.EXACT else "those of the interaction, and any others"
    return f"| `{variant.name}` | {callers} | {organisation} | {scope} | {403 if variant.refusals == 'booking-jwt' else 400} |"


def _order() -> Iterator[str]:
    first = [f"spine-jwt-{row}" for row in ("missing", "sections", "body-empty", "malformed", *dict.fromkeys(check.row for check in CHECKS))]
    gp = [f"gp-connect-jwt-{row}" for row in ("missing", "scheme", "padded", "blocks", "base64", "header-value", "header-key", "not-json", *(check.row for check in GP_CHECKS))]
    yield from ("## The order of the checks", "", "The first that does not hold answers. A route by ASID:", "")
    yield from ("1. Certificate: " + _links(CERTIFICATE) + ".", "2. Token: " + _links(first) + ".", "3. Headers and interaction: " + _links(HEADERS) + ".", "")
    yield from ("GP Connect's token: " + _links(gp) + ".", "")
    yield from ("A call through the secure proxy: " + _links(PROXY[:1]) + ", the certificate, " + _links(PROXY[1:2]) + ", the token, " + _links(PROXY[2:]) + ".", "")
    yield from ("A translated call, whose token and role are a user's: " + _links(TRANSLATED) + ", then whether the application's system has been granted the interaction.", "")


CERTIFICATE: Final = ["certificate-missing", "certificate-not-of-asid"]
HEADERS: Final = [
    "from-asid-missing", "from-asid-unknown", "to-asid-missing", "to-asid-not-ours", "spine-jwt-asid-not-from", "spine-header-missing", "spine-header-invalid",
    "interaction-unresolved", "interaction-disagrees", "interaction-not-granted", "spine-jwt-scope-missing",
]  # fmt: skip
PROXY: Final = [
    "ssp-method-not-allowed", "ssp-header-missing", "ssp-sender-not-accredited", "ssp-receiver-unknown", "ssp-receiver-lacks-interaction", "ssp-no-sharing-rule",
    "ssp-endpoint-varies", "ssp-media-type",
]  # fmt: skip
TRANSLATED: Final = [
    f"ra-{row}" for row in ("access-token-invalid", "request-id-invalid", "session-urid-invalid", "content-type-invalid", "payload-missing", "if-match-invalid",
                            "query-invalid", "resource-not-found", "asid-not-configured", "ods-not-configured")
]  # fmt: skip


def _links(codes: list[str]) -> str:
    return ", ".join(f"[`{code}`](refusals.md#{code})" for code in codes)


def _interactions() -> Iterator[str]:
    yield from ("## Interactions", "", "A system is approved for a message set, and may then send its interactions. Where the request tells, the interaction follows from it.", "")
    requests = _requests()
    for name, rows in message_sets().items():
        yield from (f"### `{name}`", "", "| interaction | request | scopes |", "|---|---|---|")
        for row in rows:
            scopes = ", ".join(f"`{scope}`" for scope in row.scopes) or "not published"
            yield f"| `{row.id}` | {', '.join(requests.get(row.id, ['named by the header']))} | {scopes} |"
        yield ""
    yield from ("An event is `urn:nhs:names:services:events:`, its code and `.Write`, for `POST /$process-message` with the scope `patient/Bundle.write`.", "")


def _requests() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for rules in RULES.values():
        for (method, shape), names in rules.items():
            for name in names:
                found.setdefault(name, []).append(f"`{method} {_path(shape)}`")
    for request in GP_REQUESTS.values():
        found[request.interaction.id] = [f"`{request.method} {_path(request.shape)}`" + _searched(request.interaction, request.identifier)]
    return found


def _searched(row: Interaction, identifier: str | None) -> str:
    return f" by `{SEARCHED_BY[row.resource]}`" if identifier is not None else ""


def _path(shape: Shape) -> str:
    parts = (shape.resource, "{id}" if shape.has_id else "", shape.contained, shape.operation)
    return "/" + "/".join(part for part in parts if part)


def _headers() -> Iterator[str]:
    yield from ("## Headers", "", "Written as here, read in any case of letters; each once.", "")
    yield from ("| family | from | to | interaction | trace (a UUID) |", "|---|---|---|---|---|")
    for family, names in NAMES.items():
        cells = (names.sender, names.receiver, names.interaction, names.trace)
        shown = [f"`{name}`" if name else "" for name in cells]
        shown[2] += " (optional)" if names.interaction_optional else ""
        yield f"| {family} | {' | '.join(shown)} |"
