"""Resources of any shape, drawn from the tables of elements."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from wardgate.fhir.elements import RESOURCE, Element, Version, definitions
from wardgate.fhir.primitives import INTEGERS

DEPTH = 3
TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="".join(map(chr, [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF]))), min_size=1, max_size=12)
NARRATIVES = ('<div xmlns="http://www.w3.org/1999/xhtml">Text &amp; <b class="x">more</b><br /></div>',
              '<div xmlns="http://www.w3.org/1999/xhtml"><table><tr><td colspan="2">1 &lt; 2</td></tr></table></div>')
FIXED = {
    "boolean": st.booleans(), "id": st.from_regex(r"\A[A-Za-z0-9.-]{1,20}\Z"), "code": st.sampled_from(["active", "two words"]),
    "decimal": st.one_of(st.integers(-10**9, 10**9), st.decimals(-1000, 1000, places=3), st.sampled_from([Decimal("1.50"), Decimal("1E-7"), Decimal("0.0")])),
    "date": st.sampled_from(["2026", "2026-02", "2026-02-28"]), "dateTime": st.sampled_from(["2026", "2026-02-28T10:00:00+01:00"]),
    "instant": st.sampled_from(["2026-02-28T10:00:00Z", "2026-02-28T10:00:00.125Z"]), "time": st.just("23:59:59"),
    "oid": st.just("urn:oid:1.2.3"), "uuid": st.just("urn:uuid:c757873d-ec9a-4326-a141-556f43239520"), "base64Binary": st.just("AAEC"),
    "uri": st.sampled_from(["https://example.nhs.uk/a?b=c&d=e", "urn:x"]), "url": st.just("https://example.nhs.uk"), "canonical": st.just("https://a|1"),
    "xhtml": st.sampled_from(NARRATIVES), "string": TEXT, "markdown": TEXT,
}  # fmt: skip


@st.composite
def resources(draw: st.DrawFn, version: Version) -> dict[str, Any]:
    """A resource of the release with some of its elements."""
    return _resource(draw, version, DEPTH)


def _resource(draw: st.DrawFn, version: Version, depth: int) -> dict[str, Any]:
    known = definitions(version)
    kind = draw(st.sampled_from(sorted(known.resources)))
    return {"resourceType": kind} | _members(draw, version, known.types[kind], depth, empty=True)


def _members(draw: st.DrawFn, version: Version, elements: Any, depth: int, *, empty: bool = False) -> dict[str, Any]:
    simple = [element for element in elements.values() if depth > 0 or element.is_primitive]
    chosen = draw(st.lists(st.sampled_from(simple), min_size=0 if empty else 1, max_size=4, unique=True))
    found: dict[str, Any] = {}
    for element in (one for one in elements.values() if one in chosen):
        count = draw(st.integers(1, 3)) if element.many else 1
        values = [_value(draw, version, element, depth) for _ in range(count)]
        found[element.name] = values if element.many else values[0]
        if depth > 0 and element.is_primitive and element.kind != "xhtml" and element.name not in {"id", "url"} and draw(st.booleans()):
            hidden = [draw(st.none() if place else st.just({"id": "h"})) for place in range(count)]
            found[f"_{element.name}"] = hidden if element.many else hidden[0]
            if element.many and count > 1 and draw(st.booleans()):
                found[element.name][0] = None
    return found


def _value(draw: st.DrawFn, version: Version, element: Element, depth: int) -> Any:
    if element.kind == RESOURCE:
        return _resource(draw, version, depth - 1)
    if element.kind in INTEGERS:
        return draw(st.integers(*INTEGERS[element.kind]))
    if element.is_primitive:
        return draw(FIXED[element.kind])
    return _members(draw, version, definitions(version).types[element.kind], depth - 1)
