"""Bad input and failing providers stop no other work, and lose nothing."""

import pytest

from music_pipeline.catalog.provider_answers import decision_on
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import database_now, refresh, sweep
from music_pipeline_tests.support.pipeline import Pipeline, small_artists_of

KINDS = ["5xx", "truncated_json", "html", "reset"]
# What the sweeps of these tests work off; enrichment comes after them.
OPEN = f"work WHERE stage IN ({', '.join(repr(stage.value) for stage in catalog_stages())})"


@pytest.fixture(autouse=True)
def retries_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    for stage in catalog_stages():
        monkeypatch.setenv(f"RETRY_{stage.upper()}_BASE_SECONDS", "0")


@pytest.mark.parametrize(
    "name",
    ["Nobody By This Name", "'; DROP TABLE artists; --", "🎸🔥", "فرقة لا وجود لها", "A" * 199],
    ids=["latin", "sql", "emoji", "arabic", "longest"],
)
def test_unknown_name_is_buried_with_a_reason(pipeline: Pipeline, name: str) -> None:
    pipeline.discover(name)
    (outcome,) = pipeline.sweep()
    assert outcome.is_dead
    (dead,) = pipeline.rows("SELECT stop_reason, error FROM dead_work")
    assert dead.stop_reason == "non_retryable"
    assert dead.error == f"Spotify knows no artist named “{name}”."
    assert pipeline.value("SELECT count(*) FROM artists") == 0


@pytest.mark.parametrize("name", ["Various", "Unknown Artist", "Traditional"])
def test_name_that_means_no_artist_is_refused(pipeline: Pipeline, name: str) -> None:
    pipeline.discover(name)
    (outcome,) = pipeline.sweep()
    assert outcome.is_dead
    assert name.casefold() in str(outcome.error).casefold()
    assert pipeline.sandbox.stats()["spotify"]["requests"] >= 0


def test_wrong_spotify_id_is_buried_and_named(pipeline: Pipeline) -> None:
    pipeline.discover("0000000000000000000000")
    (outcome,) = pipeline.sweep()
    assert outcome.is_dead
    assert "0000000000000000000000" in str(outcome.error)


def test_ambiguous_name_waits_for_a_final_decision(pipeline: Pipeline) -> None:
    names = [one["name"] for one in pipeline.sandbox.artists()]
    twice = next(name for name in names if names.count(name) > 1)
    pipeline.discover(twice)
    pipeline.sweep()
    (review,) = pipeline.rows("SELECT subject, candidates, status FROM reviews")
    assert review.status == "open"
    assert len(review.candidates) > 1
    assert pipeline.value("SELECT count(*) FROM artists") == 0
    chosen = review.candidates[1]["provider_id"]
    with pipeline.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE reviews SET status = 'accepted', chosen_id = %s", (chosen,))
        decision = decision_on(connection, "artist", review.subject)
    assert decision is not None
    pipeline.discover(twice, force=True)
    list(sweep(Stage.ARTIST_DISCOVERY, run_id="decided", time_box=60))
    assert pipeline.value("SELECT id FROM external_ids WHERE entity = 'artist' AND provider = 'spotify'") == chosen


@pytest.mark.parametrize("provider", ["spotify", "musicbrainz", "discogs", "genius"])
@pytest.mark.parametrize("kind", KINDS)
def test_short_fault_leaves_the_same_catalogue(
    pipeline: Pipeline, small_artists: list[str], provider: str, kind: str
) -> None:
    pipeline.sandbox.add_fault(provider, kind, count=2)
    pipeline.discover(small_artists[0])
    for _ in range(3):
        pipeline.sweep()
        pipeline.make_due()
    disturbed = pipeline.facts()
    assert pipeline.value(f"SELECT count(*) FROM {OPEN}") == 0
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    pipeline.sandbox.clear_faults()
    key = pipeline.value("SELECT artist_key FROM artists")
    cutoff = database_now(pipeline.engine)
    for stage in catalog_stages():
        refresh(stage, [key], run_id="undisturbed", cutoff=cutoff)
    assert pipeline.facts() == disturbed


def test_outage_delays_only_the_work_that_needs_it(
    pipeline: Pipeline, small_artists: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The delayed work resumes by itself when the provider is back."""
    monkeypatch.setenv("RETRY_PRODUCER_IDENTIFICATION_BASE_SECONDS", "60")
    pipeline.sandbox.add_fault("discogs", "outage")
    pipeline.discover(*small_artists[:3])
    for _ in range(8):
        pipeline.make_due()
        pipeline.sweep()
    waiting = pipeline.rows(f"SELECT stage, last_error FROM {OPEN}")
    assert [one.stage for one in waiting] == ["producer_identification"] * 3
    assert all("discogs" in one.last_error.casefold() for one in waiting)
    assert pipeline.value("SELECT count(*) FROM dead_work") == 0
    assert pipeline.value("SELECT count(*) FROM tracks") > 0
    assert pipeline.value("SELECT count(*) FROM credit_sources WHERE provider = 'musicbrainz'") > 0
    answers = pipeline.rows("SELECT DISTINCT outcome FROM provider_answers WHERE provider = 'discogs'")
    assert [one.outcome for one in answers] == ["failed"]
    pipeline.sandbox.clear_faults()
    for _ in range(6):
        pipeline.make_due()
        pipeline.sweep()
    assert pipeline.value("SELECT count(*) FROM credit_sources WHERE provider = 'discogs'") > 0
    assert pipeline.value(f"SELECT count(*) FROM {OPEN}") == 0


def test_day_block_uses_no_attempt_and_no_call(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.sandbox.reset_stats()
    pipeline.sandbox.add_fault("spotify", "429", count=1, retry_after=86_400)
    pipeline.discover(small_artists[0])
    pipeline.sweep()
    rows = pipeline.rows(
        "SELECT attempts, waiting_provider, available_at > now() + interval '10 minutes' AS later FROM work"
    )
    assert [tuple(row) for row in rows] == [(0, "spotify", True)]
    pipeline.sandbox.clear_faults()
    calls = pipeline.sandbox.stats()["spotify"]["requests"]
    pipeline.make_due()
    pipeline.sweep(run_id="after a restart")
    assert pipeline.sandbox.stats()["spotify"]["requests"] == calls
    assert pipeline.sandbox.stats()["spotify"]["early_calls"] == 0


def test_refused_credentials_leave_the_work_waiting(
    pipeline: Pipeline, small_artists: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The secret is not in the error."""
    monkeypatch.setenv("SPOTIFY_CLIENT_ID", "wrong")
    monkeypatch.setenv("SPOTIFY_CLIENT_SECRET", "wrong-secret")
    pipeline.discover(small_artists[0])
    pipeline.sweep()
    (waiting,) = pipeline.rows("SELECT attempts, waiting_provider, last_error FROM work")
    assert (waiting.attempts, waiting.waiting_provider) == (0, "spotify")
    assert "wrong-secret" not in waiting.last_error


def test_large_loss_is_held_and_changes_nothing(shrinking_pipeline: Pipeline) -> None:
    pipeline = shrinking_pipeline
    artist = small_artists_of(pipeline)[0]
    pipeline.discover(artist)
    pipeline.sweep()
    releases = pipeline.value("SELECT count(*) FROM releases")
    pipeline.sandbox.shrink(artist, max(3, releases // 2))
    key = pipeline.value("SELECT artist_key FROM artists")
    refresh(Stage.ALBUM_DISCOVERY, [key], run_id="shrunk", cutoff=database_now(pipeline.engine))
    (held,) = pipeline.rows("SELECT entity, known, answered, status FROM held_changes")
    assert (held.entity, held.known, held.status) == ("artist_releases", releases, "held")
    assert pipeline.value("SELECT count(*) FROM artist_releases WHERE inactive_at IS NOT NULL") == 0


def test_refresh_of_an_artist_held_by_another_run_fails(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    pipeline.sweep()
    key = pipeline.value("SELECT artist_key FROM artists")
    pipeline.discover(small_artists[0], force=True)
    list(sweep(Stage.ARTIST_DISCOVERY, run_id="other", time_box=60))
    with pipeline.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE work SET lease_token = gen_random_uuid(), lease_until = now() + interval '5 minutes', "
            "lease_run_id = 'other'"
        )
    (outcome,) = refresh(Stage.ALBUM_DISCOVERY, [key], run_id="mine", cutoff=database_now(pipeline.engine))
    assert "Another run" in str(outcome.error)


def test_work_cut_off_by_time_resumes_without_repeats(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(*small_artists[:2])
    for stage in catalog_stages()[:2]:
        list(sweep(stage, run_id="first", time_box=60))
    pipeline.sandbox.reset_stats()
    pipeline.sandbox.add_fault("spotify", "latency", seconds=1.5)  # one answer takes longer than the sweep has
    short = list(sweep(Stage.TRACK_DISCOVERY, run_id="short", time_box=1))
    assert {one.error for one in short} == {"The sweep's time is over."}
    assert all(one.is_waiting for one in short)
    assert {row.attempts for row in pipeline.rows(f"SELECT attempts FROM {OPEN}")} == {0}
    pipeline.sandbox.clear_faults()
    pipeline.sweep(run_id="next")
    assert pipeline.value(f"SELECT count(*) FROM {OPEN}") == 0
    assert pipeline.value("SELECT count(*) FROM release_coverage WHERE tracks_missing <> 0") == 0
    assert pipeline.sandbox.stats()["spotify"]["repeats"] == 0
