"""The one error of this package."""


class PatternError(ValueError):
    """A pattern that EventBridge would refuse.

    `path` is the dotted path of the field at fault ("" for the pattern itself), `operator` the operator
    at fault ("" where there is none; nested ones are joined by a slash, as in "anything-but/prefix"), and
    `reason` what is wrong with it. The message holds all three.
    """

    def __init__(self, path: str, operator: str, reason: str) -> None:
        self.path = path
        self.operator = operator
        self.reason = reason
        super().__init__(": ".join(part for part in (path or "pattern", operator, reason) if part))
