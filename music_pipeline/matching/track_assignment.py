"""Assign each track to a recording: a known one, one that came in with it, or a new one. Pure."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from music_pipeline.matching.evidence import Match, Verdict
from music_pipeline.matching.recordings import RecordingFacts, match_recording
from music_pipeline.matching.titles import parse_title


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording, and what is known of it."""

    recording_id: UUID
    facts: RecordingFacts


@dataclass(frozen=True, slots=True)
class Place:
    """A track to be assigned: its release, its Spotify id, and what is known of it."""

    release_id: UUID
    track_id: str
    facts: RecordingFacts


@dataclass(frozen=True, slots=True)
class Assignment:
    """The recording of each place, in order, and the new recordings."""

    recording_ids: tuple[UUID, ...]
    new: tuple[Recording, ...]


class _Known:
    """Recordings, found by ISRC or by folded title."""

    def __init__(self, recordings: Iterable[Recording]) -> None:
        self._by_isrc: defaultdict[str, dict[UUID, Recording]] = defaultdict(dict)
        self._by_title: defaultdict[str, dict[UUID, Recording]] = defaultdict(dict)
        for recording in recordings:
            self.add(recording)

    def add(self, recording: Recording) -> None:
        for isrc in recording.facts.isrcs:
            self._by_isrc[isrc][recording.recording_id] = recording
        self._by_title[parse_title(recording.facts.title).base_normalised][recording.recording_id] = recording

    def candidates(self, facts: RecordingFacts) -> list[Recording]:
        found = dict(self._by_title.get(parse_title(facts.title).base_normalised, {}))
        for isrc in facts.isrcs:
            found |= self._by_isrc.get(isrc, {})
        return list(found.values())


def assign_recordings(
    known: Sequence[Recording],
    recording_of_track: Mapping[str, UUID],
    places: Sequence[Place],
    new_id: Callable[[], UUID],
) -> Assignment:
    """Find the recording of each place. `new_id` makes the id of a new one.

    A Spotify track keeps its recording. Any other gets the surest one that matches. By text alone, two tracks of one
    release are never the same recording: two interludes of one name and length are two.
    """
    recordings, new, found = _Known(known), list[Recording](), list[UUID]()
    on_release: defaultdict[UUID, set[UUID]] = defaultdict(set)
    for place in places:
        recording_id = recording_of_track.get(place.track_id) or _best(
            place.facts, recordings.candidates(place.facts), on_release[place.release_id]
        )
        if recording_id is None:
            recording_id = new_id()
            new.append(Recording(recording_id, place.facts))
            recordings.add(new[-1])
        on_release[place.release_id].add(recording_id)
        found.append(recording_id)
    return Assignment(tuple(found), tuple(new))


def _best(facts: RecordingFacts, candidates: Iterable[Recording], on_release: set[UUID]) -> UUID | None:
    matches = [(candidate, match_recording(facts, candidate.facts)) for candidate in candidates]
    possible = [
        (match.confidence, candidate.recording_id)
        for candidate, match in matches
        if match.verdict is Verdict.SAME and (candidate.recording_id not in on_release or _by_isrc(match))
    ]
    return max(possible, key=lambda pair: pair[0])[1] if possible else None


def _by_isrc(match: Match) -> bool:
    return any(fact.name == "equal ISRC" for fact in match.evidence)
