"""What Dagster loads: the graph to the letter, and when its schedules decide to run."""

from datetime import UTC, datetime

import dagster as dg
import pytest
import sqlalchemy as sa

from music_pipeline.actions.request_artist import request_artist
from music_pipeline.definitions import definitions
from music_pipeline.defs.runs.ticks import decide
from music_pipeline.defs.schedules import schedules
from music_pipeline.stages.enrichment.sources import SOURCES
from music_pipeline.work.model import Stage
from music_pipeline.work.sweeps import Sweep, begin_sweep


def test_the_definitions_load() -> None:
    dg.Definitions.validate_loadable(definitions())


def test_the_asset_graph_is_the_catalogue_its_enrichment_and_the_queues_with_no_edge_to_these() -> None:
    graph = {
        spec.key.to_user_string(): (
            [dependency.asset_key.to_user_string() for dependency in spec.deps],
            spec.group_name,
            spec.partitions_def is not None,
        )
        for spec in definitions().resolve_all_asset_specs()
    }
    by_tracks = ("spotify", "reccobeats", "deezer", "lastfm", "spotify_audio_features", "getsongbpm",
                 "sonoteller")  # fmt: skip
    assert graph == {
        "artists": ([], "catalog", True),
        "releases": (["artists"], "catalog", True),
        "tracks": (["releases"], "catalog", True),
        "producers": (["tracks"], "catalog", True),
        **{f"enrichment/{name}": (["tracks"], "enrichment", True) for name in by_tracks},
        "enrichment/musicbrainz": (["tracks", "producers"], "enrichment", True),
        "enrichment/discogs": (["tracks", "producers"], "enrichment", True),
        "enrichment/acousticbrainz": (["tracks", "enrichment/musicbrainz"], "enrichment", True),
        "enriched_tracks": ([f"enrichment/{name}" for name in SOURCES], "enrichment", True),
        "queue/artists": ([], "queue", False),
        "queue/releases": (["queue/artists"], "queue", False),
        "queue/tracks": (["queue/releases"], "queue", False),
        "queue/producers": (["queue/tracks"], "queue", False),
        "queue/enrichment": (["queue/producers"], "queue", False),
        "queue/social": (["queue/producers"], "queue", False),
    }


def test_every_asset_has_a_description_kinds_an_owner_and_a_table() -> None:
    for spec in definitions().resolve_all_asset_specs():
        assert spec.description
        assert spec.kinds
        assert spec.owners == ["team:catalog"]
        assert str(spec.metadata["dagster/table_name"]).startswith("music.")


def test_each_stage_has_the_checks_that_were_asked_for() -> None:
    keys = definitions().resolve_asset_graph().asset_check_keys
    found: dict[str, set[str]] = {}
    for key in keys:
        found.setdefault(key.asset_key.to_user_string(), set()).add(key.name)
    common = {"last_run", "coverage", "overdue", "uniqueness", "orphans"}
    assert found == {
        "artists": common,
        "releases": common | {"incomplete_answers"},
        "tracks": common | {"releases_without_tracks", "incomplete_answers"},
        "producers": common | {"recordings_with_a_producer", "incomplete_answers"},
        **{f"enrichment/{name}": {"last_run", "coverage"} for name in SOURCES},
        "enriched_tracks": {"last_run", "coverage", "recordings_without_isrc"},
        "queue/social": {"last_run", "dead_work"},
        **{f"queue/{asset}": {"dead_work"} for asset in ("artists", "releases", "tracks", "producers", "enrichment")},
    }


def test_the_schedules_run_on_the_given_times_in_utc() -> None:
    assert {schedule.name: (schedule.cron_schedule, schedule.execution_timezone) for schedule in schedules()} == {
        "artist_discovery_schedule": ("*/2 * * * *", "UTC"),
        "album_discovery_schedule": ("*/5 * * * *", "UTC"),
        "track_discovery_schedule": ("*/5 * * * *", "UTC"),
        "producer_identification_schedule": ("*/10 * * * *", "UTC"),
        "process_pending_enrichments_schedule": ("*/10 * * * *", "UTC"),
        "social_enrichment_schedule": ("17 * * * *", "UTC"),
        "count_catalogue_schedule": ("47 * * * *", "UTC"),
        "reprocess_failed_enrichments_schedule": ("0 5 * * 0", "UTC"),
    }


@pytest.mark.parametrize(("switch", "running"), [("on", True), ("off", False), (None, False)])
def test_the_schedules_are_on_only_where_the_environment_says_so(
    monkeypatch: pytest.MonkeyPatch, switch: str | None, running: bool
) -> None:
    if switch is None:
        monkeypatch.delenv("MUSIC_SCHEDULES", raising=False)
    else:
        monkeypatch.setenv("MUSIC_SCHEDULES", switch)
    assert {schedule.default_status is dg.DefaultScheduleStatus.RUNNING for schedule in schedules()} == {running}


def sweep_of(kind: str) -> Sweep:
    now = datetime.now(UTC)
    return Sweep(kind=kind, run_id="a run", started_at=now, heartbeat_at=now)


@pytest.mark.parametrize(
    ("due", "in_progress", "queued", "runs"),
    [
        (False, [], 0, False),
        (True, [], 0, True),
        (True, [], 1, False),
        (True, ["album_discovery"], 0, False),
        (True, ["artist_discovery"], 0, True),
        (False, ["album_discovery"], 0, False),
    ],
)
def test_a_tick_runs_if_something_is_due_and_no_sweep_of_its_kind_is_in_progress_or_waits_for_its_turn(
    due: bool, in_progress: list[str], queued: int, runs: bool
) -> None:
    sweeps = [sweep_of(kind) for kind in in_progress]
    decided = decide(Stage.ALBUM_DISCOVERY, due=due, in_progress=sweeps, queued=queued)
    assert isinstance(decided, dg.RunRequest) is runs


def tick(instance: dg.DagsterInstance) -> dg.RunRequest | str | None:
    """What the schedule of the first queue decides now: a run, or its reason against one."""
    [schedule] = [found for found in schedules() if found.job_name == "artist_discovery"]
    context = dg.build_schedule_context(instance=instance, scheduled_execution_time=datetime.now(UTC))
    ticked = schedule.evaluate_tick(context)
    return ticked.run_requests[0] if ticked.run_requests else ticked.skip_message


def test_a_tick_asks_the_ledger(engine: sa.Engine, instance: dg.DagsterInstance) -> None:
    assert tick(instance) == "No work of artist_discovery is due."
    request_artist(engine, "ABBA")
    requested = tick(instance)
    assert isinstance(requested, dg.RunRequest)
    assert requested.tags["music/sweep"] == "artist_discovery"
    assert begin_sweep(engine, "artist_discovery", "a run")
    assert "a run is sweeping" in str(tick(instance))
