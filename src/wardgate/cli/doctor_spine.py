"""`wardgate doctor spine-jwt`: a Spine JWT by the checks of the API it is for, in their order, before it is sent (spine 2, 11)."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click

from wardgate.catalogue import API
from wardgate.cli.context import World, with_world
from wardgate.cli.enforced import snapshot_of
from wardgate.cli.failures import Failed
from wardgate.cli.options import read_input
from wardgate.cli.output import Printer, pairs
from wardgate.cli.prognosis import Finding, of_oauth, report
from wardgate.cli.spine_form import findings as form_findings
from wardgate.oauth import CheckResult
from wardgate.refusals import CATALOGUE, Refusal
from wardgate.security_patterns.asid import REMOVAL
from wardgate.security_patterns.register import Register
from wardgate.spine.authorization import examine, explain
from wardgate.spine.checks import check_from_asid, check_scopes
from wardgate.spine.errors import SpineRefused, UnknownInteraction
from wardgate.spine.identifiers import is_asid
from wardgate.spine.interaction_catalogue import find
from wardgate.spine.interactions import Interaction
from wardgate.spine.stated import Expected, Stated
from wardgate.spine.variants import VARIANTS, ScopeRule, VariantName

NO_INSTALLATION: Final = "whether system and organisation are known, and the system's of one another, an installation tells: --api NAME"
OF_THE_DIRECTORY: Final = frozenset({"-asid-unknown", "-ods-unknown", "-asid-not-of-ods"})
"""The rows that ask the directory."""
SELF: Final = ", or run wardgate doctor spine-jwt"
"""What the catalogue's advice says to those who have not yet."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a token is held against."""

    expected: Expected
    now: datetime
    trusted_hop: bool
    asid: str | None
    any_scope: bool

    @property
    def refusals(self) -> str:
        """The beginning of the codes of the variant's rows."""
        return self.expected.variant.refusals


@click.command("spine-jwt")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="-")
@click.option("--variant", type=click.Choice([name.value for name in VariantName]), default=None, show_default="the API's, else spine-core",
              help="The published way to make the token.")
@click.option("--api", "api_name", default=None, metavar="NAME", help="An API of this installation: its variant, its times, its directory.")
@click.option("--asid", default=None, help="The ASID of the header that goes with the token: FromASID.")
@click.option("--interaction", default=None, metavar="ID", help="What the call is for: its scopes are asked for.")
@click.option("--trusted-hop", is_flag=True, help="A gateway of one's own sends it: the tolerant form. [default: as --api has it]")
@click.option("--now", type=click.DateTime(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S"]), default=None, help="The server's time in UTC, when it is neither this machine's nor the virtual clock's.")
@with_world
@click.pass_context
def spine_jwt(
    ctx: click.Context, file: Path, variant: str | None, api_name: str | None, asid: str | None, interaction: str | None, trusted_hop: bool,
    now: datetime | None, world: World, printer: Printer,
) -> None:
    """Check the Spine JWT in FILE (- is standard input), with or without `Bearer` before it.

    First its form: sections, encoding, header, claims; then each row of its variant; with --asid that its system is the header's, and with
    --interaction that it has the scopes. What fails is told with what was expected and received, and what to do; who the token names is
    never printed. The exit code is 1 when the API would refuse it.
    """
    if asid is not None and not is_asid(asid):
        raise click.UsageError("--asid: an ASID is 12 digits")
    text = _bare(read_input(file, "the token").decode("utf-8", "replace"))
    wanted = _interaction(interaction)
    question = _question(world, api_name, variant, wanted, asid, trusted_hop, now)
    found, stated = _findings(text, question)
    data, lines = report("the token", found)
    failed = next((one for one in found if one.outcome == "failed"), None)
    answer = _answer(failed) if failed is not None else None
    lines += ["", f"the API answers {answer['status']} {answer['code']}: {answer['diagnostics']}"] if answer is not None else []
    told = _told(stated, question.now, text) if stated is not None else {}
    lines += ["", *pairs([(name.replace("_", " "), str(value)) for name, value in told.items()])] if told else []
    printer.answer({"passed": data["passed"], "variant": question.expected.variant.name, "checks": data["checks"], "answer": answer, "states": told or None}, lines)
    if question.expected.register is None:
        printer.note(f"\n{NO_INSTALLATION}")
    if not data["passed"]:
        ctx.exit(1)


def _bare(text: str) -> str:
    """Return the token of a header, of a header's value, or alone."""
    bare = text.strip()
    name, colon, value = bare.partition(":")
    if colon and name.strip().lower() == "authorization":
        bare = value.strip()
    scheme, _, token = bare.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else bare


def _interaction(text: str | None) -> Interaction | None:
    try:
        return find(text) if text is not None else None
    except UnknownInteraction as unknown:
        raise click.UsageError(f"--interaction: {unknown}") from None


def _question(
    world: World, api_name: str | None, variant: str | None, interaction: Interaction | None, asid: str | None, trusted_hop: bool, now: datetime | None
) -> Question:
    moment = now.replace(tzinfo=UTC) if now is not None else None
    if api_name is None:
        expected = Expected(VARIANTS[VariantName(variant or VariantName.SPINE_CORE)], interaction=interaction)
        return Question(expected, moment or world.now, trusted_hop, asid, any_scope=False)
    snapshot = snapshot_of(world, world.now)
    api = next((one for one in snapshot.apis if one.name == api_name), None)
    if api is None or api.spine is None:
        known = ", ".join(one.name for one in snapshot.apis if one.spine is not None) or "none"
        raise Failed(f"there is no API {api_name} that knows its callers by ASID; of those there are: {known}")
    expected = Expected(VARIANTS[VariantName(variant) if variant is not None else _variant_of(api)], Register(snapshot), interaction, api.spine.times.rules)
    any_scope = interaction is not None and interaction.id in REMOVAL and api.spine.remove_scope == "any"
    return Question(expected, moment or world.now + snapshot.clock_shift, trusted_hop or api.spine.trusted_hop, asid, any_scope)


def _variant_of(api: API) -> VariantName:
    found = list(dict.fromkeys(route.variant for route in api.routes if route.variant is not None))
    if not found:
        raise Failed(f"the API {api.name} asks for no Spine JWT; name what to hold the token against with --variant")
    if len(found) > 1:
        raise Failed(f"the routes of {api.name} ask for several variants, name one with --variant: {', '.join(found)}")
    return found[0]


def _findings(text: str, question: Question) -> tuple[list[Finding], Stated | None]:
    """Return every check up to the first that does not hold, and what the token states once all of them do."""
    variant = question.expected.variant
    authorization = f"Bearer {text}" if text else ""
    results = explain(authorization, question.expected, question.now, trusted_hop=question.trusted_hop)
    if not text or "\n" in text or " " in text:
        return [of_oauth(results[0])], None
    form = form_findings(text, results[0].code, variant, trusted_hop=question.trusted_hop)
    if not results[0].holds:
        return (form if form[-1].outcome == "failed" else [of_oauth(results[0])]), None
    found = [*form, *(_row(result, question) for result in results[1:] if result.expected)]
    if found[-1].outcome == "failed":
        return found, None
    stated = examine(authorization, question.expected, question.now, trusted_hop=question.trusted_hop)
    rest = _of_the_call(stated, question)
    return [*found, *rest], stated if not rest or rest[-1].outcome == "passed" else None


def _row(result: CheckResult, question: Question) -> Finding:
    """Return a row's finding. Without a directory its three rows were not asked, whatever they say."""
    found = of_oauth(result)
    if not result.holds:
        return replace(found, advice=found.advice.removesuffix(SELF) if found.advice is not None else None)
    if question.expected.register is None and result.code.removeprefix(question.refusals) in OF_THE_DIRECTORY:
        return replace(found, outcome="not-reached", received=None)
    return replace(found, received="")


def _of_the_call(stated: Stated, question: Question) -> list[Finding]:
    """The rows that need the header and the interaction: 14 and 10."""
    variant, interaction = question.expected.variant, question.expected.interaction
    found: list[Finding] = []
    try:
        if question.asid is not None and not variant.is_gp_connect:
            check_from_asid(stated, question.asid, variant.refusals)
            found.append(_held(f"{variant.refusals}-asid-not-from", f"the system of the header, ASID {question.asid}"))
        if interaction is not None and variant.scope_rule is ScopeRule.INCLUDED and not variant.is_gp_connect:
            check_scopes(stated, interaction, any_one=question.any_scope, refusals=variant.refusals)
            found.append(_held(f"{variant.refusals}-scope-missing", f"the scopes of {interaction.id}"))
    except SpineRefused as refused:
        refusal = refused.refusal
        failed = CheckResult(refusal.reason.code, holds=False, expected=refusal.expected or "", received=refusal.received or "")
        found.append(_row(failed, question))
    return found


def _held(code: str, expected: str) -> Finding:
    return of_oauth(CheckResult(code, holds=True, expected=expected, received=""))


def _answer(failed: Finding) -> dict[str, Any]:
    """Return what the API would say; the places of the token's own values are left open."""
    reason = CATALOGUE[failed.code]
    blank: dict[str, str] = dict.fromkeys(reason.placeholders, "\N{HORIZONTAL ELLIPSIS}")
    return {"status": reason.status, "code": reason.fhir_code, "diagnostics": Refusal(reason, values=blank).fill(reason.text)}


def _told(stated: Stated, now: datetime, text: str) -> dict[str, Any]:
    """Return what the token states, except who the user and the patient are."""
    told: dict[str, Any] = {
        "caller": stated.caller.value, "system": stated.asid, "organisation": stated.organisation, "reason": stated.reason,
        "scopes": " ".join(stated.scopes), "endpoint": stated.audience, "characters": len(text), "checked_at": now.isoformat(timespec="seconds"),
    }
    return {name: value for name, value in told.items() if value is not None}


