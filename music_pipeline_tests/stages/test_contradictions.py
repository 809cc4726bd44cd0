"""Providers that contradict themselves, or are asked again: what their silence means."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from music_pipeline.providers import discogs
from music_pipeline.sandbox.process import SandboxProcess
from music_pipeline.work.model import Stage
from music_pipeline.worker.runner import database_now, refresh
from music_pipeline_tests.support.enriching import change, enrich
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.whole_runs.sweeps import let_a_day_go_by, smallest, sweep_all

WAITING = "SELECT count(*) FROM recording_sources WHERE source = 'discogs' AND status = 'waiting'"
NO_MBID = "00000000-0000-4000-8000-000000000000"


def test_source_goes_on_once_discovery_has_its_answer(
    engine: sa.Engine, sandbox: Callable[..., SandboxProcess], monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline = Pipeline(engine, sandbox(speed=600, seed=41))  # two of whose artists have a release that is not there
    monkeypatch.setenv("MUSIC_SANDBOX_URL", pipeline.sandbox.url)
    monkeypatch.setattr(discogs, "HITS_PER_PAGE", 3)
    pipeline.sandbox.add_fault("discogs", "total_changes")
    pipeline.discover(*smallest(pipeline, 2))
    sweep_all(pipeline)
    credits = pipeline.value("SELECT count(*) FROM credits")
    assert pipeline.value(WAITING) > 0
    pipeline.sandbox.clear_faults()
    let_a_day_go_by(pipeline)
    sweep_all(pipeline)
    assert pipeline.value("SELECT count(*) FROM credits") == credits
    assert pipeline.value(WAITING) == 0


def test_fresh_musicbrainz_answer_replaces_its_old_one(discovered: Pipeline) -> None:
    enrich(discovered)
    change(discovered, "DELETE FROM external_ids WHERE entity = 'recording' AND provider = 'musicbrainz'")
    change(
        discovered,
        "UPDATE recording_sources SET status = 'found', confidence = 0.9, next_attempt_at = NULL, "
        "fields = jsonb_build_object('musicbrainz_id', CAST(:mbid AS text)), fetched_at = :before, "
        "expires_at = now() + interval '90 days' WHERE source = 'musicbrainz'",
        mbid=NO_MBID,
        before=datetime.now(UTC) - timedelta(days=1),
    )
    (key,) = [row.artist_key for row in discovered.rows("SELECT artist_key FROM artists")]
    cutoff = database_now(discovered.engine)
    refresh(Stage.ENRICHMENT, [key], run_id="again", cutoff=cutoff, sources=["musicbrainz"])
    said = discovered.rows("SELECT status, fields FROM recording_sources WHERE source = 'musicbrainz'")
    assert NO_MBID not in {row.fields.get("musicbrainz_id") for row in said}
    assert "found" in {row.status for row in said}
