"""The stages of work: one StageSpec row each.

Every other list of stages is derived from `STAGES`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast

import pydantic

from music_pipeline.work.model import Stage
from music_pipeline.work.payloads import (
    AlbumDiscovery,
    ArtistDiscovery,
    Enrichment,
    InvalidPayload,
    Payload,
    ProducerIdentification,
    SocialEnrichment,
    TrackDiscovery,
)

if TYPE_CHECKING:
    import sqlalchemy as sa

Subject = Literal["request", "artist", "producer"]
Reporting = Literal["artist", "source", "work"]
LaunchOption = Literal["artists", "providers_back"]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage of work.

    `module`: reads and stores it. `asset`: the Dagster asset it fills. `table`: the table that the asset shows.
    `queue`, `job`: its queue asset, and the job that sweeps the queue. `follows`: the stage that enqueues it.
    `counts`: the statement whose counts each sweep reports. `subject`: what one item is about: a requested artist, a
    catalogue artist or a producer. `reports`: which events a sweep logs: one per artist, one per artist and source, or
    one log line per item. `launch`: what the launch pad can add to a sweep. `due`: the module whose `enqueue_due`
    enqueues what fell due, and whose `is_due` says whether anything did. `estimate`: `module:function` that estimates
    the provider calls of open work. `is_paged`: its payload has an offset.
    """

    stage: Stage
    module: str
    payload: type[Payload]
    asset: str
    table: str
    queue: str
    job: str
    follows: Stage | None
    cron: str
    kinds: frozenset[str]
    description: str
    counts: str
    subject: Subject = "artist"
    reports: Reporting = "artist"
    launch: LaunchOption | None = None
    due: str | None = None
    estimate: str | None = None
    is_paged: bool = False


STAGES: dict[Stage, StageSpec] = {
    spec.stage: spec
    for spec in (
        StageSpec(
            stage=Stage.ARTIST_DISCOVERY,
            module="music_pipeline.stages.discovery.artists",
            payload=ArtistDiscovery,
            asset="artists",
            table="artists",
            queue="artists",
            job="artist_discovery",
            follows=None,
            cron="*/2 * * * *",
            kinds=frozenset({"postgres", "spotify"}),
            description="Artists whom an operator named, resolved by provider ids, never by first hit.",
            counts="catalog_row_counts",
            subject="request",
            launch="artists",
            estimate="music_pipeline.stages.discovery.estimate:artist_calls",
        ),
        StageSpec(
            stage=Stage.ALBUM_DISCOVERY,
            module="music_pipeline.stages.discovery.releases",
            payload=AlbumDiscovery,
            asset="releases",
            table="releases",
            queue="releases",
            job="album_discovery",
            follows=Stage.ARTIST_DISCOVERY,
            cron="*/5 * * * *",
            kinds=frozenset({"postgres", "spotify"}),
            description="Their albums, singles and compilations, as complete as the provider's own list proves.",
            counts="catalog_row_counts",
            estimate="music_pipeline.stages.discovery.estimate:release_calls",
            is_paged=True,
        ),
        StageSpec(
            stage=Stage.TRACK_DISCOVERY,
            module="music_pipeline.stages.discovery.tracks",
            payload=TrackDiscovery,
            asset="tracks",
            table="tracks",
            queue="tracks",
            job="track_discovery",
            follows=Stage.ALBUM_DISCOVERY,
            cron="*/5 * * * *",
            kinds=frozenset({"postgres", "spotify"}),
            description="The tracks of the releases and their recordings: one recording may be on several releases.",
            counts="catalog_row_counts",
            estimate="music_pipeline.stages.discovery.estimate:track_calls",
            is_paged=True,
        ),
        StageSpec(
            stage=Stage.PRODUCER_IDENTIFICATION,
            module="music_pipeline.stages.credits.producers",
            payload=ProducerIdentification,
            asset="producers",
            table="producers",
            queue="producers",
            job="producer_identification",
            follows=Stage.TRACK_DISCOVERY,
            cron="*/10 * * * *",
            kinds=frozenset({"postgres", "musicbrainz", "discogs", "genius"}),
            description="Who produced the recordings, with role, name as credited, sources and confidence.",
            counts="catalog_row_counts",
            estimate="music_pipeline.stages.credits.estimate:producer_calls",
        ),
        StageSpec(
            stage=Stage.ENRICHMENT,
            module="music_pipeline.stages.enrichment.stage",
            payload=Enrichment,
            asset="enriched_tracks",
            table="tracks",
            queue="enrichment",
            job="process_pending_enrichments",
            follows=Stage.PRODUCER_IDENTIFICATION,
            cron="*/10 * * * *",
            kinds=frozenset({"postgres"}),
            description=(
                "The tracks with the value chosen for each field: the operator's, else the most trusted source's."
            ),
            counts="enrichment_counts",
            reports="source",
            launch="providers_back",
            due="music_pipeline.stages.enrichment.due",
            estimate="music_pipeline.stages.enrichment.estimate:source_calls",
        ),
        StageSpec(
            stage=Stage.SOCIAL_ENRICHMENT,
            module="music_pipeline.stages.profiles.producers",
            payload=SocialEnrichment,
            asset="producer_profiles",
            table="producer_profiles",
            queue="social",
            job="social_enrichment",
            follows=Stage.PRODUCER_IDENTIFICATION,
            cron="17 * * * *",
            kinds=frozenset({"postgres"}),
            description=(
                "Where else producers are to be found, by evidence of MusicBrainz, Discogs and Genius, and how many "
                "follow them at Instagram."
            ),
            counts="profile_counts",
            subject="producer",
            reports="work",
            due="music_pipeline.stages.profiles.producers",
            estimate="music_pipeline.stages.profiles.estimate:profile_calls",
        ),
    )
}


def catalog_stages() -> tuple[Stage, ...]:
    """The stages that build the catalogue, in order. Each logs an event per artist."""
    return tuple(spec.stage for spec in STAGES.values() if spec.reports == "artist")


def artist_stages() -> tuple[Stage, ...]:
    """The stages about artists, in order: one run can sweep them as a chain."""
    return tuple(spec.stage for spec in STAGES.values() if spec.subject != "producer")


class DueHook(Protocol):
    """A module that knows which work of its stage falls due by itself."""

    def enqueue_due(self, engine: "sa.Engine") -> int:
        """Enqueue what fell due, and return how many items that is."""

    def is_due(self, engine: "sa.Engine") -> bool:
        """Whether `enqueue_due` would find anything."""


def due_hook(stage: Stage) -> DueHook | None:
    """The stage's `due` module, loaded when it is first needed.

    None if work only comes from other stages.
    """
    module = STAGES[stage].due
    return None if module is None else cast(DueHook, import_module(module))


def read_payload(stage: Stage, payload: Mapping[str, Any]) -> Payload:
    """Parse the payload as the model of its stage. Raises InvalidPayload."""
    try:
        return STAGES[stage].payload.model_validate(dict(payload))
    except pydantic.ValidationError as error:
        raise InvalidPayload(f"This payload of {stage} is malformed: {_sentence(error)}.") from None


def checked_payload(stage: Stage, payload: Mapping[str, Any]) -> dict[str, Any]:
    """Check the payload, and return it as stored: in camel case, without unset fields.

    Raises InvalidPayload.
    """
    return read_payload(stage, payload).model_dump(mode="json", by_alias=True, exclude_none=True)


def _sentence(error: pydantic.ValidationError) -> str:
    return "; ".join(_field_error(detail["loc"], detail["msg"]) for detail in error.errors(include_input=False))


def _field_error(place: tuple[int | str, ...], message: str) -> str:
    text = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {text}" if place else text
