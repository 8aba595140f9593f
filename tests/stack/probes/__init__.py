"""Probes: what a function does with each of its permissions, done on the deployed stack, and seen to be done.

`PROBES` finds the one that uses a permission by function, statement and action.
"""

from tests.stack.probes import deliveries, events, jobs, live, over_http
from tests.stack.probes.stage import Probe

PROBES: dict[tuple[str, str, str], Probe] = {
    **over_http.PROBES,
    **events.PROBES,
    **deliveries.PROBES,
    **live.PROBES,
    **jobs.PROBES,
}
