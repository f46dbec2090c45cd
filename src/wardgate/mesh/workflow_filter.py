"""`workflow_filter` of an inbox, in its six forms: `X`, `!X`, `X*`, `!X*`, `*X*`, `!*X*` (itk3-messaging 5.2)."""

from dataclasses import dataclass
from enum import StrEnum

from wardgate.mesh.errors import wrong_parameter


class How(StrEnum):
    """What a workflow's id is compared with."""

    IS = "is"
    BEGINS = "begins"
    CONTAINS = "contains"


@dataclass(frozen=True, slots=True)
class WorkflowFilter:
    """Which workflows are listed."""

    text: str
    how: How = How.IS
    negated: bool = False

    def takes(self, workflow: str) -> bool:
        """Return whether messages of a workflow are listed. Letters count as they are written."""
        found = {
            How.IS: workflow == self.text, How.BEGINS: workflow.startswith(self.text), How.CONTAINS: self.text in workflow,
        }[self.how]
        return found is not self.negated


def read(text: str) -> WorkflowFilter:
    """Return the filter. Raises `MeshRefused` for another form, such as a star in the middle or nothing beside stars."""
    negated = text.startswith("!")
    rest = text[1:] if negated else text
    how = How.IS
    if rest.endswith("*") and rest.startswith("*"):
        how, rest = How.CONTAINS, rest[1:-1]
    elif rest.endswith("*"):
        how, rest = How.BEGINS, rest[:-1]
    if not rest or "*" in rest or "!" in rest:
        raise wrong_parameter("mesh-parameter-value", "value_error", "query", "workflow_filter")
    return WorkflowFilter(rest, how, negated)
