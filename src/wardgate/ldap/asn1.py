"""The messages of RFC 4511 (appendix B) as far as they are read or written here, for pyasn1's BER.

What recurses is left as the bytes it came in (`Any`): a filter is opened level by level, so that its depth is counted before
it is followed. BER is the subset of RFC 4511 section 5.1: lengths are definite.
"""
# ruff: noqa: N815 - pyasn1 reads attributes of these names

from typing import Any, Final

from pyasn1.codec.ber import decoder
from pyasn1.codec.ber import encoder as ber_encoder
from pyasn1.error import PyAsn1Error
from pyasn1.type import namedtype, tag, univ

from wardgate.ldap.errors import Malformed

_WRONG: Final = (PyAsn1Error, ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What the decoder raises for bytes that are not of the type: mostly the first."""


def _tagged(spec: Any, number: int, *, constructed: bool = False) -> Any:
    kind = tag.tagFormatConstructed if constructed else tag.tagFormatSimple
    return spec.subtype(implicitTag=tag.Tag(tag.tagClassContext, kind, number))


def _explicit(spec: Any, number: int) -> Any:
    return spec.subtype(explicitTag=tag.Tag(tag.tagClassContext, tag.tagFormatConstructed, number))


def _application(base: Any, number: int, *, constructed: bool = True) -> Any:
    kind = tag.tagFormatConstructed if constructed else tag.tagFormatSimple
    return base.tagImplicitly(tag.Tag(tag.tagClassApplication, kind, number))


def _of(**types: Any) -> namedtype.NamedTypes:
    return namedtype.NamedTypes(*(namedtype.NamedType(name.rstrip("_"), found) for name, found in types.items()))


class Control(univ.Sequence):
    """Section 4.1.11."""

    componentType = namedtype.NamedTypes(
        namedtype.NamedType("controlType", univ.OctetString()),
        namedtype.DefaultedNamedType("criticality", univ.Boolean(False)),
        namedtype.OptionalNamedType("controlValue", univ.OctetString()),
    )


class Message(univ.Sequence):
    """The envelope of everything; the operation is opened by its tag."""

    componentType = namedtype.NamedTypes(
        namedtype.NamedType("messageID", univ.Integer()),
        namedtype.NamedType("protocolOp", univ.Any()),
        namedtype.OptionalNamedType("controls", _tagged(univ.SequenceOf(componentType=Control()), 0, constructed=True)),
    )


class BindRequest(univ.Sequence):
    """Section 4.2; of SASL no more is looked at than that it is."""

    tagSet = _application(univ.Sequence.tagSet, 0)
    componentType = _of(
        version=univ.Integer(), name=univ.OctetString(),
        authentication=univ.Choice(componentType=_of(
            simple=_tagged(univ.OctetString(), 0),
            sasl=_tagged(univ.SequenceOf(componentType=univ.OctetString()), 3, constructed=True),
        )),
    )  # fmt: skip


class SearchRequest(univ.Sequence):
    """Section 4.5.1."""

    tagSet = _application(univ.Sequence.tagSet, 3)
    componentType = _of(
        baseObject=univ.OctetString(), scope=univ.Enumerated(), derefAliases=univ.Enumerated(), sizeLimit=univ.Integer(), timeLimit=univ.Integer(),
        typesOnly=univ.Boolean(), filter=univ.Any(), attributes=univ.SequenceOf(componentType=univ.OctetString()),
    )  # fmt: skip


class AttributeValueAssertion(univ.Sequence):
    """Section 4.1.6."""

    componentType = _of(attributeDesc=univ.OctetString(), assertionValue=univ.OctetString())


class SubstringFilter(univ.Sequence):
    """Section 4.5.1.7.2."""

    componentType = _of(
        type=univ.OctetString(),
        substrings=univ.SequenceOf(componentType=univ.Choice(componentType=_of(
            initial=_tagged(univ.OctetString(), 0), any=_tagged(univ.OctetString(), 1),
            final=_tagged(univ.OctetString(), 2),
        ))),
    )  # fmt: skip


class MatchingRuleAssertion(univ.Sequence):
    """Section 4.5.1.7.7."""

    componentType = namedtype.NamedTypes(
        namedtype.OptionalNamedType("matchingRule", _tagged(univ.OctetString(), 1)),
        namedtype.OptionalNamedType("type", _tagged(univ.OctetString(), 2)),
        namedtype.NamedType("matchValue", _tagged(univ.OctetString(), 3)),
        namedtype.DefaultedNamedType("dnAttributes", _tagged(univ.Boolean(False), 4)),
    )


_ASSERTION: Final = {3: "equalityMatch", 5: "greaterOrEqual", 6: "lessOrEqual", 8: "approxMatch"}


class FilterLevel(univ.Choice):
    """One level of a filter: what is below `and`, `or` and `not` stays as bytes."""

    componentType = _of(
        and_=_tagged(univ.SetOf(componentType=univ.Any()), 0, constructed=True),
        or_=_tagged(univ.SetOf(componentType=univ.Any()), 1, constructed=True),
        not_=_explicit(univ.Any(), 2),
        substrings=_tagged(SubstringFilter(), 4, constructed=True),
        present=_tagged(univ.OctetString(), 7),
        extensibleMatch=_tagged(MatchingRuleAssertion(), 9, constructed=True),
        **{name: _tagged(AttributeValueAssertion(), number, constructed=True) for number, name in _ASSERTION.items()},
    )  # fmt: skip


class AbandonRequest(univ.Integer):
    """Section 4.11."""

    tagSet = _application(univ.Integer.tagSet, 16, constructed=False)


class ExtendedRequest(univ.Sequence):
    """Section 4.12."""

    tagSet = _application(univ.Sequence.tagSet, 23)
    componentType = namedtype.NamedTypes(
        namedtype.NamedType("requestName", _tagged(univ.OctetString(), 0)),
        namedtype.OptionalNamedType("requestValue", _tagged(univ.OctetString(), 1)),
    )


class PagedResults(univ.Sequence):
    """RFC 2696 section 2."""

    componentType = _of(size=univ.Integer(), cookie=univ.OctetString())


class Attribute(univ.Sequence):
    """Section 4.1.7."""

    componentType = _of(type=univ.OctetString(), vals=univ.SetOf(componentType=univ.OctetString()))


class SearchResultEntry(univ.Sequence):
    """Section 4.5.2. Attributes come ready as bytes."""

    tagSet = _application(univ.Sequence.tagSet, 4)
    componentType = _of(objectName=univ.OctetString(), attributes=univ.SequenceOf(componentType=univ.Any()))


def result_type(number: int) -> Any:
    """Return an LDAPResult (section 4.1.9) with the tag of a response; the name is that of an ExtendedResponse."""
    spec: Any = univ.Sequence(componentType=namedtype.NamedTypes(
        namedtype.NamedType("resultCode", univ.Enumerated()), namedtype.NamedType("matchedDN", univ.OctetString()),
        namedtype.NamedType("diagnosticMessage", univ.OctetString()),
        namedtype.OptionalNamedType("responseName", _tagged(univ.OctetString(), 10)),
    ))
    return spec.subtype(implicitTag=tag.Tag(tag.tagClassApplication, tag.tagFormatConstructed, number))


class _Items(decoder.SingleItemDecoder):
    supportIndefLength = False


class _Stream(decoder.StreamingDecoder):
    SINGLE_ITEM_DECODER = _Items


class _Decoder(decoder.Decoder):
    STREAMING_DECODER = _Stream


def decoded(data: bytes, spec: Any) -> Any:
    """Return the value that the bytes are, all of them. Raises `Malformed`."""
    try:
        found, rest = _Decoder()(data, asn1Spec=spec)
    except _WRONG as error:
        raise Malformed("the message is not what its type says") from error
    if rest:
        raise Malformed("there is something after a value")
    return found


def encoded(value: Any) -> bytes:
    """Return a value's bytes."""
    return bytes(ber_encoder.encode(value))
