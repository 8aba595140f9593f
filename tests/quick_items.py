"""Items of DynamoDB go in and out of botocore and moto as they are: three quarters of the time of a query.

Both look for each member of each value's shape (S, N, B, SS …), of which a value has one; and all but bytes are in JSON
what they are in Python. How a condition reads, whether an update may be worded so, and where a member of an answer is,
moto finds out once.
"""

import base64
import pickle
from collections import deque
from functools import cache
from itertools import count
from typing import Any

import pytest
from botocore.parsers import BaseJSONParser
from moto.core.parse import BaseJSONParser as RequestParser
from moto.core.serialize import AttributePickerContext, BaseJSONSerializer, ResponseSerializer
from moto.dynamodb.comparisons import ConditionExpressionParser
from moto.dynamodb.models.dynamo_type import DynamoType, Item
from moto.dynamodb.parsing import validators
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Expression, Node, UpdateExpressionFunction
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

_VALUE = "AttributeValue"
"""The name of the shape, in DynamoDB's model."""

PLAIN: dict[tuple[Any, str], Any] = {
    (BaseJSONSerializer, "_serialize_type_structure"): BaseJSONSerializer._serialize_type_structure,
    (RequestParser, "_parse_structure"): RequestParser._parse_structure,
    (BaseJSONParser, "_handle_structure"): BaseJSONParser._handle_structure,
    (ResponseSerializer, "get_value"): ResponseSerializer.get_value,
    (ConditionExpressionParser, "_lex_condition_expression"): ConditionExpressionParser._lex_condition_expression,
    (DepthFirstTraverser, "traverse"): DepthFirstTraverser.traverse,
    (Node, "find_clauses"): Node.find_clauses,
    (UpdateExpressionParser, "make"): UpdateExpressionParser.make,
    (validators, "deepcopy"): validators.deepcopy,
}
"""What `install` replaces."""


def install(patch: pytest.MonkeyPatch) -> None:
    """Has botocore and moto do so."""
    write, parse, read, pick, lex, _, _, make, _ = PLAIN.values()

    def serialize(self: Any, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if shape.name == _VALUE and key and value is not None:
            serialized[key] = to_json(value)
        else:
            write(self, serialized, value, shape, key)

    def parse_request(self: Any, shape: Any, value: Any) -> Any:
        return from_json(value) if shape.name == _VALUE else parse(self, shape, value)

    def parse_answer(self: Any, shape: Any, value: Any) -> Any:
        return from_json(value) if shape.name == _VALUE else read(self, shape, value)

    def pick_value(self: Any, value: Any, key: str, shape: Any) -> Any:
        if type(value) is not dict or self._value_picker.response_transformers:
            return pick(self, value, key, shape)
        return next((value[name] for name in _names(self, key, shape) if name in value), None)

    @cache
    def words(expression: str) -> tuple[Any, ...]:
        return tuple(lex(ConditionExpressionParser(expression, None, None)))

    def lex_condition(self: Any) -> deque[Any]:
        return deque(words(self.condition_expression))

    # Who uses the tree of an expression copies it.
    of_trees = (_traverse, _clauses, cache(lambda expression: _numbered(make(expression))), _copied)
    quick = (serialize, parse_request, parse_answer, pick_value, lex_condition, *of_trees)
    for (owner, name), how in zip(PLAIN, quick, strict=True):
        patch.setattr(owner, name, how)


def to_json(value: Any) -> Any:
    """A value as JSON has it: of moto's own kind, or {"S": …} with such values in it."""
    if isinstance(value, DynamoType):
        kind, content = value.type, value.value
    elif value:
        ((kind, content),) = value.items()
    else:
        return value
    if kind == "M":
        content = {name: to_json(each) for name, each in content.items()}
    elif kind == "L":
        content = [to_json(each) for each in content]
    elif kind == "B":
        content = _base64(content)
    elif kind == "BS":
        content = [_base64(each) for each in content]
    elif kind in {"SS", "NS"}:
        content = [*content]
    elif kind == "N":
        content = str(content)
    return {kind: content}


def from_json(value: Any) -> Any:
    """A value of JSON that was just read, with its bytes decoded."""
    for kind, content in value.items():
        if kind == "M":
            for each in content.values():
                from_json(each)
        elif kind == "L":
            for each in content:
                from_json(each)
        elif kind == "B":
            value[kind] = base64.b64decode(content)
        elif kind == "BS":
            value[kind] = [base64.b64decode(each) for each in content]
    return value


def as_told(item: Item) -> dict[str, Any]:
    """An item of moto's, as botocore tells of it."""
    return {name: from_json(to_json(value)) for name, value in item.attrs.items()}


def _names(serializer: Any, key: str, shape: Any) -> tuple[str, ...]:
    """The keys by which moto looks for a member of an answer in a dict, found out once for each shape."""
    known: dict[str, tuple[str, ...]] = shape.__dict__.setdefault("names_in_dicts", {})
    if key not in known:
        context = AttributePickerContext({}, key, shape, serializer.operation_model, serializer.service_model)
        known[key] = tuple(serializer._value_picker.get_possible_keys(context))
    return known[key]


def _base64(content: bytes | str) -> str:
    return base64.b64encode(content.encode() if isinstance(content, str) else content).decode()


def _copied(tree: Any) -> Any:
    return pickle.loads(pickle.dumps(tree, pickle.HIGHEST_PROTOCOL))


@cache
def _kinds(processed: tuple[type, ...]) -> dict[type, tuple[bool, Any]]:
    """By type, whether that is a node of an expression's tree, and as which of these kinds a traverser processes it."""
    return {}


_OF_WORDS = (
    validators.ActionCountValidator,
    validators.OverlappingPathsValidator,
    validators.UpdateHashRangeKeyValidator,
)
"""Traversers that change nothing, and to which an expression's words are all there is: not the item, not the values."""
_PASSED: set[tuple[type, int, str]] = set()
"""The expressions, by number, of which such a traverser found nothing wrong, with what it was given."""
_NUMBERS = count()


def _numbered(tree: Any) -> Any:
    """An expression's tree, whose copies are known for that expression's."""
    tree.number = next(_NUMBERS)
    return tree


@cache
def _has_clauses(kind: type) -> bool:
    return issubclass(kind, Expression | UpdateExpressionFunction)


def _clauses(self: Any, kinds: Any) -> list[Any]:
    """What of these kinds an expression has, anywhere in its tree."""
    found: list[Any] = []
    for child in self.children or ():
        if type(child) in kinds:
            found.append(child)
        elif _has_clauses(type(child)):
            found += _clauses(child, kinds)
    return found


def _traverse(self: Any, root: Any) -> Any:
    """The tree of an expression, worked through from its leaves; how a kind of node is processed is found out once."""
    check = (type(self), root.number, str(vars(self))) if type(self) in _OF_WORDS else None
    if check in _PASSED:
        return root
    processors = self._processing_map()
    kinds = _kinds(tuple(processors))
    looks_before = type(self).pre_processing_of_child is not DepthFirstTraverser.pre_processing_of_child

    def walk(node: Any, position: int) -> Any:
        known = kinds.get(type(node))
        if known is None:
            kind = next((each for each in processors if isinstance(node, each)), None)
            known = kinds[type(node)] = isinstance(node, Node), kind
        is_node, kind = known
        if not is_node:
            return node
        parent = node.parent
        for at, child in enumerate(node.children or ()):
            if looks_before:
                self.pre_processing_of_child(node, at)
            walk(child, at)
        if kind is not None:
            node = processors[kind](node)
            node.parent = parent
            if parent:
                parent.children[position] = node
        return node

    walked = walk(root, -1)
    if check is not None:
        _PASSED.add(check)
    return walked
