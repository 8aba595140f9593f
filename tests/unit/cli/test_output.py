"""Results as tables, JSON, YAML and lines; what others wrote does nothing to a terminal."""

import io
import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tocsin_cli.output import Column, Format, Output, to_yaml
from tocsin_cli.text import counted, escaped, plain, rebinned, sparkline

COLUMNS = (Column("NAME", lambda item: item["name"]), Column("ON", lambda item: item["on"]))
ITEMS = [{"name": "a", "on": True}, {"name": "b", "on": False}]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def written(form, write, capsys):
    write(Output(form))
    return capsys.readouterr().out


def test_a_table_has_a_line_an_item(capsys):
    lines = written(Format.TABLE, lambda out: out.items(ITEMS, COLUMNS, none=""), capsys).splitlines()

    assert [line.split() for line in lines] == [["NAME", "ON"], ["a", "yes"], ["b", "no"]]


def test_json_is_one_list(capsys):
    assert json.loads(written(Format.JSON, lambda out: out.items(ITEMS, COLUMNS, none=""), capsys)) == ITEMS


def test_yaml_is_one_list(capsys):
    assert yaml.safe_load(written(Format.YAML, lambda out: out.items(ITEMS, COLUMNS, none=""), capsys)) == ITEMS


def test_ndjson_is_a_line_an_item_as_it_comes(capsys):
    out = Output(Format.NDJSON)
    read = []

    def coming():
        for item in ITEMS:
            yield item
            read.append(capsys.readouterr().out)

    out.items(coming(), COLUMNS, none="")

    assert [json.loads(line) for line in read] == ITEMS


def test_an_empty_list_says_so_on_standard_error_alone(capsys):
    Output(Format.TABLE).items([], COLUMNS, none="there are none")
    captured = capsys.readouterr()

    assert captured.out == ""
    assert captured.err == "there are none\n"


def test_an_empty_list_is_json_for_programs(capsys):
    assert written(Format.JSON, lambda out: out.items([], COLUMNS, none="none"), capsys) == "[]\n"


def test_a_pipe_gets_no_colours_and_no_cut_lines(capsys):
    long = [{"name": "x" * 500, "on": True}]
    column = Column("NAME", lambda item: item["name"], cut=True)

    shown = written(Format.TABLE, lambda out: out.items(long, [column], none=""), capsys)

    assert "x" * 500 in shown
    assert "\x1b" not in shown


@given(st.text())
def test_what_others_wrote_holds_nothing_that_a_terminal_obeys(text):
    assert plain(text).isprintable() or not any(
        ord(character) < 32 or 127 <= ord(character) < 160 for character in plain(text)
    )


def test_escape_sequences_and_turned_text_are_made_visible():
    assert (
        plain("alice\x1b]0;owned\x07 \u202egpj.exe")
        == "alice\N{REPLACEMENT CHARACTER}]0;owned\N{REPLACEMENT CHARACTER} \N{REPLACEMENT CHARACTER}gpj.exe"
    )
    assert plain("two\nlines\tand a tab") == "two lines and a tab"


@given(JSON)
def test_json_without_control_characters_is_the_same_json(value):
    dumped = escaped(json.dumps(value, ensure_ascii=False))

    assert json.loads(dumped) == value
    assert "\x9b" not in dumped
    assert "\u202e" not in dumped


@given(JSON)
def test_yaml_is_read_back_as_it_was(value):
    dumped = to_yaml(value)

    assert yaml.safe_load(io.StringIO(dumped)) == value
    assert not {"\x1b", "\x9b", "\u202e"} & set(dumped)


@pytest.mark.parametrize(
    ("values", "line"),
    [([], ""), ([0, 0], "  "), ([1], "▅"), ([0, 1, 2, 4, 8], " ▁▂▄█"), ([8, 8], "██")],
)
def test_a_sparkline_has_a_bar_a_value(values, line):
    assert len(sparkline(values)) == len(line)
    assert [bar == " " for bar in sparkline(values)] == [bar == " " for bar in line]


@given(st.lists(st.integers(0, 100)), st.integers(1, 60))
def test_neighbours_are_summed_and_nothing_is_lost(values, width):
    bins = rebinned(values, width)

    assert sum(bins) == sum(values)
    assert len(bins) <= max(width, 0)


def test_numbers_are_told_in_words():
    assert counted(1, "policy", "policies") == "1 policy"
    assert counted(1200, "event") == "1,200 events"
