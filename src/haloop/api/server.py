"""The application: its routes, and the house they open onto."""

from fastapi import FastAPI

from haloop.api import health
from haloop.api.house import House


def make_app(house: House) -> FastAPI:
    """The HTTP API of a house."""
    app = FastAPI(title="Haloop", version=house.version, generate_unique_id_function=lambda route: route.name)
    app.state.house = house
    app.include_router(health.router)
    return app
