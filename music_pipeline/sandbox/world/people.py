"""The producers, engineers and companies of worlds whose catalogue has no credits, and how releases credit them.

Roles, ranges and name variations are written as at Discogs.
"""

from dataclasses import dataclass
from random import Random

from music_pipeline.sandbox.world import builders, hashing, names
from music_pipeline.sandbox.world.model import WorldArtist, WorldCredit

PRODUCER_ROLES = (
    "Producer", "Producer", "Producer", "Producer, Written-By", "Written-By, Producer", "Producer, Mixed By",
    "Producer [Produced By]", "Written-By, Producer, Arranged By", "Producer, Arranged By [Strings, Horns]",
)  # fmt: skip
LESSER_ROLES = (
    "Co-producer", "Producer [Additional]", "Producer [Additional Production]", "Remix, Producer [Additional]",
    "Producer [Assistance]",
)  # fmt: skip
EXECUTIVE_ROLES = ("Executive-Producer", "Executive Producer", "Executive-Producer [For The Label]")
OTHER_ROLES = (
    "Written-By",
    "Engineer",
    "Mastered By",
    "Mixed By [Additional]",
    "Coordinator [Production Coordinator]",
    "Artwork By",
)
SHARE_WITHOUT_PRODUCTION = 0.08
SHARE_WITH_NAME_VARIATION = 0.16
SHARE_RELEASE_WIDE = 0.45
SHARE_BY_RANGE = 0.7  # of what is left, the rest being credited track by track
SHARE_WITH_EXECUTIVE = 0.25
SHARE_WITH_LESSER = 0.35
SHARE_WITH_OTHER = 0.7
CREW_SIZE = 6


@dataclass(frozen=True, slots=True)
class ReleaseCredits:
    """The credits of a release: those for all of it or a range, and those of each track."""

    release: tuple[WorldCredit, ...]
    tracks: tuple[tuple[WorldCredit, ...], ...]


def make_people(numbers: builders.Numbers, seed: object, count: int) -> list[WorldArtist]:
    """Make the people; the second and the third are two of one name, the last ones are companies."""
    random = hashing.seeded("people", seed)
    chosen: dict[str, None] = {}
    index = 0
    while len(chosen) < count:
        chosen.setdefault(names.person_name(random, index))
        index += 1
    ordered = list(chosen)
    ordered[2] = f"{ordered[1]} (2)"
    people = [_person(numbers, seed, name, place) for place, name in enumerate(ordered)]
    companies = [
        builders.make_artist(numbers, f"company:{seed}:{place}", name, kind="company")
        for place, name in enumerate(names.COMPANIES)
    ]
    return people + companies


def _person(numbers: builders.Numbers, seed: object, name: str, place: int) -> WorldArtist:
    aliases = (_initials(name),) if " " in name and name.isascii() else ()
    return builders.make_artist(numbers, f"person:{seed}:{place}", name, kind="person", aliases=aliases)


def _initials(name: str) -> str:
    first, _, rest = builders.NAMESAKE_SUFFIX.sub("", name).partition(" ")
    return f"{first[0]}. {rest}"


def choose_crew(random: Random, people: list[WorldArtist]) -> list[WorldArtist]:
    """Choose the crew of one artist, the likeliest producer first."""
    return random.sample(people, CREW_SIZE)


def credit_release(
    random: Random, crew: list[WorldArtist], positions: list[str], *, compilation: bool
) -> ReleaseCredits:
    """Credit a release in one of the manners of Discogs: for all of it, by ranges, or track by track."""
    release: list[WorldCredit] = []
    tracks: list[list[WorldCredit]] = [[] for _ in positions]
    if random.random() >= SHARE_WITHOUT_PRODUCTION and positions:
        _credit_production(random, crew, positions, release, tracks)
        if random.random() < SHARE_WITH_EXECUTIVE:
            release.append(_credit(random, crew[-1], random.choice(EXECUTIVE_ROLES)))
        if compilation:
            release.append(_credit(random, crew[-2], "Compilation Producer"))
    if random.random() < SHARE_WITH_OTHER:
        release.append(_credit(random, random.choice(crew), random.choice(OTHER_ROLES)))
    return ReleaseCredits(tuple(release), tuple(tuple(credits) for credits in tracks))


def _credit_production(
    random: Random,
    crew: list[WorldArtist],
    positions: list[str],
    release: list[WorldCredit],
    tracks: list[list[WorldCredit]],
) -> None:
    if random.random() < SHARE_RELEASE_WIDE:
        release.append(_credit(random, crew[0], random.choice(PRODUCER_ROLES)))
    elif random.random() < SHARE_BY_RANGE and len(positions) > 3:
        release += _credit_by_range(random, crew, positions)
    else:
        for credits in tracks:
            credits.append(_credit(random, random.choice(crew[:3]), random.choice(PRODUCER_ROLES)))
    if random.random() < SHARE_WITH_LESSER:
        random.choice(tracks).append(_credit(random, crew[3], random.choice(LESSER_ROLES)))


def _credit_by_range(random: Random, crew: list[WorldArtist], positions: list[str]) -> list[WorldCredit]:
    middle = len(positions) // 2
    first = f"{positions[0]} to {positions[middle - 1]}, {positions[-1]}"
    second = ", ".join(positions[middle:-1]) or positions[middle]
    return [
        _credit(random, crew[0], random.choice(PRODUCER_ROLES), first),
        _credit(random, crew[1], random.choice(PRODUCER_ROLES), second),
    ]


def _credit(random: Random, person: WorldArtist, role: str, tracks: str = "") -> WorldCredit:
    varied = bool(person.aliases) and random.random() < SHARE_WITH_NAME_VARIATION
    return WorldCredit(person.key, role, person.aliases[0] if varied else "", tracks)
