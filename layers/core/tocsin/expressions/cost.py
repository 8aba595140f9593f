"""What an expression could take, before it runs.

The runtime cannot be interrupted and has one budget of its own, 10,000 iterations an evaluation, which does
not see what an iteration does: `[s].map(x, x + x).map(x, x + x)…` fills 3 GB in 14 of them, and a hundred
regular expressions take seconds in none. So an expression's tree is priced here, from upper bounds on the
sizes of the values that flow through it: the text a concatenation makes, the items a loop visits, the nodes
a comparison walks. Where the sizes of the variables are bounded too, so is the whole.

Prices are upper bounds measured on one server core. A Lambda function below 1,769 MB has less than one.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from tocsin.expressions.functions import COPIED_ITEM_BYTES, COPIED_ITEM_NS, FUNCTIONS
from tocsin.expressions.shapes import SCALAR, Built, Roots, Shape, Size, either, together
from tocsin.expressions.syntax import Call, Constant, ListLiteral, Loop, MapLiteral, Name, Node, Select

TIME_LIMIT_NS: Final = 5_000_000
"""What an evaluation may take by its estimate: 5 ms."""

MEMORY_LIMIT_BYTES: Final = 8_000_000
"""What an evaluation may allocate by its estimate: 8 MB."""

MAX_ITERATIONS: Final = 10_000
"""All loops of an evaluation together turn less often than this: the runtime's own budget."""

_NODE_NS: Final = 20
_RESULT_NODE_NS: Final = 400
_WALKED_RESULT_NODE_NS: Final = 2_000


class OverspentError(Exception):
    """The expression could take more than it may; the text says of what."""

    def __init__(self, reason: str, position: int) -> None:
        """Keep the place: an offset in the source."""
        super().__init__(reason)
        self.reason = reason
        self.position = position


class Price(NamedTuple):
    """What an evaluation may take: memory in bytes, and time."""

    memory: float
    nanoseconds: float


def estimate(tree: Node, roots: Roots, *, converted: bool = True, walked: bool = False) -> Price:
    """Return what an evaluation may allocate, and how long it may take.

    Args:
        tree: the expression.
        roots: bounds on the values of its variables.
        converted: whether the result becomes a Python value, of any size.
        walked: whether that conversion goes value by value (see `tocsin.expressions.values`).

    Raises:
        OverspentError: it could take more than a limit.
    """
    meter = _Meter(roots)
    result = meter.visit(tree, {}, 1).size
    if converted:
        per_node = _WALKED_RESULT_NODE_NS if walked else _RESULT_NODE_NS
        meter.spend(tree, per_node * result.nodes + 2 * result.chars, 100 * result.nodes + 2 * result.chars)
    return Price(meter.memory, meter.nanoseconds)


type _Scope = Mapping[str, Shape]


class _Meter:
    """Walks a tree as an evaluation would, with every branch taken and every loop run to its end."""

    def __init__(self, roots: Roots) -> None:
        self._roots = roots
        self.nanoseconds = 0.0
        self._iterations = 0
        self.memory = 0.0

    def spend(self, node: Node, nanoseconds: float, memory: float) -> None:
        self.nanoseconds += nanoseconds
        self.memory += memory
        if self.nanoseconds > TIME_LIMIT_NS:
            raise OverspentError(f"could take more than {TIME_LIMIT_NS // 1_000_000} ms", node.position)
        if self.memory > MEMORY_LIMIT_BYTES:
            raise OverspentError(f"could fill more than {MEMORY_LIMIT_BYTES // 1_000_000} MB", node.position)

    def visit(self, node: Node, scope: _Scope, times: int) -> Shape:
        """Charge what `node` costs when it is evaluated `times` times, and return what it gives."""
        match node:
            case Constant(value=value):
                self.spend(node, times * _NODE_NS, 0)
                text = value.encode() if isinstance(value, str) else value
                return Built(Size(1, len(text), 0, len(text))) if isinstance(text, bytes) and text else SCALAR
            case Name(name=name):
                self.spend(node, times * _NODE_NS, 0)
                return scope.get(name) or self._roots.get(name, SCALAR)
            case Select(operand=operand, field=field, test=test):
                shape = self.visit(operand, scope, times)
                self.spend(node, times * 2 * _NODE_NS, 0)
                return SCALAR if test else shape.member(field)
            case ListLiteral() | MapLiteral():
                parts = [self.visit(part, scope, times) for part in node.children()]
                # A map hashes its keys; both hold a reference to each part.
                price = 60 if isinstance(node, MapLiteral) else 25
                self.spend(node, times * (50 + price * len(parts)), times * 100 * len(parts))
                return together(parts)
            case Call(function=function, arguments=arguments):
                shapes = [self.visit(argument, scope, times) for argument in arguments]
                outcome = FUNCTIONS[function](arguments, shapes)
                self.spend(node, times * outcome.nanoseconds, times * outcome.memory)
                return outcome.shape
            case Loop():
                return self._loop(node, scope, times)
            case _:  # pragma: no cover - there are no other nodes
                raise TypeError(f"not a node: {type(node).__name__}")

    def _loop(self, node: Loop, scope: _Scope, times: int) -> Shape:
        over = self.visit(node.range, scope, times)
        start = self.visit(node.start, scope, times)
        turns = times * over.length
        if turns == 0:
            # A loop over nothing, which never gets to its body; and cel.bind(), which is one whose
            # accumulator is the variable, evaluated once however often it is used.
            return self.visit(node.result, {**scope, node.accumulator: start}, times)
        self._iterations += turns
        if self._iterations >= MAX_ITERATIONS:
            raise OverspentError(f"could iterate {MAX_ITERATIONS:,} times or more", node.position)
        inner = {**scope, node.variable: over.looped(), node.accumulator: start}
        self.visit(node.condition, inner, turns)
        made = self._step(node, node.step, inner, turns, over.length)
        return self.visit(node.result, {**scope, node.accumulator: made}, times)

    def _step(self, loop: Loop, step: Node, inner: _Scope, turns: int, length: int) -> Shape:
        """Charge a loop's step and return what the loop has made at its end.

        `all` and `exists` make a bool, `exists_one` a number. `map` and `filter` append to a list by
        `accumulator + [element]`, maybe in a condition, and the runtime copies the list for each element.
        """
        makes_list = isinstance(loop.start, ListLiteral)
        match step:
            case Call(function="_?_:_", arguments=(condition, then, *_)) if makes_list:
                self.visit(condition, inner, turns)
                return self._step(loop, then, inner, turns, length)
            case Call(function="_+_", arguments=(_, ListLiteral(elements=(appended, *_)))) if makes_list:
                element = self.visit(appended, inner, turns)
                copied = turns * (1 + length / 2)
                self.spend(loop, copied * COPIED_ITEM_NS / 2, copied * COPIED_ITEM_BYTES)
                nodes, chars, items, text = element.size
                return Built(
                    Size(1 + length * nodes, length * chars, max(length, items), text),
                    element,
                )
            case _:
                return either(SCALAR, self.visit(step, inner, turns))
