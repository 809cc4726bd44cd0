"""The enrichment that falls due by itself, and its way into the ledger.

A failed or absent answer is due at its time. A source that was never asked is due. A skipped source is due when it may
be asked. Answers that are too old come last, a few at a time. `plan` decides which sources are asked about a recording.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from music_pipeline.credentials import CredentialError
from music_pipeline.database.queries import query
from music_pipeline.gateway.capabilities import LIFETIME_SECONDS
from music_pipeline.providers.availability import missing_settings
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.stages.enrichment.sources import SOURCES, asked_about_all, asked_on_demand
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.model import EnqueueRequest, Stage
from music_pipeline.work.stages import catalog_stages

ARTISTS_A_TICK = 1_000
# Seven times what a catalogue of 100,000 recordings needs in the ten minutes between two sweeps.
OLD_ANSWERS_A_TICK = 500
LAST_PRIORITY = 9


def is_due(engine: sa.Engine) -> bool:
    """Whether `enqueue_due` would enqueue anything, other than sources that were never asked.

    Those wait for a sweep that something else causes, since looking for them costs more. If the operator gave what such
    a source needs, they do not wait.
    """
    with engine.connect() as connection:
        return bool(connection.execute(query("enrichment_is_due"), _sources(engine)).scalar_one())


def enqueue_due(engine: sa.Engine, *, limit: int = ARTISTS_A_TICK, old_answers: int = OLD_ANSWERS_A_TICK) -> int:
    """Enqueue artists with a recording that a source is to be asked about. Return how many there were.

    `limit`: of artists. `old_answers`: of expired answers whose artists are enqueued, the oldest first.
    """
    sources = _sources(engine)
    with engine.begin() as connection:
        before = {"catalog_stages": [stage.value for stage in catalog_stages()]}
        due = connection.execute(query("artists_due_for_enrichment"), sources | before | {"limit": limit}).all()
        old = connection.execute(query("artists_with_old_answers"), sources | {"limit": old_answers}).all()
        asked_at = connection.execute(query("database_now")).scalar_one()
        taken = {row.artist_id for row in due}
        requests = [
            *_requests(due, asked_at.isoformat(), priority=None),
            *_requests(
                [row for row in old if row.artist_id not in taken], asked_at.isoformat(), priority=LAST_PRIORITY
            ),
        ]
        return len(enqueue_many(connection, requests))


def _requests(artists: Sequence[sa.Row[Any]], window: str, *, priority: int | None) -> Iterator[EnqueueRequest]:
    for row in artists:
        yield EnqueueRequest(
            stage=Stage.ENRICHMENT,
            payload={"artistId": str(row.artist_id), "artistName": row.name},
            subject=str(row.artist_id),
            idempotency_key=f"enrichment:{row.artist_id}:{window}",
            partition_key=row.artist_key,
            origin="batch",
            priority=priority,
        )


def _sources(engine: sa.Engine) -> dict[str, list[str]]:
    return {
        "sources": list(SOURCES),
        "askable": askable_sources(engine),
        "about_all": asked_about_all(),
        "on_demand": asked_on_demand(),
    }


def askable_sources(engine: sa.Engine) -> list[str]:
    """The sources whose provider has its credentials, and no endpoint that is gone for our app.

    A source that was skipped before may be asked only if it is one of these.
    """
    with engine.connect() as connection:
        lessons = connection.execute(query("capabilities"), {"lifetime": LIFETIME_SECONDS}).all()
    gone = {row.provider for row in lessons if row.value == "gone"}
    providers = {source.provider for source in SOURCES.values()} - gone
    askable = {name for name in providers if _has_what_it_needs(engine, name)}
    return [source.name for source in SOURCES.values() if source.provider in askable]


def _has_what_it_needs(engine: sa.Engine, name: str) -> bool:
    try:
        return not missing_settings(engine, PROVIDERS[name])
    except CredentialError:  # reported where the credential is needed; it must not hold up the others
        return False
