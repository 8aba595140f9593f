"""Exceptions in events: structured, bounded, without variables."""

import json
import sys

import pytest

from tocsin_client import Event, tracebacks
from tocsin_client.tracebacks import MAX_FRAMES, MAX_GROUP, message, structured


def fail(secret: str = "hunter2") -> None:
    local_secret = secret * 2
    raise KeyError("the-key") from ValueError(len(local_secret))


def raised(function) -> BaseException:
    try:
        function()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("nothing was raised")


def test_an_exception_says_what_was_raised_and_where():
    told = structured(raised(fail))

    assert (told["type"], told["module"], told["value"]) == ("KeyError", "builtins", "'the-key'")
    assert [frame["function"] for frame in told["frames"]] == ["raised", "fail"]
    last = told["frames"][-1]
    assert last["file"] == __file__
    assert last["source"] == 'raise KeyError("the-key") from ValueError(len(local_secret))'
    assert last["line"] == fail.__code__.co_firstlineno + 2
    assert told["cause"] == {"type": "ValueError", "module": "builtins", "value": "14", "frames": []}
    assert "context" not in told


def test_an_exception_says_nothing_of_variables():
    assert "hunter2" not in json.dumps(structured(raised(fail)))


def test_a_context_is_told_unless_it_is_suppressed():
    def while_handling():
        try:
            fail()
        except KeyError:
            raise TypeError("second")  # noqa: B904

    def suppressing():
        try:
            fail()
        except KeyError:
            raise TypeError("second") from None

    assert structured(raised(while_handling))["context"]["type"] == "KeyError"
    assert "context" not in structured(raised(suppressing))


def test_groups_and_notes_are_told():
    inner = ValueError("one")
    inner.add_note("while reading row 7")
    group = ExceptionGroup("two things", [inner, TypeError("two")])

    told = structured(group)

    assert [member["type"] for member in told["exceptions"]] == ["ValueError", "TypeError"]
    assert told["exceptions"][0]["notes"] == ["while reading row 7"]


def test_a_large_group_is_cut_and_says_so():
    told = structured(ExceptionGroup("many", [ValueError(n) for n in range(MAX_GROUP + 5)]))

    assert len(told["exceptions"]) == MAX_GROUP + 1
    assert told["exceptions"][-1] == {"left_out": 5}


def test_a_deep_stack_is_cut_in_the_middle_and_says_so():
    def descend(depth):
        if depth == 0:
            raise RuntimeError("deep")
        descend(depth - 1)

    frames = structured(raised(lambda: descend(400)))["frames"]

    assert len(frames) == MAX_FRAMES + 1
    assert frames[0]["function"] == "raised"
    assert frames[-1]["source"] == 'raise RuntimeError("deep")'
    assert [frame for frame in frames if "left_out" in frame] == [{"left_out": 403 - MAX_FRAMES}]


def test_a_chain_without_end_is_cut():
    first, second = ValueError("first"), TypeError("second")
    first.__cause__, second.__cause__ = second, first

    told = structured(first)

    assert told["cause"]["value"] == "second"
    assert "cause" not in told["cause"]


def test_a_long_chain_and_a_wide_tree_are_bounded():
    chain: BaseException = ValueError("end")
    for number in range(100):
        outer = ValueError(number)
        outer.__cause__ = chain
        chain = outer
    tree = ExceptionGroup("0", [ValueError(n) for n in range(10)])
    for number in range(5):
        tree = ExceptionGroup(str(number), [tree] * 10)

    assert json.dumps(structured(chain)).count('"type"') == tracebacks.MAX_DEPTH + 1
    assert json.dumps(structured(tree)).count('"type"') <= 40


class Unprintable(Exception):
    def __str__(self):
        raise RuntimeError("no")


def test_an_exception_without_a_text_is_told_all_the_same():
    assert structured(Unprintable())["value"] == "<no text: RuntimeError>"
    assert message(Unprintable()) == "Unprintable: <no text: RuntimeError>"


@pytest.mark.parametrize(
    ("exception", "expected"),
    [(KeyError("x"), "KeyError: 'x'"), (ValueError(), "ValueError"), (ValueError("a\nb"), "ValueError: a\nb")],
)
def test_a_message_is_the_last_line_of_a_traceback(exception, expected):
    assert message(exception) == expected


def test_a_value_that_is_too_long_is_cut():
    assert len(structured(ValueError("x" * 100_000))["value"]) == 4_096


def test_an_event_keeps_the_message_that_it_has():
    told = Event.new("x").with_exception(KeyError("x")).context
    given = Event.new("x", message="mine").with_exception(KeyError("x")).context

    assert (told["message"], given["message"]) == ("KeyError: 'x'", "mine")
    assert told["exception"]["type"] == given["exception"]["type"] == "KeyError"


def test_frames_of_code_without_a_file_are_told():
    def run():
        exec(compile("raise ValueError('x')", "<string>", "exec"))

    frame = structured(raised(run))["frames"][-1]

    assert (frame["file"], frame["function"], frame["source"]) == ("<string>", "<module>", "")


def test_a_traceback_is_not_kept_alive():
    error = raised(fail)
    references = sys.getrefcount(error)

    structured(error)

    assert sys.getrefcount(error) == references
