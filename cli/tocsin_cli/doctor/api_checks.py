"""What the API tells of a stack's health."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cached_property

from tocsin_cli.api import Api, path_of
from tocsin_cli.doctor.finding import Check, Finding, failed, ok, unknown, warning
from tocsin_cli.errors import CliError, Refused, Unavailable
from tocsin_cli.text import counted, plain
from tocsin_cli.times import ago, iso, local, parse_iso, roughly
from tocsin_cli.types import JsonObject, objects, text, texts, whole

CLOCK_WARNING = timedelta(seconds=30)
CLOCK_FAILED = timedelta(minutes=5)
"""Events from further ahead are refused."""
EXPIRES_SOON = timedelta(days=14)
LONG_SILENCE = timedelta(days=7)
LATELY = timedelta(days=1)
_OWN_TROUBLE = "configuration_error,configuration_warning,policy_exception,property_mapping_exception,system_exception"
_MOST = 100


class ApiChecks:
    """Checks by the API alone. What the key may not read is said to be unknown."""

    def __init__(self, api: Api, *, now: datetime | None = None) -> None:
        self._api = api
        self._now = now or datetime.now(UTC)

    def all(self) -> list[tuple[str, Check]]:
        """Every check with its name, in the order in which they are read."""
        return [
            ("api", self.reachable),
            ("clock", self.clock),
            ("key", self.scopes),
            ("keys", self.keys),
            ("transports", self.transports),
            ("rules", self.rules),
            ("silences", self.silences),
            ("mail", self.mail_stops),
            ("errors", self.own_errors),
        ]

    def reachable(self) -> Iterator[Finding]:
        """Whether the API answers."""
        try:
            health = self._api.get("/health").object
        except CliError as error:
            yield failed("api", str(error), error.hint or "")
            return
        if health.get("status") == "ok":
            yield ok("api", f"Tocsin {text(health, 'version')} answers at {self._api.url}")
        else:
            yield failed("api", f"it says that it is {text(health, 'status') or 'something else than Tocsin'}")

    def clock(self) -> Iterator[Finding]:
        """Whether this machine's clock and the API's agree."""
        told = self._api.get("/health").date
        if told is None:
            yield unknown("clock", "the API does not say what time it is")
            return
        away = datetime.now(UTC) - told
        side = "ahead of" if away > timedelta() else "behind"
        if abs(away) >= CLOCK_FAILED:
            yield failed("clock", f"this machine is {roughly(away)} {side} the API", "set the clock (NTP)")
        elif abs(away) >= CLOCK_WARNING:
            yield warning("clock", f"this machine is {roughly(away)} {side} the API", "set the clock (NTP)")
        else:
            yield ok("clock", "this machine and the API agree to the second or so")

    def scopes(self) -> Iterator[Finding]:
        """What the key may read."""
        try:
            may = [
                scope
                for scope, path in (("events:read", "/events"), ("config:read", "/settings"))
                if self._allowed(path, {"limit": "1"} if path == "/events" else {})
            ]
        except (Refused, Unavailable) as error:
            yield failed("key", str(error), error.hint or "")
            return
        if len(may) == 2:
            yield ok("key", f"it may {' and '.join(may)}")
        else:
            lacks = ", ".join(scope for scope in ("events:read", "config:read") if scope not in may)
            yield warning("key", f"it lacks {lacks}: some checks can't be made", "use a key that may read all")

    def _allowed(self, path: str, query: dict[str, str]) -> bool:
        try:
            self._api.get(path, query)
        except Refused as error:
            if error.hint:  # 401: the key is not known at all
                raise
            return False
        return True

    def keys(self) -> Iterator[Finding]:
        """Keys that have expired, or soon will."""
        found = list(self._api.items("/keys"))
        troubled = 0
        for key in found:
            expires = parse_iso(text(key, "expires"))
            if expires is None or expires - self._now > EXPIRES_SOON:
                continue
            troubled += 1
            name = text(key, "name")
            hint = f"tocsin keys set {name} expires=…, or delete it"
            if expires <= self._now:
                yield failed("keys", f"{name} expired {ago(iso(expires), now=self._now)}", hint)
            else:
                yield warning("keys", f"{name} expires {ago(iso(expires), now=self._now)}", hint)
        if not troubled:
            yield ok("keys", f"{counted(len(found), 'key')}, and none expires within {EXPIRES_SOON.days} days")

    def transports(self) -> Iterator[Finding]:
        """Transports that are off, held back, or never delivered."""
        for transport in self._transports:
            yield self._transport(transport)

    def _transport(self, transport: JsonObject) -> Finding:
        name = text(transport, "name")
        check = f"transport {name}"
        if transport.get("enabled") is False:
            return warning(check, "is off: it tells nobody", f"tocsin transports enable {name}")
        breaker = self._api.get(path_of("transports", name, "breaker")).object
        state, why = text(breaker, "state"), text(breaker, "last_failure")
        if state in {"open", "disabled"}:
            since = text(breaker, "failing_since")  # one that a 410 disabled at once has none
            failing = f", failing since {ago(since, now=self._now)}" if since else ""
            hint = f"mend the endpoint, then: tocsin transports test {name}"
            return failed(check, f"its breaker is {state}: {why}{failing}", hint)
        delivered = next(self._deliveries(name, "delivered", limit=1), None)
        if delivered is None:
            return self._never_delivered(check, name)
        lately = list(self._deliveries(name, "failed", since=self._now - LATELY, limit=_MOST))
        if lately:
            count = f"{len(lately)}{'+' if len(lately) == _MOST else ''}"
            return warning(
                check,
                f"{count} failed of the last day's events: {_why(lately[0])}",
                f"tocsin deliveries -t {name} -s failed, then: tocsin redrive {name}",
            )
        return ok(check, f"delivered {ago(text(delivered, 'updated'), now=self._now)}")

    def _never_delivered(self, check: str, name: str) -> Finding:
        some = next(self._deliveries(name, None, limit=1), None)
        if some is None:
            return warning(check, "was never used", f"tocsin transports test {name}")
        return failed(
            check, f"never delivered: {text(some, 'state')}, {_why(some)}", f"tocsin story {text(some, 'event_id')}"
        )

    def _deliveries(
        self, transport: str, state: str | None, *, since: datetime | None = None, limit: int
    ) -> Iterator[JsonObject]:
        query = (
            {"transport": transport} | ({"state": state} if state else {}) | ({"since": iso(since)} if since else {})
        )
        return self._api.items("/deliveries", query, limit=limit)

    def rules(self) -> Iterator[Finding]:
        """Rules that can tell nobody."""
        rules = list(self._api.items("/rules"))
        once = {text(each, "name") for each in self._transports if each.get("send_once")}
        troubled = 0
        for rule in rules:
            if rule.get("enabled") is False:
                continue
            wrong = self._cant_tell(rule, once)
            if wrong:
                troubled += 1
                yield warning("rules", f"{text(rule, 'name')} {wrong}", f"tocsin rules edit {text(rule, 'name')}")
        off = sum(rule.get("enabled") is False for rule in rules)
        if not troubled:
            yield ok(
                "rules", f"{counted(len(rules), 'rule')}{f', {off} of them off' if off else ''}; each can tell somebody"
            )

    def _cant_tell(self, rule: JsonObject, once: set[str]) -> str:
        if not [each for each in objects(rule.get("bindings")) if each.get("enabled", True)]:
            return "never fires: it has no enabled binding"
        transports = set(texts(rule.get("transports")))
        if transports & once or rule.get("destination_event_user"):
            return ""
        group = text(rule, "destination_group")
        if not group:
            return "tells nobody: it has neither a group nor the event's user"
        return "" if self._has_members(group) else f"tells nobody: {group} and the groups below it are empty"

    def _has_members(self, group: str) -> bool:
        waiting, seen = [group], {group}
        while waiting:
            name = waiting.pop()
            if next(self._api.items(path_of("groups", name, "members"), limit=1), None) is not None:
                return True
            below = [each for each in texts(self._groups.get(name, {}).get("children")) if each not in seen]
            seen.update(below)
            waiting += below
        return False

    def silences(self) -> Iterator[Finding]:
        """What is silenced now, and for how long."""
        active = list(self._api.items("/silences", {"state": "active"}))
        for silence in active:
            ends = parse_iso(text(silence, "ends"))
            if ends is not None and ends - self._now > LONG_SILENCE:
                name = text(silence, "name")
                said = f"{name} holds until {local(text(silence, 'ends'))}: {text(silence, 'comment') or 'no comment'}"
                yield warning("silences", said, f"tocsin unsilence {name}")
        yield ok("silences", counted(len(active), "active silence"))

    def mail_stops(self) -> Iterator[Finding]:
        """Addresses that get no more mail."""
        stops = list(self._api.items("/mail-stops", limit=_MOST))
        if stops:
            count = f"{len(stops)}{'+' if len(stops) == _MOST else ''}"
            yield warning("mail", f"{count} addresses get no more mail", "tocsin mail-stops list")
        else:
            yield ok("mail", "no address is stopped")

    def own_errors(self) -> Iterator[Finding]:
        """What Tocsin itself reported in the last day."""
        query = {"actions": _OWN_TROUBLE, "app": "tocsin", "since": iso(self._now - LATELY)}
        found = list(self._api.items("/events", query, limit=_MOST))
        if found:
            latest = found[0]
            yield warning(
                "errors",
                f"{counted(len(found), 'error')} of the last day; the latest: {plain(text(latest, 'summary'))}",
                f"tocsin event {text(latest, 'id')}",
            )
        else:
            yield ok("errors", "Tocsin reported none of its own in the last day")

    @cached_property
    def _transports(self) -> list[JsonObject]:
        return list(self._api.items("/transports"))

    @cached_property
    def _groups(self) -> dict[str, JsonObject]:
        return {text(each, "name"): each for each in self._api.items("/groups")}

    def has_mail(self) -> bool:
        """Whether a transport sends e-mail."""
        return any(each.get("mode") == "email" for each in self._transports)


def _why(delivery: JsonObject) -> str:
    attempts = objects(delivery.get("attempts"))
    if not attempts:
        return "no attempt yet"
    status = whole(attempts[-1].get("status"))
    return plain(f"{text(attempts[-1], 'reason')}{f' {status}' if status else ''}")


def states(findings: Iterable[Finding]) -> dict[str, int]:
    """How many findings there are of each state."""
    counts: dict[str, int] = {}
    for finding in findings:
        counts[finding.state.value] = counts.get(finding.state.value, 0) + 1
    return counts
