"""The control interface at `/_sandbox/…`: what the sandbox knows and counts, and its faults on request.

Nothing here counts as a request to a provider.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from music_pipeline.sandbox.app import Mount
from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.enrichment import EnrichmentTruth
from music_pipeline.sandbox.faults import Faults
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.truth import CatalogTruth, UnknownArtistError

Reply = Callable[[Request], Any]


@dataclass(frozen=True, slots=True)
class Control:
    """What the control interface can reach."""

    site: Site
    truth: CatalogTruth
    enrichment: EnrichmentTruth
    clock: SandboxClock
    faults: Faults
    mounts: dict[str, Mount]
    info: dict[str, Any]


def control_app(control: Control) -> Starlette:
    """The control interface as an ASGI application."""
    return Starlette(
        routes=[
            Route("/_sandbox/info", _route(lambda request: control.info)),
            Route("/_sandbox/artists", _route(lambda request: _artists(control, request))),
            Route("/_sandbox/stats", _route(lambda request: _statistics(control))),
            Route("/_sandbox/reset_stats", _route(lambda request: _reset(control)), methods=["POST"]),
            Route("/_sandbox/bound", _route(lambda request: _bound(control, _asked(control, request)))),
            Route("/_sandbox/enrichment", _route(lambda request: control.enrichment.report(_asked(control, request)))),
            Route("/_sandbox/credits", _route(lambda request: control.truth.credits(_asked(control, request)))),
            Route("/_sandbox/faults", _add_fault(control), methods=["POST"]),
            Route("/_sandbox/faults", _route(lambda request: _clear_faults(control)), methods=["DELETE"]),
            Route("/_sandbox/faults", _route(lambda request: control.faults.report())),
            Route("/_sandbox/shrink", _shrink(control), methods=["POST"]),
        ]
    )


def _route(reply: Reply) -> Callable[[Request], Any]:
    async def answer(request: Request) -> JSONResponse:
        try:
            return JSONResponse(reply(request))
        except UnknownArtistError as unknown:
            return JSONResponse({"error": str(unknown)}, 404)
        except ValueError as refusal:
            return JSONResponse({"error": str(refusal)}, 400)

    return answer


def _artists(control: Control, request: Request) -> list[dict[str, Any]]:
    limit = request.query_params.get("limit")
    if limit is not None and not limit.isdigit():
        raise ValueError(f"limit is a number, not {limit!r}")
    artists = control.truth.artists()
    return artists[: int(limit)] if limit else artists


def _asked(control: Control, request: Request) -> list[str]:
    named = request.query_params.getlist("artists")
    if not named:
        raise ValueError("name the artists: ?artists=NAME_OR_SPOTIFY_ID&artists=…")
    return control.truth.find_artists(named)


def _bound(control: Control, artists: list[str]) -> dict[str, Any]:
    return control.truth.bound(artists) | {"enrichment": control.enrichment.bound(artists)}


def _statistics(control: Control) -> dict[str, Any]:
    return {name: mounted.statistics.report() for name, mounted in control.mounts.items()}


def _reset(control: Control) -> dict[str, bool]:
    for mounted in control.mounts.values():
        mounted.reset(control.clock.speed)
    return {"reset": True}


def _clear_faults(control: Control) -> dict[str, bool]:
    control.faults.clear()
    return {"cleared": True}


def _add_fault(control: Control) -> Callable[[Request], Any]:
    async def answer(request: Request) -> JSONResponse:
        try:
            description = json.loads(await request.body())
            return JSONResponse(asdict(control.faults.add(dict(description))), 201)
        except (ValueError, TypeError) as refusal:
            return JSONResponse({"error": str(refusal)}, 400)

    return answer


def _shrink(control: Control) -> Callable[[Request], Any]:
    async def answer(request: Request) -> JSONResponse:
        try:
            wanted = json.loads(await request.body())
            artists = control.truth.find_artists([str(wanted["artist"])])
            lost = int(wanted["releases"])
        except UnknownArtistError as unknown:
            return JSONResponse({"error": str(unknown)}, 404)
        except (ValueError, KeyError, TypeError) as refusal:
            return JSONResponse({"error": f"send an artist and a number of releases: {refusal!r}"}, 400)
        control.site.hidden_releases.update(dict.fromkeys(artists, lost))
        return JSONResponse({"artists": len(artists), "releases": lost})

    return answer
