"""A refusal of a server, told to a person: the reason, what to do, and where the whole story is."""

from wardgate.cli.output import Printer, pairs
from wardgate.client import APIError, SignInRefused, TokenRefused
from wardgate.refusals import CATALOGUE


def reason_lines(error: APIError) -> list[str]:
    """Return what is known of a refusal: from Wardgate its reason, from any platform its code, text and id.

    An answer in no published shape and without a reason is mostly an API's own, which the gateway let through.
    """
    known = CATALOGUE.get(error.reason or "")
    if error.reason is None and error.shape == "none":
        return pairs([("answered", f"{error.status}, in no published error shape: by the API itself, or by something on the way")])
    rows = [("refused", f"{error.status} {error.code}".strip() if error.reason is None else error.reason)]
    if known is not None:
        rows += [("check", f"{known.check}: this did not hold"), ("who can fix", f"the {known.fixer}"), ("what to do", known.advice)]
    elif error.text:
        rows.append(("said", error.text))
    if error.retry_after_seconds is not None:
        rows.append(("try again", f"after {error.retry_after_seconds:g} s"))
    if error.explain_id is not None:
        rows.append(("whole story", f"wardgate explain {error.explain_id}"))
    return pairs(rows)


def tell_refused(printer: Printer, refused: TokenRefused | SignInRefused) -> None:
    """Print why there is no token: an answer of the token endpoint, or the error that a user came back with."""
    if isinstance(refused, SignInRefused):
        printer.answer({"error": refused.code, "error_description": refused.text, "status": None, "reason": None, "message_id": None},
                       [f"the user came back with the error {refused}"])
        return
    printer.answer(
        {"error": refused.code, "error_description": refused.text, "status": refused.status, "reason": refused.reason,
         "message_id": refused.message_id},
        [f"HTTP {refused.status} {refused.code}: {refused.text}", "", *reason_lines(refused)])
