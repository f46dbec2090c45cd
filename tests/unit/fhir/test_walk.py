"""Every element with its type and its path; and elements that are found in a text that is none."""

import pytest

from unit.fhir.test_formats import flag_xml
from wardgate.fhir import Format, NotValid, Version, checked, read, walk, write
from wardgate.fhir.xml_form import NAMESPACE
from wardgate.fhir.xml_reader import first


def test_everything_is_walked() -> None:
    """Resources in resources, extensions of primitives too; what lies in a resource of a type that is left out is not."""
    patient = {
        "resourceType": "Patient", "contained": [{"resourceType": "Organization", "id": "o", "partOf": {"reference": "#o"}}],
        "_active": {"extension": [{"url": "x", "valueReference": {"reference": "#p"}}]}, "name": [{"given": ["A"], "_given": [{"extension": [{"url": "y", "valueCode": "z"}]}]}],
        "photo": [{"contentType": "image/png"}],
    }  # fmt: skip
    bundle = {"resourceType": "Bundle", "entry": [{"resource": patient}]}
    assert [(found.where.removeprefix("Bundle.entry[0]"), found.kind) for found in walk(bundle, Version.STU3)] == [
        ("Bundle", "Bundle"), ("", "BundleEntry"), (".resource.Patient", "Patient"), (".resource.Patient.contained[0].Organization", "Organization"),
        (".resource.Patient.contained[0].Organization.partOf", "Reference"), (".resource.Patient.active.extension[0]", "Extension"),
        (".resource.Patient.active.extension[0].valueReference", "Reference"), (".resource.Patient.name[0]", "HumanName"),
        (".resource.Patient.name[0].given.extension[0]", "Extension"), (".resource.Patient.photo[0]", "Attachment"),
    ]  # fmt: skip
    assert [found.kind for found in walk(bundle, Version.STU3, within=frozenset({"Patient"}))] == ["Bundle", "BundleEntry", "Patient"]
    assert [found.where for found in walk({"resourceType": "Flag"}, Version.R4, "X.resource")] == ["X.resource.Flag"]


@pytest.mark.parametrize("form", Format)
def test_a_fault_names_the_place_in_a_list(form: Format) -> None:
    """Alike in both forms."""
    data = {
        Format.JSON: b'{"resourceType":"Bundle","entry":[{"fullUrl":"urn:a"},{"resource":{"resourceType":"Patient","name":[{"use":"old"},{"use":" "}]}}]}',
        Format.XML: f'<Bundle xmlns="{NAMESPACE}"><entry><fullUrl value="urn:a"/></entry><entry><resource><Patient><name><use value="old"/></name><name><use value=" "/>'
                    "</name></Patient></resource></entry></Bundle>".encode(),
    }[form]  # fmt: skip
    with pytest.raises(NotValid) as refused:
        read(data, form, Version.STU3)
    assert refused.value.where == "Bundle.entry[1].resource.Patient.name[1].use"


def test_what_is_made_here_is_brought_in_order() -> None:
    """And refused when it is no resource."""
    assert list(checked({"status": "active", "id": "a", "resourceType": "Flag"}, Version.STU3)) == ["resourceType", "id", "status"]
    with pytest.raises(NotValid):
        checked({"resourceType": "Flag", "other": 1}, Version.STU3)


def test_base64_is_as_long_as_its_resource() -> None:
    """A text is at most a million characters, an attachment as large as is agreed."""
    for kind, length, good in (("data", 4_000_000, True), ("title", 1_000_001, False)):
        held = {"resourceType": "DocumentReference", "content": [{"attachment": {kind: "AAAA" * (length // 4)}}]}
        for form in Format:
            if good:
                assert read(write(held, form, Version.R4), form, Version.R4, 5_000_000) == held
            else:
                with pytest.raises(NotValid):
                    checked(held | {"content": [{"attachment": {kind: "A" * length}}]}, Version.R4)


def test_the_first_element_is_found_in_what_is_cut_off() -> None:
    """As long as it is whole itself."""
    whole = flag_xml('<code><text value="a"/></code><subject><reference value="b"/></subject>')
    found = first(whole[:-20], f"{{{NAMESPACE}}}code")
    assert found is not None
    assert [child.get("value") for child in found] == ["a"]
    assert first(whole[:-20], f"{{{NAMESPACE}}}subject") is None
    assert first(b"\xff\xfe", f"{{{NAMESPACE}}}code") is None
    assert first(whole, "code") is None
