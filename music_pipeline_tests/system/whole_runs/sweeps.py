"""Whole runs, from the request to the last profile.

Time passes between the sweeps.
"""

from collections.abc import Sequence

import sqlalchemy as sa

from music_pipeline.work.stages import STAGES, due_hook
from music_pipeline.worker.runner import sweep
from music_pipeline_tests.support.pipeline import Pipeline, smallest_of

# What waits for a time is due: retries, breakers, blocks and quotas, and the sources that failed.
A_DAY_GOES_BY = (
    "UPDATE work SET available_at = now() - interval '1 second' WHERE lease_token IS NULL",
    "UPDATE provider_breakers SET open_until = now() WHERE state = 'open'",
    "DELETE FROM provider_blocks",
    "UPDATE recording_sources SET next_attempt_at = now() WHERE next_attempt_at IS NOT NULL AND status <> 'absent'",
    "UPDATE profile_followers SET asked_at = asked_at - interval '1 day' WHERE outcome = 'failed'",
)
# All answers become old, and learnt capabilities expire.
A_QUARTER_GOES_BY = (
    "UPDATE cached_answers SET fetched_at = fetched_at - interval '91 days'",
    "UPDATE provider_capabilities SET learnt_at = learnt_at - interval '91 days'",
    "UPDATE producer_answers SET asked_at = asked_at - interval '91 days'",
    "UPDATE profile_followers SET asked_at = asked_at - interval '91 days'",
    "UPDATE recording_sources SET fetched_at = fetched_at - interval '91 days', "
    "expires_at = expires_at - interval '91 days', next_attempt_at = next_attempt_at - interval '91 days'",
)


def sweep_all(pipeline: Pipeline, run_id: str = "sweep", time_box: float = 60) -> int:
    """Sweep every stage once. Returns the number of pieces of work."""
    done = 0
    for stage in STAGES:
        if (hook := due_hook(stage)) is not None:
            hook.enqueue_due(pipeline.engine)
        done += len(list(sweep(stage, run_id=run_id, time_box=time_box)))
    return done


def let_a_day_go_by(pipeline: Pipeline) -> None:
    _change(pipeline, A_DAY_GOES_BY)


def let_a_quarter_go_by(pipeline: Pipeline) -> None:
    _change(pipeline, A_QUARTER_GOES_BY)


def _change(pipeline: Pipeline, statements: Sequence[str]) -> None:
    with pipeline.engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


def run_until_nothing_is_open(pipeline: Pipeline, sweeps: int) -> None:
    """Sweep once a day until a sweep finds no work, at most `sweeps` times."""
    for _ in range(sweeps):
        if not sweep_all(pipeline):
            return
        let_a_day_go_by(pipeline)


def smallest(pipeline: Pipeline, count: int) -> Sequence[str]:
    """Spotify ids of artists with few tracks that Discogs knows."""
    return smallest_of(pipeline.sandbox)[:count]
