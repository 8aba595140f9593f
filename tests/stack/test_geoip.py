"""Enrichment on the deployed stack: the built layer has what it takes, and ingest's role lacks nothing.

The emulator runs functions as processes of this machine, for which no layer is at /opt: so ingest is told of a
directory in its environment, as `sam local invoke` can be.
"""

from contextlib import contextmanager

from local.waiting import until
from tests.geoip_databases import BERLIN_GEO, EXAMPLE_ASN, write_databases


@contextmanager
def environment(stack, **variables):
    """Within, ingest runs with these variables too."""
    name = f"{stack.deployed.stack_name}-ingest"
    update = stack.aws.awslambda.update_function_configuration
    deployed = stack.aws.awslambda.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
    update(FunctionName=name, Environment={"Variables": deployed | variables})
    try:
        yield
    finally:
        update(FunctionName=name, Environment={"Variables": deployed})


def test_an_event_is_told_where_its_address_is_and_whose(stack, api, tmp_path):
    databases = write_databases(tmp_path)
    event = {"action": "rehearsal", "app": "geo", "client_ip": "203.0.113.7"}

    def context():
        return api.ask("GET", f"/events/{api.post_event(event)['id']}").json()["context"]

    with environment(stack, GEO_DIRECTORY=str(databases)):
        enriched = until(context, 120, of="an event with the place of its address")

    assert enriched == {"geo": BERLIN_GEO, "asn": EXAMPLE_ASN}
