"""Templates of customers: what they can do, what they can't, and that each ends soon."""

import time

import pytest

from tests.unit.notifications.test_context import PATHOLOGICAL, rendering_context
from tocsin.notifications.templates.sandbox import MAX_OUTPUT, MAX_SOURCE, TemplateRejected, check_custom, render_custom
from tocsin.types import JsonObject

SECONDS = 5
"""Far over what any of these takes (milliseconds), far under what an unbounded one would."""


def render(source: str, context: JsonObject | None = None, *, html: bool = False) -> str:
    """`source` about an event with `context`."""
    return render_custom(source, rendering_context(context), html=html)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ event.action }} by {{ event.user.username }}", "login_failed by mallory"),
        ("{{ event['context']['reason'] | upper }}", "WRONG PASSWORD"),
        ("{{ rule.name }}/{{ severity }}/{{ transport.name }}", "failed logins/alert/the transport"),
        ("{% if severity in ['alert', 'warning'] %}loud{% else %}quiet{% endif %}", "loud"),
        ("{% for k, v in event.context | items %}{{ loop.index }} {{ k }}{% endfor %}", "1 reason"),
        ("{% set who = event.user.username ~ '@' ~ event.app %}{{ who }}", "mallory@payroll"),
        ("{{ event.context.nope | default('none') }}", "none"),
        ("{{ event.context.model.name | default('no model') }}", "no model"),
        ("{{ event.cause is defined }} {{ user.name is string }}", "false true"),
        ("{{ event.user.pk + 1 }} {{ 1 - 3 }} {{ -event.user.pk }}", "8 -2 -7"),
        ("{{ notification.body | truncate(10) }}", "mallory f…"),
        ("{{ notification.body[:7] }}", "mallory"),
        ("{{ ['a', 'b'] | join(', ') }} {{ 'a-b' | replace('-', '+') }}", "a, b a+b"),
        ("{{ event.user | tojson }}", '{"username": "mallory", "email": "mallory@example.com", "pk": 7}'),
        ("{{ event.user.missing | default(event.expires) }}|", "|"),
        ("{{ 'a b&c' | urlencode }} {{ 'x' | length }} {{ ' t ' | trim | title }}", "a%20b%26c 1 T"),
        ("{{ event.context }}", '{"reason": "wrong password"}'),
        ("{% for k, v in event.user | dictsort %}{{ k }}{% if not loop.last %}, {% endif %}{% endfor %}",
         "email, pk, username"),
        ("{# nothing #}{% raw %}{{ x }}{% endraw %}", "{{ x }}"),
    ],
)  # fmt: skip
def test_a_template_lays_out_what_the_context_holds(source: str, text: str) -> None:
    assert render(source) == text


def test_values_are_escaped_in_html() -> None:
    rendered = render("<b>{{ event.context.reason }}</b>", {"reason": "<script>"}, html=True)

    assert rendered == "<b>&lt;script&gt;</b>"


@pytest.mark.parametrize(
    "source", ["{{ r ~ '' }}", "{{ r | upper }}", "{{ r | e | lower }}", "{{ r[:3] }}", "{{ r | e ~ r }}"]
)
def test_no_filter_undoes_the_escaping(source: str) -> None:
    rendered = render("{% set r = event.context.reason %}" + source, {"reason": "<script>"}, html=True)

    assert "<" not in rendered


@pytest.mark.parametrize("html", [False, True])
@pytest.mark.parametrize("source", ["{{ event.context.nope }}", "{{ nope.a.b }}", "{{ event.nope | upper }}"])
def test_a_missing_name_is_an_error_that_names_it(source: str, html: bool) -> None:
    with pytest.raises(TemplateRejected, match="nope"):
        render(source, html=html)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("{{ event.user[:1] }}", "text or a list is expected here, not dict"),
        ("{{ event.user.pk[1:] }}", "text or a list is expected here, not int"),
        ("{{ event.expires[1:] }}", "text or a list is expected here, not nonetype"),
        ("{{ event.context.nope[:1] }}", "nope"),
    ],
)
def test_a_slice_of_what_has_none_is_an_error_that_says_so(source: str, reason: str) -> None:
    """The fault: of an object it said `slice(None, 1, None)`, and nothing else."""
    with pytest.raises(TemplateRejected, match=reason):
        render(source)


def test_an_error_names_the_line() -> None:
    with pytest.raises(TemplateRejected, match="line 2: "):
        render("first\n{% if %}")


def test_an_unfit_template_is_refused_before_it_is_stored() -> None:
    with pytest.raises(TemplateRejected, match="calls are not allowed"):
        check_custom("{{ event.context.items() }}")


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__ }}",
        "{{ event.__class__.__mro__ }}",
        "{{ event['__class__'] }}",
        "{{ event.context.items }}",
        "{{ event.user.pk.bit_length }}",
        "{{ ('x' | e).__class__ }}",
        "{% for x in [1] %}{{ loop.__init__ }}{% endfor %}",
        "{% for x in [1] %}{{ loop._iterator }}{% endfor %}",
        "{% for x in [1] %}{{ loop }}{% endfor %}",
        "{{ self }}",
        "{{ self._TemplateReference__context }}",
        "{{ self.__init__.__globals__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ namespace }}",
        "{{ lipsum }}",
        "{{ event | attr('__class__') }}",
        "{{ event | map('upper') | list }}",
        "{{ [event] | first }}",
        "{{ (event, event) }}",
        "{{ {'a': event} }}",
        "{% include 'notification.html.j2' %}",
        "{% import 'x' as x %}",
        "{% from 'x' import y %}",
        "{% extends 'notification.html.j2' %}",
        "{% block x %}{% endblock %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% call x() %}{% endcall %}",
        "{% filter upper %}x{% endfilter %}",
        "{% set event.x = 1 %}",
        "{% set a, b = event.user %}",
        "{% set x %}y{% endset %}",
        "{% with x = 1 %}{% endwith %}",
        "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
        "{% for x in event.context %}{% endfor %}",
        "{% for x in 'text' %}{% endfor %}",
        "{{ 'x' | join(*[1]) }}",
        "{{ 'x' | default(**event) }}",
        "{{ [1] | _turns(0) }}",
        "{{ ['a'] | _joined }}",
        "{{ 1 is divisibleby(0) }}",
        "{{ 1 is callable }}",
        "{{ 1 / 0 }}",
        "{{ 7 % 0 }}",
        "{{ '%9999999d' % 1 }}",
        "{{ 'a' + 'b' }}",
        "{{ 'a' | truncate(true) }}",
        "{{ 'a' | truncate(0) }}",
        "{{ 'a' | replace('', 'b') }}",
        "{{ 'a' | upper('b') }}",
        "{{ missing }}",
        "{% unknown %}",
        "{{ 'a' | safe }}",
        "{{",
    ],
)
def test_what_reaches_beyond_the_data_is_refused(source: str) -> None:
    with pytest.raises(TemplateRejected):
        render(source)


EACH = "{%% for a in event.context | items %%}%s{%% endfor %%}"
COSTLY = {
    "a great range": "{% for x in range(10**9) %}{% endfor %}",
    "a great text": "{{ 'x' * 10**10 }}",
    "a great power": "{{ 9**9**9**9 }}",
    "a great padding": "{{ 'x' | center(10**9) }}",
    "a great number": "{{ " + "9" * 30_000 + " }}",
    "nested loops": "{% for a in event.context | items %}" * 6 + "x" + "{% endfor %}" * 6,
    "nested loops that put out nothing": (
        "{% for a in event.context | items %}" * 4 + "{% if a == 1 %}{% endif %}" + "{% endfor %}" * 4
    ),
    "a loop in the test of a loop": (
        "{% for a in event.context | items if event.context | dictsort | length > 5000 %}{% endfor %}" * 90
    ),
    "text that doubles": "{% set x = 'ab' %}" + "{% set x = x ~ x %}" * 60 + "{{ x }}",
    "escapes of escapes": "{{ event.context.k0" + " | tojson" * 40 + " }}",
    "replacing each with many": "{{ event.context.blob | replace('a', event.context.blob) }}",
    "joining by a long text": "{{ event.context | items | first | join(event.context.blob) }}",
    "comparing long texts": EACH % "{{ 'aab' in event.context.blob }}" * 50,
    "filters over and over": EACH % "{{ event.context.blob | upper | length }}" * 9,
    "the event over and over": "{{ event }}" * 2_500,
    "deep parentheses": "{{ " + "(" * 15_000 + "1" + ")" * 15_000 + " }}",
    "deep negation": "{{ " + "not " * 8_000 + "1 }}",
    "deep conditions": "{% if 1 %}" * 1_500 + "{% endif %}" * 1_500,
    "a deep chain": "{{ event" + ".a" * 16_000 + " }}",
    "a long sum": "{{ 1" + "+1" * 16_000 + " }}",
    "braces only": "{{" * 15_000,
    "open tags only": "{% " * 10_000,
    "open comments only": "{#" * 15_000,
    "quotes only": "{{ " + "'" * 30_001,
    "too long": "x" * (MAX_SOURCE + 1),
}  # fmt: skip


@pytest.mark.parametrize("source", COSTLY.values(), ids=COSTLY.keys())
def test_what_would_cost_too_much_is_refused_soon(source: str) -> None:
    context: JsonObject = {"blob": "a" * 60_000}
    context |= {f"k{number}": '"\\' for number in range(1_000)}
    begun = time.process_time()

    with pytest.raises(TemplateRejected):
        render(source, context)

    assert time.process_time() - begun < SECONDS


TURNS = "{%% for x in event.context.turns %%}%s{%% endfor %%}"
LONG = {
    "joining numbers": TURNS % "{% set y = event.context.ones | join('') | length %}",
    "joining nulls": TURNS % "{% set y = event.context.nulls | join %}",
    "a slice of a list": TURNS % "{% set y = event.context.numbers[1:] %}",
    "a slice of a text": TURNS % "{% set y = event.context.text[1:] %}",
    "equal lists": TURNS % "{% if event.context.numbers == event.context.numbers2 %}{% endif %}",
    "an object in a list": TURNS % "{% if event.context.object in event.context.objects %}{% endif %}",
    "a text in a text": TURNS % "{% if 'aab' not in event.context.text %}{% endif %}",
    "a greater list": TURNS % "{% if event.context.numbers < event.context.numbers2 %}{% endif %}",
    "sorting names": TURNS % "{% set y = event.context.object | dictsort | length %}",
}  # fmt: skip


@pytest.mark.parametrize("source", LONG.values(), ids=LONG.keys())
def test_what_costs_by_length_is_counted_by_length(source: str) -> None:
    context: JsonObject = {
        "turns": [1] * 300,
        "numbers": list(range(60_000)),
        "numbers2": list(range(60_000)),
        "ones": [1] * 60_000,
        "nulls": [None] * 60_000,
        "text": "a" * 60_000,
        "object": {f"name {number}": number for number in range(400)},
        "objects": [{f"name {number}": number for number in range(400)}] * 3,
    }

    with pytest.raises(TemplateRejected, match="more work than it may"):
        render(source, context)


def test_rows_of_a_table_may_be_sliced_and_compared() -> None:
    rows: JsonObject = {"rows": [{"name": f"host-{number}", "state": "up"} for number in range(1_000)]}
    source = "{% for row in event.context.rows[:900] %}{% if row.state == 'up' %}{{ row.name }} {% endif %}{% endfor %}"

    assert render(source, rows).count("host-") == 900


def test_a_message_about_a_refusal_is_short() -> None:
    with pytest.raises(TemplateRejected) as refused:
        render("{{ '" + "x" * 10_000 + "' | nope }}{{ " + "y" * 10_000 + " }}")

    assert len(str(refused.value)) <= 300


def test_output_has_a_limit() -> None:
    row = "{% for key, value in event.context | items %}{{ value }}{% endfor %}"

    with pytest.raises(TemplateRejected, match=f"more than {MAX_OUTPUT}"):
        render(row, {f"k{number}": "v" * 1_000 for number in range(300)})


def test_one_rendering_does_not_spend_what_another_may() -> None:
    row = "{% for key, value in event.context | items %}{{ key }}={{ value }};{% endfor %}"
    context: JsonObject = {f"k{number}": "v" for number in range(2_000)}

    rendered = {render(row, context) for _ in range(20)}

    assert len(rendered) == 1


@pytest.mark.parametrize("context", PATHOLOGICAL.values(), ids=PATHOLOGICAL.keys())
def test_pathological_events_are_rendered(context: JsonObject) -> None:
    row = EACH % "{{ a[0] | truncate(20) }}{% if a[1] is string %}: {{ a[1] | truncate(40) }}{% endif %}\n"

    rendered = render(row, context, html=True)

    assert len(rendered.encode("utf-8")) < 1_000 * len(context) + 1
