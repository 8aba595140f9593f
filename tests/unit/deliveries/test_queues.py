"""The transports' queues."""

from tocsin.aws.environment import Environment
from tocsin.deliveries.queues import queue_urls
from tocsin.notifications.transport import TransportMode


def test_each_mode_has_a_queue_of_its_own() -> None:
    names = ("WEBHOOK_QUEUE_URL", "SLACK_QUEUE_URL", "EMAIL_QUEUE_URL", "INBOX_QUEUE_URL")

    urls = queue_urls(Environment({name: name.lower() for name in names}))

    assert urls.keys() == set(TransportMode)
    assert len(set(urls.values())) == len(TransportMode)
