"""Against dlt: artists, their releases and tracks from one sandbox into one Postgres, three ways by turns.

The counts that the three leave are compared before any figure is printed. Postgres's CPU counts on every side.
"""

from collections.abc import Iterator

import sqlalchemy as sa

from benchmarks.figures import Figure, Goal
from benchmarks.options import Options
from benchmarks.pulls import OURS, Course, Pull, comparison, costs, file_of_artists
from benchmarks.servers import Server
from music_pipeline.sandbox.options import QuotaOverride
from music_pipeline.sandbox.process import running_sandbox

ARTISTS = 25
ROUNDS = 5
REST_API, ASYNCHRONOUS = "rest_api", "asynchronous"
# So high that nobody waits, yet reserved, counted and reported as ever.
OUR_QUOTA = {"SPOTIFY_QUOTA": "1000/1"}
NO_QUOTA = (QuotaOverride("spotify", 1_000_000, 1.0),)
NO_MORE = Goal("at most", 1.0)
HELD = sa.text(
    "SELECT (SELECT count(*) FROM external_ids WHERE entity = 'artist' AND provider = 'spotify') AS artists,"
    " (SELECT count(*) FROM external_ids WHERE entity = 'release' AND provider = 'spotify') AS releases,"
    " (SELECT count(*) FROM external_ids WHERE entity = 'track' AND provider = 'spotify') AS tracks"
)
PULLED = sa.text(
    "SELECT (SELECT count(DISTINCT id) FROM pulled.artists) AS artists,"
    " (SELECT count(DISTINCT id) FROM pulled.releases) AS releases,"
    " (SELECT count(DISTINCT id) FROM pulled.tracks) AS tracks"
)


def measure(server: Server, options: Options) -> Iterator[Figure]:
    """Time, CPU, memory and requests of each way, and ours as a share of the others'."""
    left = {OURS: HELD, REST_API: PULLED, ASYNCHRONOUS: PULLED}
    with (
        running_sandbox(quotas=NO_QUOTA) as sandbox,
        file_of_artists(sandbox, options.artists or ARTISTS) as artists,
    ):
        rounds = Course(server, sandbox, artists, left, OUR_QUOTA).rounds(options.rounds or ROUNDS)
    for form in left:
        yield from costs(form, [one[form] for one in rounds])
    yield Figure("tracks", rounds[-1][OURS].left["tracks"], "")
    for form in (REST_API, ASYNCHRONOUS):
        goal = NO_MORE if form == REST_API else None
        yield comparison("time", rounds, form, lambda pull: pull.seconds, NO_MORE)
        yield comparison("CPU with that of Postgres", rounds, form, _cpu, goal)


def _cpu(pull: Pull) -> float:
    return pull.cpu
