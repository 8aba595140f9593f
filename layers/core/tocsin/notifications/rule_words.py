"""What a rule says itself: a title and a body of its own in place of Tocsin's, and a link to what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tocsin.notifications.acknowledge_links import LinkOf
from tocsin.notifications.context import RenderingContext, web_link
from tocsin.notifications.outcome import Deliver, Outcome
from tocsin.notifications.text import cut, one_line
from tocsin.records import dataclass

MAX_TITLE = 200
MAX_BODY = 4_000
"""Code units of a title and a body, as they are told. A template may make more, which is cut with a mark."""

NAMES = frozenset({"event", "notification", "user", "rule", "severity", "transport"})
"""What the templates may speak of."""


@dataclass(frozen=True, slots=True)
class RuleWords:
    """What a rule says of its own, and whom it tells. `title` and `body` are templates of `notifications.templates`."""

    title: str | None = None
    body: str | None = None
    runbook: str | None = None
    group: str | None = None
    """The group whose members are told."""
    event_user: bool = False
    """Whether the event's user is told."""
    can_be_muted: bool = True
    groups_of_steps: tuple[str, ...] = ()
    """The group of each step of the rule's `escalate`."""

    def of_step(self, step: int) -> RuleWords:
        """Return what the rule says of the people of a step, 1 for the first; the rule's own where it is gone."""
        if step > len(self.groups_of_steps):
            return self
        return replace(self, group=self.groups_of_steps[step - 1], event_user=False)

    @property
    def escalates(self) -> bool:
        """Whether others are told unless somebody acknowledges."""
        return bool(self.groups_of_steps)


def in_rules_words(
    deliver: Deliver,
    words_of_rule: Callable[[str], RuleWords | None],
    console: str,
    link_of: LinkOf = lambda _: None,
) -> Deliver:
    """`deliver`, told what the rule says of itself, by the rule's name, and where the `console` is.

    `link_of` makes the link by which a message of a rule that escalates is acknowledged, unless somebody has
    acknowledged all that it tells.

    Where a template of the rule fails on an event, people are told in Tocsin's words, and the outcome says so: an alert
    in other words is better than none.
    """

    def told(context: RenderingContext) -> Outcome:
        rule = words_of_rule(context.rule)
        own = rule if context.digest is None else None
        if own is not None and context.step is not None:
            own = own.of_step(context.step)
        known = replace(context, own=own, console=console)
        if rule is not None and rule.escalates and context.about is not None and not context.over:
            taken = context.digest is not None and context.digest.taken
            known = replace(known, can_acknowledge=True, acknowledge=None if taken else link_of(context))
        failure = None
        if own is not None and (own.title or own.body):
            known, failure = _in_its_words(known, own)
        outcome = deliver(known)
        if failure is None:
            return outcome
        return outcome.lacking(f"told in Tocsin's words, since the rule's {failure}")

    return told


def check_template(source: str) -> None:
    """Raise TemplateRejected for a title or body that could never be rendered: before it is stored."""
    from tocsin.notifications.templates.sandbox import check_custom  # noqa: PLC0415 - Jinja2, for rules that use it

    check_custom(source, html=False, names=NAMES)


def check_runbook(url: str) -> None:
    """Raise ValueError for what is no link that every medium takes."""
    if web_link(url) is None:
        raise ValueError("must be an http(s) link with a host, without a user name, of at most 2,000 characters")


def _in_its_words(context: RenderingContext, own: RuleWords) -> tuple[RenderingContext, str | None]:
    """`context` with the rule's title and body; and which of them failed, and why."""
    from tocsin.notifications.templates.sandbox import TemplateRejected, render_custom  # noqa: PLC0415

    notification, title, failures = context.notification, None, []
    if own.title:
        try:
            title = cut(one_line(render_custom(own.title, context, html=False)), MAX_TITLE) or None
        except TemplateRejected as rejected:
            failures.append(f"title failed: {rejected}")
    if own.body:
        try:
            body = cut(render_custom(own.body, context, html=False).strip(), MAX_BODY)
        except TemplateRejected as rejected:
            failures.append(f"body failed: {rejected}")
        else:
            remark = f" ({notification.remark})" if notification.remark else ""
            notification = replace(notification, body=body + remark) if body else notification
    return replace(context, notification=notification, title=title), "; ".join(failures) or None
