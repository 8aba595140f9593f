"""A function is given the environment variables that its code reads, and no more."""

import ast
import re

import pytest

from tests.expanded_template import ROOT
from tests.template.resources import FUNCTIONS, GLOBALS

_READING = {"text", "optional", "flag", "whole", "words", "pairs"}
_POWERTOOLS = {"LOG_LEVEL", "POWERTOOLS_SERVICE_NAME", "POWERTOOLS_METRICS_NAMESPACE"}


"""What Powertools reads by itself."""


def variables_in(tree: ast.AST) -> set[str]:
    """The environment variables that a piece of code asks for."""
    return {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in _READING
        and call.args
        and isinstance(call.args[0], ast.Constant)
        and isinstance(call.args[0].value, str)
        and re.fullmatch("[A-Z][A-Z_]+", call.args[0].value)
    }


def variables_of(function: str) -> set[str]:
    """What a function asks for itself, and by what of the layer it hands its environment to."""
    return asked_in(ast.parse((ROOT / FUNCTIONS[function]["CodeUri"] / "app.py").read_text("utf-8")))


def asked_in(module: ast.Module, part: ast.AST | None = None) -> set[str]:
    """The variables that `part` of a module asks for, or all of it, and whatever `environment` is handed on to."""
    part = part or module
    defined = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    origins = {
        alias.name: node.module
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    asked = variables_in(part)
    for call in ast.walk(part):
        if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
            continue
        if any(isinstance(given, ast.Name) and given.id == "environment" for given in call.args):
            called = call.func.id
            if called in defined:
                asked |= asked_in(module, defined[called])
            else:
                path = ROOT / "layers/core" / f"{origins[called].replace('.', '/')}.py"
                there = ast.parse(path.read_text("utf-8"))
                asked |= asked_in(there, next(node for node in there.body if getattr(node, "name", None) == called))
    return asked


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_given_the_variables_that_it_asks_for_and_none_to_spare(function: str) -> None:
    own = FUNCTIONS[function]["Environment"]["Variables"].keys()
    everybodys = GLOBALS["Environment"]["Variables"].keys()
    asked = variables_of(function)

    assert asked <= own | everybodys
    assert own - _POWERTOOLS <= asked


def test_what_every_function_is_given_most_ask_for() -> None:
    asked = [variables_of(function) for function in FUNCTIONS]

    for name in GLOBALS["Environment"]["Variables"].keys() - _POWERTOOLS:
        assert sum(name in each for each in asked) > len(asked) / 2, name
