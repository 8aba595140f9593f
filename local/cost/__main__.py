"""Prints what a workload costs, its drivers, and how that grows: see docs/cost.md."""

from __future__ import annotations

import argparse
from contextlib import AbstractContextManager
from dataclasses import replace

from local.cost.bill import Prices, a_million, a_month, by_kind, dollars, drivers, is_keeping, quotas
from local.cost.meter import Usage
from local.cost.sizes import tables
from local.cost.stage import Stage, staged
from local.cost.workload import Driven, Workload, drive, each_minute, idles
from local.sinks import Sinks

RATES = (1, 10, 100, 1_000, 10_000, 100_000)


def _staged(workload: Workload, prices: Prices) -> AbstractContextManager[Stage]:
    return staged(prices.assumed, indexes=workload.indexes, log_level=workload.log_level)


def driven_by(workload: Workload, prices: Prices, idle: Usage) -> Driven:
    """Drives a workload through the code, on tables and queues of its own."""
    with Sinks.started() as sinks, _staged(workload, prices) as stage:
        return drive(stage, workload, sinks, idle)


def idle_month(idle: Usage, names: list[str], prices: Prices) -> str:
    """What a month costs in which nothing comes, by kind of unit, and by function that runs each minute."""
    costs = dollars(a_month(idle), prices)
    kinds = ", ".join(f"{kind} {cost:.2f}" for kind, cost in by_kind(costs).items() if cost >= 0.005)
    by_function = {name: sum(cost for unit, cost in costs.items() if unit.endswith(f":{name}")) for name in names}
    says = ", ".join(f"{name} {cost:.3f}" for name, cost in sorted(by_function.items(), key=lambda each: -each[1]))
    total = sum(costs.values())
    return f"Where nothing comes: ${total:.2f} a month ({kinds}).\nInvocations and log lines each minute: {says}."


def bill(workload: Workload, prices: Prices, idle: Usage) -> str:
    """One workload's bill."""
    driven = driven_by(workload, prices, idle)
    usage = a_million(driven, workload)
    costs = dollars(usage, prices)
    lines = ["| unit | a million events use | $ |", "|---|---|---|"]
    for name, cost in sorted(costs.items(), key=lambda each: -each[1]):
        if usage[name]:
            lines.append(f"| {name} | {usage[name]:,.1f} | {cost:.3f} |")
    taking = sum(cost for name, cost in costs.items() if not is_keeping(name))
    keeping = sum(cost for name, cost in costs.items() if is_keeping(name))
    lines += [
        "",
        f"${taking:.2f} a million to take, match and tell; ${keeping:.2f} to keep them {workload.retention_days} days.",
        "By kind: " + ", ".join(f"{kind} {cost:.2f}" for kind, cost in by_kind(costs).items()),
        "Drivers: " + "; ".join(f"{name} ${cost:.2f}" for name, cost in drivers(costs)),
    ]
    return "\n".join(lines)


def growth(workload: Workload, prices: Prices, idle: Usage) -> str:
    """The same workload at each of RATES: what a million costs then, and which quota is the nearest."""
    lines = [
        "| events/s | matcher's batch | $ a million | $ a month | drivers | nearest quota |",
        "|---|---|---|---|---|---|",
    ]
    for rate in RATES:
        at = replace(workload, rate=float(rate))
        driven = driven_by(at, prices, idle)
        costs = dollars(a_million(driven, at), prices)
        taking = sum(cost for name, cost in costs.items() if not is_keeping(name))
        first = quotas(driven, at)[0]
        says = ", ".join(f"{name} {cost:.2f}" for name, cost in drivers(costs))
        month = taking * rate * 86_400 * 30 / 1e6
        lines.append(
            f"| {rate:,} | {at.match_batch} | {taking:.2f} | {month:,.0f} | {says}"
            f" | {first.what}: {first.part:.0%} of {first.limit:,} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Reads the workload from the command line."""
    known = Workload()
    parser = argparse.ArgumentParser(prog="make cost", description=__doc__)
    parser.add_argument("--rate", type=float, default=known.rate, help="events a second")
    parser.add_argument("--batch", type=int, default=known.batch, help="events a request")
    parser.add_argument("--size", type=int, default=known.size, help="bytes of an event's context")
    parser.add_argument("--share", type=float, default=known.share, help="part of the events that fire the rule")
    parser.add_argument("--recipients", type=int, default=known.recipients)
    parser.add_argument("--modes", default=",".join(known.modes), help="webhook,webhook_slack,email,local")
    parser.add_argument("--retention-days", type=int, default=known.retention_days)
    parser.add_argument("--indexes", help="the parameter EventIndexes: none, user_pk, client_ip")
    parser.add_argument("--tracing", default=known.tracing, help="the parameter Tracing: Active, PassThrough")
    parser.add_argument("--log-level", help="the parameter LogLevel: DEBUG, INFO, WARNING, ERROR")
    parser.add_argument("--match-window", type=float, default=known.match_window, help="the parameter MatchWindow")
    parser.add_argument("--sizes", action="store_true", help="calls and units by rules, members, events, deliveries")
    parser.add_argument("--larger", action="store_true", help="larger sizes as well, which take minutes each")
    parser.add_argument("--growth", action="store_true", help="at 1 to 100,000 events a second as well")
    asked = parser.parse_args()
    workload = Workload(
        rate=asked.rate,
        batch=asked.batch,
        size=asked.size,
        share=asked.share,
        recipients=asked.recipients,
        modes=tuple(mode for mode in asked.modes.split(",") if mode),
        retention_days=asked.retention_days,
        indexes=asked.indexes,
        tracing=asked.tracing,
        log_level=asked.log_level,
        match_window=asked.match_window,
    )
    prices = Prices.read()
    if asked.sizes:
        print(tables(prices, larger=asked.larger))
        return
    print(f"{workload}\nPrices: {prices.region}, as of {prices.as_of} (local/cost/prices.json)\n")
    with _staged(workload, prices) as stage:
        idle, names = idles(stage, workload), each_minute(stage.template)
    print(bill(workload, prices, idle))
    print("\n" + idle_month(idle, names, prices))
    if asked.growth:
        print("\n" + growth(workload, prices, idle))


if __name__ == "__main__":
    main()
