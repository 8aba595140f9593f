"""An aiohttp application: `python -m tests.client_apps.aiohttp_app PORT`."""

import sys

from aiohttp import web

from tocsin_client import Event, configure

configure(trusted_proxies=1)


async def event(request: web.Request) -> web.Response:
    receipt = await Event.new("invoice_paid", invoice=4711).from_http(request, {"username": "alice"}).asave()
    return web.json_response({"id": receipt.id})


def main() -> None:
    """Serve."""
    app = web.Application()
    app.router.add_post("/event/", event)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
