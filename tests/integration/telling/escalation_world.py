"""A rule that escalates: to the group `second` after a quarter of an hour, and to `oncall` again after half an hour."""

from typing import Any

import boto3

from tests.integration.api_calls import Api
from tests.integration.delivery_world import POLICY
from tests.integration.handler_calls import Answer
from tests.integration.telling.telling_world import TellingWorld
from tocsin.deliveries.escalation_store import EscalationStore
from tocsin.deliveries.matters import Acknowledgement, Matter
from tocsin.events.model import Event
from tocsin.matching.ending import about_of
from tocsin.notifications.acknowledge_links import AcknowledgeLinks
from tocsin.notifications.outcome import Deliver
from tocsin.notifications.rule_words import RuleWords, in_rules_words
from tocsin.notifications.webhook import webhook_delivery

LINK_SECRET = "s" * 48

STEPS = [
    {"after": "minutes=15", "destination_group": "second"},
    {"after": "minutes=30", "destination_group": "oncall"},
]


class EscalatingWorld(TellingWorld):
    """Rule `refunds` has STEPS, unless a test says otherwise."""

    def rules(self, **rule: Any) -> None:  # type: ignore[override]
        super().rules(**{"escalate": STEPS, **rule})

    @property
    def matters(self) -> EscalationStore:
        return EscalationStore(self.stack.dynamodb, "deliveries")

    def about(self, event: Event) -> str:
        """The key of what the rule tells of an event."""
        about = about_of(self.configuration.current(fresh=True)[1].rules_by_name["refunds"], event)
        assert about is not None
        return about

    def matter(self, event: Event) -> Matter | None:
        return self.matters.get("refunds", self.about(event), now=self.now)

    def acknowledge(self, event: Event, by: str = "bob") -> Acknowledgement:
        return self.matters.acknowledge("refunds", self.about(event), by=by, via="link", now=self.now)

    @property
    def in_words(self) -> Deliver:
        """Delivers webhooks with the link by which they are acknowledged, as the webhooks' function does."""
        words, links = (
            RuleWords(groups_of_steps=("second", "oncall")),
            AcknowledgeLinks(LINK_SECRET, "https://api.test"),
        )
        deliver = webhook_delivery(self.secrets.of, POLICY, clock=self.clock, timeout=self.timeout)
        return in_rules_words(deliver, lambda _: words, "", lambda context: links.url(context, self.now))

    def follow(self, link: str) -> Answer:
        """Press the button of the page that a link leads to."""
        secret = boto3.client("secretsmanager").create_secret(Name="links", SecretString=LINK_SECRET)
        self.stack.monkeypatch.setenv("LINK_SECRET", secret["ARN"])
        query = {"token": link.partition("token=")[2]}
        return Api.of(self.stack)("POST", "/acknowledge", query=query, facts={})

    def begin(self, *events: Event) -> None:
        """Have these events be matched, and what tells people be delivered."""
        self.match(*events)
        self.deliver()

    def deliver(self) -> None:
        """Deliver all that waits in the queues of webhooks and inboxes."""
        for mode in ("webhook", "local"):
            self.pump(self.worker(mode, self.in_words if mode == "webhook" else None), mode)

    def work_off(self) -> int:
        """Have the matcher do all that waits in its queue, as Lambda does; how many messages that were."""
        count, url = 0, self.stack.queues["Match"]
        while received := self.stack.sqs.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages"):
            for message in received:
                count += 1
                record = {
                    "messageId": message["MessageId"],
                    "body": message["Body"],
                    "attributes": message["Attributes"],
                }
                if self.matcher().queue([record]) == {"batchItemFailures": []}:
                    self.stack.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return count

    def minute(self, **later: float) -> None:
        """Set the clock forward; have the schedule run once, the matcher do what it hands on, and deliver that."""
        self.later(**(later or {"minutes": 1}))
        self.redrive()
        self.work_off()
        self.deliver()

    def heard(self) -> dict[str, int]:
        """How many webhooks were posted for each person, repeats not counted."""
        return {name: len({body["id"] for body in self.posted(name)}) for name in ("ana", "bob", "eve")}

    def inbox(self, username: str) -> list[dict[str, Any]]:
        """What is in a person's inbox, the latest first."""
        page: Any = self.inboxes.page(username, self.inboxes.head(username), limit=100, now=self.now)
        return list(page.items)

    def steps(self, event: Event) -> list[dict[str, Any]]:
        """What the event's story says of the steps."""
        return list(self.story(event)["rule"].get("escalated", ()))
