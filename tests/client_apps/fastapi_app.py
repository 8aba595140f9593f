"""A FastAPI application. One event is saved when its server shuts it down."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, Request

from tocsin_client import Event, asgi, configure, flush
from tocsin_client.fastapi import Middleware, NewEvent, new_event

asgi.FLUSH = 60  # however busy the machine is
configure(trusted_proxies=1)


@asynccontextmanager
async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
    yield
    Event.new("shut_down").save()


app = FastAPI(lifespan=lifespan)
app.add_middleware(Middleware)


@app.post("/event/")
async def event(event: Annotated[NewEvent, Depends(new_event)]) -> dict[str, str | None]:
    return {"id": event("invoice_paid", invoice=4711).set_user({"pk": 7, "username": "alice"}).save()}


@app.post("/awaited/")
async def awaited(request: Request) -> dict[str, str]:
    receipt = await Event.new("invoice_paid", invoice=4711).from_http(request).asave()
    return {"id": receipt.id}


@app.get("/fail/")
async def fail() -> None:
    raise KeyError("the-invoice")


@app.get("/flush/")
def flushed() -> dict[str, bool]:
    return {"flushed": flush(30)}
