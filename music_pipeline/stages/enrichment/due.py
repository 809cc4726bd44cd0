"""What of enrichment falls due by itself, and its way into the ledger.

What failed or was absent, when its time comes; what was never asked; what was skipped, and may be asked by now; and, a
few at a time and after all else, what was found too long ago. What is asked about a recording is decided in
`enrichment_plan`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import sqlalchemy as sa

from music_pipeline.credentials import CredentialError
from music_pipeline.database.queries import query
from music_pipeline.gateway.auth import missing_credentials
from music_pipeline.gateway.capabilities import LIFETIME_SECONDS
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.settings import settings
from music_pipeline.stages.enrichment.sources import SOURCES, asked_about_all, asked_on_demand
from music_pipeline.work.enqueue import enqueue_many
from music_pipeline.work.model import EnqueueRequest, Stage
from music_pipeline.work.stages import catalog_stages

ARTISTS_A_TICK = 1_000
# Seven times as many as a catalogue of 100,000 recordings needs in the ten minutes between two sweeps.
OLD_ANSWERS_A_TICK = 500
LAST_PRIORITY = 9


def is_due(engine: sa.Engine) -> bool:
    """Whether there is anything that `enqueue_due` would enqueue, but for what was never asked.

    What was never asked waits for the sweep that something else brings about, which costs less than to look for it;
    but not where the operator gave what a source needs, who will look for the answer.
    """
    with engine.connect() as connection:
        return bool(connection.execute(query("enrichment_is_due"), _sources(engine)).scalar_one())


def enqueue_due(engine: sa.Engine, *, limit: int = ARTISTS_A_TICK, old_answers: int = OLD_ANSWERS_A_TICK) -> int:
    """Enqueue artists with a recording that a source is to be asked about, again or at last; answers how many were.

    `limit`: artists. `old_answers`: answers past their time whose artists are taken, the oldest first.
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
    """The sources whose provider has its credentials, and none of whose endpoints turned out to be gone for our app.

    Only among these may one be asked that was skipped before.
    """
    with engine.connect() as connection:
        lessons = connection.execute(query("capabilities"), {"lifetime": LIFETIME_SECONDS}).all()
    gone = {row.provider for row in lessons if row.value == "gone"}
    providers = {source.provider for source in SOURCES.values()} - gone
    askable = {name for name in providers if _has_what_it_needs(engine, name)}
    return [source.name for source in SOURCES.values() if source.provider in askable]


def _has_what_it_needs(engine: sa.Engine, name: str) -> bool:
    configured, provider = settings(), PROVIDERS[name]
    has_contact = configured.sandbox_url is not None or configured.musicbrainz_contact is not None
    try:
        return not missing_credentials(engine, provider) and (has_contact or not provider.contact_needed)
    except CredentialError:  # one that cannot be read is told of where it is needed, and must not hold up the others
        return False
