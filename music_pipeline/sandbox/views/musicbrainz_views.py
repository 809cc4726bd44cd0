"""MusicBrainz's JSON: artists, releases, recordings, urls and their relationships.

This module builds the objects with what each `inc` adds. `musicbrainz` holds endpoints and errors.
"""

from collections.abc import Set as AbstractSet
from typing import Any

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge, discogs_url, spotify_url
from music_pipeline.sandbox.views.spotify_views import release_date
from music_pipeline.sandbox.world.credits_served import Relation
from music_pipeline.sandbox.world.hashing import digest, mbid
from music_pipeline.sandbox.world.model import ArtistCredit, WorldArtist, WorldRecording, WorldRelease, WorldTrack
from music_pipeline.sandbox.world.roles import split_roles

MOST_RECORDINGS_WITH_RELATIONSHIPS = 500
MOST_LINKED = 25
PRODUCER_OF_RECORDING = "5c0ceac3-feb4-41f0-868d-dc06f6e27fc0"
PRODUCER_OF_RELEASE = "8bf377ba-8d71-4ecc-97f2-7bb2d8a2a75f"
URL_TYPES = {
    ("artist", "discogs"): ("discogs", "04a5b104-a4c2-4bac-99a1-7b837c37d9e4"),
    ("artist", "spotify"): ("free streaming", "769085a1-c2f7-4c24-a532-2375a77693bd"),
    ("artist", "instagram"): ("social network", "99429741-f3f6-484b-84f8-23af51991770"),
    ("artist", "twitter"): ("social network", "99429741-f3f6-484b-84f8-23af51991770"),
    ("artist", "facebook"): ("social network", "99429741-f3f6-484b-84f8-23af51991770"),
    ("artist", "soundcloud"): ("soundcloud", "89e4a949-0976-440d-bda1-5f772c1e5710"),
    ("artist", "youtube"): ("youtube", "6a540e5b-58c6-4192-b6ba-dbc71ec8fcf0"),
    ("artist", "homepage"): ("official homepage", "fe33d22f-c3b0-4d68-bd53-a856badf2b15"),
    ("release", "discogs"): ("discogs", "4a78823c-1c53-4176-a5f3-58026c76f2bc"),
    ("release", "spotify"): ("free streaming", "08445ccf-7b99-4438-9f9a-fb9ac18099ee"),
}
OTHER_TYPES = {
    "engineer": ("engineer", "5dcc52af-7064-4051-8d62-7d80f4c3c907"),
    "mixed by": ("mix", "3e3102e1-1896-4f50-b5b2-dd9824e46efe"),
    "arranged by": ("arranger", "22661fb8-cdb7-4f67-8385-b2a8be6c9f0d"),
    "remix": ("remixer", "7950be4d-13a3-48e7-906b-5af562e39544"),
}
ARTIST_TYPES = {
    "person": ("Person", "b6e035f4-3ce9-331c-97df-83397230b0df"),
    "group": ("Group", "e431f5f6-b5d2-343d-8b36-72607fffb74b"),
    "company": ("Other", "ac897045-5043-3294-969b-187360e45d86"),
}
GROUP_TYPES = {
    "album": ("Album", "f529b476-6e62-324f-b0aa-1f3e33d313fc"),
    "single": ("Single", "d6038452-8ee0-3f68-affc-2de9a1ede0b9"),
    "compilation": ("Album", "f529b476-6e62-324f-b0aa-1f3e33d313fc"),
}
COUNTRY_CODES = {
    "US": "US", "UK": "GB", "Germany": "DE", "France": "FR", "Sweden": "SE", "Japan": "JP", "Italy": "IT",
    "Canada": "CA", "Netherlands": "NL", "Spain": "ES", "Belgium": "BE", "Australia": "AU", "Europe": "XE",
    "Worldwide": "XW",
}  # fmt: skip
JOIN_PHRASES = {"&": " & ", ",": ", ", "Featuring": " feat. ", "": ", "}
DISAMBIGUATIONS = ("UK band", "US singer", "DJ & remixer", "German musician", "90s house act", "jazz pianist")


class MusicBrainzViews:
    """Build the objects."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self.world = knowledge.world
        self._artists: dict[str, Json] = {}

    def artist_reference(self, key: str) -> Json:
        """An artist as mentioned by other objects."""
        if key not in self._artists:
            artist = self.world.artists[key]
            kind, kind_id = ARTIST_TYPES[artist.kind]
            self._artists[key] = {
                "id": artist.mbid,
                "name": shown_name(artist),
                "sort-name": sort_name(artist),
                "disambiguation": _disambiguation(artist),
                "type": kind,
                "type-id": kind_id,
                "country": artist.country,
            }
        return self._artists[key]

    def artist(self, key: str, inc: AbstractSet[str]) -> Json:
        """An artist as returned by a lookup."""
        artist = self.world.artists[key]
        view = self.artist_reference(key) | {
            "area": None,
            "begin-area": None,
            "end-area": None,
            "gender": None,
            "gender-id": None,
            "ipis": [],
            "isnis": [],
            "life-span": {"begin": None, "end": None, "ended": False},
        }
        if "aliases" in inc:
            view["aliases"] = aliases(artist)
        if "url-rels" in inc:
            view["relations"] = self._artist_urls(key)
        if "tags" in inc:
            view["tags"] = []
        if "genres" in inc:
            view["genres"] = []
        if "releases" in inc:
            view["releases"] = [
                self.release(each, frozenset()) for each in self.knowledge.releases_of(key)[:MOST_LINKED]
            ]
        return view

    def _artist_urls(self, key: str) -> list[Json]:
        artist = self.world.artists[key]
        found = []
        if key in self.knowledge.spotify_artists:
            found.append(self._to_url("artist", "spotify", spotify_url("artist", artist.spotify_id)))
        if key in self.knowledge.discogs_artists:
            found.append(self._to_url("artist", "discogs", discogs_url("artist", artist.discogs_id)))
        links = self.knowledge.social_links.get(key, {})
        return found + [self._to_url("artist", site, resource) for site, resource in links.items()]

    def _to_url(self, entity: str, site: str, resource: str) -> Json:
        kind, kind_id = URL_TYPES[entity, site]
        url = {"id": mbid("url", resource), "resource": resource}
        return relation(kind, kind_id, "forward", "url", url)

    def artist_credit(self, credits: tuple[ArtistCredit, ...]) -> list[Json]:
        """An artist credit."""
        last = len(credits) - 1
        return [
            {
                "name": credit.name or shown_name(self.world.artists[credit.artist]),
                "joinphrase": "" if place == last else JOIN_PHRASES.get(credit.join, f" {credit.join} "),
                "artist": self.artist_reference(credit.artist),
            }
            for place, credit in enumerate(credits)
        ]

    def release(self, key: str, inc: AbstractSet[str]) -> Json:
        """A release with what `inc` asks for."""
        release = self.world.releases[key]
        view = self._plain_release(release)
        if "artist-credits" in inc:
            view["artist-credit"] = self.artist_credit(release.artists)
        if "labels" in inc:
            view["label-info"] = label_info(release)
        if "release-groups" in inc:
            view["release-group"] = self.release_group(release, inc)
        if "recordings" in inc or "media" in inc or "discids" in inc:
            view["media"] = self._media(release, inc)
        if "artist-rels" in inc or "url-rels" in inc:
            view["relations"] = self._release_relations(release, inc)
        return view

    def _plain_release(self, release: WorldRelease) -> Json:
        date = date_of(release)
        country = COUNTRY_CODES.get(release.country)
        return {
            "id": release.mbid,
            "title": release.title,
            "status": "Official",
            "status-id": "4e304316-386d-3409-af2e-78857eec5cfe",
            "quality": "normal",
            "packaging": None,
            "packaging-id": None,
            "disambiguation": "",
            "text-representation": {"language": None, "script": None},
            "date": date,
            "country": country,
            "barcode": release.upc or "",
            "asin": None,
            "release-events": [{"date": date, "area": {"iso-3166-1-codes": [country]} if country else None}],
            "cover-art-archive": {"artwork": False, "front": False, "back": False, "count": 0, "darkened": False},
        }

    def release_group(self, release: WorldRelease, inc: AbstractSet[str]) -> Json:
        """The group of a release."""
        kind, kind_id = GROUP_TYPES[release.kind]
        view = {
            "id": release.release_group_mbid,
            "title": release.title,
            "disambiguation": "",
            "first-release-date": date_of(release),
            "primary-type": kind,
            "primary-type-id": kind_id,
            "secondary-types": ["Compilation"] if release.kind == "compilation" else [],
            "secondary-type-ids": ["dd2a21e1-0c00-3729-a7a0-de60b84eb5d1"] if release.kind == "compilation" else [],
        }
        return view | ({"artist-credit": self.artist_credit(release.artists)} if "artist-credits" in inc else {})

    def _release_relations(self, release: WorldRelease, inc: AbstractSet[str]) -> list[Json]:
        relations = []
        if "artist-rels" in inc:
            served = self.knowledge.served.release_relations.get(release.key, ())
            relations += [self.producer(each, PRODUCER_OF_RELEASE) for each in served]
        if "url-rels" in inc and release.key in self.knowledge.discogs_releases:
            relations.append(self._to_url("release", "discogs", discogs_url("release", release.discogs_id)))
        if "url-rels" in inc and release.key in self.knowledge.spotify_releases:
            relations.append(self._to_url("release", "spotify", spotify_url("album", release.spotify_id)))
        return relations

    def producer(self, credited: Relation, type_id: str) -> Json:
        """A relation of type producer."""
        return relation("producer", type_id, "backward", "artist", self.artist_reference(credited.artist)) | {
            "target-credit": credited.credited_as,
            "attributes": list(credited.attributes),
            "attribute-ids": {name: mbid("attribute", name) for name in credited.attributes},
            "attribute-values": {"task": credited.task} if credited.task else {},
        }

    def _media(self, release: WorldRelease, inc: AbstractSet[str]) -> list[Json]:
        inner = set(inc)
        if len({track.recording for track in release.tracks}) > MOST_RECORDINGS_WITH_RELATIONSHIPS:
            inner.discard("recording-level-rels")
        media = []
        offset = 0
        for disc in sorted({track.disc for track in release.tracks}):
            tracks = [track for track in release.tracks if track.disc == disc]
            media.append(self._medium(release, disc, tracks, offset, inner))
            offset += len(tracks)
        return media

    def _medium(
        self, release: WorldRelease, disc: int, tracks: list[WorldTrack], offset: int, inc: AbstractSet[str]
    ) -> Json:
        made = release.formats[0].name if release.formats else None
        view: Json = {
            "id": mbid("medium", release.key, disc),
            "position": disc,
            "title": "",
            "format": made,
            "format-id": mbid("format", made) if made else None,
            "track-count": len(tracks),
        }
        if "recordings" in inc:
            view |= {"track-offset": offset, "tracks": [self._track(track, inc) for track in tracks]}
        return view

    def _track(self, track: WorldTrack, inc: AbstractSet[str]) -> Json:
        recording = self.world.recordings[track.recording]
        view: Json = {
            "id": track.mbid,
            "number": track.position or str(track.number),
            "position": track.number,
            "title": track.title,
            "length": length(recording),
            "recording": self.recording(recording, inc, with_relations="recording-level-rels" in inc),
        }
        return view | (
            {"artist-credit": self.artist_credit(self.world.track_artists(track))} if "artist-credits" in inc else {}
        )

    def recording(self, recording: WorldRecording, inc: AbstractSet[str], *, with_relations: bool) -> Json:
        """A recording; relations come with `artist-rels`, inside a release only with the level's own inc."""
        first = min(
            (date_of(self.world.releases[key]) for key in self.knowledge.releases_with(recording.key)), default=""
        )
        view: Json = {
            "id": recording.mbid,
            "title": recording.title,
            "length": length(recording),
            "disambiguation": "",
            "video": False,
            "first-release-date": first,
        }
        if "artist-credits" in inc:
            view["artist-credit"] = self.artist_credit(recording.artists)
        if "isrcs" in inc:
            view["isrcs"] = [recording.isrc] if recording.isrc else []
        if with_relations and "artist-rels" in inc:
            served = self.knowledge.served.recording_relations.get(recording.key, ())
            view["relations"] = [self.producer(each, PRODUCER_OF_RECORDING) for each in served]
            view["relations"] += self._other_relations(recording)
        return view

    def _other_relations(self, recording: WorldRecording) -> list[Json]:
        """Engineers, mixers and the like who have a page for other reasons."""
        track = self.world.tracks_of_recording[recording.key][0]
        found = []
        for credit in track.credits:
            for part in split_roles(credit.role):
                if part.head in OTHER_TYPES and credit.artist in self.knowledge.people:
                    kind, kind_id = OTHER_TYPES[part.head]
                    person = self.artist_reference(credit.artist)
                    found.append(relation(kind, kind_id, "backward", "artist", person))
        return found

    def looked_up_recording(self, recording: WorldRecording, inc: AbstractSet[str]) -> Json:
        """A recording as a lookup gives it, with up to 25 releases."""
        view = self.recording(recording, inc, with_relations=True)
        for name in ("tags", "genres", "aliases"):
            if name in inc:
                view[name] = []
        if "releases" in inc:
            inner = inc & {"artist-credits", "release-groups", "media"}
            releases = self.knowledge.releases_with(recording.key)[:MOST_LINKED]
            view["releases"] = [self.release(key, inner) for key in releases]
        return view

    def _site(self, entity: str, key: str, resource: str) -> str:
        links = self.knowledge.social_links.get(key, {}) if entity == "artist" else {}
        site = next((site for site, address in links.items() if address == resource), None)
        return site or ("spotify" if "open.spotify.com" in resource else "discogs")

    def url(self, resource: str, inc: AbstractSet[str]) -> Json:
        """A url object of a known resource."""
        view: Json = {"id": mbid("url", resource), "resource": resource}
        entity, key = self.knowledge.urls[resource]
        relations = []
        if f"{entity}-rels" in inc:
            site = self._site(entity, key, resource)
            kind, kind_id = URL_TYPES[entity, site]
            target = self.artist_reference(key) if entity == "artist" else self._plain_release(self.world.releases[key])
            relations.append(relation(kind, kind_id, "backward", entity, target))
        return view | ({"relations": relations} if any(name.endswith("-rels") for name in inc) else {})


def relation(kind: str, kind_id: str, direction: str, target_type: str, target: Any) -> Json:
    """A relation without attributes."""
    return {
        "type": kind,
        "type-id": kind_id,
        "target-type": target_type,
        "direction": direction,
        "begin": None,
        "end": None,
        "ended": False,
        "source-credit": "",
        "target-credit": "",
        "attributes": [],
        "attribute-ids": {},
        "attribute-values": {},
        target_type: target,
    }


def shown_name(artist: WorldArtist) -> str:
    """The name at MusicBrainz, which writes "Various Artists" and "[unknown]"."""
    return {"Various": "Various Artists", "Unknown Artist": "[unknown]"}.get(artist.name, artist.name)


def sort_name(artist: WorldArtist) -> str:
    """A person's name with the last word first."""
    first, _, last = artist.name.rpartition(" ")
    return f"{last}, {first}" if artist.kind == "person" and first else artist.name


def _disambiguation(artist: WorldArtist) -> str:
    if artist.decoy or artist.discogs_name != artist.name:
        return DISAMBIGUATIONS[digest("disambiguation", artist.key) % len(DISAMBIGUATIONS)]
    return ""


def aliases(artist: WorldArtist) -> list[Json]:
    """The aliases of an artist."""
    return [
        {
            "name": alias,
            "sort-name": alias,
            "locale": None,
            "primary": None,
            "type": "Artist name",
            "type-id": "894afba6-2816-3c24-8072-eadb66bd04bc",
            "begin": None,
            "end": None,
            "ended": False,
        }
        for alias in artist.aliases
    ]


def label_info(release: WorldRelease) -> list[Json]:
    """The labels of a release."""
    return [
        {
            "catalog-number": label.catalogue_number or None,
            "label": {
                "id": mbid("label", label.discogs_id),
                "name": label.name,
                "sort-name": label.name,
                "disambiguation": "",
                "label-code": None,
                "type": None,
                "type-id": None,
            },
        }
        for label in release.labels
    ]


def date_of(release: WorldRelease) -> str:
    """The date of a release, partial or empty."""
    date, _ = release_date(release.date)
    return "" if date == "0000" else date


def length(recording: WorldRecording) -> int | None:
    """The length in milliseconds; a few have none."""
    return None if digest("without length", recording.key) % 33 == 0 else recording.duration_ms
