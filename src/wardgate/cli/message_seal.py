"""`wardgate message seal FILE`: sign a message and encrypt it to its recipients; or seal a file of any size."""

from collections.abc import Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import click

from wardgate.audit import EventType
from wardgate.audit.model import Detail
from wardgate.cli.message_desk import (
    USUAL_STAMPER,
    Desk,
    check_new,
    message_file,
    out_option,
    read_file,
    refusals,
    say,
    stamper_of,
    with_desk,
    write_file,
)
from wardgate.cli.message_policy import check_policy, facts_of, of_context
from wardgate.cli.options import IN_FILE
from wardgate.cli.output import pairs
from wardgate.cli.progress import Progress
from wardgate.client.message_seal import Recipient, SealOptions, context_of, newest_keys, seal_message
from wardgate.client.sealed_file import seal_file
from wardgate.exchange.record import about, people
from wardgate.itk3 import DocumentFacts, document_facts, read
from wardgate.sealing.errors import SealRefused
from wardgate.sealing.model import Context, Purpose, Statement, Suite

SUITES: Final = tuple(suite.value for suite in Suite if suite is not Suite.ITK2_LEGACY)
PURPOSES: Final = {purpose.name.lower().replace("_", "-"): purpose for purpose in Purpose}


@click.command("seal")
@click.argument("file", type=message_file)
@click.option("--to", "to", multiple=True, required=True, metavar="MAILBOX[:ODS]", help="A receiving mailbox, and whose it is where nobody here knows; several may be given.")
@click.option("--workflow", required=True, metavar="ID", help="The workflow it is sent by.")
@click.option("--organisation", default=None, metavar="ODS", show_default="the sender's", help="Whose key signs.")
@click.option("--suite", type=click.Choice(SUITES), default=None, show_default="the workflow's first, else modern", help="The kind of seal.")
@click.option("--purpose", type=click.Choice(list(PURPOSES)), default="author", show_default=True, help="Why it is signed (ASTM E1762-95).")
@click.option("--role", default=None, metavar="CODE", help="The role that the signer acts in, such as R8000.")
@click.option("--user", default=None, metavar="ID", help="On whose behalf: the SDS user id.")
@click.option("--user-role", default=None, metavar="ID", help="With --user: the SDS role profile id.")
@click.option("--time-stamp", is_flag=False, flag_value=USUAL_STAMPER, default=None, metavar="[URL]", envvar="WARDGATE_TIME_STAMP_URL", show_envvar=True, show_default="where the workflow wants it",
              help="Have the signature time-stamped (RFC 3161) by the authority at this URL; without one by that of WARDGATE_MESSAGE_TIME_STAMPS, else by this environment's own.")
@click.option("--ca", type=IN_FILE, default=None, metavar="FILE", show_default="this Wardgate's own for itself, else this machine's", help="The roots that the authority's host is verified with.")
@click.option("--compress", is_flag=True, help="Fold XML by gzip before it is signed.")
@click.option("--header-readable", is_flag=True, help="Leave the MessageHeader in clear around the sealed payload: by agreement with the recipient.")
@click.option("--sign-only", is_flag=True, help="Of the XML suite: sign and do not encrypt. The detached suite never encrypts.")
@click.option("--signature-out", type=click.Path(dir_okay=False, path_type=Path), default=None, metavar="FILE", help="Of the detached suite: write the signature to this new file.")
@click.option("--attachment", is_flag=True, help="FILE is no message but a file of any size, sealed by CMS: give --from, --event and --message-id too.")
@click.option("--media-type", default="application/octet-stream", show_default=True, help="With --attachment: what FILE is.")
@click.option("--from", "endpoint", default=None, metavar="MAILBOX", help="With --attachment: the sending mailbox.")
@click.option("--event", default=None, metavar="CODE", help="With --attachment: the event of the message that it goes with.")
@click.option("--message-id", default=None, metavar="ID", help="With --attachment: the id of the message that it goes with.")
@out_option
@with_desk
def seal(file: Path, out: Path | None, attachment: bool, desk: Desk, **asked: Any) -> None:
    """Seal the message in FILE (- is standard input) for a mailbox and a workflow.

    The message must be valid, the workflow must allow it, and the recipient's key must be believed. Without --out nothing is written.
    """
    check_new(out)
    check_new(asked["signature_out"])
    if attachment:
        _seal_attachment(desk, file, out, asked)
        return
    if asked["suite"] == Suite.DETACHED and asked["signature_out"] is None and out is not None:
        raise click.UsageError("the detached suite writes its signature to a file of its own: --signature-out")
    content = read_file(file, "the message")
    with refusals(desk, workflow=asked["workflow"]):
        message = read(content)
    facts = document_facts(message.payload, message.version)
    recipients, options = _recipients(desk, asked["to"]), _options(desk, asked)
    with refusals(desk, message.message_id, mailbox=message.endpoint, workflow=asked["workflow"]):
        context = context_of(message, recipients, asked["workflow"], asked["organisation"])
        _check(desk, context, facts, options)
        sealed = seal_message(content, recipients, asked["workflow"], keys=desk.keys, organisation=asked["organisation"], options=options, now=desk.now)
    signer = desk.keys.signing_key(context.sender_ods)
    _record(desk, context, options, signer.kid if signer else None, facts, {
        "content_sha256": sha256(content).hexdigest(), "sealed_sha256": sha256(sealed.body).hexdigest()})
    write_file(out, sealed.body)
    write_file(asked["signature_out"], sealed.signature or b"")
    data = {"suite": sealed.suite.value, "media_type": sealed.media_type, "encrypted": sealed.encrypted, "context": context.members(), "bytes": len(sealed.body),
            "signature_out": str(asked["signature_out"]) if sealed.signature is not None else None}
    say(desk, out, data, pairs([
        ("sealed", context.message_id), ("suite", f"{sealed.suite}, {'signed and encrypted' if sealed.encrypted else 'signed'}"), ("to", ", ".join(context.recipients)),
        ("send as", sealed.media_type), ("size", f"{len(sealed.body)} bytes"), ("written to", str(out or "")), ("signature", str(asked["signature_out"] or ""))]))


def _options(desk: Desk, asked: dict[str, Any]) -> SealOptions:
    if asked["user_role"] is not None and asked["user"] is None:
        raise click.UsageError("--user-role goes with --user")
    rules = desk.office.rules_of(asked["workflow"]) if desk.office is not None else None
    usual = next((suite for suite in rules.messages.suites if suite is not Suite.ITK2_LEGACY), Suite.MODERN) if rules is not None else Suite.MODERN
    suite = Suite(asked["suite"]) if asked["suite"] is not None else Suite.CMS if asked.get("is_attachment") else usual
    behalf = {"user": asked["user"], **({"role": asked["user_role"]} if asked["user_role"] else {})} if asked["user"] else None
    stamper = stamper_of(desk, asked["time_stamp"], asked["ca"], is_demanded=rules is not None and rules.messages.time_stamp)
    return SealOptions(
        suite, PURPOSES[asked["purpose"]], asked["role"], behalf, stamper, (), asked["compress"], not asked["sign_only"], asked["header_readable"],
    )


def _recipients(desk: Desk, named: tuple[str, ...]) -> list[Recipient]:
    found = []
    for text in named:
        mailbox, _, ods = text.partition(":")
        known = ods or desk.organisation_of(mailbox)
        if not known:
            raise click.UsageError(f"--to {mailbox}: nobody here knows whose mailbox that is; say it: {mailbox}:ODS")
        found.append(Recipient(mailbox, known))
    return found


def _check(desk: Desk, context: Context, facts: DocumentFacts, options: SealOptions) -> None:
    """Ask the policy about the message as it is going to be."""
    encrypted = options.suite is not Suite.DETACHED and options.encrypt
    planned = replace(
        facts_of(context, facts), suite=options.suite, signed=True, encrypted=encrypted, time_stamped=options.stamper is not None,
        signer_roles=(options.role,) if options.role else (),
    )
    check_policy(desk, planned, facts)


def _record(desk: Desk, context: Context, options: SealOptions, kid: str | None, facts: DocumentFacts, digests: Mapping[str, Detail]) -> None:
    desk.record(EventType.MESSAGE_SEALED, context.message_id, {
        **of_context(context), "seal": options.suite.value, "signer_kid": kid, **digests, **about(facts), **people(options.on_behalf_of or {}),
    })


def _seal_attachment(desk: Desk, file: Path, out: Path | None, asked: dict[str, Any]) -> None:
    """Seal a file in pieces: in memory that does not grow with it."""
    missing = [f"--{name.replace('_', '-')}" for name in ("endpoint", "event", "message_id") if asked[name] is None]
    if missing or out is None or "-" in {str(file), str(out)}:
        raise click.UsageError(f"--attachment needs {', '.join(missing).replace('--endpoint', '--from') or 'a FILE and --out FILE'}")
    if asked["suite"] not in {None, Suite.CMS}:
        raise click.UsageError("files of any size are sealed by CMS")
    ods = asked["organisation"] or desk.organisation_of(asked["endpoint"])
    if ods is None:
        raise click.UsageError("--organisation: nobody knows whose mailbox this is")
    options = _options(desk, asked | {"is_attachment": True})
    recipients = _recipients(desk, asked["to"])
    context = Context(asked["endpoint"], ods, tuple(one.mailbox for one in recipients), asked["workflow"], asked["message_id"], asked["event"])
    statement = Statement(desk.now.replace(microsecond=0), options.purpose, options.role, options.on_behalf_of)
    total, done = file.stat().st_size, 0
    with refusals(desk, context.message_id, workflow=context.workflow), Progress(desk.printer, "sealing") as progress:
        _check(desk, context, DocumentFacts(), options)
        signer = desk.keys.signing_key(ods)
        if signer is None:
            raise SealRefused("signing-key-unavailable", f"a private signing key of {ods}, published and in date", "none")

        def more(octets: int) -> None:
            nonlocal done
            done += octets
            progress(done, total)

        size = seal_file(
            file, out, asked["media_type"], context, statement, signer, newest_keys(recipients, desk.keys), directory=desk.keys, now=desk.now,
            stamper=options.stamper, progress=more,
        )
    _record(desk, context, options, signer.kid, DocumentFacts(), {})
    say(desk, out, {"suite": Suite.CMS.value, "media_type": "application/cms", "encrypted": True, "context": context.members(), "bytes": size, "signature_out": None},
        pairs([("sealed", str(file)), ("size", f"{size} bytes"), ("to", ", ".join(context.recipients)), ("written to", str(out))]))
