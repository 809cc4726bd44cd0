"""Overrides: the values that an operator sets instead of every source's, and what may be set.

Overrides of recordings show in `enriched_values`, `tracks.metadata` and `tracks.audio_features`; those of artists,
releases and producers in `artist_view`, `release_view`, `producer_view` and `credit_view`. The tables of what providers
said stay as they are, so that unsetting an override brings their values back.
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, Literal
from urllib.parse import urlsplit
from uuid import UUID

import sqlalchemy as sa

from music_pipeline.database.queries import query
from music_pipeline.database.rows import write_rows
from music_pipeline.matching.musical_keys import camelot_key, key_name, read_key

EntityKind = Literal["artist", "release", "recording", "producer"]
KINDS = {"artist": "artist", "release": "release", "album": "release", "recording": "recording", "track": "recording",
         "producer": "producer"}  # fmt: skip
SPOTIFY_LINK = re.compile(
    r"^(?:spotify:|https?://open\.spotify\.com/(?:intl-[a-z-]+/)?)(track|album|artist)[:/]([0-9A-Za-z]{22})(?:[?#].*)?$"
)
WEB_ADDRESS = re.compile(r"https?://[^\s/?#@]+(?:[/?#]\S*)?", re.IGNORECASE)
HOST_NAME = re.compile(r"(?:[\w-]+\.)+[\w-]*[^\W\d][\w-]*\.?")
NAMES_AT_HOME = (".localhost", ".local", ".internal")
LONGEST_ADDRESS = 2_000
KEY_GROUP = ("key", "mode", "key_name", "camelot_key")
"""They say one thing in four ways, and are set, unset and preferred together."""


class InvalidValue(Exception):
    """No such entity or field, or a value that is not allowed.

    The text says what is allowed.
    """


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity that a reference names."""

    kind: EntityKind
    entity_id: UUID
    name: str


Rule = Callable[[Any], str | None]
"""Returns what a value has to be, if it is not; None for a good one."""


def _number(low: float, high: float) -> Rule:
    def rule(value: Any) -> str | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return None if is_number and low <= value <= high else f"a number from {low:g} to {high:g}"

    return rule


def _whole(low: int, high: int) -> Rule:
    def rule(value: Any) -> str | None:
        is_whole = isinstance(value, int) and not isinstance(value, bool)
        return None if is_whole and low <= value <= high else f"a whole number from {low} to {high}"

    return rule


def _text(pattern: str = r".*\S.*", what: str = "a text") -> Rule:
    def rule(value: Any) -> str | None:
        return None if isinstance(value, str) and re.fullmatch(pattern, value, re.DOTALL) else what

    return rule


def _texts(value: Any) -> str | None:
    is_list = isinstance(value, list) and value and all(isinstance(one, str) and one.strip() for one in value)
    return None if is_list else 'a list of texts, as ["dub", "techno"]'


def _truth(value: Any) -> str | None:
    return None if isinstance(value, bool) else "true or false"


def _public_address(value: Any) -> str | None:
    """Check an address that a remote service is to fetch."""
    is_address = isinstance(value, str) and len(value) <= LONGEST_ADDRESS and WEB_ADDRESS.fullmatch(value)
    is_good = is_address and _is_public(value)
    return None if is_good else "a public http or https address, without user and password"


def _is_public(address: str) -> bool:
    try:
        parts = urlsplit(address)
        host, _ = parts.hostname or "", parts.port
    except ValueError:  # malformed brackets or port
        return False
    try:
        return ip_address(host).is_global
    except ValueError:  # a name
        return bool(HOST_NAME.fullmatch(host)) and not host.endswith(NAMES_AT_HOME)


LARGEST = 2**31 - 1
SHARE = _number(0, 1)
DATE = _text(r"\d{4}(-\d{2}(-\d{2})?)?", "a date as far as it is known, as 1999 or 1999-06 or 1999-06-21")
FIELDS: Mapping[EntityKind, Mapping[str, Rule]] = {
    "artist": {"name": _text()},
    "release": {
        "title": _text(),
        "release_type": _text("album|single|ep|compilation", "album, single, ep or compilation"),
        "release_date": DATE,
        "total_tracks": _whole(0, 10_000),
        "barcode": _text(r"\d{8,14}", "a barcode of 8 to 14 digits, in quotes"),
    },
    "producer": {"name": _text(), "kind": _text("person|company", "person or company")},
    "recording": {
        **dict.fromkeys(
            ("danceability", "energy", "speechiness", "acousticness", "instrumentalness", "liveness", "valence"), SHARE
        ),
        "tempo": _number(1, 1_000),
        "loudness": _number(-100, 20),
        "time_signature": _whole(1, 32),
        "key": _whole(0, 11),
        "mode": _whole(0, 1),
        "key_name": _text(what="a key, as F# minor"),
        "camelot_key": _text(r"(1[0-2]|[1-9])[AB]", "a Camelot key from 1A to 12B"),
        "isrc": _text("[A-Z0-9]{12}", "an ISRC of 12 letters and digits"),
        "duration_ms": _whole(1, LARGEST),
        "explicit": _truth,
        "spotify_id": _text("[0-9A-Za-z]{22}", "a Spotify id of 22 characters"),
        "musicbrainz_id": _text(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "an MBID"),
        "deezer_id": _text(),
        "tags": _texts,
        "genres": _texts,
        "styles": _texts,
        "label": _text(),
        "country": _text(),
        "released": DATE,
        "listeners": _whole(0, 2**53),
        "playcount": _whole(0, 2**53),
        "rank": _whole(0, 2**53),
        "audio_url": _public_address,
        "moods": _texts,
        "themes": _texts,
        "keywords": _texts,
        "language": _text(),
        "summary": _text(),
    },
}


def entity_of(connection: sa.Connection, reference: str) -> Entity:
    """Find the entity that a reference names.

    A reference is `[artist|release|track|recording|producer:]` and our id, a provider's id, a Spotify link or URI, or
    an artist's key. Raises InvalidValue if it names none, or several.
    """
    kind, provider, name = _parsed(reference.strip())
    values = {"reference": name, "uuid": _uuid(name), "provider": provider}
    found = [Entity(*row) for row in connection.execute(query("entities_referred_to"), values)]
    meant = [one for one in found if kind is None or one.kind == kind]
    if not meant:
        raise InvalidValue(f"The catalogue has nothing that is called {reference!r}.")
    if len(meant) > 1:
        listed = "; ".join(f"{one.kind}:{one.entity_id} ({one.name})" for one in meant)
        raise InvalidValue(f"{reference!r} may be several: {listed}. Give one of these.")
    return meant[0]


def _parsed(reference: str) -> tuple[str | None, str | None, str]:
    """Kind and provider, as far as the reference gives them, and its id."""
    link = SPOTIFY_LINK.match(reference)
    if link is not None:
        return KINDS[link[1]], "spotify", link[2]
    kind, colon, rest = reference.partition(":")
    return (KINDS[kind], None, rest) if colon and kind in KINDS else (None, None, reference)


def _uuid(text: str) -> str | None:
    try:
        return str(UUID(text))
    except ValueError:
        return None


def set_value(connection: sa.Connection, entity: Entity, field: str, text: str, *, why: str, by: str) -> dict[str, Any]:
    """Set an override, for a key in all its forms. Return every field that was set.

    `text`: the value as JSON, or as plain text. Raises InvalidValue.
    """
    value = _read_value(entity.kind, field, text)
    values = {field: value}
    if entity.kind == "recording" and field in KEY_GROUP:
        values = _key_values(field, value, _shown_key(connection, entity))
    rows = [{"field": name, "value": one} for name, one in values.items()]
    about = {"entity": entity.kind, "entity_id": entity.entity_id, "why": why, "by": by}
    write_rows(connection, "write_operator_values", rows, **about)
    return values


def unset_value(connection: sa.Connection, entity: Entity, field: str) -> int:
    """Delete an override, for a key in all its forms. Return how many there were. Raises InvalidValue."""
    _rule(entity.kind, field)
    fields = KEY_GROUP if entity.kind == "recording" and field in KEY_GROUP else (field,)
    about = {"entity": entity.kind, "entity_id": entity.entity_id, "fields": list(fields)}
    return connection.execute(query("delete_operator_values"), about).rowcount


def _rule(kind: EntityKind, field: str) -> Rule:
    if field not in FIELDS[kind]:
        a = "an" if kind == "artist" else "a"
        raise InvalidValue(f"{field!r} is no field of {a} {kind}; there are: {', '.join(sorted(FIELDS[kind]))}.")
    return FIELDS[kind][field]


def _read_value(kind: EntityKind, field: str, text: str) -> Any:
    rule = _rule(kind, field)
    if _as_json(text) is None:
        raise InvalidValue("null is no value: unset takes yours away.")
    for candidate in (_as_json(text), text):
        wrong = rule(candidate)
        if wrong is None:
            return candidate
    raise InvalidValue(f"{field} has to be {wrong}, and {text!r} is none.")


def _as_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _shown_key(connection: sa.Connection, entity: Entity) -> dict[str, Any]:
    values = {"recording_id": entity.entity_id, "fields": ["key", "mode"]}
    return {row.field: row.value for row in connection.execute(query("shown_values"), values)}


def _key_values(field: str, value: Any, shown: Mapping[str, Any]) -> dict[str, Any]:
    """A key in all its forms.

    A missing pitch class or mode is taken from the shown value.
    """
    if field == "key_name":
        read = read_key(value)
    elif field == "camelot_key":
        keys = ((pitch_class, mode) for pitch_class in range(12) for mode in (0, 1))
        read = next(one for one in keys if camelot_key(*one) == value)
    else:
        both = dict(shown) | {field: value}
        if "key" not in both or "mode" not in both:
            return {field: value}
        read = (both["key"], both["mode"])
    if read is None:
        raise InvalidValue(f"{value!r} is no key; one is written as F# minor.")
    return {"key": read[0], "mode": read[1], "key_name": key_name(*read), "camelot_key": camelot_key(*read)}
