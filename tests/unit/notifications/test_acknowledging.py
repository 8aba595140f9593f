"""The link to acknowledge it by, in each form of a message: where the rule escalates, and nowhere else."""

from dataclasses import replace

import pytest

from tests.unit.notifications.test_chat_forms import CATALOGUES, blocks, embed, made, texts_of
from tests.unit.notifications.test_context import rendering_context
from tests.unit.notifications.test_group_digest import several
from tocsin.notifications.acknowledge_links import MAX_URL, link_secrets
from tocsin.notifications.context import RenderingContext
from tocsin.notifications.discord import MAX_TOTAL
from tocsin.notifications.email.message import MailTemplates, mail_message
from tocsin.notifications.outcome import Outcome, State
from tocsin.notifications.presets import Told
from tocsin.notifications.rule_words import RuleWords, in_rules_words
from tocsin.notifications.slack import slack_body
from tocsin.notifications.text import units
from tocsin.notifications.webhook import webhook_body
from tocsin.notifications.wording import words_of

LINK = "https://api.example.com/acknowledge?token=abc.def"
LONGEST = "https://api.example.com/acknowledge?token=" + "x" * (MAX_URL - 42)


def told(own: RuleWords | None, context: RenderingContext) -> RenderingContext:
    """What is delivered of `context` by a rule that says `own`."""
    delivered: list[RenderingContext] = []

    def deliver(given: RenderingContext) -> Outcome:
        delivered.append(given)
        return Outcome(State.DELIVERED, "sent")

    in_rules_words(deliver, lambda _: own, "https://api.example.com/console", lambda _: LINK)(context)
    return delivered[0]


def offered(link: str = LINK, **details: object) -> RenderingContext:
    return replace(made(**details), acknowledge=link, can_acknowledge=True)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("own", "about", "over", "can"),
    [
        (RuleWords(groups_of_steps=("second",)), "a" * 32, False, True),
        (RuleWords(), "a" * 32, False, False),
        (RuleWords(groups_of_steps=("second",)), None, False, False),
        (RuleWords(groups_of_steps=("second",)), "a" * 32, True, False),
        (None, "a" * 32, False, False),
    ],
    ids=["escalates", "does not", "about nothing", "its end", "of no rule"],
)
def test_what_escalates_and_is_not_over_can_be_acknowledged(
    own: RuleWords | None, about: str | None, over: bool, can: bool
) -> None:
    context = told(own, replace(rendering_context(), about=about, over=over))

    assert (context.can_acknowledge, context.acknowledge) == (can, LINK if can else None)


@pytest.mark.parametrize(("about", "link"), [("a" * 32, LINK), (None, None)], ids=["a group", "a person's digest"])
def test_what_is_told_together_is_acknowledged_together(about: str | None, link: str | None) -> None:
    context = told(RuleWords(groups_of_steps=("second",)), replace(several(None, "group"), about=about))

    words = words_of(context, CATALOGUES.best(""))

    assert (context.acknowledge, Told.of(context, "1").acknowledge) == (link, link)
    assert (words.acknowledge.url if words.acknowledge else None) == link


def test_a_rules_own_words_may_have_the_link() -> None:
    own = RuleWords(body="Take it: {{ notification.acknowledge }}", groups_of_steps=("second",))

    context = told(own, replace(rendering_context(), about="a" * 32))

    assert context.notification.body == f"Take it: {LINK}"


def test_it_never_stands_in_place_of_the_link_to_details() -> None:
    words = words_of(offered(), CATALOGUES.best("de"))

    assert words.acknowledge is not None
    assert (words.acknowledge.label, words.acknowledge.url) == ("Bestätigen", LINK)
    assert words.links[0].url == "https://wiki.example.com/logins?a=1&b=(2)"
    assert words_of(made(), CATALOGUES.best("")).acknowledge is None


def test_a_mail_has_it_as_its_button() -> None:
    templates = MailTemplates()

    mail = mail_message(offered(), templates)

    button = mail.html.index("background-color:#1f5fa8")
    assert mail.html.index(f'href="{LINK}"') < mail.html.index(">Acknowledge</a>") < mail.html.index("Runbook</a>")
    assert button < mail.html.index(f'href="{LINK}"') and f"Acknowledge:\n{LINK}" in mail.text
    assert "cknowledge" not in mail_message(made(), templates).html


def test_slack_has_it_in_its_blocks_and_its_attachment() -> None:
    shown = blocks(offered())
    (attachment,) = slack_body(offered())["attachments"]  # type: ignore[misc, union-attr]

    assert f"*<{LINK}|Acknowledge>*" in texts_of(shown["blocks"])
    fields = {field["title"]: field["value"] for field in attachment["fields"]}  # type: ignore[index, call-overload, union-attr]
    assert fields["Acknowledge"] == f"<{LINK}>"
    assert "cknowledge" not in str(blocks(made())) + str(slack_body(made()))


def test_discord_has_it_below_the_sentence() -> None:
    assert embed(offered())["description"].endswith(f"\n\n**[Acknowledge]({LINK})**")
    assert "cknowledge" not in str(embed(made()))


def test_the_longest_link_fits_beside_the_longest_event() -> None:
    context = {f"key {number}": "x" * 2_000 for number in range(60)}

    shown = embed(offered(LONGEST, context=context, body="y" * 5_000))
    text = texts_of(blocks(offered(LONGEST, context=context, body="y" * 5_000))["blocks"])

    assert any(LONGEST in each for each in text)
    assert LONGEST in shown["description"]
    assert sum(units(each) for each in texts_of({**shown, "url": "", "timestamp": ""})) <= MAX_TOTAL


def test_webhooks_and_mappings_are_given_it() -> None:
    assert webhook_body(offered())["links"] == {"acknowledge": LINK}
    assert offered().to_json()["notification"]["acknowledge"] == LINK  # type: ignore[index, call-overload]
    assert "links" not in webhook_body(made())
    assert made().to_json()["notification"]["acknowledge"] is None  # type: ignore[index, call-overload]


def test_presets_are_given_it() -> None:
    assert Told.of(offered(), "1").known["acknowledge"] == LINK
    assert Told.of(made(), "1").known["acknowledge"] is None


def test_its_token_is_a_secret_of_the_request() -> None:
    assert link_secrets(offered()) == ("abc.def",)
    assert link_secrets(made()) == ()
