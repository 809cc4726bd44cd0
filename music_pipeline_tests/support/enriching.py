"""Small steps that the tests of enrichment share: sweep, let time pass, read what the sources said."""

from typing import Any

import sqlalchemy as sa

from music_pipeline.stages.enrichment.due import enqueue_due
from music_pipeline.stages.enrichment.sources import SOURCES, asked_about_all
from music_pipeline.work.model import Stage
from music_pipeline.worker.outcomes import Outcome
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.support.pipeline import Pipeline

SWEEPS_TO_RECOVER = 8
PROVIDERS = tuple(dict.fromkeys(SOURCES[name].provider for name in asked_about_all()))


def enrich(pipeline: Pipeline) -> list[Outcome]:
    """Sweep enrichment, with what falls due by itself."""
    enqueue_due(pipeline.engine)
    return list(sweep(Stage.ENRICHMENT, run_id="sweep", time_box=60))


def enrich_until_settled(pipeline: Pipeline) -> None:
    """Sweep until failed and waiting rows are settled, with time passing in between."""
    for _ in range(SWEEPS_TO_RECOVER):
        let_time_pass(pipeline)
        if not enrich(pipeline):
            return


def let_time_pass(pipeline: Pipeline) -> None:
    change(pipeline, "UPDATE recording_sources SET next_attempt_at = now() WHERE status = 'failed' "
                     "AND next_attempt_at IS NOT NULL")  # fmt: skip
    pipeline.make_due()


def change(pipeline: Pipeline, statement: str, **values: Any) -> None:
    with pipeline.engine.begin() as connection:
        connection.execute(sa.text(statement), values)


def forget(pipeline: Pipeline) -> None:
    """Delete every trace of enrichment."""
    for table in (
        "recording_sources",
        "provider_breakers",
        "provider_blocks",
        "provider_capabilities",
        "cached_answers",
    ):
        change(pipeline, f"DELETE FROM {table}")
    change(pipeline, "DELETE FROM work_archive WHERE stage = 'enrichment'")


def let_everybody_be_asked(pipeline: Pipeline) -> None:
    """Forget what discovery learnt for enrichment: MusicBrainz's ids and answers, and all cached answers."""
    change(pipeline, "DELETE FROM external_ids WHERE entity = 'recording' AND provider = 'musicbrainz'")
    change(pipeline, "DELETE FROM provider_answers WHERE provider = 'musicbrainz'")
    forget(pipeline)


def rows_by_source(pipeline: Pipeline) -> dict[str, list[Any]]:
    """The rows of each source, without times."""
    rows = pipeline.rows(
        "SELECT source, recording_id, status, fields::text, confidence FROM recording_sources ORDER BY 1, 2"
    )
    return {name: [tuple(row[1:]) for row in rows if row.source == name] for name in SOURCES}


def requests(pipeline: Pipeline) -> dict[str, int]:
    return {name: one["requests"] for name, one in pipeline.sandbox.stats().items() if one["requests"]}
