"""The same facts: every track with its ISRC, which dlt's `rest_api` has to ask for track by track.

Spotify's development mode reads no tracks in batches, and an album's list of tracks has no ISRC. Ours finds whole
tracks by search. Three conditions: no latency, 50 ms a request, and Spotify's real quota on a sped-up clock, where dlt
waits and retries by itself. Both sides must leave the same tracks and ISRCs, and ours every pair that dlt's leaves;
else the benchmark fails. Ours may leave more pairs: it keeps ISRCs by recording, and tracks share recordings.
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from benchmarks.against_dlt import NO_QUOTA, OUR_QUOTA
from benchmarks.figures import Figure, Goal, median_figure
from benchmarks.options import Options
from benchmarks.pulls import OURS, Course, Left, Pull, comparison, costs, file_of_artists
from benchmarks.servers import Server
from music_pipeline.sandbox.process import running_sandbox

ARTISTS = 25
ROUNDS = 3
ROUNDS_UNDER_QUOTA = 1  # quotas decide here, not the machine's load
SPEED = 10.0
LATENCY_SECONDS = 0.05
FACTS = "rest_api_facts"
# dlt's workers do not know of one another's refusals. Refused requests count, so the more workers, the longer it takes.
ONE_WORKER = {"EXTRACT__WORKERS": "1"}
THIRD, HALF, NONE = Goal("at most", 1 / 3), Goal("at most", 1 / 2), Goal("at most", 0)
FACTS_OF = (
    "SELECT count(DISTINCT id) AS tracks, count(DISTINCT id) FILTER (WHERE isrc IS NOT NULL) AS with_isrc,"
    " array_agg(DISTINCT id) AS ids, array_agg(DISTINCT ARRAY[id, isrc]) FILTER (WHERE isrc IS NOT NULL) AS pairs"
    " FROM ({found}) AS found"
)
HELD = sa.text(
    FACTS_OF.format(
        found="SELECT held.id, known.isrc FROM external_ids held"
        " JOIN release_tracks track ON track.track_id = held.entity_id"
        " LEFT JOIN recording_isrcs known ON known.recording_id = track.recording_id AND known.source = 'spotify'"
        " WHERE held.entity = 'track' AND held.provider = 'spotify'"
    )
)
PULLED = sa.text(FACTS_OF.format(found="SELECT id, CAST(external_ids AS json) ->> 'isrc' AS isrc FROM pulled.facts"))
LEFT = {OURS: HELD, FACTS: PULLED}


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Ours as a share of dlt's, without latency, with it, and under Spotify's quota."""
    yield from _without_quota(server, options, "no latency", 0.0)
    yield from _without_quota(server, options, f"{LATENCY_SECONDS * 1000:.0f} ms a request", LATENCY_SECONDS)
    yield from _under_quota(server, options)


def agree(left: Mapping[str, Left]) -> bool:
    """Whether both have the same tracks and the same ISRCs, and ours has every pair of theirs."""
    ours, theirs = left[OURS], left[FACTS]
    our_pairs, their_pairs = ({(id, isrc) for id, isrc in one["pairs"]} for one in (ours, theirs))
    same_isrcs = {isrc for _, isrc in our_pairs} == {isrc for _, isrc in their_pairs}
    return set(ours["ids"]) == set(theirs["ids"]) and same_isrcs and their_pairs <= our_pairs


def _without_quota(server: Server, options: Options, condition: str, latency: float) -> Iterator[Figure]:
    with (
        running_sandbox(quotas=NO_QUOTA) as sandbox,
        file_of_artists(sandbox, options.artists or ARTISTS) as artists,
    ):
        if latency:
            sandbox.add_fault("spotify", "latency", seconds=latency)
        rounds = Course(server, sandbox, artists, LEFT, OUR_QUOTA, agree).rounds(options.rounds or ROUNDS)
    yield from _costs(condition, rounds)
    yield comparison(f"{condition}, time", rounds, FACTS, lambda pull: pull.seconds, THIRD)
    yield comparison(f"{condition}, CPU with that of Postgres", rounds, FACTS, lambda pull: pull.cpu, HALF)


def _under_quota(server: Server, options: Options) -> Iterator[Figure]:
    """The sandbox counts as Spotify does, 90 requests in 30 s, each of which lasts `1 / speed` of one."""
    speed = options.speed or SPEED
    with (
        running_sandbox(speed=speed) as sandbox,
        file_of_artists(sandbox, options.artists or ARTISTS) as artists,
    ):
        clock = ["--speed", f"{speed:g}"]
        course = Course(server, sandbox, artists, LEFT, agree=agree, dlt_arguments=clock, dlt_environment=ONE_WORKER)
        rounds = course.rounds(options.rounds or ROUNDS_UNDER_QUOTA, warm_up=False)
    yield from _costs("real quota", rounds)
    yield comparison("real quota, time", rounds, FACTS, lambda pull: pull.seconds, THIRD)
    yield median_figure(f"real quota, {OURS}: refused (429)", (one[OURS].refusals for one in rounds), "", NONE)
    yield median_figure(f"real quota, {FACTS}: refused (429)", (one[FACTS].refusals for one in rounds), "")


def _costs(condition: str, rounds: Sequence[Mapping[str, Pull]]) -> Iterator[Figure]:
    for form in LEFT:
        yield from costs(f"{condition}, {form}", [one[form] for one in rounds])
    yield Figure(f"{condition}: tracks", rounds[-1][OURS].left["tracks"], "")
    yield Figure(f"{condition}: tracks with an ISRC", rounds[-1][FACTS].left["with_isrc"], "")
