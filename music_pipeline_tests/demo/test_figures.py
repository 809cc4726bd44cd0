"""The figures of the demo: what counts as found, and what each figure demands."""

from dataclasses import replace

import pytest

from music_pipeline.demo.figures import (
    Agreement,
    Enriched,
    FoundCredit,
    Measured,
    ServedCredit,
    SourceCoverage,
    compare,
    figures,
    found_credit,
    served_credit,
    summary,
)

PLACE = ("release", 1, 3, "producer")


def served(*ids: str, level: str = "track", direct: bool = True) -> ServedCredit:
    return ServedCredit(PLACE, frozenset(ids), level, direct)


def found(*ids: str, level: str = "track") -> FoundCredit:
    return FoundCredit(PLACE, frozenset(ids), level)


def test_a_producer_is_the_same_by_any_shared_id() -> None:
    agreement = compare([served("discogs:1", "musicbrainz:a")], [found("musicbrainz:a", "genius:9")])["track"]
    assert (agreement.recall, agreement.precision) == (1.0, 1.0)


def test_another_producer_at_the_same_place_is_missed_and_wrong() -> None:
    agreement = compare([served("discogs:1")], [found("discogs:2")])["track"]
    assert (agreement.recall, agreement.precision) == (0.0, 0.0)


def test_what_another_release_says_of_the_recording_may_be_found_but_need_not_be() -> None:
    indirect = served("discogs:1", direct=False)
    assert compare([indirect], [])["track"].recall is None
    assert compare([indirect], [found("discogs:1")])["track"].precision == 1.0


def test_the_levels_are_counted_apart() -> None:
    agreement = compare([served("discogs:1", level="release")], [found("discogs:1", level="track")])
    assert agreement["release"].recall == 1.0
    assert agreement["release"].precision is None
    assert agreement["track"].precision == 1.0


def test_rows_of_the_sandbox_and_of_the_catalogue_meet() -> None:
    truth = served_credit(
        {
            "release_spotify_id": "release",
            "disc": 1,
            "position": 3,
            "role_class": "producer",
            "provider_ids": {"discogs": 7},
            "level": "release",
            "direct": True,
        }
    )
    ours = found_credit(
        {
            "release_id": "release",
            "disc_number": 1,
            "position": 3,
            "role_class": "producer",
            "producer_ids": ["discogs:7"],
            "levels": ["release"],
        }
    )
    assert compare([truth], [ours])["release"] == Agreement(served=1, found=1, claimed=1, right=1)


def counts(requests: int) -> dict[str, int]:
    return {"requests": requests, "repeats": 0, "overruns": 0, "early_calls": 0}


GOOD = Measured(
    rows={"artists": 2, "releases": 4, "tracks": 100, "recordings": 90, "producers": 5, "credits": 60},
    stats={"spotify": counts(40), "musicbrainz": counts(10), "discogs": counts(20), "genius": counts(30)},
    enriched=Enriched(
        counts={"completed": 80, "partial": 8, "failed": 1, "pending": 1},
        sources={"lastfm": SourceCoverage(90, 81, 9, 0, 0, 0, 0), "getsongbpm": SourceCoverage(0, 0, 0, 0, 0, 90, 0)},
        requests={"spotify": 1, "musicbrainz": 1, "discogs": 0, "genius": 500, "lastfm": 90, "deezer": 90},
        profiles={"producers": 5, "looked_up": 5},
        profile_requests={"spotify": 0, "musicbrainz": 5, "discogs": 4, "lastfm": 0},
        stats={"spotify": counts(41), "musicbrainz": counts(11), "discogs": counts(20), "lastfm": counts(90)},
    ),
    bound={
        "providers": {"spotify": 40, "musicbrainz": 10, "discogs": 20, "genius": 25},
        "total": 70,
        "enrichment": {"providers": {"lastfm": 105, "deezer": 95}, "total": 200},
    },
    agreement={"release": Agreement(10, 10, 10, 10), "track": Agreement(100, 99, 100, 100)},
    dead=0,
    ambiguous=1,
    still_open=0,
    tracks_without_producer=40,
    dagster_runs=2,
    seconds=30.0,
    second_run={"requests": 0, "rows_written": 0},
    is_real_hundred=True,
    is_standard=True,
)


def with_stats(**stats: dict[str, int]) -> Measured:
    """The good run, with other counts of the sandbox."""
    return replace(GOOD, enriched=replace(GOOD.enriched, stats={**GOOD.enriched.stats, **stats}))


def enriching(**requests: int) -> Measured:
    """The good run, with other numbers of enrichment's requests."""
    return replace(GOOD, enriched=replace(GOOD.enriched, requests={**GOOD.enriched.requests, **requests}))


def bound_to(total: int) -> Measured:
    """The good run, where enrichment could have done with so many requests."""
    return replace(GOOD, bound={**GOOD.bound, "enrichment": {"providers": {}, "total": total}})


def missed(measured: Measured) -> set[str]:
    return {figure.name for figure in figures(measured) if figure.passed is False}


def test_a_good_run_misses_nothing() -> None:
    assert missed(GOOD) == set()
    assert all(figure.passed for figure in figures(GOOD))


@pytest.mark.parametrize(
    ("worse", "name"),
    [
        (replace(GOOD, seconds=91.0), "seconds"),
        (replace(GOOD, dagster_runs=6), "Dagster runs"),
        (replace(GOOD, rows={**GOOD.rows, "tracks": 80}), "requests a track"),
        (replace(GOOD, bound={**GOOD.bound, "total": 60}), "requests, as a share of the bound"),
        (replace(GOOD, tracks_without_producer=20), "Genius, for each track without producer"),
        (with_stats(discogs={**counts(20), "repeats": 1}), "repeats"),
        (with_stats(discogs={**counts(20), "overruns": 1}), "overruns"),
        (with_stats(discogs={**counts(20), "early_calls": 1}), "early calls"),
        (replace(GOOD, agreement={**GOOD.agreement, "track": Agreement(100, 97, 100, 100)}), "recall, track level"),
        (replace(GOOD, agreement={**GOOD.agreement, "release": Agreement(9, 9, 10, 9)}), "precision, release level"),
        (bound_to(160), "enrichment, requests as a share of the bound"),
        (enriching(lastfm=122), "enrichment, requests a recording"),
        (enriching(musicbrainz=2), "enrichment, requests a recording to musicbrainz"),
        (enriching(spotify=2), "enrichment, requests a recording to spotify"),
        (enriching(discogs=1), "enrichment, requests a recording to discogs"),
        (replace(GOOD, second_run={"requests": 1, "rows_written": 0}), "second run: requests"),
        (replace(GOOD, second_run={"requests": 0, "rows_written": 1}), "second run: rows written"),
    ],
)
def test_each_demand_can_be_missed(worse: Measured, name: str) -> None:
    assert missed(worse) == {name}


def test_time_and_requests_a_track_are_demanded_only_of_the_runs_that_they_were_set_for() -> None:
    dear = replace(enriching(lastfm=900), bound=bound_to(1000).bound)
    slow_and_dear = replace(dear, seconds=99.0, rows={**GOOD.rows, "tracks": 80})
    assert missed(replace(slow_and_dear, is_real_hundred=False, is_standard=False)) == set()


def test_the_last_line_holds_what_was_asked_for() -> None:
    line = summary(GOOD)
    asked_for = {"artists", "releases", "tracks", "recordings", "producers", "credits", "requests", "repeats",
                 "overruns", "dead", "ambiguous", "dagster_runs", "seconds", "second_run", "bound"}  # fmt: skip
    assert asked_for <= line.keys()
    assert line["requests"] == {"spotify": 40, "musicbrainz": 10, "discogs": 20, "genius": 30}
    assert line["enrichment"] == {"completed": 80, "partial": 8, "failed": 1, "pending": 1}
    assert line["coverage"] == {"lastfm": 0.9, "getsongbpm": None}
    assert line["enrichment_requests"]["lastfm"] == 90
    assert line["enrichment_bound"] == {"lastfm": 105, "deezer": 95, "total": 200}
    assert line["enrichment_bound_share"] == 0.91
    assert line["profile_requests"]["musicbrainz"] == 5
    assert line["requests_per_track"] == 0.7
    assert line["recall"] == {"release": 1.0, "track": 0.99}
