"""MusicBrainz's search: artists, releases and recordings by Lucene queries.

This module holds the fields of the documents and the results. Results carry no relationships. `lucene` parses queries.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from music_pipeline.sandbox.http import Json
from music_pipeline.sandbox.indexes.lucene import Scores, evaluate, field_words, parse, similarity
from music_pipeline.sandbox.indexes.musicbrainz_knowledge import Knowledge
from music_pipeline.sandbox.views.musicbrainz_views import (
    MusicBrainzViews,
    aliases,
    date_of,
    label_info,
    length,
    shown_name,
    sort_name,
)
from music_pipeline.sandbox.world.model import WorldRecording, WorldRelease

CREATED = "2026-11-01T00:00:00.000Z"  # when the index was built
Document = dict[str, list[str]]


@dataclass(slots=True)
class TextIndex:
    """Documents by field. Exact fields hold whole values, text fields words."""

    exact_fields: frozenset[str]
    default_fields: tuple[str, ...]
    documents: dict[str, Document] = field(default_factory=dict)
    postings: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))

    def add(self, key: str, document: Document) -> None:
        """Add a document."""
        self.documents[key] = document
        for name, values in document.items():
            for value in values:
                for word in self._terms(name, value):
                    self.postings[name, word].add(key)

    def _terms(self, name: str, value: str) -> tuple[str, ...]:
        return (value.casefold(),) if name in self.exact_fields else field_words(value)

    def match(self, name: str, text: str) -> Scores:
        """The documents with the text in a field, or in the default fields for none."""
        if name:
            return self._match_field(name, text)
        found: Scores = {}
        for default in self.default_fields:
            for key, score in self._match_field(default, text).items():
                found[key] = max(score, found.get(key, 0.0))
        return found

    def _match_field(self, name: str, text: str) -> Scores:
        terms = self._terms(name, text)
        if not terms:
            return {}
        keys = set.intersection(*(self.postings.get((name, term), set()) for term in terms))
        if name in self.exact_fields:
            return dict.fromkeys(keys, 1.0)
        scored = {
            key: max(similarity(terms, field_words(value)) for value in self.documents[key][name]) for key in keys
        }
        return {key: score for key, score in scored.items() if score}

    def search(self, query: str) -> list[tuple[str, int]]:
        """The documents that a query finds, the best first, with scores of 100 and less."""
        scores = evaluate(parse(query), self.match, lambda: dict.fromkeys(self.documents, 1.0))
        best = max(scores.values(), default=1.0)
        ranked = sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
        return [(key, max(1, round(100 * score / best))) for key, score in ranked]


class MusicBrainzSearch:
    """The search. Each index is built when it is first needed."""

    def __init__(self, knowledge: Knowledge, views: MusicBrainzViews) -> None:
        self.knowledge = knowledge
        self.views = views
        self.world = knowledge.world
        self._indexes: dict[str, TextIndex] = {}
        self._builders: dict[str, Callable[[], TextIndex]] = {
            "artist": self._artist_index,
            "release": self._release_index,
            "recording": self._recording_index,
        }
        self._results: dict[str, Callable[[str], Json]] = {
            "artist": self._artist_result,
            "release": self._release_result,
            "recording": self._recording_result,
        }

    def search(self, entity: str, query: str, limit: int, offset: int) -> Json:
        """A page of results. Raises QueryError for a query that cannot be parsed."""
        if entity not in self._indexes:
            self._indexes[entity] = self._builders[entity]()
        found = self._indexes[entity].search(query)
        results = [self._results[entity](key) | {"score": score} for key, score in found[offset : offset + limit]]
        return {"created": CREATED, "count": len(found), "offset": offset, f"{entity}s": results}

    def _artist_index(self) -> TextIndex:
        index = TextIndex(frozenset({"arid", "type", "country"}), ("artist", "alias"))
        for mbid, key in self.knowledge.artist_keys.items():
            artist = self.world.artists[key]
            names = [shown_name(artist)]
            index.add(
                key,
                {
                    "artist": names,
                    "name": names,
                    "alias": [*artist.aliases],
                    "sortname": [sort_name(artist)],
                    "arid": [mbid],
                    "type": [str(self.views.artist_reference(key)["type"])],
                    "country": [artist.country] if artist.country else [],
                },
            )
        return index

    def _artist_result(self, key: str) -> Json:
        view = self.views.artist_reference(key) | {"life-span": {"ended": None}}
        named = aliases(self.world.artists[key])
        return view | ({"aliases": named} if named else {})

    def _release_index(self) -> TextIndex:
        exact = frozenset({"reid", "rgid", "arid", "barcode", "date", "country", "status", "catno", "primarytype"})
        index = TextIndex(exact, ("release",))
        for mbid, key in self.knowledge.release_keys.items():
            release = self.world.releases[key]
            names = self._names(credit.artist for credit in release.artists)
            view = self.views.release(key, frozenset())
            index.add(
                key,
                {
                    "release": [release.title],
                    "reid": [mbid],
                    "rgid": [release.release_group_mbid],
                    "artist": [*names, " ".join(names)],
                    "artistname": names,
                    "creditname": names,
                    "arid": [self.world.artists[credit.artist].mbid for credit in release.artists],
                    "barcode": [release.upc] if release.upc else [],
                    "date": [view["date"]],
                    "country": [view["country"]] if view["country"] else [],
                    "status": ["official"],
                    "label": [label.name for label in release.labels],
                    "catno": [label.catalogue_number for label in release.labels],
                },
            )
        return index

    def _names(self, artists: Iterable[str]) -> list[str]:
        return [shown_name(self.world.artists[key]) for key in artists]

    def _release_result(self, key: str) -> Json:
        release = self.world.releases[key]
        view = self.views.release(key, frozenset({"artist-credits", "release-groups"}))
        kept = ("id", "title", "status", "status-id", "artist-credit", "release-group", "date", "country", "barcode")
        return {name: view[name] for name in kept} | {
            "label-info": label_info(release),
            "track-count": len(release.tracks),
            "media": self.views.release(key, frozenset({"media"}))["media"],
        }

    def _recording_index(self) -> TextIndex:
        index = TextIndex(frozenset({"rid", "arid", "reid", "isrc", "dur", "status", "video"}), ("recording",))
        for mbid, recording in self.knowledge.recordings.items():
            names = self._names(credit.artist for credit in recording.artists)
            releases = [self.world.releases[key] for key in self.knowledge.releases_with(recording.key)]
            index.add(
                mbid,
                {
                    "recording": [recording.title],
                    "rid": [mbid],
                    "isrc": [recording.isrc] if recording.isrc else [],
                    "artist": [*names, " ".join(names)],
                    "artistname": names,
                    "creditname": names,
                    "arid": [self.world.artists[credit.artist].mbid for credit in recording.artists],
                    "release": [release.title for release in releases],
                    "reid": [release.mbid for release in releases],
                    "status": ["official"],
                },
            )
        return index

    def _recording_result(self, mbid: str) -> Json:
        recording = self.knowledge.recordings[mbid]
        releases = [self.world.releases[key] for key in self.knowledge.releases_with(recording.key)]
        view: dict[str, Any] = {
            "id": recording.mbid,
            "title": recording.title,
            "length": length(recording),
            "video": None,
            "artist-credit": self.views.artist_credit(recording.artists),
            "first-release-date": min((date_of(release) for release in releases), default=""),
            "releases": [self._release_of_result(release, recording) for release in releases],
        }
        return view | ({"isrcs": [recording.isrc]} if recording.isrc else {})

    def _release_of_result(self, release: WorldRelease, recording: WorldRecording) -> Json:
        track = next(track for track in release.tracks if track.recording == recording.key)
        shown = {"id": track.mbid, "number": track.position, "title": track.title, "length": length(recording)}
        return {
            "id": release.mbid,
            "title": release.title,
            "status": "Official",
            "date": date_of(release),
            "artist-credit": self.views.artist_credit(release.artists),
            "release-group": self.views.release_group(release, frozenset()),
            "track-count": len(release.tracks),
            "media": [{"position": track.disc, "track-count": len(release.tracks), "track": [shown]}],
        }
