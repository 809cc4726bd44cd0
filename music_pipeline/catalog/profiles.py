"""The profiles of producers at other services, as providers gave them.

`stages/profiles` decides which providers are asked.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.catalog.shrink_guard import is_suspicious
from music_pipeline.database.queries import query
from music_pipeline.database.rows import Version, write_rows
from music_pipeline.matching.evidence import ProviderId

ProfileOutcome = Literal["found", "absent", "failed", "skipped", "suspect"]
GONE = "The page no longer gives this address."
ACCOUNT = re.compile(r"@?([A-Za-z0-9._-]+)")
# First parts of a path that are pages of the service, not accounts.
NO_ACCOUNTS = frozenset({
    "explore", "groups", "hashtag", "home", "i", "intent", "p", "playlist", "reel", "reels", "search", "share",
    "sharer.php", "shorts", "stories", "tv", "watch",
})  # fmt: skip
HOSTS = {
    "instagram.com": "instagram", "twitter.com": "twitter", "x.com": "twitter", "facebook.com": "facebook",
    "soundcloud.com": "soundcloud", "youtube.com": "youtube", "tiktok.com": "tiktok", "mixcloud.com": "mixcloud",
    "threads.net": "threads", "threads.com": "threads", "twitch.tv": "twitch", "bandcamp.com": "bandcamp",
    "open.spotify.com": "spotify", "deezer.com": "deezer", "music.apple.com": "apple_music", "last.fm": "lastfm",
    "discogs.com": "discogs", "genius.com": "genius", "musicbrainz.org": "musicbrainz", "wikidata.org": "wikidata",
    "wikipedia.org": "wikipedia", "imdb.com": "imdb", "allmusic.com": "allmusic", "beatport.com": "beatport",
    "linkedin.com": "linkedin", "myspace.com": "myspace", "linktr.ee": "linktree", "vk.com": "vk",
}  # fmt: skip
OTHER = "website"


@dataclass(frozen=True, slots=True)
class Address:
    """A profile's address in its standard form. `handle`: the account's name or id, if the address has one."""

    url: str
    service: str
    handle: str | None


@dataclass(frozen=True, slots=True)
class FoundProfile:
    """An address that a provider gave. `evidence`: the page it is on; `confidence`: that it is this producer's."""

    url: str
    source: str
    service: str
    handle: str | None
    evidence: str
    confidence: float


@dataclass(frozen=True, slots=True)
class ProfileAnswer:
    """How a provider answered about a producer. `items`: the number of profiles that it gave."""

    provider: str
    outcome: ProfileOutcome
    items: int | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Followers:
    """The followers of a profile. `followers`, `fetched_at`: only if the count is plausible."""

    service: str
    handle: str
    followers: int | None
    fetched_at: datetime | None
    outcome: ProfileOutcome
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Producer:
    """A producer with its provider ids, and how sure each is."""

    producer_id: UUID
    name: str
    ids: tuple[tuple[ProviderId, float], ...]


def read_address(text: str) -> Address | None:
    """Read a web address. None: it is no address on the web, or no account of the service."""
    try:
        parts = urlsplit(text.strip())
        host = (parts.hostname or "").removeprefix("www.").removeprefix("m.")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or "." not in host:
        return None
    service = _service(host)
    if service not in HANDLE_OF:
        plain = f"https://{parts.hostname}{parts.path.rstrip('/')}"
        return Address(text.strip() if service == OTHER else plain, service, None)
    handle = HANDLE_OF[service](host, parts.path, parts.query)
    return None if handle is None else Address(FORM_OF[service].format(handle), service, handle)


def _service(host: str) -> str:
    found = [service for known, service in HOSTS.items() if host == known or host.endswith(f".{known}")]
    return found[0] if found else OTHER


def _first_part(_: str, path: str, __: str) -> str | None:
    """The account that a path begins with, in lower case: these services ignore case."""
    first = path.strip("/").split("/")[0]
    account = ACCOUNT.fullmatch(first)
    return account[1].lower() if account and account[1].lower() not in NO_ACCOUNTS else None


def _facebook(host: str, path: str, parameters: str) -> str | None:
    parts = path.strip("/").split("/")
    if parts[0] == "profile.php":
        return next(iter(parse_qs(parameters).get("id", ())), None)
    if parts[0] in ("pages", "people") and parts[-1].isdecimal():
        return parts[-1]
    return _first_part(host, path, parameters)


def _youtube(host: str, path: str, parameters: str) -> str | None:
    """A channel's handle, its id with case kept, or an older form such as `user/name`."""
    parts = path.strip("/").split("/")
    if parts[0] in ("channel", "user", "c") and len(parts) > 1 and ACCOUNT.fullmatch(parts[1]):
        return f"{parts[0]}/{parts[1]}"
    if parts[0].startswith("@") and ACCOUNT.fullmatch(parts[0]):
        return parts[0].lower()
    return None


def _bandcamp(host: str, path: str, parameters: str) -> str | None:
    name = host.removesuffix(".bandcamp.com")
    return name if name != "bandcamp.com" and ACCOUNT.fullmatch(name) else None


HANDLE_OF: dict[str, Callable[[str, str, str], str | None]] = {
    **dict.fromkeys(("instagram", "twitter", "soundcloud", "tiktok", "mixcloud", "threads", "twitch"), _first_part),
    "facebook": _facebook,
    "youtube": _youtube,
    "bandcamp": _bandcamp,
}
FORM_OF = {
    "instagram": "https://www.instagram.com/{}", "twitter": "https://twitter.com/{}",
    "soundcloud": "https://soundcloud.com/{}", "tiktok": "https://www.tiktok.com/@{}",
    "mixcloud": "https://www.mixcloud.com/{}", "threads": "https://www.threads.net/@{}",
    "twitch": "https://www.twitch.tv/{}", "facebook": "https://www.facebook.com/{}",
    "youtube": "https://www.youtube.com/{}", "bandcamp": "https://{}.bandcamp.com",
}  # fmt: skip


def producer_to_look_up(connection: sa.Connection, producer_id: str) -> Producer | None:
    """The producer, or the one it was merged into. None: it is unknown."""
    row = connection.execute(query("producer_to_look_up"), {"producer_id": producer_id}).one_or_none()
    if row is None:
        return None
    ids = tuple(((one["provider"], one["id"]), one["confidence"]) for one in row.ids)
    return Producer(row.producer_id, row.name, ids)


def known_profiles(connection: sa.Connection, producer_id: UUID) -> list[FoundProfile]:
    """The active profiles of a producer."""
    rows = connection.execute(query("profiles_of_producer"), {"producer_id": producer_id}).mappings()
    return [FoundProfile(**row) for row in rows]


def known_followers(connection: sa.Connection, producer_id: UUID, service: str) -> dict[str, int | None]:
    """The last plausible count of each handle that was asked about."""
    values = {"producer_id": producer_id, "service": service}
    return {row.handle: row.followers for row in connection.execute(query("followers_of_producer"), values)}


def write_profiles(
    connection: sa.Connection,
    producer_id: UUID,
    found: Sequence[FoundProfile],
    answers: Sequence[ProfileAnswer],
    followers: Sequence[Followers],
) -> list[ProfileAnswer]:
    """Write what the providers gave.

    Return the answers, marked as suspect if they lost too much. Profiles that a provider no longer gives become
    inactive, but none after a suspect answer.
    """
    known = known_profiles(connection, producer_id)
    judged = [_judged(answer, known, found) for answer in answers]
    write_rows(connection, "write_producer_profiles", [asdict(one) for one in found], producer_id=producer_id)
    for answer in judged:
        lost = _lost(answer.provider, known, found) if answer.outcome in ("found", "absent") else []
        values = {"producer_id": producer_id, "source": answer.provider, "urls": lost, "reason": GONE}
        connection.execute(query("inactivate_producer_profiles"), values)
    write_rows(connection, "write_producer_answers", [asdict(one) for one in judged], producer_id=producer_id)
    write_rows(connection, "write_profile_followers", [asdict(one) for one in followers], producer_id=producer_id)
    return judged


def _lost(source: str, known: Sequence[FoundProfile], found: Sequence[FoundProfile]) -> list[str]:
    given = {one.url for one in found if one.source == source}
    return [one.url for one in known if one.source == source and one.url not in given]


def _judged(answer: ProfileAnswer, known: Sequence[FoundProfile], found: Sequence[FoundProfile]) -> ProfileAnswer:
    if answer.outcome not in ("found", "absent"):
        return answer
    before = sum(one.source == answer.provider for one in known)
    lost = _lost(answer.provider, known, found)
    if not is_suspicious(before, len(lost)):
        return answer
    text = f"{len(lost)} of {before} addresses are missing: none is taken away."
    return ProfileAnswer(answer.provider, "suspect", answer.items, text)


def profiles_version(connection: sa.Connection, producer_id: UUID) -> Version:
    """The number of profiles of a producer, and a hash of them."""
    row = connection.execute(query("profiles_version"), {"producer_id": producer_id}).one()
    return Version(rows=row.rows, hash=row.version or "empty")
