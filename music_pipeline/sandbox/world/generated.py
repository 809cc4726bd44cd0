"""Generate a world from a seed: one seed, one world, to the byte.

Its first 25 artists have at least 250 releases and 2,500 tracks, one of them 300 releases; two share a name, a third
has a namesake that only searches show. A tenth of the names use other scripts.
"""

from dataclasses import dataclass, field
from random import Random

from music_pipeline.sandbox.world import builders, hashing, names, people
from music_pipeline.sandbox.world.decoys import Decoys, add_decoy, add_decoys
from music_pipeline.sandbox.world.model import (
    ArtistCredit,
    Format,
    Label,
    ReleaseKind,
    World,
    WorldArtist,
    WorldCredit,
    WorldRecording,
    WorldRelease,
    WorldTrack,
    build_world,
)

ARTISTS = 72
PEOPLE = 160
PROLIFIC_ARTIST = 3
PROLIFIC_RELEASES = 300
NAMESAKES = (9, 18)
WITH_HIDDEN_NAMESAKE = 12
WITH_ALIASED_DECOY = 14
VARIOUS_RELEASES = 4
SHARE_WITH_GUEST = 0.08
SHARE_SHARED_BY_TWO = 0.05
PATTERN = (
    "album",
    "single",
    "album",
    "single",
    "deluxe",
    "album",
    "live",
    "album",
    "single",
    "compilation",
    "album",
    "ep",
)


@dataclass(slots=True)
class Draft:
    """A world in the making. `songs` are the recordings of each artist that later releases may repeat."""

    seed: int
    numbers: builders.Numbers = field(default_factory=builders.Numbers)
    artists: dict[str, WorldArtist] = field(default_factory=dict)
    recordings: dict[str, WorldRecording] = field(default_factory=dict)
    releases: list[WorldRelease] = field(default_factory=list)
    songs: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Plan:
    """A release before it has ids: its recordings in order and what it is."""

    title: str
    kind: ReleaseKind
    artists: tuple[ArtistCredit, ...]
    recordings: tuple[str, ...]
    year: int


def generate_world(seed: int) -> World:
    """Generate the world of a seed."""
    draft = Draft(seed)
    crew_pool = people.make_people(draft.numbers, seed, PEOPLE)
    listed = _listed_artists(draft)
    draft.artists.update({person.key: person for person in crew_pool})
    for index, artist in enumerate(listed):
        _discography(draft, artist, listed[(index + 1) % len(listed)], index, crew_pool)
    _various_releases(draft, listed, crew_pool)
    decoys = _decoys(draft, listed)
    return build_world(
        [*draft.artists.values(), *decoys.artists],
        [*draft.releases, *decoys.releases],
        [*draft.recordings.values(), *decoys.recordings],
        [artist.key for artist in listed],
    )


def _listed_artists(draft: Draft) -> list[WorldArtist]:
    random = hashing.seeded("artists", draft.seed)
    chosen: dict[str, None] = {}
    while len(chosen) < ARTISTS:
        name = names.artist_name(random, len(chosen))
        chosen.setdefault(name if name not in chosen else f"{name} {random.choice(names.BAND_NOUNS)}")
    ordered = list(chosen)
    ordered[NAMESAKES[1]] = f"{ordered[NAMESAKES[0]]} (2)"
    for index, name in enumerate(ordered):
        artist = builders.make_artist(draft.numbers, f"artist:{draft.seed}:{index}", name)
        draft.artists[artist.key] = artist
    return list(draft.artists.values())


def _decoys(draft: Draft, listed: list[WorldArtist]) -> Decoys:
    decoys = add_decoys(draft.numbers, listed)
    hidden = listed[WITH_HIDDEN_NAMESAKE]
    add_decoy(draft.numbers, decoys, hidden, f"{hidden.name} (2)")
    aliased = listed[WITH_ALIASED_DECOY]
    add_decoy(draft.numbers, decoys, aliased, f"{aliased.name} Ensemble", aliases=(aliased.name,))
    return decoys


def _discography(
    draft: Draft, artist: WorldArtist, guest: WorldArtist, index: int, crew_pool: list[WorldArtist]
) -> None:
    random = hashing.seeded("discography", draft.seed, index)
    crew = people.choose_crew(random, crew_pool)
    prolific = index == PROLIFIC_ARTIST
    count = PROLIFIC_RELEASES if prolific else random.randint(8, 13)
    draft.songs[artist.key] = []
    for place in range(count):
        pattern = "single" if prolific and place % 20 else PATTERN[place % len(PATTERN)]
        plan = _plan(draft, random, artist, guest, pattern, 1985 + random.randint(0, 38))
        _release(draft, random, plan, f"{artist.key}:{place}", crew)


def _plan(draft: Draft, random: Random, artist: WorldArtist, guest: WorldArtist, pattern: str, year: int) -> Plan:
    title = names.title(random)
    songs = draft.songs[artist.key]
    artists: tuple[ArtistCredit, ...] = (ArtistCredit(artist.key),)
    if pattern == "single":
        return _single(draft, random, artist, year)
    if pattern == "live":
        return Plan(f"{title} (Live)", "album", artists, _versions(draft, artist, songs[:12], "Live", year), year)
    if pattern == "compilation":
        return Plan(f"The Best Of {artist.name}", "compilation", artists, tuple(songs[::2][:16]), year)
    if pattern == "deluxe":
        known = songs[-9:]
        added = _new_songs(draft, random, artist, guest, 3, year)
        return Plan(f"{title} (Deluxe Edition)", "album", artists, (*known, *added), year)
    if random.random() < SHARE_SHARED_BY_TWO:
        artists = (ArtistCredit(artist.key, join="&"), ArtistCredit(guest.key))
    kind: ReleaseKind = "single" if pattern == "ep" else "album"
    length = 5 if pattern == "ep" else random.randint(10, 15)
    return Plan(title, kind, artists, _new_songs(draft, random, artist, guest, length, year), year)


def _single(draft: Draft, random: Random, artist: WorldArtist, year: int) -> Plan:
    songs = draft.songs[artist.key]
    fresh = not songs or random.random() < 0.6
    lead = _new_song(draft, random, artist, (), year) if fresh else random.choice(songs)
    versions = [lead]
    for version in random.sample(names.VERSIONS[1:], random.randint(0, 2)):
        versions += _versions(draft, artist, [lead], version, year)
    title = draft.recordings[lead].title
    return Plan(title, "single", (ArtistCredit(artist.key),), tuple(dict.fromkeys(versions)), year)


def _new_songs(
    draft: Draft, random: Random, artist: WorldArtist, guest: WorldArtist, count: int, year: int
) -> tuple[str, ...]:
    featuring = (ArtistCredit(artist.key, join="Featuring"), ArtistCredit(guest.key))
    return tuple(
        _new_song(draft, random, artist, featuring if random.random() < SHARE_WITH_GUEST else (), year)
        for _ in range(count)
    )


def _new_song(draft: Draft, random: Random, artist: WorldArtist, artists: tuple[ArtistCredit, ...], year: int) -> str:
    songs = draft.songs[artist.key]
    key = f"song:{artist.key}:{len(songs)}"
    performers = artists or (ArtistCredit(artist.key),)
    draft.recordings[key] = builders.make_recording(
        draft.numbers, key, names.title(random), performers, year=year, duration_ms=None
    )
    songs.append(key)
    return key


def _versions(draft: Draft, artist: WorldArtist, songs: list[str], version: str, year: int) -> tuple[str, ...]:
    """Recordings of songs in another version, made where they do not exist yet."""
    made = []
    for song in songs:
        key = f"{song}:{version}"
        title = f"{draft.recordings[song].title} ({version})"
        if key not in draft.recordings:
            draft.recordings[key] = builders.make_recording(
                draft.numbers, key, title, (ArtistCredit(artist.key),), year=year, duration_ms=None
            )
        made.append(key)
    return tuple(made)


def _various_releases(draft: Draft, listed: list[WorldArtist], crew_pool: list[WorldArtist]) -> None:
    various = builders.make_artist(draft.numbers, "various", "Various", discogs_id=194, kind="group")
    draft.artists[various.key] = various
    for index in range(VARIOUS_RELEASES):
        random = hashing.seeded("various", draft.seed, index)
        chosen = tuple(random.choice(draft.songs[artist.key]) for artist in random.sample(listed, 14))
        plan = Plan(
            f"{names.title(random)} Vol. {index + 1}", "compilation", (ArtistCredit(various.key),), chosen, 2006
        )
        _release(draft, random, plan, f"various:{draft.seed}:{index}", people.choose_crew(random, crew_pool))


def _release(draft: Draft, random: Random, plan: Plan, key: str, crew: list[WorldArtist]) -> None:
    made, positions = _format_and_positions(random, plan.kind, len(plan.recordings))
    credits = people.credit_release(random, crew, positions, compilation=plan.kind == "compilation")
    places = builders.discs_and_numbers(positions)
    tracks = tuple(
        _track(draft, plan, key, index, positions[index], places[index], credits.tracks[index])
        for index in range(len(plan.recordings))
    )
    genre, style = random.choice(names.GENRES)
    label = random.choice(names.LABELS)
    barcode = hashing.upc(key) if random.random() < 0.7 else None
    draft.releases.append(
        WorldRelease(
            key=key,
            title=plan.title,
            kind=plan.kind,
            artists=plan.artists,
            date=random.choice(
                (f"{plan.year}", f"{plan.year}-{random.randint(1, 12):02d}-{random.randint(1, 28):02d}")
            ),
            country=random.choice(("US", "UK", "Germany", "Sweden", "Japan")),
            labels=(
                Label(
                    hashing.number(1, 2_999_999, "label", label), label, f"{label[:2].upper()} {random.randint(1, 999)}"
                ),
            ),
            genres=(genre,),
            styles=(style,),
            formats=(made,),
            identifiers=(("Barcode", barcode),) if barcode else (),
            credits=credits.release,
            tracks=tracks,
            headings=(),
            upc=barcode,
            spotify_id=hashing.base62_id("album", key),
            mbid=hashing.mbid("release", key),
            release_group_mbid=hashing.mbid("release group", key),
            discogs_id=draft.numbers.take("discogs release", 1, 19_999_999, key),
            discogs_master_id=draft.numbers.take("discogs master", 1, 3_999_999, key)
            if random.random() < 0.6
            else None,
        )
    )


def _format_and_positions(random: Random, kind: ReleaseKind, count: int) -> tuple[Format, list[str]]:
    description = {"single": "Single", "compilation": "Compilation", "album": "Album"}[kind]
    numbered = [str(index + 1) for index in range(count)]
    if random.random() < 0.3:
        side = (count + 1) // 2
        sides = [f"{'AB'[index // side]}{index % side + 1}" for index in range(count)]
        return Format("Vinyl", "1", ("LP" if kind == "album" else '12"', description)), sides
    if count > 11 and random.random() < 0.3:
        disc = (count + 1) // 2
        return Format("CD", "2", (description,)), [f"{index // disc + 1}-{index % disc + 1}" for index in range(count)]
    return Format("CD", "1", (description,)), numbered


def _track(
    draft: Draft,
    plan: Plan,
    release: str,
    index: int,
    position: str,
    place: tuple[int, int],
    credits: tuple[WorldCredit, ...],
) -> WorldTrack:
    recording = draft.recordings[plan.recordings[index]]
    seconds = recording.duration_ms // 1_000
    return WorldTrack(
        key=f"{release}:{index}",
        release=release,
        recording=recording.key,
        title=recording.title,
        position=position,
        disc=place[0],
        number=place[1],
        duration=f"{seconds // 60}:{seconds % 60:02d}",
        artists=() if recording.artists == plan.artists else recording.artists,
        credits=credits,
        spotify_id=hashing.base62_id("track", release, index),
        mbid=hashing.mbid("track", release, index),
    )
