"""What became of what a rule told of while a message about it waited: somebody acknowledged it, or it is over.

A message that says what happened still says so, and by whom it was taken: it is no alarm any more, and a summary of the
night that leaves out what was dealt with would be none. A step's message is dropped: it was for somebody to take it.
"""

from __future__ import annotations

from collections.abc import Mapping

from tocsin.deliveries.matters import Matter
from tocsin.deliveries.model import DeliveryMessage
from tocsin.ids import id_time
from tocsin.notifications.remarks import acknowledged, over_since
from tocsin.records import dataclass

type Matters = Mapping[tuple[str, str], Matter]
"""Matters by their rule and `about`."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Why a message needs nobody to act any more. `cause` is `acknowledged` or `ended`; `remark` says it to people."""

    cause: str
    remark: str
    drops: bool
    """Whether it is not told at all, rather than with the remark."""


def taken(message: DeliveryMessage, matters: Matters) -> Taken | None:
    """Return what became of what `message` tells; None where it is as it was.

    A matter that has begun anew since says nothing of an earlier message.
    """
    matter = None if message.about is None else matters.get((message.rule, message.about))
    if matter is None or not matter.tells_of(message.event_id) or message.over:
        return None
    drops = message.step is not None
    if matter.acknowledgement is not None:
        done = matter.acknowledgement
        return Taken("acknowledged", acknowledged(done.by, done.at), drops)
    if matter.ended is not None and message.event_id < matter.ended:
        return Taken("ended", over_since(id_time(matter.ended)), drops)
    return None
