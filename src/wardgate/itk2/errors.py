"""One error: what of an ITK2 message is not as it must be."""


class ITK2Refused(Exception):
    """An envelope, a response or a SOAP message breaks a rule. `where` names the element; nothing of the content is repeated."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")
        self.where = where
        self.problem = problem
