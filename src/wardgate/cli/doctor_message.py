"""`wardgate doctor message FILE`: every check of opening, in its order, each with what was expected and found, and who can mend it."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from wardgate.cli.message_desk import INVALID, Desk, message_file, read_file, with_desk
from wardgate.cli.message_open import transport_of, transport_options
from wardgate.cli.message_policy import facts_of
from wardgate.cli.message_proof import proof_data, proof_lines
from wardgate.cli.prognosis import Finding, report
from wardgate.client.seal_check import SealCheck, SealReport, check_seal
from wardgate.refusals import Fixer, reason
from wardgate.sealing.model import Context
from wardgate.workflows.decide import CHECKS, MessageFacts, decide_message

FIXERS: Final = {Fixer.CALLER: "the sender", Fixer.OPERATOR: "we"}
MAX_PROBLEMS: Final = 20


@click.command("message")
@click.argument("file", type=message_file)
@click.option("--signature", type=click.Path(exists=True, dir_okay=False, path_type=Path), default=None, metavar="FILE", help="The signature beside a clear message.")
@transport_options
@with_desk
def doctor_message(file: Path, signature: Path | None, desk: Desk, **asked: Any) -> None:
    """Check the message in FILE (- is standard input) as it is opened: seal, signer, message, and the workflow's policy.

    Seals of every suite, and clear ITK3 messages. Of what is encrypted a sender is never told what failed; this tells it, for it needs the key. Nothing
    is recorded, and nothing of the message is shown. The exit code is 1 when a check fails.
    """
    body = read_file(file, "the message")
    beside = read_file(signature, "the signature") if signature is not None else None
    found = check_seal(body, keys=desk.keys, signature=beside, transport=transport_of(asked), now=desk.now)
    of_seal = [*map(_of_seal, found.checks), *_of_message(found)]
    told = {one.code for one in of_seal}
    findings = [*of_seal, *(one for one in _of_policy(desk, found) if one.outcome != "passed" or one.code not in told)]
    data, lines = report("the message", findings)
    proved = proof_data(found.opened) if found.opened is not None else None
    shown = ["", *proof_lines(found.opened)] if found.opened is not None else []
    desk.printer.answer({**data, "kind": found.kind.value, "proved": proved}, [*lines, *shown])
    if not data["passed"]:
        click.get_current_context().exit(1)


def _of_seal(check: SealCheck) -> Finding:
    return finding(check.code, check.outcome, check.expected, check.received)


def finding(code: str, outcome: str, expected: str | None = None, received: str | None = None) -> Finding:
    """Return a check with the words of its reason; of one that failed, who can mend it."""
    why = reason(code)
    advice = f"{FIXERS.get(why.fixer, why.fixer.value)}: {why.advice}" if outcome == "failed" else None
    return Finding(code, why.check, outcome, expected, received, advice)


def _of_message(found: SealReport) -> list[Finding]:
    """What the message says itself: each fault by its element."""
    if found.invalid is not None:
        problems = found.invalid.problems[:MAX_PROBLEMS]
        return [finding(INVALID, "failed", one.problem, f"{one.where}, answered with {one.code}") for one in problems]
    return [finding(INVALID, "passed" if found.message is not None else "not-reached")]


def _of_policy(desk: Desk, found: SealReport) -> list[Finding]:
    """What the workflow asks. Of a clear message nobody knows the workflow."""
    if desk.office is None or found.opened is None or found.facts is None:
        return []
    facts = facts_of(found.opened.context, found.facts, found.opened)
    kinds = found.facts.types or (None,)
    told = [_decided(desk, replace(facts, document_type=kind), found.opened.context) for kind in kinds]
    return next((one for one in told if any(row.outcome == "failed" for row in one)), told[0])


def _decided(desk: Desk, facts: MessageFacts, context: Context) -> list[Finding]:
    rules = desk.office.rules_of(context.workflow) if desk.office is not None else None
    decision = decide_message(rules, facts)
    if decision.refusal is None:
        return [finding(code, "passed") for code, _ in CHECKS]
    refused = decision.refusal
    failed = finding(refused.reason.code, "failed", refused.expected, refused.received)
    if rules is None:
        return [failed]
    held = len(decision.proved)
    return [*(finding(code, "passed") for code, _ in CHECKS[:held]), failed, *(finding(code, "not-reached") for code, _ in CHECKS[held + 1 :])]
