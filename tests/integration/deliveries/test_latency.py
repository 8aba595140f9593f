"""What a hanging endpoint costs a healthy one: time from a message's sending to its arrival, alone and beside it.

Beside it there are two times: until it has been noticed that the endpoint hangs, and from then on.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

import pytest

from local.sinks import Misbehaviour, Sinks
from tests.integration.delivery_world import POLICY, SECRET, World
from tocsin.deliveries.worker import HANGING_PACE
from tocsin.notifications.transport import NotificationTransport, TransportMode, TransportSecrets
from tocsin.notifications.webhook import webhook_delivery
from tocsin.outbound import Timeout
from tocsin.times import utc_now

HANGS = 1.5
"""Seconds that the hanging endpoint takes of each of its requests: a tenth of what it would take of a real one."""
PACE = HANGING_PACE / 10
FUNCTIONS = 8
MESSAGES = 40


@pytest.mark.exhaustive
def test_a_healthy_endpoint_does_not_wait_for_a_hanging_one(
    world: World, sinks: Sinks, capsys: pytest.CaptureFixture[str]
) -> None:
    sinks.misbehave(Misbehaviour("/webhook/hanging", delay=60))
    transports = [
        NotificationTransport(
            name=name, mode=TransportMode.WEBHOOK, url=f"{sinks.url}/webhook/{name}", secrets_ref="signing"
        )
        for name in ("healthy", "hanging")
    ]
    world.configure(*transports, signing=TransportSecrets(signing=(SECRET,)))

    alone = _latencies(world, sinks, beside=0)
    at_first = _latencies(world, sinks, beside=1)
    later = _latencies(world, sinks, beside=1)

    with capsys.disabled():
        print(f"\n  healthy endpoint, {MESSAGES} deliveries: alone {_shown(alone)};")
        print(f"  beside one that begins to hang {_shown(at_first)}, that hangs {_shown(later)}")
    assert len(alone) == len(at_first) == len(later) == MESSAGES
    # Without turns half of them wait for about 0.6 hangs, with them for less than a tenth of one.
    assert quantiles(later, n=20)[9] < HANGS / 2


def _shown(latencies: list[float]) -> str:
    cuts = quantiles(latencies, n=20)
    return f"p50 {cuts[9] * 1000:.0f} ms, p95 {cuts[18] * 1000:.0f} ms"


def _latencies(world: World, sinks: Sinks, *, beside: int) -> list[float]:
    """Seconds from sending to arrival of each healthy delivery, with `beside` hanging ones sent with each."""
    sinks.forget()
    deliver = webhook_delivery(world.secrets.of, POLICY, timeout=Timeout(connect=HANGS, total=HANGS))
    over = threading.Event()

    def function() -> None:
        worker = world.worker(deliver=deliver, clock=utc_now, hanging_pace=PACE)
        while not over.is_set():
            if not world.pump(worker):
                over.wait(0.02)

    sent: dict[str, float] = {}
    with ThreadPoolExecutor(FUNCTIONS) as pool:
        for _ in range(FUNCTIONS):
            pool.submit(function)
        for _ in range(MESSAGES):
            message = world.message("healthy")
            sent[message.delivery_id] = time.time()
            world.send(message, *[world.message("hanging") for _ in range(beside)])
            time.sleep(0.05)  # how often messages come, not something that is waited for
        deadline = time.monotonic() + 60
        while len(sinks.received("/webhook/healthy")) < MESSAGES and time.monotonic() < deadline:
            over.wait(0.05)
        over.set()
    return [received.at - sent[received.headers["webhook-id"]] for received in sinks.received("/webhook/healthy")]
