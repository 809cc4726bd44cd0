"""The production credits as each provider serves them: its share, in its own form, with its own errors.

This module turns the world's credits into MusicBrainz relations, Discogs credits and Genius credits. The providers and
the truth that tests compare with both read from here. Each provider's module prints them.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from music_pipeline.sandbox.world import hashing
from music_pipeline.sandbox.world.coverage import Coverage, covered, decide_coverage
from music_pipeline.sandbox.world.model import World, WorldCredit, WorldRelease, WorldTrack
from music_pipeline.sandbox.world.roles import RolePart, expand_range, production_parts

MUSICBRAINZ_ATTRIBUTES = {"co": "co", "executive": "executive", "assistant": "assistant", "associate": "associate"}
ADDITIONAL_DETAILS = ("additional", "addiotional")  # the second as the real data has it
GENIUS_LABELS = {"co producer": "Co-Producer", "executive producer": "Executive Producer"}


@dataclass(frozen=True, slots=True)
class Relation:
    """A MusicBrainz relation of type producer. `task` is the free text of its attribute of that name."""

    artist: str
    credited_as: str
    attributes: tuple[str, ...]
    task: str

    @property
    def role(self) -> str:
        """The relation in words: `executive producer`."""
        qualifiers = [attribute for attribute in self.attributes if attribute != "task"]
        return " ".join([*qualifiers, self.task, "producer"] if self.task else [*qualifiers, "producer"])


@dataclass(frozen=True, slots=True)
class GeniusCredit:
    """A production credit at Genius; an empty label stands for its list of producers."""

    artist: str
    label: str


@dataclass(frozen=True, slots=True)
class Served:
    """All production credits by provider, and the sets of what the providers know."""

    coverage: Coverage
    release_relations: dict[str, tuple[Relation, ...]]
    recording_relations: dict[str, tuple[Relation, ...]]
    musicbrainz_people: frozenset[str]  # all who have a page there
    discogs_release_credits: dict[str, tuple[WorldCredit, ...]]
    discogs_track_credits: dict[str, tuple[WorldCredit, ...]]
    genius_credits: dict[str, tuple[GeniusCredit, ...]]


def decide_served(world: World) -> Served:
    """Decide what every provider serves."""
    coverage = decide_coverage(world)
    producers = _producers(world)
    release_relations, recording_relations = _musicbrainz(world, coverage, producers)
    discogs = [world.releases[key] for key in world.releases if key in coverage.discogs_releases]
    return Served(
        coverage=coverage,
        release_relations=release_relations,
        recording_relations=recording_relations,
        musicbrainz_people=_musicbrainz_people(world, coverage, release_relations, recording_relations),
        discogs_release_credits={
            release.key: _disagree_credits(release.credits, producers, release.key) for release in discogs
        },
        discogs_track_credits={
            track.key: _disagree_credits(track.credits, producers, track.recording)
            for release in discogs
            for track in release.tracks
        },
        genius_credits=_genius(world, coverage, producers),
    )


def credits_of_track(release: WorldRelease, *, wide: bool) -> list[list[WorldCredit]]:
    """The credits that apply to each track of a release, those for the whole release only if `wide`."""
    applied = [list(track.credits) for track in release.tracks]
    positions = [track.position for track in release.tracks]
    for credit in release.credits:
        if credit.tracks.strip() or wide:
            for index in expand_range(credit.tracks, positions):
                applied[index].append(credit)
    return applied


def _producers(world: World) -> list[str]:
    """The world's producers, in the order of their first credit."""
    found: dict[str, None] = {}
    for release in world.releases.values():
        for credit in [*release.credits, *(credit for track in release.tracks for credit in track.credits)]:
            if production_parts(credit.role):
                found.setdefault(credit.artist)
    return list(found)


def _another(producers: list[str], not_these: Iterable[str], *key: object) -> str | None:
    """A producer other than these; None if there is no other."""
    excluded = set(not_these)
    for attempt in range(8):
        candidate = hashing.pick(producers, "another producer", attempt, *key)
        if candidate not in excluded:
            return candidate
    return None


def _musicbrainz(
    world: World, coverage: Coverage, producers: list[str]
) -> tuple[dict[str, tuple[Relation, ...]], dict[str, tuple[Relation, ...]]]:
    by_release: dict[str, tuple[Relation, ...]] = {}
    by_recording: dict[str, dict[Relation, None]] = defaultdict(dict)
    for release in (world.releases[key] for key in world.releases if key in coverage.musicbrainz_releases):
        at_release_level = covered("musicbrainz credits at release level", release.key)
        wide = relations_of([credit for credit in release.credits if not credit.tracks.strip()])
        if at_release_level and wide and covered("musicbrainz credits", "release", release.key):
            by_release[release.key] = _disagree_relations(wide, producers, "release", release.key)
        applied = credits_of_track(release, wide=not at_release_level)
        for track, credits in zip(release.tracks, applied, strict=True):
            by_recording[track.recording].update(dict.fromkeys(relations_of(credits)))
    known = {
        key: _disagree_relations(tuple(relations), producers, "recording", key)
        for key, relations in by_recording.items()
        if relations and covered("musicbrainz credits", "recording", key)
    }
    return by_release, known


def relations_of(credits: Iterable[WorldCredit]) -> tuple[Relation, ...]:
    """The production parts of credits as relations, each once."""
    found: dict[tuple[str, tuple[str, ...], str], Relation] = {}
    for credit in credits:
        for part in production_parts(credit.role):
            attributes, task = _attributes(part)
            relation = Relation(credit.artist, credit.credited_as, attributes, task)
            found.setdefault((credit.artist, attributes, task), relation)
    return tuple(found.values())


def _attributes(part: RolePart) -> tuple[tuple[str, ...], str]:
    """The attributes of a relation and the text of `task`, for a prefix that has no attribute of its own."""
    prefix = part.head.removesuffix("producer").removesuffix("produced by").strip()
    attributes = [MUSICBRAINZ_ATTRIBUTES[prefix]] if prefix in MUSICBRAINZ_ATTRIBUTES else []
    details = " ".join(part.details).casefold()
    if any(word in details for word in ADDITIONAL_DETAILS) or prefix == "additional":
        attributes.append("additional")
    if "assist" in details:
        attributes.append("assistant")
    task = "" if prefix in {*MUSICBRAINZ_ATTRIBUTES, "additional"} else prefix
    return tuple(sorted({*attributes, *(["task"] if task else [])})), task


def _disagree_relations(relations: tuple[Relation, ...], producers: list[str], *key: object) -> tuple[Relation, ...]:
    if not covered("disagreement", "musicbrainz", *key):
        return relations
    other = _another(producers, (relation.artist for relation in relations), "musicbrainz", *key)
    if other is None:
        return relations
    return (replace(relations[0], artist=other, credited_as=""), *relations[1:])


def _disagree_credits(credits: tuple[WorldCredit, ...], producers: list[str], key: str) -> tuple[WorldCredit, ...]:
    first = next((index for index, credit in enumerate(credits) if production_parts(credit.role)), None)
    if first is None or not covered("disagreement", "discogs", key):
        return credits
    other = _another(producers, (credit.artist for credit in credits), "discogs", key)
    if other is None:
        return credits
    return (*credits[:first], replace(credits[first], artist=other, credited_as=""), *credits[first + 1 :])


def _musicbrainz_people(
    world: World,
    coverage: Coverage,
    by_release: dict[str, tuple[Relation, ...]],
    by_recording: dict[str, tuple[Relation, ...]],
) -> frozenset[str]:
    people = set(coverage.musicbrainz_artists)
    for relations in [*by_release.values(), *by_recording.values()]:
        people.update(relation.artist for relation in relations)
    for key in coverage.musicbrainz_releases:
        for track in world.releases[key].tracks:
            people.update(credit.artist for credit in world.track_artists(track))
    return frozenset(people)


def _genius(world: World, coverage: Coverage, producers: list[str]) -> dict[str, tuple[GeniusCredit, ...]]:
    truth: dict[str, dict[GeniusCredit, None]] = defaultdict(dict)
    for release in world.releases.values():
        for track, credits in zip(release.tracks, credits_of_track(release, wide=True), strict=True):
            if track.recording in coverage.genius_songs:
                truth[track.recording].update(dict.fromkeys(_genius_credits(track, credits)))
    return {key: _disagree_genius(tuple(credits), producers, key) for key, credits in truth.items() if credits}


def _genius_credits(track: WorldTrack, credits: list[WorldCredit]) -> list[GeniusCredit]:
    plain = "Producer" if covered("genius credits as performances", track.recording) else ""
    found = []
    for credit in credits:
        for part in production_parts(credit.role):
            attributes, _ = _attributes(part)
            found.append(GeniusCredit(credit.artist, _genius_label(part, attributes, plain)))
    return found


def _genius_label(part: RolePart, attributes: tuple[str, ...], plain: str) -> str:
    if "additional" in attributes:
        return "Additional Producer"
    if "assistant" in attributes:
        return "Assistant Producer"
    return plain if part.head in {"producer", "produced by"} else GENIUS_LABELS.get(part.head, part.head.title())


def _disagree_genius(credits: tuple[GeniusCredit, ...], producers: list[str], key: str) -> tuple[GeniusCredit, ...]:
    if not covered("disagreement", "genius", key):
        return credits
    other = _another(producers, (credit.artist for credit in credits), "genius", key)
    return credits if other is None else (replace(credits[0], artist=other), *credits[1:])
