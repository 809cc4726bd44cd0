"""The payloads of work: one model for each stage, with the field names of the messages that they stand for.

A payload is checked where it enters the ledger and again where it is claimed. What a stage does with it is not here.
"""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from music_pipeline.work.model import Stage

SpotifyId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{22}$")]
GivenName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class InvalidPayload(Exception):
    """The payload is not what its stage takes; the text says in a sentence what is wrong."""


class Payload(BaseModel):
    """What all payloads have in common: unknown fields are refused, as are values of another type."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class ArtistDiscovery(Payload):
    """An artist as requested: by Spotify id or by name; the id decides where both are given."""

    artist_id: SpotifyId | None = None
    artist_name: GivenName | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> "ArtistDiscovery":
        if self.artist_id is None and self.artist_name is None:
            raise ValueError("artistId or artistName is needed")
        return self


class AlbumDiscovery(Payload):
    """The releases of an artist of ours, from the provider's `offset` on."""

    artist_id: UUID
    artist_name: GivenName | None = None
    offset: int = Field(default=0, ge=0, strict=True)


class TrackDiscovery(Payload):
    """The tracks of an artist's releases, or of one of them."""

    artist_id: UUID
    artist_name: GivenName | None = None
    album_id: UUID | None = None
    album_name: GivenName | None = None
    offset: int = Field(default=0, ge=0, strict=True)


class ProducerIdentification(Payload):
    """The producers of an artist's recordings, or of those of one release or track."""

    artist_id: UUID
    artist_name: GivenName | None = None
    album_id: UUID | None = None
    track_id: UUID | None = None
    track_name: GivenName | None = None


class Enrichment(Payload):
    """The enrichment of an artist's recordings, by all sources or by those named."""

    artist_id: UUID
    artist_name: GivenName | None = None
    sources: tuple[GivenName, ...] | None = None


class SocialEnrichment(Payload):
    """The profiles of a producer of ours elsewhere."""

    producer_id: UUID
    producer_name: GivenName | None = None


PAYLOAD_OF_STAGE: Mapping[Stage, type[Payload]] = {
    Stage.ARTIST_DISCOVERY: ArtistDiscovery,
    Stage.ALBUM_DISCOVERY: AlbumDiscovery,
    Stage.TRACK_DISCOVERY: TrackDiscovery,
    Stage.PRODUCER_IDENTIFICATION: ProducerIdentification,
    Stage.ENRICHMENT: Enrichment,
    Stage.SOCIAL_ENRICHMENT: SocialEnrichment,
}


def read_payload(stage: Stage, payload: Mapping[str, Any]) -> Payload:
    """The payload as its stage's model. Raises InvalidPayload."""
    try:
        return PAYLOAD_OF_STAGE[stage].model_validate(dict(payload))
    except ValidationError as error:
        raise InvalidPayload(f"This payload of {stage} is malformed: {_sentence(error)}.") from None


def checked_payload(stage: Stage, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The payload as JSON keeps it: field names as in the messages, what is not set left out. Raises InvalidPayload."""
    return read_payload(stage, payload).model_dump(mode="json", by_alias=True, exclude_none=True)


def _sentence(error: ValidationError) -> str:
    return "; ".join(_complaint(detail["loc"], detail["msg"]) for detail in error.errors(include_input=False))


def _complaint(place: tuple[int | str, ...], message: str) -> str:
    said = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, place))}: {said}" if place else said
