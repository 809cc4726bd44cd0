"""Which Genius songs are held recordings, and the production credits they give. Pure.

Genius has neither ISRC nor duration: a song is verified by artist, title and version, and is less sure than elsewhere.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from uuid import UUID

from music_pipeline.catalog.credits import FoundCredit
from music_pipeline.catalog.producers import Person
from music_pipeline.matching.names import normalise_name
from music_pipeline.matching.recordings import RecordingFacts
from music_pipeline.matching.roles import Role, genius_role
from music_pipeline.matching.titles import identity_versions, parse_title
from music_pipeline.providers.genius import GeniusHit, GeniusSong
from music_pipeline.providers.records import NamedId
from music_pipeline.stages.credits.release_pairing import LABEL_FIELD, TRACK_FIELD, StatedCredit, found_credits

PROVIDER = "genius"
VERIFIED_SONG = 0.85
PRODUCER = Role(head="Producer", qualifier=None, printed="Producer")

TitleKey = tuple[str, frozenset[str]]


def artists_named(name: str, hits: Iterable[GeniusHit]) -> list[str]:
    """Genius's ids of the artists of exactly this name among hits, in their order."""
    wanted = normalise_name(name)
    artists = (hit.artist for hit in hits if hit.artist is not None)
    return list(dict.fromkeys(one.id for one in artists if one.name and normalise_name(one.name) == wanted))


def songs_of_recordings(recordings: Mapping[UUID, RecordingFacts], songs: Iterable[GeniusHit]) -> dict[UUID, GeniusHit]:
    """The song of each recording, where exactly one song and one recording have the title and version."""
    recordings_by_title, songs_by_title = defaultdict(list), defaultdict(list)
    for recording_id, facts in recordings.items():
        recordings_by_title[title_key(facts.title)].append(recording_id)
    for song in songs:
        songs_by_title[title_key(song.title or "")].append(song)
    return {
        recording_ids[0]: songs_by_title[key][0]
        for key, recording_ids in recordings_by_title.items()
        if len(recording_ids) == 1 and len(songs_by_title.get(key, ())) == 1
    }


def title_key(title: str) -> TitleKey:
    """What two printings of one song's title have in common: its folded base and its version."""
    parsed = parse_title(title)
    return parsed.base_normalised, identity_versions(parsed)


def is_verified(facts: RecordingFacts, artist_name: str, song: GeniusSong) -> bool:
    """Whether a song's own page has the artist, the title and the version."""
    names = [one.name for one in (song.artist, *song.featured) if one is not None and one.name]
    has_artist = normalise_name(artist_name) in map(normalise_name, names)
    return has_artist and title_key(song.title or "") == title_key(facts.title)


def genius_credits(recording_id: UUID, song: GeniusSong) -> Iterator[FoundCredit]:
    """The production credits of a verified song."""
    return found_credits(_stated_credits(song), recording_id, recording_id, VERIFIED_SONG)


def _stated_credits(song: GeniusSong) -> Iterator[StatedCredit]:
    printed: Sequence[tuple[Role, NamedId, float]] = [
        *((PRODUCER, person, TRACK_FIELD) for person in song.producers),
        *((genius_role(label), person, LABEL_FIELD) for label, person in song.performances),
    ]
    for role, person, field_confidence in printed:
        if person.name:
            yield StatedCredit(
                person=Person((PROVIDER, person.id), person.name),
                role=role,
                credited_as=person.name,
                level="track",
                entity="song",
                id=song.id,
                field_confidence=field_confidence,
            )
