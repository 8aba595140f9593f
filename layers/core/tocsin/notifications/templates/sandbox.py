"""Templates that customers write: Jinja2 in a sandbox, cut down to what lays out data, and bounded.

Jinja2's sandbox keeps a template away from Python, but not from the processor and the memory:
`{{ "x" * 10**10 }}`, `{% for i in range(99999) %}` inside of another, a macro that calls itself, a
`%9999999d` (https://jinja.palletsprojects.com/en/stable/sandbox/ says so itself). So here

- a template is at most `MAX_SOURCE` characters, and its parts are nested at most `MAX_DEPTH` deep;
- it is made of what `_ALLOWED` names: output, `if`, `for` over what the data holds, `set`, comparisons, `+`
  and `-` of numbers, `~`, and the filters and tests that `FILTERS` and `_TESTS` name. There are no calls:
  neither `range`, nor methods, macros, includes or imports. Lists are literals of constants;
- a lookup (`a.b`, `a["b"]`) reads data and never an attribute of a Python object;
- what is evaluated is counted against `MAX_WORK`: each part of the template once, a loop's body once for each
  turn (nested loops multiply), filters, comparisons and slices by the length of what they take and make;
- no text that a filter or `~` makes is over `MAX_TEXT`, none that the template puts out over `MAX_OUTPUT`.

The bounds are counts, not clocks: a template that renders once renders always.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import cast

from jinja2 import StrictUndefined, Template, TemplateError, Undefined, nodes
from jinja2.runtime import LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from tocsin.notifications.context import RenderingContext
from tocsin.notifications.templates.budget import TemplateRejected, counted, spend
from tocsin.notifications.templates.filters import FILTERS, copied, joined, shown, turns, weighed
from tocsin.notifications.text import cut, one_line, plain

__all__ = ["TemplateRejected", "check_custom", "render_custom"]

MAX_SOURCE = 32 * 1024
"""Characters; Tocsin's own HTML has 8,000. One full of tags takes 0.3 s to compile, the first time."""
MAX_OUTPUT = 256 * 1024
MAX_DEPTH = 50
MAX_REASON = 300

_ALLOWED: tuple[type[nodes.Node], ...] = (
    nodes.Template,
    nodes.Output,
    nodes.TemplateData,
    nodes.If,
    nodes.For,
    nodes.Assign,
    nodes.Name,
    nodes.Const,
    nodes.List,
    nodes.Tuple,
    nodes.Getattr,
    nodes.Getitem,
    nodes.Slice,
    nodes.Filter,
    nodes.Keyword,
    nodes.Test,
    nodes.Compare,
    nodes.Operand,
    nodes.And,
    nodes.Or,
    nodes.Not,
    nodes.CondExpr,
    nodes.Concat,
    nodes.Add,
    nodes.Sub,
    nodes.Neg,
)
_TESTS = frozenset({"defined", "undefined", "none", "string", "number", "mapping", "true", "false"})
_OF_LOOPS = frozenset({"index", "index0", "revindex", "revindex0", "first", "last", "length"})


def check_custom(source: str, *, html: bool = True, names: frozenset[str] | None = None) -> None:
    """Raises TemplateRejected for a template that could never be rendered: before it is stored.

    With `names`, also for one that speaks of what is none of them.
    """
    _compiled(source, html)
    if names is None:
        return
    spoken = [*_Environment().parse(source).find_all(nodes.Name)]
    known = names | {node.name for node in spoken if node.ctx == "store"} | {"loop"}
    for node in spoken:
        if node.name not in known:
            there = ", ".join(sorted(names))
            raise TemplateRejected(f"line {node.lineno}: there is no {node.name[:60]!r}; there are: {there}")


def render_custom(source: str, context: RenderingContext, *, html: bool = True) -> str:
    """`source` rendered with the names of `RenderingContext.to_json`; `html` says whether values are escaped.

    Raises TemplateRejected for what the bounds of this module don't allow, and for a name that the data
    doesn't have (`{{ event.context.reason | default("") }}` says what to show then).
    """
    template = _compiled(source, html)
    try:
        with counted():
            return _collected(template.generate(context.to_json()))
    except TemplateRejected:
        raise
    except (TemplateError, ArithmeticError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise TemplateRejected(_reason(error)) from error


def _collected(pieces: Iterator[str]) -> str:
    collected: list[str] = []
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > MAX_OUTPUT:
            raise TemplateRejected(f"the template makes more than {MAX_OUTPUT} characters")
        collected.append(piece)
    return plain("".join(collected))


def _reason(error: Exception) -> str:
    line = getattr(error, "lineno", None)
    reason = one_line(str(error)) or type(error).__name__
    return cut(f"line {line}: {reason}" if line else reason, MAX_REASON)


@lru_cache(maxsize=128)
def _compiled(source: str, html: bool) -> Template:
    if len(source) > MAX_SOURCE:
        raise TemplateRejected(f"a template is at most {MAX_SOURCE} characters long: this has {len(source)}")
    environment = _Environment(autoescape=html, undefined=StrictUndefined, finalize=shown)
    environment.globals.clear()
    environment.filters = FILTERS | {"_turns": turns, "_joined": joined, "_weighed": weighed, "_copied": copied}
    environment.tests = {name: test for name, test in environment.tests.items() if name in _TESTS}
    try:
        tree = environment.parse(source)
        _check(tree)
        tree = cast("nodes.Template", _Counting().visit(tree))
        tree.set_environment(environment)
        spend(_work_of(tree))
        return environment.from_string(tree)
    except TemplateRejected:
        raise
    except (TemplateError, SyntaxError, RecursionError, MemoryError, TypeError, ValueError) as error:
        raise TemplateRejected(_reason(error)) from error


class _Environment(ImmutableSandboxedEnvironment):
    """Lookups read data; the two operators take numbers."""

    intercepted_binops = frozenset({"+", "-"})

    def getitem(self, obj: object, argument: object) -> object:
        """An entry of an object, an item of a list or a character of a text; else undefined.

        What is looked up in something undefined is that same undefined thing: `a.b.c | default("")` also
        holds where there is no `b`, and an error names `b`.
        """
        if isinstance(obj, Undefined):
            return obj
        if isinstance(obj, dict | list | tuple | str):
            try:
                return obj[argument]  # type: ignore[index,call-overload]
            except (LookupError, TypeError):
                pass
        return self.undefined(obj=obj, name=str(argument))

    def getattr(self, obj: object, attribute: str) -> object:
        """The same, and what `loop` tells of a loop."""
        if isinstance(obj, LoopContext) and attribute in _OF_LOOPS:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def call_binop(self, context: object, operator: str, left: object, right: object) -> object:
        """`+` and `-`. Raises TemplateRejected for anything but numbers."""
        if not isinstance(left, int | float) or not isinstance(right, int | float):
            raise TemplateRejected(f"{operator} takes numbers: texts are joined with ~")
        return left + right if operator == "+" else left - right


def _check(tree: nodes.Template) -> None:
    """Raises TemplateRejected for the first part that is not allowed. No recursion: the tree may be deep."""
    waiting: list[tuple[nodes.Node, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        problem = "nested too deep" if depth > MAX_DEPTH else _problem(node)
        if problem:
            raise TemplateRejected(f"line {node.lineno}: {problem}")
        waiting.extend((child, depth + 1) for child in node.iter_child_nodes())


def _problem(node: nodes.Node) -> str | None:
    match node:
        case nodes.Call():
            return "calls are not allowed; for the entries of an object there is the filter items"
        case nodes.Filter(name=name) if node.node is None or name not in FILTERS:
            return f"there is no filter {name!r}"
        case nodes.Test(name=name) if name not in _TESTS:
            return f"there is no test {name!r}"
        case nodes.Assign(target=target) if not isinstance(target, nodes.Name):
            return "set takes one name"
        case nodes.For(recursive=True):
            return "loops can't be recursive"
        case nodes.List(items=items) if not _constant(items):
            return "lists are made of constants"
        case nodes.Tuple(items=items, ctx="load") if not _constant(items):
            return "lists are made of constants"
        case nodes.Filter(dyn_args=given) | nodes.Filter(dyn_kwargs=given) if given is not None:
            return "filters take plain arguments"
        case _ if not isinstance(node, _ALLOWED):
            return f"{type(node).__name__.lower()} is not allowed"
    return None


def _constant(items: list[nodes.Expr]) -> bool:
    return all(isinstance(item, nodes.Const) for item in items)


class _Counting(NodeTransformer):
    """Puts a counter into each loop, comparison and slice, and a bound on each `~`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja2 looks for this name
        """`for x in y` becomes `for x in y | _turns(work of one turn)`."""
        work = sum(map(_work_of, node.body)) + (0 if node.test is None else _work_of(node.test))
        self.generic_visit(node)
        node.iter = _filter(cast("nodes.Expr", node.iter), "_turns", [nodes.Const(work)])
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802
        """`a ~ b` becomes `(a, b) | _joined`."""
        self.generic_visit(node)
        return _filter(nodes.Tuple(node.nodes, "load", lineno=node.lineno), "_joined", [])

    def visit_Compare(self, node: nodes.Compare) -> nodes.Node:  # noqa: N802
        """`a in b` becomes `a | _weighed in b | _weighed`."""
        self.generic_visit(node)
        node.expr = _filter(node.expr, "_weighed", [])
        for operand in node.ops:
            operand.expr = _filter(operand.expr, "_weighed", [])
        return node

    def visit_Getitem(self, node: nodes.Getitem) -> nodes.Node:  # noqa: N802
        """`a[b:c]` becomes `(a | _copied)[b:c]`."""
        self.generic_visit(node)
        if isinstance(node.arg, nodes.Slice):
            node.node = _filter(node.node, "_copied", [])
        return node


def _filter(value: nodes.Expr, name: str, arguments: list[nodes.Expr]) -> nodes.Filter:
    made = nodes.Filter(value, name, arguments, [], None, None, lineno=value.lineno)
    for argument in arguments:
        argument.set_lineno(value.lineno)
    return made


def _work_of(node: nodes.Node) -> int:
    """The units that one evaluation of `node` takes, without the turns of loops in it."""
    inner = [*node.iter_child_nodes(exclude=("body", "test") if isinstance(node, nodes.For) else ())]
    return 1 + sum(map(_work_of, inner))
