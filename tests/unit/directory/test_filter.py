"""Filters: their text (RFC 4515), and their answers compared with an evaluator that takes no short cut."""

import re
import unicodedata
from itertools import combinations_with_replacement

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from unit.directory.samples import DIRECTORY, PATIENT, READ, SYSTEM, directories
from wardgate.directory import Directory
from wardgate.directory.attributes import EXACT
from wardgate.directory.entry import Entry, entry_of
from wardgate.directory.errors import FilterRefused
from wardgate.directory.filter import (
    MAX_CHARS,
    MAX_DEPTH,
    MAX_PARTS,
    MAX_TERMS,
    And,
    Equal,
    Filter,
    Not,
    Or,
    Present,
    Substrings,
    parse,
    text_of,
)
from wardgate.directory.index import DirectoryIndex
from wardgate.directory.matching import matches, prepare

NAMES = st.sampled_from(("nhsIDCode", "nhsidcode", "NHSASCLIENT", "objectClass", "nhsMhsPartyKey", "nhsAsSvcIA", "nhsMhsSvcIA", "uniqueIdentifier",
                         "nhsMhsFQDN", "nhsMhsManufacturerOrg", "nhsProductName", "description", "nhsPerson", "2.5.4.0"))
VALUES = st.sampled_from(("nhsAs", "NHSMHS", "top", "A", "a", "A1", "A1-80000", "a1-80000", "urn:x:Flag.read:1", "urn:x:flag.read:1", "b.nhs.uk", "")) | st.text(max_size=6)
PARTS = st.sampled_from(("urn", "urn:x:", "Flag", ".", "1", "a", "A", " ", "nhs")) | st.text(min_size=1, max_size=3)
SUBSTRINGS = st.builds(
    Substrings, NAMES, PARTS | st.just(""), st.lists(PARTS, max_size=3).map(tuple), PARTS | st.just(""),
).filter(lambda found: bool(found.first or found.middle or found.last))  # fmt: skip
TESTS: st.SearchStrategy[Filter] = st.builds(Equal, NAMES, VALUES) | st.builds(Present, NAMES) | SUBSTRINGS
FILTERS: st.SearchStrategy[Filter] = st.recursive(
    TESTS,
    lambda below: st.builds(Not, below) | st.builds(And, st.lists(below, max_size=3).map(tuple)) | st.builds(Or, st.lists(below, max_size=3).map(tuple)),
    max_leaves=8,
)  # fmt: skip


def _prepared(name: str, value: str) -> str:
    text = unicodedata.normalize("NFKC", value)
    return re.sub(r"\s+", " ", text if EXACT[name] else unicodedata.normalize("NFKC", text.casefold()))


def _naive(filter_: Filter, entry: Entry) -> bool | None:
    """The rules of RFC 4511 section 4.5.1.7 word by word: every part is evaluated, nothing is looked up."""
    if isinstance(filter_, And | Or):
        answers = [_naive(one, entry) for one in filter_.filters]
        decisive = isinstance(filter_, Or)
        return decisive if decisive in answers else None if None in answers else not decisive
    if isinstance(filter_, Not):
        found = _naive(filter_.filter, entry)
        return None if found is None else not found
    name = filter_.attribute.lower()
    if name not in EXACT:
        return None
    values = [value for other, found in entry.values.items() if other.lower() == name for value in found]
    values += ["top", entry.object_class] if name == "objectclass" else []
    if isinstance(filter_, Present):
        return bool(values)
    stored = [_prepared(name, value).strip(" ") for value in values]
    if isinstance(filter_, Equal):
        return _prepared(name, filter_.value).strip(" ") in stored
    first, last = _prepared(name, filter_.first).lstrip(" "), _prepared(name, filter_.last).rstrip(" ")
    middle = [_prepared(name, part) for part in filter_.middle]
    return any(_somehow(value, first, middle, last) for value in stored)


def _somehow(value: str, first: str, middle: list[str], last: str) -> bool:
    """Try every place of every part."""
    if not (value.startswith(first) and value.endswith(last) and len(first) + len(last) <= len(value)):
        return False
    inner = value[len(first) : len(value) - len(last)]
    places = range(len(inner) + 1)
    return any(
        all(inner.startswith(part, at) and at + len(part) <= following for part, at, following in zip(middle, tried, [*tried, len(inner)][1:], strict=True))
        for tried in combinations_with_replacement(places, len(middle))
    )


@PATIENT
@given(directories(), FILTERS)
@example(DIRECTORY, And((Equal("objectClass", "nhsAs"), Equal("nhsAsSvcIA", READ))))
@example(DIRECTORY, Not(Equal("nhsPerson", "x")))
@example(DIRECTORY, Substrings("nhsMhsFQDN", "NRL-", (), "uk"))
@example(DIRECTORY, Substrings("nhsAsSvcIA", "urn:", ("nrl", "."), "read"))
@example(DIRECTORY, Substrings("nhsAsSvcIA", "", ("Ocument",), ""))
@example(DIRECTORY, Equal("nhsMhsManufacturerOrg", "z9s99"))
def test_the_same_as_naively(directory: Directory, filter_: Filter) -> None:
    """A search finds what the naive evaluator finds, in the same order, by whichever key it looks."""
    index = DirectoryIndex(directory)
    every = [entry_of(item) for item in (*index.systems(), *index.endpoints())]
    assert list(index.search(filter_, 100)) == [entry for entry in every if _naive(filter_, entry) is True]


@PATIENT
@given(FILTERS)
def test_there_and_back(filter_: Filter) -> None:
    """The text of a filter is read as the same filter, with whatever characters its values have."""
    assert parse(text_of(filter_)) == filter_


READ_AS: list[tuple[str, Filter]] = [
    ("(nhsIDCode=Z9X01)", Equal("nhsIDCode", "Z9X01")),
    ("(&(objectClass=nhsMhs)(nhsMhsPartyKey=YES-0000806))", And((Equal("objectClass", "nhsMhs"), Equal("nhsMhsPartyKey", "YES-0000806")))),
    ("(|(cn=Babs J*)(!(cn=Tim Howes)))", Or((Substrings("cn", "Babs J", (), ""), Not(Equal("cn", "Tim Howes"))))),
    ("(o=univ*of*mich*)", Substrings("o", "univ", ("of", "mich"), "")),
    ("(seeAlso=)", Equal("seeAlso", "")),
    ("(seeAlso=*)", Present("seeAlso")),
    ("(o=Parens R Us \\28for all your parenthetical needs\\29)", Equal("o", "Parens R Us (for all your parenthetical needs)")),
    ("(cn=*\\2A*)", Substrings("cn", "", ("*",), "")),
    ("(filename=C:\\5cMyFile)", Equal("filename", "C:\\MyFile")),
    ("(bin=\\00\\00\\00\\04)", Equal("bin", "\0\0\0\x04")),
    ("(sn=Lu\\c4\\8di\\c4\\87)", Equal("sn", "Lučić")),
    ("(1.3.6.1.4.1.1466.0=x)", Equal("1.3.6.1.4.1.1466.0", "x")),
    ("(cn= a )", Equal("cn", " a ")),
    ("(&)", And(())), ("(|)", Or(())),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), READ_AS, ids=[text for text, _ in READ_AS])
def test_the_examples_of_the_standard(text: str, expected: Filter) -> None:
    """RFC 4515 section 4 and RFC 4526, with the kinds of match that are offered."""
    assert parse(text) == expected


NOT_READ = [
    ("", "character 1: expected '('; received the end"),
    ("nhsIDCode=Z9X01", "character 1: expected '('; received 'n'"),
    ("(nhsIDCode=Z9X01", "character 17: expected ')'; received the end"),
    ("(nhsIDCode=Z9X01))", "character 18: expected the end; received ')'"),
    ("(a=b)(c=d)", "character 6: expected the end; received '('"),
    ("(a=(b)", "character 4: expected ')'; received '('"),
    ("()", "character 2: expected an attribute's name; received ')'"),
    ("(=x)", "character 2: expected an attribute's name; received '='"),
    ("( a=b)", "character 2: expected an attribute's name; received ' '"),
    ("(a =b)", "character 3: expected '='; received ' '"),
    ("(!)", "character 3: expected '('; received ')'"),
    ("(!(a=b)(c=d))", "character 8: expected ')'; received '('"),
    ("(& (a=b))", "character 3: expected ')'; received ' '"),
    ("(a>=1)", "character 3: expected =; received ordering, which is not offered"),
    ("(a<=1)", "character 3: expected =; received ordering, which is not offered"),
    ("(a~=1)", "character 3: expected =; received approximate match, which is not offered"),
    ("(a:dn:=1)", "character 3: expected =; received extensible match, which is not offered"),
    ("(a;lang-en=1)", "character 3: expected =; received attribute options, which is not offered"),
    ("(:caseExactMatch:=1)", "character 2: expected an attribute's name; received ':'"),
    ("(a=\\2)", "character 4: expected ')'; received '\\\\'"),
    ("(a=\\zz)", "character 4: expected ')'; received '\\\\'"),
    ("(a=\\ff)", "character 7: expected a value in UTF-8; received other bytes"),
    ("(a=\ud800)", "character 5: expected a value in UTF-8; received other bytes"),
    ("(a=\0)", "character 4: expected ')'; received '\\x00'"),
    ("(a=**)", "expected 1 to 16 parts of a value, none empty between two asterisks; received others"),
    ("(a=b**c)", "expected 1 to 16 parts of a value, none empty between two asterisks; received others"),
    ("(a=*" + "b*" * (MAX_PARTS + 1) + ")", "expected 1 to 16 parts of a value, none empty between two asterisks; received others"),
    ("(a=" + "b" * MAX_CHARS + ")", "expected a filter of at most 8192 characters; received 8196"),
    ("(!" * MAX_DEPTH + "(a=b)" + ")" * MAX_DEPTH, "expected a filter of at most 16 levels; received one of more"),
    ("(!" * 2_000, "expected a filter of at most 16 levels; received one of more"),
    ("(|" + "(a=b)" * MAX_TERMS + ")", "expected a filter of at most 256 terms; received one of more"),
    ("(|" + "(a=b)" * (MAX_TERMS + 1) + ")", "expected a filter of at most 256 terms; received one of more"),
]


@pytest.mark.parametrize(("text", "message"), NOT_READ, ids=[message[:60] for _, message in NOT_READ])
def test_refused(text: str, message: str) -> None:
    """What is no filter, what is too large and what is not offered; the message says where."""
    with pytest.raises(FilterRefused) as refused:
        parse(text)
    assert str(refused.value) == message


@PATIENT
@given(st.text("()&|!*=\\aé19 ", max_size=40))
def test_any_text(text: str) -> None:
    """A text is a filter or is refused; nothing else happens."""
    try:
        found = parse(text)
    except FilterRefused:
        return
    assert parse(text_of(found)) == found


def test_the_limits_hold_for_filters_that_were_never_text() -> None:
    """A face that reads another form of filters has the same limits."""
    deep: Filter = Present("nhsIDCode")
    for _ in range(MAX_DEPTH):
        deep = Not(deep)
    index = DirectoryIndex(DIRECTORY)
    for filter_ in (deep, Or((Present("a"),) * MAX_TERMS), Substrings("a", "", (), ""), Substrings("a", "", ("",), "x")):
        with pytest.raises(FilterRefused):
            index.search(filter_, 10)


UNDEFINED = [("(nhsPerson=x)", False), ("(!(nhsPerson=x))", False), ("(|(nhsPerson=x)(nhsIDCode=Z9X01))", True), ("(&(nhsPerson=x)(nhsIDCode=Z9X01))", False),
             ("(!(&(nhsPerson=x)(nhsIDCode=other)))", True), ("(!(nhsMhsFQDN=x))", True), ("(nhsPerson=*)", False), ("(nhsPerson=a*)", False)]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), UNDEFINED)
def test_what_the_schema_does_not_know(text: str, expected: bool) -> None:
    """RFC 4511 section 4.5.1.7: a test of an unknown attribute is undefined, and its negation too; one the entry lacks is false."""
    assert matches(parse(text), prepare(entry_of(SYSTEM))) is expected
