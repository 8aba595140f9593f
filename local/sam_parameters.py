"""Parameters of a template as arguments of `sam`."""

from __future__ import annotations

from collections.abc import Mapping


def overrides(parameters: Mapping[str, str]) -> list[str]:
    """The arguments that follow `--parameter-overrides`: each value arrives as it is, with its blanks, or empty.

    sam reads each argument as a line of `Name=value` once more: without quotes a value ends at its first blank, whose
    rest is dropped without a word, and one that is empty is refused.
    https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-cli-command-reference-sam-deploy.html
    """
    return [f"{name}={_quoted(value)}" for name, value in parameters.items()]


def _quoted(value: str) -> str:
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'
