"""pydantic's errors as our own: a path in JSON's terms and a sentence, never the value where it may be secret."""

from pydantic import ValidationError

from tocsin.errors import Violation

_SENTENCES = {
    "extra_forbidden": "is not a known field",
    "missing": "is required",
}


def violations(error: ValidationError, *, prefix: str = "") -> list[Violation]:
    """One Violation for each thing that is wrong, with `prefix` before each path."""
    found = []
    for wrong in error.errors(include_url=False, include_input=False, include_context=False):
        message = _SENTENCES.get(wrong["type"]) or wrong["msg"].removeprefix("Value error, ")
        found.append(Violation(path(wrong["loc"], prefix), message))
    return found


def path(location: tuple[int | str, ...], prefix: str = "") -> str:
    """`("rules", 3, "bindings", 0, "policy")` as `rules[3].bindings[0].policy`."""
    text = prefix
    for part in location:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part.startswith(("function-", "tagged-union", "union", "constrained-", "nullable")):
            text += f".{part}" if text else part
    return text
