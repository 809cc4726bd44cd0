"""What the open work will ask of each provider, what is left of the quotas, and when it would be done.

Known sizes come from the catalogue, the rest from `estimate`; how it is shown is `music_pipeline.cli.plan`.
Profiles of producers whom nobody has found yet are not counted.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import ceil

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.gateway.provider import with_configured_quotas
from music_pipeline.gateway.quota import USED_SHARE
from music_pipeline.ops.estimate import (
    ACOUSTICBRAINZ_AT_ONCE,
    LARGEST_SEARCH,
    RECCOBEATS_AT_ONCE,
    SPOTIFY_PAGE,
    SPOTIFY_REPAIR,
    WITHOUT_TEMPO_OR_KEY,
    TypicalArtist,
    requests_for_producers,
)
from music_pipeline.ops.quotas import DayUse, period_uses
from music_pipeline.providers.registry import PROVIDERS
from music_pipeline.work.model import CATALOG_STAGES, Stage

STAGES = (*CATALOG_STAGES, Stage.ENRICHMENT)
TRACK_LIST_DAYS = 30
ENOUGH_RECORDINGS = 200
ENOUGH_PAGES = 20
SOURCES = ("reccobeats", "acousticbrainz", "deezer", "lastfm", "getsongbpm")


@dataclass(frozen=True, slots=True)
class OpenArtist:
    """An artist with open work, from `stage` on. `releases` 0: none is known. `unread_pages`: of track lists."""

    stage: Stage
    releases: int
    tracks: int
    unread_pages: int

    @property
    def is_known(self) -> bool:
        """Whether the catalogue knows how much is to be asked."""
        return self.releases > 0 and self.stage not in (Stage.ARTIST_DISCOVERY, Stage.ALBUM_DISCOVERY)

    def size(self, typical: TypicalArtist) -> TypicalArtist:
        """How large the artist is, or is taken to be."""
        return TypicalArtist(self.releases, self.tracks, measured=True) if self.is_known else typical


@dataclass(frozen=True, slots=True)
class AskedAbout:
    """Recordings that a source is still to be asked about, and those with the ids that sources go by."""

    recordings: int
    with_isrc: int
    with_mbid: int


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learnt: calls of Spotify a page of tracks (searches miss some); of the sources that are asked where
    others do not know, Genius a track, and GetSongBPM a recording. None while the catalogue is too small to tell.
    `recordings_a_track`: 1 while there is none.
    """

    recordings_a_track: float
    spotify: float | None
    genius: float | None
    getsongbpm: float | None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a provider is not called, and until when; None where nobody knows."""

    what: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class ProviderForecast:
    """`calls`: needed; `a_second`: allowed, of our seconds; `left_now`: in the window that begins now; `day`: how the
    day or month stands, None where neither is counted; `done_at`: when the last call would be made, in UTC.
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
    """`known`, `assumed`: artists whose size the catalogue knows, and others; `typical`: what these are taken to be."""

    at: datetime
    providers: tuple[ProviderForecast, ...]
    known: int
    assumed: int
    producers: int
    typical: TypicalArtist

    @property
    def slowest(self) -> ProviderForecast | None:
        """The provider that is waited for longest; None where nothing is to be asked."""
        asked = [one for one in self.providers if one.calls]
        return max(asked, key=lambda one: one.done_at, default=None)


def calls_of_artist(artist: OpenArtist, typical: TypicalArtist, learnt: Learnt) -> dict[str, float]:
    """The calls of an artist's open stage and of those before enrichment that follow it, by provider."""
    size, stages = artist.size(typical), STAGES[STAGES.index(artist.stage) :]
    calls: defaultdict[str, float] = defaultdict(float)
    if Stage.ARTIST_DISCOVERY in stages:
        calls["spotify"] += 1
    if Stage.ALBUM_DISCOVERY in stages:
        calls["spotify"] += ceil(max(size.releases, 1) / SPOTIFY_PAGE)
    if Stage.TRACK_DISCOVERY in stages:
        calls["spotify"] += ceil((learnt.spotify or SPOTIFY_REPAIR) * _search_pages(artist, size))
    if Stage.PRODUCER_IDENTIFICATION in stages:
        asked = requests_for_producers(size)
        if learnt.genius is not None:
            asked["genius"] = learnt.genius * size.tracks
        for name, count in asked.items():
            calls[name] += count
    return calls


def _search_pages(artist: OpenArtist, size: TypicalArtist) -> int:
    """Pages of a search over the artist, or of one over each unread release, as the stage would choose."""
    at_once = ceil(max(size.tracks, 1) / SPOTIFY_PAGE)
    if not artist.is_known:
        return at_once
    return min(at_once, artist.unread_pages) if size.tracks <= LARGEST_SEARCH else artist.unread_pages


def calls_of_enrichment(asked: Mapping[str, AskedAbout], learnt: Learnt) -> dict[str, float]:
    """The calls of the sources for recordings that are known, by provider."""
    none = AskedAbout(0, 0, 0)
    found = {source: asked.get(source, none) for source in SOURCES}
    left = WITHOUT_TEMPO_OR_KEY if learnt.getsongbpm is None else learnt.getsongbpm
    return {
        "deezer": found["deezer"].with_isrc,
        "lastfm": found["lastfm"].recordings,
        "reccobeats": ceil(found["reccobeats"].recordings / RECCOBEATS_AT_ONCE),
        "acousticbrainz": ceil(found["acousticbrainz"].with_mbid / ACOUSTICBRAINZ_AT_ONCE),
        "getsongbpm": left * found["getsongbpm"].recordings,
    }


def recordings_of(artists: Iterable[OpenArtist], typical: TypicalArtist, recordings_a_track: float) -> int:
    """Recordings of artists whose tracks are not read yet, as many as their sizes say."""
    before = (Stage.ARTIST_DISCOVERY, Stage.ALBUM_DISCOVERY, Stage.TRACK_DISCOVERY)
    return round(sum(one.size(typical).tracks * recordings_a_track for one in artists if one.stage in before))


def done_at(
    at: datetime, calls: int, a_second: float, *, day: DayUse | None, blocked_until: datetime | None
) -> datetime:
    """When the last of the calls would be made: after the block, at the quota's rate, and within each day's quota."""
    if not calls:
        return at
    begin = max(at, blocked_until or at)
    by_rate = timedelta(seconds=calls / a_second)
    if day is None or calls <= day.left:
        return begin + by_rate
    days = ceil((calls - day.left) / day.quota.limit)
    return max(begin + by_rate, begin + days * timedelta(seconds=day.quota.seconds))


def forecast(engine: sa.Engine, typical: TypicalArtist, *, sandboxed: bool, speed: float) -> Forecast:
    """The forecast of the work that is open now. `speed`: how many of the providers' seconds pass in one of ours."""
    with engine.connect() as connection:
        artists = _open_artists(connection)
        calls = _calls(connection, artists, typical)
        producers = connection.execute(query("work_by_stage")).all()
        at: datetime = connection.execute(query("database_now")).scalar_one()
        obstacles = _obstacles(connection)
        waits = {row.provider: row.seconds for row in connection.execute(query("next_permits"))}
    days = {one.provider: one for one in period_uses(engine, sandboxed=sandboxed, speed=speed)}
    known = sum(artist.is_known for artist in artists)
    return Forecast(
        at=at.astimezone(UTC),
        providers=tuple(
            _of_provider(name, at, calls[name], speed, days.get(name), obstacles.get(name), waits.get(name, 0.0))
            for name in PROVIDERS
        ),
        known=known,
        assumed=len(artists) - known,
        producers=sum(row.open for row in producers if row.stage == Stage.SOCIAL_ENRICHMENT),
        typical=typical,
    )


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


def _open_artists(connection: sa.Connection) -> list[OpenArtist]:
    values = {"stages": [stage.value for stage in STAGES], "track_list_days": TRACK_LIST_DAYS}
    rows = connection.execute(query("open_artists"), values)
    return [OpenArtist(Stage(row.stage), row.releases, int(row.tracks or 0), int(row.unread_pages)) for row in rows]


def _calls(connection: sa.Connection, artists: Sequence[OpenArtist], typical: TypicalArtist) -> dict[str, float]:
    learnt = _learnt(connection)
    values = {"stages": [stage.value for stage in STAGES], "sources": list(SOURCES)}
    rows = connection.execute(query("recordings_to_ask_about"), values)
    asked = {row.source: AskedAbout(row.recordings, row.with_isrc, row.with_mbid) for row in rows}
    unread = recordings_of(artists, typical, learnt.recordings_a_track)
    for source in SOURCES:
        known = asked.get(source, AskedAbout(0, 0, 0))
        asked[source] = AskedAbout(known.recordings + unread, known.with_isrc + unread, known.with_mbid + unread)
    pages = {row.provider: float(row.pages) for row in connection.execute(query("profiles_to_look_up"))}
    parts = [calls_of_artist(artist, typical, learnt) for artist in artists]
    audio = {
        "sonoteller": float(connection.execute(query("audio_to_ask_about"), {"source": "sonoteller"}).scalar_one())
    }
    return _sum([*parts, calls_of_enrichment(asked, learnt), pages, audio])


def _sum(parts: Iterable[Mapping[str, float]]) -> dict[str, float]:
    calls = dict.fromkeys(PROVIDERS, 0.0)
    for part in parts:
        for name, count in part.items():
            calls[name] += count
    return calls


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
