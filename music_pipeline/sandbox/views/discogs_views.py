"""Discogs's JSON: releases, masters, artists and search results.

This module builds the objects. `discogs` holds endpoints, paging and errors.
"""

import calendar
import re
from urllib.parse import quote

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.providers.context import Site
from music_pipeline.sandbox.world.coverage import covered
from music_pipeline.sandbox.world.hashing import digest
from music_pipeline.sandbox.world.model import ArtistCredit, Heading, WorldArtist, WorldCredit, WorldRelease, WorldTrack
from music_pipeline.sandbox.world.social import profiles_of


class DiscogsViews:
    """Build the objects. `authenticated` callers see images."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.world = site.world
        self.base = f"{site.base_url}/discogs"

    def credited(self, key: str, name: str, join: str, role: str, tracks: str) -> Json:
        """A person on a release or a track. One without an id has no page."""
        artist = self.world.artists[key]
        return {
            "name": artist.discogs_name,
            "anv": name,
            "join": join,
            "role": role,
            "tracks": tracks,
            "id": artist.discogs_id,
            "resource_url": f"{self.base}/artists/{artist.discogs_id}",
        }

    def artists(self, credits: tuple[ArtistCredit, ...]) -> list[Json]:
        """The artists of a release or a track."""
        return [self.credited(credit.artist, credit.name, credit.join, "", "") for credit in credits]

    def extra_artists(self, credits: tuple[WorldCredit, ...]) -> list[Json]:
        """Credits, with role and range verbatim."""
        return [self.credited(each.artist, each.credited_as, "", each.role, each.tracks) for each in credits]

    def release(self, release: WorldRelease, *, authenticated: bool) -> Json:
        """A release."""
        view: Json = {
            "id": release.discogs_id,
            "status": "Accepted",
            "title": release.title,
            "year": year_of(release),
            "resource_url": f"{self.base}/releases/{release.discogs_id}",
            "uri": f"https://www.discogs.com/release/{release.discogs_id}-{quote(release.title)}",
            "artists": self.artists(release.artists),
            "artists_sort": self.artist_names(release),
            "labels": [self._label(release, place) for place in range(len(release.labels))],
            "series": [],
            "companies": [],
            "formats": _formats(release),
            "format_quantity": len(release.formats),
            "data_quality": "Correct",
            "country": release.country,
            "released": release.date,
            "released_formatted": formatted_date(release.date),
            "identifiers": [{"type": kind, "value": value} for kind, value in release.identifiers],
            "genres": list(release.genres),
            "styles": list(release.styles),
            "extraartists": self.extra_artists(self.site.served.discogs_release_credits[release.key]),
            "tracklist": self.tracklist(release),
            "videos": [],
            "images": _images(release) if authenticated else [],
            "thumb": _thumb(release) if authenticated else "",
        }
        return view | self._master_reference(release)

    def _master_reference(self, release: WorldRelease) -> Json:
        master = release.discogs_master_id
        return {"master_id": master, "master_url": f"{self.base}/masters/{master}"} if master else {}

    def _label(self, release: WorldRelease, place: int) -> Json:
        label = release.labels[place]
        return {
            "id": label.discogs_id,
            "name": label.name,
            "catno": label.catalogue_number,
            "entity_type": "1",
            "entity_type_name": "Label",
            "resource_url": f"{self.base}/labels/{label.discogs_id}",
        }

    def tracklist(self, release: WorldRelease) -> list[Json]:
        """The tracks, with the headings between them."""
        headings: dict[int, list[Json]] = {}
        for heading in release.headings:
            headings.setdefault(heading.before, []).append(self._heading(heading))
        rows: list[Json] = []
        for place, track in enumerate(release.tracks):
            rows += [*headings.get(place, []), self._track(track)]
        return rows + headings.get(len(release.tracks), [])

    def _heading(self, heading: Heading) -> Json:
        kind = "index" if heading.credits or heading.duration else "heading"
        view: Json = {"position": "", "type_": kind, "title": heading.title, "duration": heading.duration}
        return view | ({"extraartists": self.extra_artists(heading.credits)} if heading.credits else {})

    def _track(self, track: WorldTrack) -> Json:
        view: Json = {"position": track.position, "type_": "track", "title": track.title, "duration": track.duration}
        if track.artists:
            view["artists"] = self.artists(track.artists)
        credits = self.site.served.discogs_track_credits[track.key]
        return view | ({"extraartists": self.extra_artists(credits)} if credits else {})

    def artist_names(self, release: WorldRelease) -> str:
        """The artists of a release in one line."""
        names = [
            f"{self.world.artists[credit.artist].discogs_name}{f' {credit.join} ' if credit.join else ', '}"
            for credit in release.artists
        ]
        return re.sub(r"\s+,", ",", "".join(names)).rstrip(", ")

    def search_result(self, release: WorldRelease, *, authenticated: bool) -> Json:
        """A release as a search shows it."""
        year = year_of(release)
        return {
            "id": release.discogs_id,
            "type": "release",
            "title": f"{self.artist_names(release)} - {release.title}",
            "country": release.country,
            **({"year": str(year)} if year else {}),
            "format": [made.name for made in release.formats]
            + [description for made in release.formats for description in made.descriptions],
            "label": [label.name for label in release.labels],
            "catno": release.labels[0].catalogue_number if release.labels else "",
            "barcode": [value for _, value in release.identifiers],
            "genre": list(release.genres),
            "style": list(release.styles),
            "master_id": release.discogs_master_id or 0,
            "master_url": self._master_reference(release).get("master_url"),
            "uri": f"/release/{release.discogs_id}-{quote(release.title)}",
            "resource_url": f"{self.base}/releases/{release.discogs_id}",
            "thumb": _thumb(release) if authenticated else "",
            "cover_image": _thumb(release) if authenticated else "",
        }

    def artist_result(self, artist: WorldArtist, *, authenticated: bool) -> Json:
        """An artist as shown by a search."""
        image = f"https://i.discogs.com/A-150-{artist.discogs_id}.jpeg" if authenticated else ""
        return {
            "id": artist.discogs_id,
            "type": "artist",
            "title": artist.discogs_name,
            "master_id": None,
            "master_url": None,
            "uri": f"/artist/{artist.discogs_id}-{quote(artist.discogs_name)}",
            "resource_url": f"{self.base}/artists/{artist.discogs_id}",
            "thumb": image,
            "cover_image": image,
        }

    def master_result(self, releases: list[WorldRelease], *, authenticated: bool) -> Json:
        """A master as a search shows it, by its first release."""
        master = releases[0].discogs_master_id
        return self.search_result(releases[0], authenticated=authenticated) | {
            "id": master,
            "type": "master",
            "uri": f"/master/{master}-{quote(releases[0].title)}",
            "resource_url": f"{self.base}/masters/{master}",
        }

    def artist(self, artist: WorldArtist) -> Json:
        """An artist."""
        url = f"{self.base}/artists/{artist.discogs_id}"
        return {
            "id": artist.discogs_id,
            "name": artist.discogs_name,
            "profile": "",
            "namevariations": list(artist.aliases),
            "aliases": [],
            "urls": list(profiles_of(artist).urls().values()) if covered("discogs urls", artist.key) else [],
            "resource_url": url,
            "releases_url": f"{url}/releases",
            "uri": f"https://www.discogs.com/artist/{artist.discogs_id}-{quote(artist.discogs_name)}",
            "data_quality": "Needs Vote",
        }

    def artist_release(self, release: WorldRelease, role: str) -> Json:
        """A release in the list of an artist."""
        return {
            "id": release.discogs_id,
            "type": "release",
            "title": release.title,
            "artist": self.artist_names(release),
            "year": year_of(release),
            "role": role,
            "format": ", ".join(made.name for made in release.formats),
            "label": ", ".join(label.name for label in release.labels),
            "status": "Accepted",
            "thumb": "",
            "resource_url": f"{self.base}/releases/{release.discogs_id}",
        }

    def master(self, releases: list[WorldRelease]) -> Json:
        """A master; its main release is its first."""
        main = releases[0]
        url = f"{self.base}/masters/{main.discogs_master_id}"
        return {
            "id": main.discogs_master_id,
            "title": main.title,
            "main_release": main.discogs_id,
            "main_release_url": f"{self.base}/releases/{main.discogs_id}",
            "most_recent_release": releases[-1].discogs_id,
            "versions_url": f"{url}/versions",
            "resource_url": url,
            "uri": f"https://www.discogs.com/master/{main.discogs_master_id}-{quote(main.title)}",
            "year": year_of(main),
            "artists": self.artists(main.artists),
            "genres": list(main.genres),
            "styles": list(main.styles),
            "tracklist": self.tracklist(main),
            "videos": [],
            "images": [],
            "data_quality": "Correct",
        }

    def version(self, release: WorldRelease) -> Json:
        """A release in the list of a master's versions."""
        return {
            "id": release.discogs_id,
            "title": release.title,
            "released": release.date[:4],
            "country": release.country,
            "format": ", ".join(description for made in release.formats for description in made.descriptions),
            "major_formats": [made.name for made in release.formats],
            "label": ", ".join(label.name for label in release.labels),
            "catno": release.labels[0].catalogue_number if release.labels else "",
            "status": "Accepted",
            "thumb": "",
            "resource_url": f"{self.base}/releases/{release.discogs_id}",
        }


def year_of(release: WorldRelease) -> int:
    """The year of a release; 0 if it is unknown, as at Discogs."""
    return int(release.date[:4]) if release.date[:4].isdigit() else 0


def formatted_date(date: str) -> str:
    """`1999-03-00` as `Mar 1999`."""
    year, month, day = ([*date.split("-"), "00", "00"])[:3]
    if month == "00":
        return year
    shown = f"{calendar.month_abbr[int(month)]} {year}"
    return shown if day == "00" else f"{day} {shown}"


def _formats(release: WorldRelease) -> list[Json]:
    return [
        {"name": made.name, "qty": made.quantity, "descriptions": list(made.descriptions)} for made in release.formats
    ]


def _thumb(release: WorldRelease) -> str:
    return f"https://i.discogs.com/R-150-{release.discogs_id}.jpeg"


def _images(release: WorldRelease) -> list[Json]:
    url = f"https://i.discogs.com/R-{release.discogs_id}-{digest('image', release.key) % 10**9}.jpeg"
    return [
        {"type": "primary", "uri": url, "resource_url": url, "uri150": _thumb(release), "width": 600, "height": 600}
    ]
