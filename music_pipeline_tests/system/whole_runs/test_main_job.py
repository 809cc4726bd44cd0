"""The main job turns names into a catalogue with producers."""

from collections import Counter

from music_pipeline.matching.names import normalise_name
from music_pipeline.matching.titles import identity_versions, parse_title, same_version
from music_pipeline.work.enqueue import enqueue
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import catalog_stages
from music_pipeline.worker.runner import database_now, refresh, sweep
from music_pipeline_tests.support.pipeline import Pipeline

CATALOGUE_TABLES = (
    "artists", "releases", "artist_releases", "recordings", "recording_isrcs", "tracks", "producers", "credits",
    "credit_sources", "external_ids", "audit",
)  # fmt: skip


def counts(pipeline: Pipeline) -> dict[str, int]:
    return {table: pipeline.value(f"SELECT count(*) FROM {table}") for table in CATALOGUE_TABLES}


def test_artists_get_their_releases_tracks_and_producers(pipeline: Pipeline, small_artists: list[str]) -> None:
    chosen = small_artists[:3]
    pipeline.discover(*chosen)
    outcomes = pipeline.sweep()
    assert [one.error for one in outcomes] == [None] * 12
    bound = pipeline.sandbox.bound(chosen)
    assert pipeline.value("SELECT count(*) FROM releases") == bound["releases"]
    assert pipeline.value("SELECT count(*) FROM tracks") == bound["tracks"]
    served = {
        (row["track_spotify_id"], normalise_name(row["producer"]))
        for row in pipeline.sandbox.credits(chosen)
        if row["direct"]
    }
    found = {
        (row.id, normalise_name(row.producer))
        for row in pipeline.rows(
            "SELECT x.id, v.producer FROM credit_view v JOIN external_ids x ON x.entity = 'track' "
            "AND x.provider = 'spotify' AND x.entity_id = v.track_id"
        )
    }
    assert len(served & found) >= 0.98 * len(served)


def test_second_request_makes_no_call(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    pipeline.sweep()
    pipeline.sandbox.reset_stats()
    before = counts(pipeline)
    assert [one.answer for one in pipeline.discover(small_artists[0])] == ["already_done"]
    assert pipeline.sweep() == []
    assert counts(pipeline) == before
    assert sum(provider["requests"] for provider in pipeline.sandbox.stats().values()) == 0


def test_refresh_of_an_unchanged_catalogue_writes_nothing(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    pipeline.sweep()
    key = pipeline.value("SELECT artist_key FROM artists")
    before = counts(pipeline)
    pipeline.sandbox.reset_stats()
    cutoff = database_now(pipeline.engine)
    for stage in catalog_stages():
        (outcome,) = refresh(stage, [key], run_id="again", cutoff=cutoff)
        assert outcome.error is None
        assert not outcome.has_changed
    assert counts(pipeline) == before
    stats = pipeline.sandbox.stats()
    assert stats["spotify"]["requests"] > 0
    assert stats["discogs"]["requests"] > 0


def test_refresh_of_several_stages_repeats_no_request(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    pipeline.sweep()
    key = pipeline.value("SELECT artist_key FROM artists")
    pipeline.sandbox.reset_stats()
    cutoff = database_now(pipeline.engine)
    for stage in catalog_stages():
        refresh(stage, [key], run_id="again", cutoff=cutoff)
    assert {name: one["repeats"] for name, one in pipeline.sandbox.stats().items() if one["repeats"]} == {}


def test_requests_for_one_artist_end_as_one(pipeline: Pipeline, small_artists: list[str]) -> None:
    names = {one["spotify_id"]: one["name"] for one in pipeline.sandbox.artists()}
    repeated = Counter(names.values())
    unique = next(one for one in small_artists if repeated[names[one]] == 1)
    link = f"https://open.spotify.com/artist/{unique}"
    answers = pipeline.discover(unique, link, names[unique])
    assert [one.answer for one in answers] == ["created", "already_enqueued", "created"]
    pipeline.sweep()
    resolved = pipeline.value("SELECT count(*) FROM artists")
    ambiguous = pipeline.value("SELECT count(*) FROM reviews")
    assert (resolved, ambiguous) in ((1, 0), (1, 1))
    assert pipeline.value("SELECT count(*) FROM work_archive WHERE stage = 'album_discovery'") == 1


def test_track_on_two_releases_is_one_recording(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(*small_artists[:3])
    pipeline.sweep()
    twice = pipeline.rows(
        "SELECT recording_id, count(DISTINCT release_id) AS releases FROM tracks GROUP BY 1 "
        "HAVING count(DISTINCT release_id) > 1"
    )
    assert twice
    assert pipeline.value("SELECT count(*) FROM recordings") < pipeline.value("SELECT count(*) FROM tracks")


def test_two_versions_are_never_one_recording(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(*small_artists[:3])
    pipeline.sweep()
    rows = pipeline.rows("SELECT t.title, r.title AS recorded FROM tracks t JOIN recordings r USING (recording_id)")
    assert any(identity_versions(parse_title(row.title)) for row in rows)
    assert [row for row in rows if not same_version(parse_title(row.title), parse_title(row.recorded))] == []


def test_agreeing_sources_make_one_credit(pipeline: Pipeline, small_artists: list[str]) -> None:
    """Producers are linked by their ids at the providers."""
    pipeline.discover(*small_artists[:3])
    pipeline.sweep()
    agreed = pipeline.rows("SELECT * FROM credit_view WHERE cardinality(sources) > 1")
    assert agreed
    assert all(0 < row.confidence <= 1 for row in agreed)
    linked = pipeline.rows(
        "SELECT entity_id FROM external_ids WHERE entity = 'producer' GROUP BY 1 HAVING count(DISTINCT provider) > 1"
    )
    assert linked


def test_audit_names_the_run_of_every_row(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    pipeline.sweep(run_id="the-run")
    unexplained = pipeline.value("SELECT count(*) FROM audit WHERE why IS NULL OR run_id <> 'the-run'")
    assert unexplained == 0
    assert pipeline.value("SELECT count(*) FROM audit WHERE entity = 'tracks'") == pipeline.value(
        "SELECT count(*) FROM tracks"
    )


def test_gap_in_a_list_is_a_partial_answer(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    list(sweep(Stage.ARTIST_DISCOVERY, run_id="sweep", time_box=60))
    pipeline.sandbox.add_fault("spotify", "null_items", count=1)
    list(sweep(Stage.ALBUM_DISCOVERY, run_id="sweep", time_box=60))
    (answer,) = pipeline.rows("SELECT outcome, items, expected FROM provider_answers WHERE question = 'releases'")
    assert answer.outcome == "partial"
    assert answer.items < answer.expected


def test_track_list_of_a_release_closes_a_search_gap(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    for stage in catalog_stages()[:2]:
        list(sweep(stage, run_id="sweep", time_box=60))
    pipeline.sandbox.add_fault("spotify", "null_items", count=3)
    list(sweep(Stage.TRACK_DISCOVERY, run_id="sweep", time_box=60))
    assert pipeline.value("SELECT count(*) FROM release_coverage WHERE tracks_missing <> 0") == 0


def test_work_on_one_release_reads_only_that_release(pipeline: Pipeline, small_artists: list[str]) -> None:
    pipeline.discover(small_artists[0])
    for stage in catalog_stages()[:2]:
        list(sweep(stage, run_id="sweep", time_box=60))
    row = pipeline.rows("SELECT r.release_id, artist_id FROM releases r JOIN artist_releases USING (release_id)")[0]
    with pipeline.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM work")
        payload = {"artistId": str(row.artist_id), "albumId": str(row.release_id), "offset": 0}
        enqueue(connection, Stage.TRACK_DISCOVERY, payload, subject=str(row.release_id), idempotency_key="one release")
    list(sweep(Stage.TRACK_DISCOVERY, run_id="sweep", time_box=60))
    assert [one[0] for one in pipeline.rows("SELECT DISTINCT release_id FROM tracks")] == [row.release_id]
