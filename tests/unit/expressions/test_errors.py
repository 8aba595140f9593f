"""What the compiler says, as an error for whoever wrote the expression."""

import pytest

from tocsin.expressions import Expression, ExpressionError
from tocsin.expressions.errors import LONGEST_MESSAGE, compile_error, evaluation_error
from tocsin.expressions.regexes import compile_ns
from tocsin.expressions.syntax import Node


def test_a_complaint_of_an_unknown_form_says_no_more_than_that() -> None:
    error = compile_error("the library changed its words", "1 +")

    assert (error.kind, str(error)) == ("parse", "the expression cannot be read")


def test_a_long_complaint_is_cut() -> None:
    error = compile_error(f"ERROR: <input>:1:1: {'x' * 10_000}\n", "1 +")

    assert len(str(error)) < LONGEST_MESSAGE + 100


def test_a_complaint_about_no_place_names_none() -> None:
    error = compile_error("ERROR: <input>:-1:-1: something is wrong\n", "1 +")

    assert error.line is None


def test_half_a_character_is_refused_where_it_stands() -> None:
    with pytest.raises(ExpressionError, match="not a character") as refused:
        Expression.compile("'\ud800'")

    assert (refused.value.line, refused.value.column) == (1, 2)


def test_an_expression_is_shown_by_its_source() -> None:
    assert repr(Expression.compile("1 == 1")) == "Expression('1 == 1')"


def test_a_pattern_with_a_bracket_too_many_is_measured_all_the_same() -> None:
    assert compile_ns("a)b") >= compile_ns("ab")


def test_what_the_runtime_says_in_unknown_words_is_an_error_of_evaluation_without_data() -> None:
    error = evaluation_error("the library changed its words: hunter2", Node(0), "event.x")

    assert (error.kind, str(error)) == ("evaluation", "the expression cannot be evaluated on this event")
