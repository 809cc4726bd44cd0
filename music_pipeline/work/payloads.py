"""The payloads of work: one model per stage.

`work.stages` names the model of each stage and checks payloads by it.
"""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic.alias_generators import to_camel

SpotifyId = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z]{22}$")]
GivenName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]


class InvalidPayload(Exception):
    """The payload does not fit its stage. The text says what is wrong."""


class Payload(BaseModel):
    """The base of all payloads.

    Unknown fields and values of the wrong type are refused.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel)


class ArtistDiscovery(Payload):
    """An artist as requested, by Spotify id or by name. The id wins if both are given."""

    artist_id: SpotifyId | None = None
    artist_name: GivenName | None = None

    @model_validator(mode="after")
    def _names_somebody(self) -> "ArtistDiscovery":
        if self.artist_id is None and self.artist_name is None:
            raise ValueError("artistId or artistName is needed")
        return self


class AlbumDiscovery(Payload):
    """The releases of a catalogue artist, starting at the provider's `offset`."""

    artist_id: UUID
    artist_name: GivenName | None = None
    offset: int = Field(default=0, ge=0, strict=True)


class TrackDiscovery(Payload):
    """The tracks of all releases of an artist, or of one release."""

    artist_id: UUID
    artist_name: GivenName | None = None
    album_id: UUID | None = None
    album_name: GivenName | None = None
    offset: int = Field(default=0, ge=0, strict=True)


class ProducerIdentification(Payload):
    """The producers of an artist's recordings, or of one release or track."""

    artist_id: UUID
    artist_name: GivenName | None = None
    album_id: UUID | None = None
    track_id: UUID | None = None
    track_name: GivenName | None = None


class Enrichment(Payload):
    """The enrichment of an artist's recordings, by all sources or by the named ones."""

    artist_id: UUID
    artist_name: GivenName | None = None
    sources: tuple[GivenName, ...] | None = None


class SocialEnrichment(Payload):
    """The profiles of a catalogue producer on other sites."""

    producer_id: UUID
    producer_name: GivenName | None = None
