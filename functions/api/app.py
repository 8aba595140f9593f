"""Everything over HTTP but POST /events. Trigger: HTTP API, payload format 2.0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tocsin import clients
from tocsin.api import Stores, application
from tocsin.backtesting import Backtester
from tocsin.blueprint import Blueprints
from tocsin.deliveries.http import policy_of
from tocsin.explaining import Explainer
from tocsin.observability import logger
from tocsin.settings import Environment
from tocsin.silencing import Silences
from tocsin.store.configuration import ConfigurationStore
from tocsin.store.events import EventStore
from tocsin.store.ledger import Ledger
from tocsin.store.people import PeopleStore
from tocsin.store.throttles import Throttles

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

environment = Environment.of_process()
events = EventStore(clients.dynamodb(), environment.text("EVENTS_TABLE"))
configuration = ConfigurationStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
people = PeopleStore(clients.dynamodb(), environment.text("CONFIG_TABLE"))
throttles = Throttles(clients.dynamodb(), environment.text("DELIVERIES_TABLE"))
explainer = Explainer(configuration, people, throttles, events)
resolve = application(
    Stores(
        events=events,
        ledger=Ledger(clients.dynamodb(), environment.text("DELIVERIES_TABLE")),
        blueprints=Blueprints(configuration, people, policy_of(environment)),
        explainer=explainer,
        backtester=Backtester(clients.dynamodb(), environment.text("EVENTS_TABLE"), explainer, people),
        silences=Silences(configuration),
    )
)


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> Mapping[str, Any]:
    """JSON, or problem+json for what is refused."""
    return resolve(event, context)
