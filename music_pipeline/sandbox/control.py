"""The control interface at `/_sandbox/…`: what the sandbox knows and counts, and its faults on request.

Nothing here counts as a request to a provider.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from music_pipeline.sandbox.app import Mount
from music_pipeline.sandbox.clock import SandboxClock
from music_pipeline.sandbox.enrichment import EnrichmentTruth
from music_pipeline.sandbox.faults import Faults
from music_pipeline.sandbox.http import SandboxEndpoint, SandboxRequest, SandboxResponse, endpoint, json_response
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.truth import CatalogTruth, UnknownArtistError

Answer = Callable[[SandboxRequest], Any]


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


def control_endpoints(control: Control) -> tuple[SandboxEndpoint, ...]:
    """The endpoints of the control interface, below its prefix."""
    answers: list[tuple[str, str, Answer]] = [
        ("GET", "info", lambda request: control.info),
        ("GET", "artists", lambda request: _artists(control, request)),
        ("GET", "stats", lambda request: _statistics(control)),
        ("POST", "reset_stats", lambda request: _reset(control)),
        ("GET", "bound", lambda request: _bound(control, _named(control, request))),
        ("GET", "enrichment", lambda request: control.enrichment.report(_named(control, request))),
        ("GET", "credits", lambda request: control.truth.credits(_named(control, request))),
        ("GET", "faults", lambda request: control.faults.report()),
        ("DELETE", "faults", lambda request: _clear_faults(control)),
        ("POST", "shrink", lambda request: _shrink(control, request)),
    ]
    added = endpoint("POST", "faults", _as_json(lambda request: _add_fault(control, request), status=201))
    return (*(endpoint(method, path, _as_json(answer)) for method, path, answer in answers), added)


def _as_json(answer: Answer, status: int = 200) -> Callable[[SandboxRequest], SandboxResponse]:
    """The answer as a response. Unknown artists are 404, invalid values 400."""

    def respond(request: SandboxRequest) -> SandboxResponse:
        try:
            return json_response(answer(request), status)
        except UnknownArtistError as unknown:
            return json_response({"error": str(unknown)}, 404)
        except ValueError as refusal:
            return json_response({"error": str(refusal)}, 400)

    return respond


def _artists(control: Control, request: SandboxRequest) -> list[dict[str, Any]]:
    limit = request.first("limit")
    if limit is not None and not limit.isdigit():
        raise ValueError(f"limit is a number, not {limit!r}")
    artists = control.truth.artists()
    return artists[: int(limit)] if limit else artists


def _named(control: Control, request: SandboxRequest) -> list[str]:
    """The keys of the artists that a request names."""
    named = request.all("artists")
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


def _add_fault(control: Control, request: SandboxRequest) -> dict[str, Any]:
    try:
        return asdict(control.faults.add(dict(json.loads(request.body))))
    except TypeError as refusal:
        raise ValueError(str(refusal)) from refusal


def _shrink(control: Control, request: SandboxRequest) -> dict[str, int]:
    try:
        wanted = json.loads(request.body)
        name, lost = str(wanted["artist"]), int(wanted["releases"])
    except (ValueError, KeyError, TypeError) as refusal:
        raise ValueError(f"send an artist and a number of releases: {refusal!r}") from refusal
    artists = control.truth.find_artists([name])
    control.site.hidden_releases.update(dict.fromkeys(artists, lost))
    return {"artists": len(artists), "releases": lost}
