"""GetSongBPM: a search that returns all it knows of a song. https://getsongbpm.com/api

It wants a link back to getsongbpm.com wherever its data is shown. Whether a hit is the right song is decided elsewhere.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from music_pipeline.gateway.fields import Reader
from music_pipeline.gateway.provider import Provider, Quota, ResponseKind
from music_pipeline.gateway.request import Endpoint, Request, Sender
from music_pipeline.providers.records import kept

GETSONGBPM = Provider(  # https://getsongbpm.com/api: 3,000 an hour; more than that blocks the key for an hour
    name="getsongbpm",
    base_url="https://api.getsong.co",
    sandbox_path="/getsongbpm",
    quota=Quota(3000, 3600),
    quota_per_account=True,
    metadata_ttl=timedelta(days=30),
    credentials=("GETSONGBPM_API_KEY",),
    secret_params=(("api_key", "GETSONGBPM_API_KEY"),),
    refused_seconds=3600.0,
    error_codes={None: ResponseKind.REFUSED},
)

SEARCH = Endpoint(GETSONGBPM, "search", "/search/")  # https://getsongbpm.com/api#search; without the slash a 404

read = Reader("getsongbpm")


@dataclass(frozen=True, slots=True)
class SongBpmHit:
    """A song. `tempo`: beats a minute; `key_of`: as printed (F♯m); `time_signature`: as printed (4/4).

    `danceability` and `acousticness`: from 1 to 100.
    """

    id: str
    title: str | None
    artist: str | None
    tempo: float | None
    key_of: str | None
    time_signature: str | None
    danceability: int | None
    acousticness: int | None


def parse_search(payload: object) -> tuple[SongBpmHit, ...]:
    """The songs of a search; an object in place of the list says that there are none. Raises UnreadableAnswer."""
    found = read.mapping(payload, "answer").get("search")
    if isinstance(found, dict) and "error" in found:
        return ()
    return kept(read.sequence(found, "search"), _hit).items


def _hit(value: object) -> SongBpmHit | None:
    found = read.optional_mapping(value, "song")
    song_id = read.id(found.get("id"), "song.id")
    if song_id is None:
        return None
    artist = read.optional_mapping(found.get("artist"), "song.artist")
    return SongBpmHit(
        id=song_id,
        title=read.text(found.get("title"), "song.title"),
        artist=read.text(artist.get("name"), "song.artist.name"),
        tempo=read.decimal(found.get("tempo"), "song.tempo") or None,
        key_of=read.text(found.get("key_of"), "song.key_of"),
        time_signature=read.text(found.get("time_sig"), "song.time_sig"),
        danceability=read.count(found.get("danceability"), "song.danceability") or None,
        acousticness=read.count(found.get("acousticness"), "song.acousticness") or None,
    )


class GetSongBpmClient:
    """GetSongBPM's songs. `fresh_since`: see Gateway.send. Every method raises ProviderError's kinds."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender

    async def probe(self, since: datetime) -> None:
        """Make one cheap call that no response cached before `since` answers."""
        await self.search("Feeling Good", "Nina Simone", fresh_since=since)

    async def search(self, title: str, artist: str, *, fresh_since: datetime | None = None) -> tuple[SongBpmHit, ...]:
        """The songs that fit, in GetSongBPM's own order."""
        request = Request.get(SEARCH, type="both", lookup=f"song:{title} artist:{artist}")
        found = (await self._sender.send(request, parse_search, fresh_since=fresh_since)).body
        return found or ()
