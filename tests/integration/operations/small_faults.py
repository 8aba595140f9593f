"""What goes wrong and mends itself, or is one customer's, as storms and tests of faults make it: no alarm rings."""

from typing import Any

from tests.bad_endpoints import ENDPOINTS, raging
from tests.integration.handler_calls import Killed, failing, raising, throttled
from tests.integration.matching.matching_world import HOOK, configure, event, record, rule
from tests.integration.operations.alarms import Series
from tests.integration.operations.watch import Watch, fault, post
from tocsin.notifications.transport import NotificationTransport, TransportMode

REQUESTS_FAILED: Series = ("AWS/ApiGateway", "5xx", frozenset({("ApiId", "HttpApi")}))


@fault()
def nothing_is_wrong(watch: Watch) -> None:
    watch.world.configure(watch.hook("/hook"))

    def work(_: int) -> None:
        watch.ask("ingest", post())
        watch.invoke("matcher", {"Records": []})
        watch.give("webhook", watch.message().to_body())

    watch.minutes(16, work)


@fault(said="endpoints fail, drop, limit, redirect, babble, never end or forbid, while another is well")
def endpoints_rage_and_one_is_well(watch: Watch) -> None:
    with raging() as storm:
        storm.hangs = 0  # to hang takes as long as an attempt may, and ends as what drops does
        watch.world.configure(
            *(
                NotificationTransport(name=name, mode=TransportMode.WEBHOOK, url=f"{storm.url}/{name}")
                for name in ENDPOINTS
            )
        )

        def work(number: int) -> None:
            if number < 6:
                watch.batch("webhook", [watch.message(name).to_body() for name in ENDPOINTS])

        watch.minutes(15, work)
        outcomes = {outcome: watch.outcomes("webhook", "webhook", outcome) for outcome in ("failed", "delivered")}
        assert outcomes["failed"] >= 10 and outcomes["delivered"], outcomes


@fault(said="a function is killed with a batch in its hands, now and then")
def functions_are_killed_now_and_then(watch: Watch) -> None:
    configure(watch.stack, transports=[HOOK], rules=[rule(transports=["hook"])])

    def work(number: int) -> None:
        with failing(raising(Killed()), at=lambda _: number % 3 == 0):
            watch.batch("webhook", watch.messages(1))
            watch.invoke("redrive", {})
            watch.read_stream("matcher", record(event()))

    watch.minutes(10, work)
    assert {function: watch.errors(function) for function in ("webhook", "redrive", "matcher")} == {
        "webhook": 4,
        "redrive": 4,
        "matcher": 4,
    }


@fault(said="a request fails once, and its producer tries again")
def a_write_of_the_log_fails_once(watch: Watch) -> None:
    def work(number: int) -> None:
        with failing(throttled("InternalServerError", 500), "BatchWriteItem", "PutItem", at=lambda _: number == 2):
            watch.ask("ingest", post())

    watch.minutes(5, work)
    assert sum(map(sum, watch.metrics.values[REQUESTS_FAILED].values())) == 1


@fault(said="SQS takes no retry of a delivery: the schedule sends it")
def no_queue_takes_a_retry(watch: Watch) -> None:
    watch.misbehave("/hook", 503)
    watch.world.configure(watch.hook("/hook"))
    with failing(throttled(), "SendMessage", service="sqs") as calls:
        watch.minutes(4, lambda _: watch.give("webhook", watch.message().to_body()))
    assert calls


@fault(said="an endpoint's breaker can't be written")
def no_breaker_can_be_written(watch: Watch) -> None:
    watch.misbehave("/hook", 503)
    watch.world.configure(watch.hook("/hook"))
    refused: list[Any] = []

    def refuse(call: dict[str, Any]) -> Any:
        if b'"breakers"' not in call["body"]:
            return None
        refused.append(call)
        return throttled("InternalServerError", 500)(call)

    with failing(refuse, "UpdateItem", table="deliveries"):
        watch.minutes(4, lambda _: watch.give("webhook", watch.message().to_body()))
    assert len(refused) == 4


@fault(said="SES asks to send more slowly")
def ses_asks_to_send_more_slowly(watch: Watch) -> None:
    watch.world.configure(NotificationTransport(name="mail", mode=TransportMode.EMAIL))

    def work(_: int) -> None:
        with failing(throttled("TooManyRequestsException", 429), service="sesv2"):
            watch.give("email", watch.world.message("mail", "email").to_body())

    watch.minutes(15, work)
    assert watch.outcomes("email", "email", "retrying") == 15
