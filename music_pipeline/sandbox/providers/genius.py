"""Genius's API: search, songs and artists, in its envelope of meta and response.

This module holds endpoints, objects and errors. Some search hits are romanizations: pages of another account, without
credits. Some songs list their producers only under custom performances.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property

from music_pipeline.sandbox.http import (
    Json,
    SandboxEndpoint,
    SandboxRequest,
    SandboxResponse,
    endpoint,
    json_response,
)
from music_pipeline.sandbox.providers.base import Emulator
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.views.spotify_views import release_date
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.credits_served import GeniusCredit, credits_of_track
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import WorldArtist, WorldRecording
from music_pipeline.sandbox.world.roles import split_roles
from music_pipeline.sandbox.world.social import NO_PROFILES, profiles_of
from music_pipeline.sandbox.world.text import words

HITS = 10
MOST_HITS = 50
DEFAULT_SONGS = 20
MOST_SONGS = 50
ROMANIZATIONS = 12_000_000  # added to a song's id, beyond all songs
ROMANIZER = 4_000_000
OTHER_LABELS = {"engineer": "Engineer", "mastered by": "Mastering Engineer", "mixed by": "Mixing Engineer"}
DESCRIPTIONS: Json = {
    "plain": "?",
    "html": "<p>?</p>",
    "dom": {"tag": "root", "children": [{"tag": "p", "children": ["?"]}]},
}
WRITER_HEADS = frozenset({"written by", "music by", "lyrics by"})


def error(status: int, text: str) -> SandboxResponse:
    """Genius's error envelope."""
    return json_response({"meta": {"status": status, "message": text}}, status)


def envelope(response: Json) -> SandboxResponse:
    """A response in its envelope."""
    return json_response({"meta": {"status": 200}, "response": response})


def description(request: SandboxRequest) -> Json:
    """An empty description in the formats of `text_format`, a comma list, by default `dom`."""
    asked = (request.first("text_format") or "dom").split(",")
    return {name: DESCRIPTIONS[name] for name in asked if name in DESCRIPTIONS}


class Genius(Emulator):
    """The provider."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = site.world
        known = site.served.coverage.genius_songs
        self.songs = {each.genius_id: each for key, each in self.world.recordings.items() if key in known}
        self.artists = {artist.genius_id: key for key, artist in self.world.artists.items()}
        templates: list[tuple[str, Callable[..., SandboxResponse]]] = [
            ("search", self.search),
            ("songs/{identity}", self.song),
            ("artists/{identity}", self.artist),
            ("artists/{identity}/songs", self.artist_songs),
        ]
        self.endpoints: tuple[SandboxEndpoint, ...] = tuple(
            replace(endpoint("GET", template, handle), name=template.replace("identity", "id"))
            for template, handle in templates
        )

    @cached_property
    def songs_by_artist(self) -> dict[str, list[WorldRecording]]:
        """The songs of each artist, as primary or featured."""
        found: dict[str, list[WorldRecording]] = defaultdict(list)
        for song in self.songs.values():
            for artist in dict.fromkeys(credit.artist for credit in song.artists):
                found[artist].append(song)
        return dict(found)

    @cached_property
    def song_words(self) -> dict[str, set[int]]:
        """Songs by the words of their titles and artists."""
        found: dict[str, set[int]] = defaultdict(set)
        for song in self.songs.values():
            names = [self.world.artists[credit.artist].name for credit in song.artists]
            for word in (word for text in [song.title, *names] for word in words(text)):
                found[word].add(song.genius_id)
        return found

    def admit(self, request: SandboxRequest) -> SandboxResponse | None:
        """Require a token, in the header or the query."""
        scheme, _, value = request.header("authorization").partition(" ")
        token = value.strip() if scheme.lower() == "bearer" else request.first("access_token") or ""
        if token and "wrong" not in token:
            return None
        description = "The access token provided is expired, revoked, malformed or invalid for other reasons."
        return json_response({"error": "invalid_token", "error_description": description}, 401)

    def over_quota(self, request: SandboxRequest, seconds: float) -> SandboxResponse:
        """429, without Retry-After."""
        return error(429, "Too many requests")

    def unknown_path(self, request: SandboxRequest) -> SandboxResponse:
        """404."""
        return error(404, "Not found")

    def search(self, request: SandboxRequest) -> SandboxResponse:
        """GET /search?q=."""
        wanted = words(request.first("q") or "")
        per_page = min(MOST_HITS, max(1, _whole(request.first("per_page"), HITS)))
        page = max(1, _whole(request.first("page"), 1))
        found = self._found(wanted)
        hits = [hit for song in found for hit in self._hits(song)]
        return envelope({"hits": hits[(page - 1) * per_page : page * per_page]})

    def _found(self, wanted: tuple[str, ...]) -> list[WorldRecording]:
        """Songs with all the words. If there are none, songs with some of them, like a real search engine."""
        if not wanted:
            return []
        complete = set.intersection(*(self.song_words.get(word, set()) for word in wanted))
        some = set().union(*(self.song_words.get(word, set()) for word in wanted if len(word) > 3))
        chosen = [self.songs[identity] for identity in complete or some]
        return sorted(chosen, key=lambda song: self._rank(song, wanted))[:200]

    def _rank(self, song: WorldRecording, wanted: tuple[str, ...]) -> tuple[bool, bool, int, int]:
        by_name = words(self.world.artists[song.artists[0].artist].name) == wanted
        titled = words(song.title) == wanted[-len(words(song.title)) :] or words(song.title) == wanted
        return not by_name, not titled, -song.popularity, song.genius_id

    def _hits(self, song: WorldRecording) -> list[Json]:
        shown = [self.song_reference(song)]
        if not song.title.isascii() and digest("romanized", song.key) % 2:
            shown.insert(0, self._romanization(song))
        return [{"highlights": [], "index": "song", "type": "song", "result": each} for each in shown]

    def _romanization(self, song: WorldRecording) -> Json:
        title = f"{self.world.artists[song.artists[0].artist].name} - {song.title} (Romanized)"
        account = self._artist_page(ROMANIZER, "Genius Romanizations")
        return self._song_page(ROMANIZATIONS + song.genius_id, title, account)

    def song_reference(self, song: WorldRecording) -> Json:
        """A song as searches and lists show it."""
        view = self._song_page(song.genius_id, song.title, self.artist_reference(song.artists[0].artist))
        featured = [self.artist_reference(credit.artist) for credit in song.artists[1:]]
        names = " & ".join(str(artist["name"]) for artist in featured)
        return view | {
            "featured_artists": featured,
            "title_with_featured": f"{song.title} (Ft. {names})" if featured else song.title,
        }

    def _song_page(self, identity: int, title: str, primary: Json) -> Json:
        slug = "-".join([*words(str(primary["name"])), *words(title)]).capitalize()
        return {
            "annotation_count": digest("annotations", identity) % 20,
            "api_path": f"/songs/{identity}",
            "full_title": f"{title} by\u00a0{primary['name']}",
            "header_image_thumbnail_url": f"https://images.genius.com/{digest(identity):032x}.300x300x1.jpg",
            "header_image_url": f"https://images.genius.com/{digest(identity):032x}.1000x1000x1.jpg",
            "id": identity,
            "lyrics_owner_id": 1 + digest("owner", identity) % 5_000_000,
            "lyrics_state": "complete",
            "path": f"/{slug}-lyrics",
            "pyongs_count": None,
            "song_art_image_thumbnail_url": f"https://images.genius.com/{digest(identity):032x}.300x300x1.jpg",
            "song_art_image_url": f"https://images.genius.com/{digest(identity):032x}.1000x1000x1.jpg",
            "stats": {"unreviewed_annotations": 0, "hot": False},
            "title": title,
            "title_with_featured": title,
            "url": f"https://genius.com/{slug}-lyrics",
            "primary_artist": primary,
            "featured_artists": [],
        }

    def artist_reference(self, key: str) -> Json:
        """An artist as mentioned by songs."""
        artist = self.world.artists[key]
        return self._artist_page(artist.genius_id, artist.name)

    @staticmethod
    def _artist_page(identity: int, name: str) -> Json:
        slug = "-".join(words(name)).capitalize()
        image = f"https://images.genius.com/{digest('artist', identity):032x}.1000x1000x1.jpg"
        return {
            "api_path": f"/artists/{identity}",
            "header_image_url": image,
            "id": identity,
            "image_url": image,
            "is_meme_verified": False,
            "is_verified": False,
            "name": name,
            "url": f"https://genius.com/artists/{slug}",
        }

    def song(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /songs/{id}."""
        number = _whole(identity)
        described = description(request)
        if number - ROMANIZATIONS in self.songs:
            page = self._romanization(self.songs[number - ROMANIZATIONS])
            return envelope({"song": page | self._song_credits([], [], []) | self._song_details(None, described)})
        song = self.songs.get(number)
        if song is None:
            return error(404, "Not found")
        served = self.site.served.genius_credits.get(song.key, ())
        writers, others = self._other_credits(song)
        view = self.song_reference(song) | self._song_credits(list(served), writers, others)
        return envelope({"song": view | self._song_details(song, described)})

    def _song_credits(self, served: list[GeniusCredit], writers: list[str], others: list[GeniusCredit]) -> Json:
        labelled: dict[str, list[Json]] = {}
        for credit in [*served, *others]:
            if credit.label:
                labelled.setdefault(credit.label, []).append(self.artist_reference(credit.artist))
        return {
            "producer_artists": [self.artist_reference(credit.artist) for credit in served if not credit.label],
            "writer_artists": [self.artist_reference(key) for key in writers],
            "custom_performances": [{"label": label, "artists": artists} for label, artists in labelled.items()],
        }

    def _other_credits(self, song: WorldRecording) -> tuple[list[str], list[GeniusCredit]]:
        """Writers and engineers of a song, from its first release."""
        track = self.world.tracks_of_recording[song.key][0]
        release = self.world.releases[track.release]
        credits = credits_of_track(release, wide=True)[release.tracks.index(track)]
        parts = [(credit.artist, part.head) for credit in credits for part in split_roles(credit.role)]
        writers = dict.fromkeys(artist for artist, head in parts if head in WRITER_HEADS)
        others = dict.fromkeys(
            GeniusCredit(artist, OTHER_LABELS[head]) for artist, head in parts if head in OTHER_LABELS
        )
        return list(writers), list(others)

    def _song_details(self, song: WorldRecording | None, description: Json) -> Json:
        details: Json = {
            "album": None,
            "apple_music_id": None,
            "description": description,
            "embed_content": "",
            "featured_video": False,
            "lyrics_placeholder_reason": None,
            "media": [],
            "recording_location": None,
            "release_date": None,
            "song_relationships": [],
            "verified_annotations_by": [],
            "verified_contributors": [],
            "verified_lyrics_by": [],
        }
        if song is None:
            return details
        release = self.world.releases[self.world.releases_with(song.key)[0]]
        date, precision = release_date(release.date)
        identity = 1 + digest("genius album", release.key) % 2_000_000
        artist = self.artist_reference(release.artists[0].artist)
        return details | {
            "release_date": date if precision == "day" else None,
            "album": {
                "api_path": f"/albums/{identity}",
                "full_title": f"{release.title} by {artist['name']}",
                "id": identity,
                "name": release.title,
                "url": f"https://genius.com/albums/{identity}",
                "artist": artist,
            },
        }

    def artist(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artists/{id}."""
        key = self.artists.get(_whole(identity))
        if key is None:
            return error(404, "Not found")
        artist = self.world.artists[key]
        view = self.artist_reference(key) | {
            "alternate_names": list(artist.aliases),
            "description": description(request),
            **self._social_names(artist),
        }
        return envelope({"artist": view})

    @staticmethod
    def _social_names(artist: WorldArtist) -> Json:
        known = covered("genius social links", artist.key)
        profiles = profiles_of(artist) if known else NO_PROFILES
        return {
            "facebook_name": profiles.facebook,
            "instagram_name": profiles.instagram,
            "twitter_name": profiles.twitter,
        }

    def artist_songs(self, request: SandboxRequest, identity: str) -> SandboxResponse:
        """GET /artists/{id}/songs, at most 50 a page."""
        key = self.artists.get(_whole(identity))
        if key is None:
            return error(404, "Not found")
        per_page = min(MOST_SONGS, max(1, _whole(request.first("per_page"), DEFAULT_SONGS)))
        page = max(1, _whole(request.first("page"), 1))
        songs = self._sorted(self.songs_by_artist.get(key, []), request.first("sort") or "title")
        shown = [self.song_reference(song) for song in songs[(page - 1) * per_page : page * per_page]]
        return envelope({"songs": shown, "next_page": page + 1 if page * per_page < len(songs) else None})

    @staticmethod
    def _sorted(songs: list[WorldRecording], order: str) -> list[WorldRecording]:
        if order == "popularity":
            return sorted(songs, key=lambda song: (-song.popularity, song.genius_id))
        return sorted(songs, key=lambda song: (song.title.casefold(), song.genius_id))


def _whole(text: str | None, default: int = -1) -> int:
    return int(text) if text is not None and re.fullmatch(r"\d{1,10}", text) else default
