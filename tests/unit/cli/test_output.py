"""What commands print of texts that others wrote."""

import json

import pytest

from wardgate.cli.output import Output, Printer

HOSTILE = "a\x1b]0;title\x07b\x9b31mc\x7f\r\x00d"


@pytest.mark.parametrize("output", [Output.TEXT, Output.JSON])
def test_no_text_commands_a_terminal(output: Output, capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in lines nor in JSON, whose value stays what it was; tabs and ends of lines are shown as they are."""
    printer = Printer(output)
    printer.answer({"text": HOSTILE}, [HOSTILE, "two\tthree\nfour"])
    printer.item({"text": HOSTILE}, HOSTILE)
    printer.note(HOSTILE)
    told = capsys.readouterr()
    assert all(character.isprintable() or character in "\t\n" for character in told.out + told.err)
    if output is Output.JSON:
        assert [json.loads(document)["text"] for document in (told.out.rpartition("{")[0], told.out.splitlines()[-1])] == [HOSTILE, HOSTILE]
    else:
        assert told.out.splitlines()[:3] == ["a\\u001b]0;title\\u0007b\\u009b31mc\\u007f\\u000d\\u0000d", "two\tthree", "four"]
