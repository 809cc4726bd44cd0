"""The provider calls of the open work, and when they would be done.

Each stage estimates its own calls (`StageSpec.estimate`). Profiles of producers that are not found yet do not count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil
from pkgutil import resolve_name

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.provider import with_configured_quotas
from music_pipeline.gateway.quota import USED_SHARE
from music_pipeline.ops.quotas import DayUse, period_uses
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.stages.discovery.estimate import releases_are_listed, tracks_are_read
from music_pipeline.stages.sizes import ASSUMED_ARTIST, Ahead, ArtistSize, Learnt, OpenArtist
from music_pipeline.work.model import Stage
from music_pipeline.work.stages import STAGES, StageSpec, artist_stages

TRACK_LIST_DAYS = 30
ENOUGH_RECORDINGS = 200
ENOUGH_PAGES = 20


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a provider is not called, and until when. None if nobody knows."""

    what: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ProviderForecast:
    """`calls`: needed.

    `a_second`: allowed per second of ours. `left_now`: in the window that begins now.

    `day`: the use of a daily or monthly quota, None if there is neither. `done_at`: the time of the last call, in UTC.
    """

    provider: str
    calls: int
    a_second: float
    left_now: int
    day: DayUse | None
    obstacle: Obstacle | None
    done_at: datetime


@dataclass(frozen=True, slots=True)
class Forecast:
    """`known`, `assumed`: artists of known size, and others, taken to be `typical`.

    `producers`: with open work.
    """

    at: datetime
    providers: tuple[ProviderForecast, ...]
    known: int
    assumed: int
    producers: int
    typical: ArtistSize

    @property
    def slowest(self) -> ProviderForecast | None:
        """The provider that takes longest. None if no call is needed."""
        called = [one for one in self.providers if one.calls]
        return max(called, key=lambda one: one.done_at, default=None)


def done_at(
    at: datetime, calls: int, a_second: float, *, day: DayUse | None, blocked_until: datetime | None
) -> datetime:
    """When the last call would be made, within the block, the rate and the day's quota."""
    if not calls:
        return at
    begin = max(at, blocked_until or at)
    by_rate = timedelta(seconds=calls / a_second)
    if day is None or calls <= day.left:
        return begin + by_rate
    days = ceil((calls - day.left) / day.quota.limit)
    return max(begin + by_rate, begin + days * timedelta(seconds=day.quota.seconds))


def forecast(engine: sa.Engine, *, sandboxed: bool, speed: float) -> Forecast:
    """Forecast the work that is open now.

    `speed`: how many of the providers' seconds pass in one of ours.
    """
    with engine.connect() as connection:
        artists, typical = open_artists(connection), typical_artist(connection)
        calls = calls_ahead(connection, artists, typical)
        open_work = connection.execute(query("work_by_stage")).all()
        at: datetime = connection.execute(query("database_now")).scalar_one()
        obstacles = _obstacles(connection)
        waits = {row.provider: row.seconds for row in connection.execute(query("next_permits"))}
    days = {one.provider: one for one in period_uses(engine, sandboxed=sandboxed, speed=speed)}
    known = sum(artist.is_known for artist in artists)
    about_producers = [spec.stage for spec in STAGES.values() if spec.subject == "producer"]
    return Forecast(
        at=at.astimezone(UTC),
        providers=tuple(
            _of_provider(name, at, calls[name], speed, days.get(name), obstacles.get(name), waits.get(name, 0.0))
            for name in PROVIDERS
        ),
        known=known,
        assumed=len(artists) - known,
        producers=sum(row.open for row in open_work if row.stage in about_producers),
        typical=typical,
    )


def typical_artist(connection: sa.Connection) -> ArtistSize:
    """The mean of the artists with tracks in the catalogue, otherwise an assumption."""
    row = connection.execute(query("mean_artist")).one()
    return ArtistSize(float(row.releases), float(row.tracks), measured=True) if row.artists else ASSUMED_ARTIST


def open_artists(connection: sa.Connection) -> list[OpenArtist]:
    """The artists with open work, at the earliest stage of each."""
    values = {"stages": [stage.value for stage in artist_stages()], "track_list_days": TRACK_LIST_DAYS}
    return [
        OpenArtist(
            stage=Stage(row.stage),
            releases=row.releases,
            tracks=int(row.tracks or 0),
            unread_pages=int(row.unread_pages),
            is_known=row.releases > 0 and releases_are_listed(Stage(row.stage)),
            has_tracks=tracks_are_read(Stage(row.stage)),
        )
        for row in connection.execute(query("open_artists"), values)
    ]


def calls_ahead(connection: sa.Connection, artists: Sequence[OpenArtist], typical: ArtistSize) -> Mapping[str, float]:
    """The calls for the open work and all that follows from it, by provider."""
    learnt = _learnt(connection)
    calls = dict.fromkeys(PROVIDERS, 0.0)
    for spec in STAGES.values():
        if spec.estimate is not None:
            ahead = Ahead(connection, spec.stage, coming_to(spec, artists), typical, learnt)
            for provider, count in resolve_name(spec.estimate)(ahead).items():
                calls[provider] += count
    return calls


def coming_to(spec: StageSpec, artists: Sequence[OpenArtist]) -> list[OpenArtist]:
    """The artists whose work will pass through a stage."""
    order = artist_stages()
    if spec.stage not in order:
        return []
    return [artist for artist in artists if order.index(artist.stage) <= order.index(spec.stage)]


def _of_provider(
    name: str, at: datetime, calls: float, speed: float, day: DayUse | None, obstacle: Obstacle | None, wait: float
) -> ProviderForecast:
    quota = with_configured_quotas(PROVIDERS[name]).quota
    a_second = speed * USED_SHARE * quota.calls / quota.seconds
    free_of_window = max(0.0, quota.seconds / speed - wait)
    until = obstacle.until if obstacle else None
    return ProviderForecast(
        provider=name,
        calls=ceil(calls),
        a_second=a_second,
        left_now=int(a_second * free_of_window) if obstacle is None else 0,
        day=day,
        obstacle=obstacle,
        done_at=done_at(at.astimezone(UTC), ceil(calls), a_second, day=day, blocked_until=until),
    )


def _learnt(connection: sa.Connection) -> Learnt:
    row = connection.execute(query("learnt_shares")).one()
    return Learnt(
        recordings_a_track=row.recordings / row.tracks if row.tracks else 1.0,
        spotify=_share(row.track_calls, row.track_pages, enough=ENOUGH_PAGES),
        genius=_share(row.genius_calls, row.asked_genius),
        getsongbpm=_share(row.getsongbpm_calls, row.asked_getsongbpm),
    )


def _share(calls: int, of: int, *, enough: int = ENOUGH_RECORDINGS) -> float | None:
    return float(calls) / float(of) if of >= enough else None


def _obstacles(connection: sa.Connection) -> dict[str, Obstacle]:
    rows = connection.execute(query("provider_obstacles")).all()
    return {row.provider: Obstacle(row.kind, row.until) for row in rows}
