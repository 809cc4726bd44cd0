"""Which Discogs releases are ours, and the production credits they give our recordings. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from music_pipeline.catalog.credits import FoundCredit
from music_pipeline.catalog.producers import Person
from music_pipeline.matching.names import normalise_name, strip_namesake_suffix
from music_pipeline.matching.releases import ReleaseFacts, TrackFacts
from music_pipeline.matching.roles import parse_roles
from music_pipeline.matching.titles import same_release_title
from music_pipeline.matching.track_ranges import UnreadableRange, tracks_in_range
from music_pipeline.providers.discogs import DiscogsCredit, DiscogsHit, DiscogsRelease
from music_pipeline.stages.credits.held_releases import OurRelease
from music_pipeline.stages.credits.release_pairing import (
    RELEASE_FIELD,
    TRACK_FIELD,
    Pairing,
    Saying,
    credit,
    is_production,
)

PROVIDER = "discogs"
SEPARATOR = " - "


@dataclass(frozen=True, slots=True)
class DiscogsCredits:
    """Production credits of one Discogs release, and the track ranges on it that could not be read."""

    credits: tuple[FoundCredit, ...]
    unreadable: tuple[UnreadableRange, ...]


def release_facts(release: DiscogsRelease) -> ReleaseFacts:
    """A Discogs release for the comparison with ours."""
    return ReleaseFacts(
        title=release.title or "",
        artists=tuple(strip_namesake_suffix(one.name)[0] for one in release.artists if one.name),
        released=release.released or (str(release.year) if release.year else None),
        barcodes=frozenset(release.barcodes),
        tracks=tuple(TrackFacts(track.title or "", track.duration_ms) for track in release.tracks),
    )


def likely_hits(our: OurRelease, hits: Iterable[DiscogsHit]) -> list[DiscogsHit]:
    """Hits of a search that may be this release, by title, the nearest in time first."""
    same_title = [hit for hit in hits if _has_title(hit, our)]
    year = int(our.facts.released[:4]) if our.facts.released else None

    def distance(hit: DiscogsHit) -> tuple[bool, int, str]:
        gap = abs(hit.year - year) if hit.year and year else 0
        return (hit.year is None or year is None, gap, hit.id)

    return sorted(same_title, key=distance)


def _has_title(hit: DiscogsHit, our: OurRelease) -> bool:
    """A hit's title is "Artist - Title", and either may hold the separator itself."""
    pieces = (hit.title or "").split(SEPARATOR)
    for cut in range(1, len(pieces)):
        artist, title = SEPARATOR.join(pieces[:cut]), SEPARATOR.join(pieces[cut:])
        if same_release_title(title, our.facts.title) and _names_an_artist(artist, our):
            return True
    return False


def _names_an_artist(printed: str, our: OurRelease) -> bool:
    folded = f" {normalise_name(strip_namesake_suffix(printed)[0])} "
    return any(f" {normalise_name(strip_namesake_suffix(name)[0])} " in folded for name in our.facts.artists)


def discogs_credits(our: OurRelease, theirs: DiscogsRelease, pairing: Pairing) -> DiscogsCredits:
    """The credits that a matched release gives: of its tracks, and, if it is the same release, of the release."""
    found = [
        one
        for our_index, their_index in pairing.tracks
        for printed in theirs.tracks[their_index].credits
        for saying in _sayings(printed, theirs.id, "track", TRACK_FIELD)
        for one in credit(saying, our.tracks[our_index].recording_id, our.held.release_id, pairing.confidence)
    ]
    unreadable: list[UnreadableRange] = []
    positions = [track.position or "" for track in theirs.tracks]
    for printed in theirs.credits if pairing.is_same_release else ():
        sayings = [saying for saying in _sayings(printed, theirs.id, "release", RELEASE_FIELD) if is_production(saying)]
        if not sayings:
            continue
        covered, problem = _covered(printed, positions)
        found += _release_credits(our, pairing, sayings, covered)
        unreadable += [problem] if problem else []
    return DiscogsCredits(tuple(found), tuple(unreadable))


def _release_credits(
    our: OurRelease, pairing: Pairing, sayings: Sequence[Saying], covered: frozenset[int]
) -> Iterator[FoundCredit]:
    for our_index, their_index in pairing.tracks:
        if their_index in covered:
            for saying in sayings:
                yield from credit(saying, our.tracks[our_index].recording_id, our.held.release_id, pairing.confidence)


def _covered(one: DiscogsCredit, positions: Sequence[str]) -> tuple[frozenset[int], UnreadableRange | None]:
    covered = tracks_in_range(one.tracks or "", positions)
    if isinstance(covered, UnreadableRange):
        return covered.resolved, covered
    return covered, None


def _sayings(one: DiscogsCredit, release_id: str, level: str, field_confidence: float) -> Iterator[Saying]:
    if not one.name:
        return
    name = strip_namesake_suffix(one.name)[0]
    # Somebody without a page at Discogs is nobody else's namesake: known by the name on this release only.
    person_id = one.person_id or f"release/{release_id}/{normalise_name(name)}"
    for role in parse_roles(one.role or ""):
        yield Saying(
            person=Person((PROVIDER, person_id), name),
            role=role,
            credited_as=(one.anv or name).rstrip("*"),
            level=level,
            entity="release",
            id=release_id,
            field_confidence=field_confidence,
        )
