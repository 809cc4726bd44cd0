"""Two processes on one queue do each piece of work once and keep the quotas."""

from music_pipeline.catalog.fingerprint import TableDigest
from music_pipeline_tests.support.pipeline import Pipeline
from music_pipeline_tests.system.crash.conftest import (
    ARTISTS,
    PATIENCE_SECONDS,
    Processes,
    assert_nothing_was_lost,
    requested,
)


def test_two_sweeps_share_work_and_keep_quotas(
    pipeline: Pipeline, undisturbed: list[TableDigest], processes: Processes
) -> None:
    pipeline.discover(*requested(pipeline.sandbox))
    pipeline.sandbox.reset_stats()
    drains = processes.sweeps(["one", "other"])
    assert [drain.wait(PATIENCE_SECONDS) for drain in drains] == [0, 0]
    assert_nothing_was_lost(pipeline, undisturbed)
    assert pipeline.value("SELECT sum(claimed) FROM queue_metrics") == 4 * ARTISTS
    assert pipeline.value("SELECT count(DISTINCT run_id) FROM queue_metrics") == 2
    assert pipeline.rows("SELECT stage, error FROM worker_issues") == []
    for provider, stats in pipeline.sandbox.stats().items():
        assert (stats["repeats"], stats["overruns"], stats["early_calls"]) == (0, 0, 0), provider
