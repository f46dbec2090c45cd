"""How words of MESH fail.

MeshRefused        a request is refused: the reason of the catalogue, and what belongs to its body
"""

from collections.abc import Mapping

from wardgate.refusals import Refusal, reason


class MeshRefused(Exception):
    """A request is refused. Expected and received hold no secret and nothing about a person.

    `fields` are the headers of a malformed control file (itk3-messaging 5.3); `message_id` is of the message the refusal is about.
    """

    def __init__(
        self, code: str, expected: str | None = None, received: str | None = None, *,
        values: Mapping[str, str] | None = None, fields: tuple[str, ...] = (), message_id: str | None = None,
    ) -> None:
        super().__init__(code)
        self.refusal = Refusal(reason(code), expected, received, values or {})
        self.fields, self.message_id = fields, message_id

    @property
    def code(self) -> str:
        """The reason's code."""
        return self.refusal.reason.code


def wrong_parameter(code: str, kind: str, place: str, name: str, limit: int | None = None) -> MeshRefused:
    """Return the refusal of a header, query parameter or part of a path: `kind` is the word for what was wrong with it."""
    values = {"kind": kind, "place": place, "name": name} | ({} if limit is None else {"limit": str(limit)})
    return MeshRefused(code, values=values)
