"""Each way to fail rings one alarm, and no other.

Handlers run with the fault; what they write (embedded metrics) is real, and what AWS would measure of them is modelled:
invocations and errors, answers of the HTTP API, redelivery and dead letters, ages. Then the alarms of template.yaml are
evaluated, by their own definitions. A fault that nobody acts on rings more in time: dead letters after half an hour.
"""

import re

import pytest

from local.sinks import Sinks
from tests.expanded_template import ROOT
from tests.integration.conftest import Stack
from tests.integration.delivery_world import World
from tests.integration.operations import faults as _faults  # noqa: F401 - registers them
from tests.integration.operations import small_faults as _small_faults  # noqa: F401
from tests.integration.operations.alarms import STACK, alarms, computed
from tests.integration.operations.watch import FAULTS, Watch, post, table


@pytest.fixture
def watch(stack: Stack, world: World, sinks: Sinks, capsys: pytest.CaptureFixture[str]) -> Watch:
    """Nothing is wrong so far."""
    return Watch(stack, world, sinks, capsys)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_rings_its_alarm_and_no_other(watch: Watch, name: str) -> None:
    FAULTS[name].cause(watch)

    print(f"{name}: {', '.join(sorted(watch.rang)) or 'none'}")
    assert watch.rang == FAULTS[name].rings


def test_a_fault_rings_one_alarm_or_none() -> None:
    assert {name: fault.rings for name, fault in FAULTS.items() if len(fault.rings) > 1} == {}


def test_each_alarm_has_a_fault_that_rings_it() -> None:
    rung = set().union(*(fault.rings for fault in FAULTS.values()))

    assert rung == alarms().keys()


def test_the_table_of_the_documents_is_that_of_these_tests() -> None:
    assert table() in (ROOT / "docs/operating.md").read_text("utf-8"), f"docs/operating.md has not:\n{table()}"


def test_each_alarm_has_a_section_in_the_runbook() -> None:
    headings = re.findall(r"(?m)^#### (.*)$", (ROOT / "docs/operating.md").read_text("utf-8"))
    named = {name for heading in headings for name in re.findall(r"`(\w+Alarm)`", heading)}

    assert named == alarms().keys()


def test_each_alarm_tells_of_itself_and_of_its_end() -> None:
    for name, alarm in alarms().items():
        assert alarm["AlarmActions"] == alarm["OKActions"], name
        assert alarm["AlarmDescription"], name


def test_metrics_have_no_more_dimensions_than_service_mode_outcome_and_reason(watch: Watch) -> None:
    watch.world.configure(watch.hook("/hook"))
    watch.ask("ingest", post())
    watch.give("webhook", watch.world.message().to_body())

    names = {(name, dimensions) for _, name, dimensions in watch.metrics.values if _ == STACK}

    assert {name for name, _ in names} == {"EventsAccepted", "Deliveries", "DeliveryAge"}
    assert {key for _, dimensions in names for key, _ in dimensions} <= {"service", "mode", "outcome", "reason"}


@pytest.mark.parametrize(
    ("accepted", "invoked", "value"), [(None, None, None), (3.0, None, 1.0), (3.0, 1.0, 0.0), (0.0, None, 0.0)]
)
def test_metric_math_has_no_value_where_a_metric_has_none_and_is_not_filled(
    accepted: float | None, invoked: float | None, value: float | None
) -> None:
    expression = "IF(accepted > 0 AND FILL(invoked, 0) == 0, 1, 0)"

    assert computed(expression, {"accepted": accepted, "invoked": invoked}) == value
