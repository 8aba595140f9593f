"""Where to deploy to: a section of samconfig.toml, and the parameters that the stack there will have."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]

from local.workspace import ROOT

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef


MAX_STACK_NAME = 53
"""Characters: the longest function is <stack>-authorizer, and Lambda takes 64 for a function's name."""


class PlaceError(ValueError):
    """samconfig.toml or a parameter can't be used. The message says which, and what would do."""


@dataclass(frozen=True)
class Place:
    """A section of samconfig.toml with the parameters that this deployment adds to it."""

    name: str  # the section: default, prod
    stack_name: str
    region: str | None  # None: that of the environment or the profile
    overrides: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, name: str, given: str = "", *, root: Path = ROOT) -> Place:
        """The section `name`; `given` are parameters as `make deploy PARAMETERS=…` takes them: "A=1 B='x y'".

        Raises PlaceError where there is no such section, its stack's name is too long, or a parameter is none of the
        template's or has a value that the template does not take.
        """
        sections: dict[str, Any] = tomllib.loads((root / "samconfig.toml").read_text("utf-8"))
        if not isinstance(sections.get(name), dict):
            places = sorted(each for each, section in sections.items() if isinstance(section, dict))
            raise PlaceError(f"samconfig.toml has no section [{name}]; it has {', '.join(places)}")
        section: dict[str, Any] = sections[name]
        whole: dict[str, Any] = section.get("global", {}).get("parameters", {})
        deploy: dict[str, Any] = section.get("deploy", {}).get("parameters", {})
        written = deploy.get("parameter_overrides", [])
        overrides = parsed(shlex.split(written) if isinstance(written, str) else written) | parsed(shlex.split(given))
        if unknown := sorted(overrides.keys() - defaults(root).keys()):
            raise PlaceError(f"template.yaml has no parameter {', '.join(unknown)}")
        if refused := [text for name, value in overrides.items() if (text := _refused(name, value, root))]:
            raise PlaceError("; ".join(refused))
        settings = {**whole, **deploy}
        stack_name = settings["stack_name"]
        if len(stack_name) > MAX_STACK_NAME:
            raise PlaceError(f"a stack's name has at most {MAX_STACK_NAME} characters, {stack_name} {len(stack_name)}")
        return cls(name, stack_name, settings.get("region"), overrides)

    def parameters(self, stack: StackTypeDef | None, *, root: Path = ROOT) -> dict[str, str]:
        """The values that parameters will have: given, else the stack's own, else the template's defaults."""
        known = defaults(root)
        return known | {name: value for name, value in deployed(stack).items() if name in known} | dict(self.overrides)


def deployed(stack: StackTypeDef | None) -> dict[str, str]:
    """The parameters that a stack has; none where there is none."""
    given = stack.get("Parameters", []) if stack else []
    return {each["ParameterKey"]: each["ParameterValue"] for each in given}


def parsed(written: Iterable[str]) -> dict[str, str]:
    """{name: value} of parameters, each written as Name=Value. Raises PlaceError where one is not."""
    found = {}
    for each in written:
        name, equals, value = each.partition("=")
        if not name or not equals:
            raise PlaceError(f"a parameter is written Name=Value, not {each!r}")
        found[name] = value
    return found


def defaults(root: Path = ROOT) -> dict[str, str]:
    """The default of each of the template's parameters, as text; "" where it has none."""
    return {name: str(each.get("Default", "")) for name, each in _declared(root).items()}


def _declared(root: Path) -> dict[str, dict[str, Any]]:
    template: dict[str, Any] = yaml_parse((root / "template.yaml").read_text("utf-8"))
    declared: dict[str, dict[str, Any]] = template["Parameters"]
    return declared


def _refused(name: str, value: str, root: Path) -> str:
    """What CloudFormation would say of a parameter's value, once everything is built; "" for one that it takes."""
    declared = _declared(root)[name]
    values, pattern = declared.get("AllowedValues"), declared.get("AllowedPattern")
    if values is not None and value not in map(str, values):
        return f"{name} must be one of {', '.join(map(str, values))}, not {value!r}"
    if pattern is not None and not re.fullmatch(pattern, value):
        return f"{name} {declared.get('ConstraintDescription', f'must match {pattern}')}, not {value!r}"
    return ""


def stack_of(cloudformation: CloudFormationClient, name: str) -> StackTypeDef | None:
    """The deployed stack, or None where there is none."""
    try:
        (stack,) = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return stack
