"""Last.fm's JSON: numbers as strings, `#text` and `@attr`, lists of one as an object.

This module builds the objects. `lastfm` holds the methods and errors.
"""

from typing import Any
from urllib.parse import quote_plus

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.indexes.lastfm_pages import LastfmPages, TrackPage
from music_pipeline.sandbox.views.spotify_views import shown_title
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import WorldRelease

SITE = "https://www.last.fm"
IMAGES = "https://lastfm.freetls.fastly.net/i/u"
PLACEHOLDER = "2a96cbd8b46e442fc41c2b86b821562f"
ALBUM_SIZES = {"small": "34s", "medium": "64s", "large": "174s", "extralarge": "300x300"}
ARTIST_SIZES = {**ALBUM_SIZES, "mega": "300x300", "": "300x300"}
MOST_SIMILAR_IN_PAGE = 5


class LastfmViews:
    """Build the objects."""

    def __init__(self, pages: LastfmPages) -> None:
        self.pages = pages
        self.world = pages.world

    def name_of(self, key: str) -> str:
        """The name at Last.fm: "Various" is "Various Artists" there."""
        name = self.world.artists[key].name
        return "Various Artists" if name == "Various" else name

    def _artist_url(self, key: str) -> str:
        return f"{SITE}/music/{quote_plus(self.name_of(key))}"

    def title_of(self, page: TrackPage) -> str:
        """The title as the page shows it: in the form of the streaming service that most listeners use."""
        return shown_title(self.world.tracks_of_recording[page.recording.key][0])

    def _track_url(self, page: TrackPage) -> str:
        return f"{self._artist_url(page.recording.artists[0].artist)}/_/{quote_plus(self.title_of(page))}"

    def track(self, page: TrackPage) -> Json:
        """A track. Tags of one come as an object; without any, the list is empty or an empty string."""
        artist = page.recording.artists[0].artist
        view: Json = {
            "name": self.title_of(page),
            **({"mbid": page.mbid} if page.mbid else {}),
            "url": self._track_url(page),
            "duration": str(page.recording.duration_ms // 1_000 * 1_000),
            "streamable": {"#text": "0", "fulltrack": "0"},
            "listeners": str(page.listeners),
            "playcount": str(page.plays),
            "artist": {
                "name": self.name_of(artist),
                **({"mbid": self.world.artists[artist].mbid} if page.mbid else {}),
                "url": self._artist_url(artist),
            },
        }
        if page.mbid:
            view["album"] = self._album(page)
        return view | {"toptags": self._tags_in_page(page)}

    def _tags_in_page(self, page: TrackPage) -> Any:
        tags = self.pages.tags_of_track(page)
        if not tags and digest("no tags", *page.key) % 4 == 0:
            return ""
        return {"tag": collapsed([{"name": tag, "url": _tag_url(tag)} for tag in tags])}

    def _album(self, page: TrackPage) -> Json:
        track = self.world.tracks_of_recording[page.recording.key][0]
        release = self.world.releases[track.release]
        artist = release.artists[0].artist
        return {
            "artist": self.name_of(artist),
            "title": release.title,
            "mbid": release.mbid,
            "url": f"{self._artist_url(artist)}/{quote_plus(release.title)}",
            "image": _album_images(release),
            "@attr": {"position": str(track.number)},
        }

    def track_tags(self, page: TrackPage) -> Json:
        """The tags of a track with their weights."""
        attributes = {"artist": self.name_of(page.recording.artists[0].artist), "track": self.title_of(page)}
        tags = collapsed(weighted(self.pages.tags_of_track(page)))
        return {"toptags": {"tag": tags, "@attr": attributes}}

    def artist_tags(self, key: str) -> Json:
        """The tags of an artist with their weights."""
        tags = collapsed(weighted(self.pages.tags_of_artist(key)))
        return {"toptags": {"tag": tags, "@attr": {"artist": self.name_of(key)}}}

    def similar(self, key: str) -> Json:
        """An artist as shown by similar artists."""
        return {"name": self.name_of(key), "url": self._artist_url(key), "image": _images(PLACEHOLDER, ARTIST_SIZES)}

    def artist(self, key: str) -> Json:
        """An artist. The image is the star that all artists have."""
        listeners, plays = self.pages.listeners_of(key)
        url = self._artist_url(key)
        tags = [{"name": tag, "url": _tag_url(tag)} for tag in self.pages.tags_of_artist(key)[:5]]
        others = [self.similar(each) for each in self.pages.similar_to(key)[:MOST_SIMILAR_IN_PAGE]]
        return {
            "name": self.name_of(key),
            "mbid": self.world.artists[key].mbid,
            "url": url,
            "image": _images(PLACEHOLDER, ARTIST_SIZES),
            "streamable": "0",
            "ontour": "0",
            "stats": {"listeners": str(listeners), "playcount": str(plays)},
            "similar": {"artist": collapsed(others)},
            "tags": {"tag": collapsed(tags)},
            "bio": {
                "links": {"link": {"#text": "", "rel": "original", "href": f"{url}/+wiki"}},
                "published": "01 Jan 1970, 00:00",
                "summary": f' <a href="{url}">Read more on Last.fm</a>',
                "content": "",
            },
        }

    def similar_artist(self, key: str, place: int) -> Json:
        """An artist in the list of those that resemble another, with how much."""
        match = {"mbid": self.world.artists[key].mbid, "match": f"{1 / (1 + place / 10):.6f}", "streamable": "0"}
        return self.similar(key) | match

    def top_track(self, page: TrackPage, place: int) -> Json:
        """A track in the list of an artist's most heard; it has no tags."""
        artist = page.recording.artists[0].artist
        return {
            "name": self.title_of(page),
            "playcount": str(page.plays),
            "listeners": str(page.listeners),
            **({"mbid": page.mbid} if page.mbid else {}),
            "url": self._track_url(page),
            "streamable": "0",
            "artist": {
                "name": self.name_of(artist),
                "mbid": self.world.artists[artist].mbid,
                "url": self._artist_url(artist),
            },
            "image": _images(PLACEHOLDER, ALBUM_SIZES),
            "@attr": {"rank": str(place)},
        }

    def found_track(self, page: TrackPage) -> Json:
        """A track as a search shows it: the artist is a name only."""
        return {
            "name": self.title_of(page),
            "artist": self.name_of(page.recording.artists[0].artist),
            "url": self._track_url(page),
            "streamable": "FIXME",
            "listeners": str(page.listeners),
            "image": _images(PLACEHOLDER, ALBUM_SIZES),
            "mbid": page.mbid or "",
        }


def collapsed(entries: list[Json]) -> Any:
    """A list as Last.fm's conversion from XML leaves it: one entry alone is no list."""
    return entries[0] if len(entries) == 1 else entries


def weighted(tags: tuple[str, ...]) -> list[Json]:
    """Tags with their counts, the first with 100."""
    return [
        {"count": max(1, 100 * (len(tags) - place) // len(tags)), "name": tag, "url": _tag_url(tag)}
        for place, tag in enumerate(tags)
    ]


def _tag_url(tag: str) -> str:
    return f"{SITE}/tag/{quote_plus(tag)}"


def _images(name: str, sizes: dict[str, str]) -> list[Json]:
    return [{"#text": f"{IMAGES}/{folder}/{name}.png", "size": size} for size, folder in sizes.items()]


def _album_images(release: WorldRelease) -> list[Json]:
    return _images(f"{digest('lastfm image', release.key):032x}", ALBUM_SIZES)
