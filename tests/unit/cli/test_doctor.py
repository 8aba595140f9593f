"""What `tocsin doctor` finds: by the API over HTTP."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from tests.unit.cli.serving import Reply, serving
from tocsin_cli.api import Api
from tocsin_cli.doctor.api_checks import ApiChecks
from tocsin_cli.doctor.finding import State, run
from tocsin_cli.times import iso

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Tocsin:
    """An API that answers lists by their paths, and filters deliveries by state."""

    def __init__(self, **lists):
        self.lists = lists
        self.breaker = {"state": "closed"}
        self.date = None
        self.forbidden = set()
        self.status = "ok"
        self.refusal = None

    def answer(self, asked):
        path = urlsplit(asked.path).path
        query = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        if self.refusal is not None:
            return self.refusal
        if path in self.forbidden:
            return Reply(403, {"title": "Forbidden", "detail": "the key lacks a scope"})
        if path == "/health":
            headers = {} if self.date is None else {"Date": f"{self.date:%a, %d %b %Y %H:%M:%S} GMT"}
            return Reply(200, {"status": self.status, "version": "1.0"}, headers)
        if path.endswith("/breaker"):
            return Reply(200, self.breaker)
        items = self.lists.get(path.strip("/").replace("-", "_").replace("/", "_"), [])
        if path == "/deliveries" and "state" in query:
            items = [item for item in items if item["state"] == query["state"]]
        return Reply(200, {"items": items[: int(query.get("limit", 100))], "cursor": None})


def found(tocsin, check):
    with serving(tocsin.answer) as site:
        checks = ApiChecks(Api(site.url, "key", sleep=lambda _: None), now=NOW)
        return list(run([(check, getattr(checks, check))]))


def states(findings):
    return [finding.state for finding in findings]


def test_a_stack_that_answers_is_well():
    (finding,) = found(Tocsin(), "reachable")

    assert finding.state is State.OK
    assert "Tocsin 1.0" in finding.message


@pytest.mark.parametrize("check", ["reachable", "scopes"])
@pytest.mark.parametrize(
    "refusal", [Reply(500, {"title": "no"}), Reply(drop=True), Reply(401, {"detail": "this API key is not known"})]
)
def test_an_api_that_does_not_answer_and_a_key_that_it_does_not_know_are_failures(check, refusal):
    tocsin = Tocsin()
    tocsin.refusal = refusal

    assert states(found(tocsin, check)) == [State.FAILED]


def test_something_else_at_the_url_is_a_failure():
    tocsin = Tocsin()
    tocsin.status = ""

    assert states(found(tocsin, "reachable")) == [State.FAILED]


@pytest.mark.parametrize(
    ("away", "state"),
    [(0, State.OK), (90, State.WARNING), (-90, State.WARNING), (600, State.FAILED), (-600, State.FAILED)],
)
def test_a_clock_that_is_off_is_found(away, state):
    tocsin = Tocsin()
    tocsin.date = datetime.now(UTC) + timedelta(seconds=away)

    assert states(found(tocsin, "clock")) == [state]


def test_what_the_key_may_not_read_is_said():
    tocsin = Tocsin()
    tocsin.forbidden = {"/settings"}

    (finding,) = found(tocsin, "scopes")

    assert finding.state is State.WARNING
    assert "config:read" in finding.message


def test_a_check_that_may_not_be_made_is_unknown_and_stops_no_other():
    tocsin = Tocsin()
    tocsin.forbidden = {"/keys"}

    with serving(tocsin.answer) as site:
        checks = ApiChecks(Api(site.url, "key"), now=NOW)
        findings = list(run([("keys", checks.keys), ("mail", checks.mail_stops)]))

    assert states(findings) == [State.UNKNOWN, State.OK]
    assert "lacks a scope" in findings[0].message


def test_keys_that_have_expired_or_soon_will_are_found():
    keys = [
        {"name": "old", "expires": iso(NOW - timedelta(days=1))},
        {"name": "soon", "expires": iso(NOW + timedelta(days=3))},
        {"name": "later", "expires": iso(NOW + timedelta(days=30))},
        {"name": "never", "expires": None},
    ]

    findings = found(Tocsin(keys=keys), "keys")

    assert [(finding.state, finding.message) for finding in findings] == [
        (State.FAILED, "old expired 24h ago"),
        (State.WARNING, "soon expires in 3d"),
    ]


HOOK = {"name": "hook", "mode": "webhook", "enabled": True}
DELIVERED = {"state": "delivered", "updated": iso(NOW - timedelta(minutes=5))}
FAILED = {"state": "failed", "event_id": "e1", "attempts": [{"reason": "http_404", "status": 404}]}


@pytest.mark.parametrize(
    ("transport", "deliveries", "breaker", "state", "said"),
    [
        (HOOK, [DELIVERED], {"state": "closed"}, State.OK, "delivered 5m ago"),
        (
            HOOK,
            [DELIVERED, FAILED],
            {"state": "closed"},
            State.WARNING,
            "1 failed of the last day's events: http_404 404",
        ),
        (HOOK, [FAILED], {"state": "closed"}, State.FAILED, "never delivered: failed, http_404 404"),
        (HOOK, [], {"state": "closed"}, State.WARNING, "was never used"),
        (HOOK | {"enabled": False}, [], {"state": "closed"}, State.WARNING, "is off"),
        (
            HOOK,
            [DELIVERED],
            {"state": "open", "last_failure": "timeout", "failing_since": iso(NOW - timedelta(hours=2))},
            State.FAILED,
            "its breaker is open: timeout, failing since 2h ago",
        ),
        (
            HOOK,
            [DELIVERED],
            {"state": "disabled", "last_failure": "http_410", "failing_since": None},
            State.FAILED,
            "its breaker is disabled: http_410",
        ),
    ],
)
def test_a_transport_is_judged_by_what_it_did(transport, deliveries, breaker, state, said):
    tocsin = Tocsin(transports=[transport], deliveries=deliveries)
    tocsin.breaker = breaker

    (finding,) = found(tocsin, "transports")

    assert finding.state is state
    assert said in finding.message
    assert not finding.message.endswith("since ")


RULE = {
    "name": "r",
    "enabled": True,
    "bindings": [{"policy": "p"}],
    "transports": ["hook"],
    "destination_group": "team",
}


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        (RULE, None),
        (RULE | {"bindings": []}, "never fires"),
        (RULE | {"bindings": [{"policy": "p", "enabled": False}]}, "never fires"),
        (RULE | {"bindings": [], "enabled": False}, None),
        (RULE | {"destination_group": None}, "neither a group nor the event's user"),
        (RULE | {"destination_group": None, "destination_event_user": True}, None),
        (RULE | {"destination_group": None, "transports": ["channel"]}, None),
        (RULE | {"destination_group": "empty"}, "empty and the groups below it are empty"),
        (RULE | {"destination_group": "parent"}, None),
    ],
)
def test_a_rule_that_can_tell_nobody_is_found(rule, said):
    tocsin = Tocsin(
        rules=[rule],
        transports=[HOOK, {"name": "channel", "mode": "webhook_slack", "send_once": True}],
        groups=[
            {"name": "team", "children": []},
            {"name": "empty", "children": ["empty"]},
            {"name": "parent", "children": ["empty", "team"]},
        ],
        groups_team_members=[{"username": "ana"}],
    )

    (finding,) = found(tocsin, "rules")

    assert (finding.state is State.OK) is (said is None)
    assert said is None or said in finding.message


def test_a_long_silence_is_found():
    silences = [
        {"name": "short", "ends": iso(NOW + timedelta(hours=1))},
        {"name": "long", "ends": iso(NOW + timedelta(days=30)), "comment": "forgotten"},
    ]

    findings = found(Tocsin(silences=silences), "silences")

    assert states(findings) == [State.WARNING, State.OK]
    assert "long" in findings[0].message


def test_addresses_that_get_no_mail_and_tocsins_own_errors_are_found():
    event = {"id": "e1", "summary": "delivery failed"}

    assert states(found(Tocsin(mail_stops=[{"address": "a@b"}]), "mail_stops")) == [State.WARNING]
    (finding,) = found(Tocsin(events=[event]), "own_errors")
    assert "1 error of the last day; the latest: delivery failed" in finding.message
