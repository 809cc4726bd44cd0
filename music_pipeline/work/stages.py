"""One row for each stage of work: what it is called, what it takes, where it is done, when it runs.

Whatever lists stages derives its list from here. How a stage reads and stores is in the module that its row names.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from music_pipeline.work.model import Stage
from music_pipeline.work.payloads import (
    AlbumDiscovery,
    ArtistDiscovery,
    Enrichment,
    Payload,
    ProducerIdentification,
    SocialEnrichment,
    TrackDiscovery,
)

Subject = Literal["artist", "producer"]


@dataclass(frozen=True, slots=True)
class StageSpec:
    """A stage of work.

    `module`: the module that reads and stores it. `asset`: the Dagster asset that it fills; `table`: the table whose
    rows the asset counts. `queue`, `job`: the names of its queue asset and of the job that sweeps it. `follows`: the
    stage that enqueues it, if one does. `subject`: what a piece of its work is about. `is_paged`: its payload carries
    an offset.
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
    subject: Subject = "artist"
    is_paged: bool = False


STAGES: Mapping[Stage, StageSpec] = {
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
            description="The tracks with one value a field: the operator's, else the most trusted source's.",
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
            subject="producer",
        ),
    )
}  # fmt: skip
