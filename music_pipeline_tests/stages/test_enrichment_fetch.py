"""How sources are asked about many recordings at once."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from music_pipeline.catalog.source_rows import EnrichableRecording
from music_pipeline.providers.musicbrainz import MOST_ISRCS
from music_pipeline.providers.musicbrainz_records import MusicBrainzRecording
from music_pipeline.providers.records import NamedId
from music_pipeline.stages.enrichment.fetch import FetchRequest, fetch_musicbrainz
from music_pipeline.stages.enrichment.rows import SourceValues

ARTIST = NamedId("an-artist", "Nina Simone")


def recording(number: int) -> EnrichableRecording:
    """A recording with two ISRCs."""
    isrcs = (f"USPR3{number:07d}", f"GBXX9{number:07d}")
    return EnrichableRecording(uuid4(), f"Song {number}", ("Nina Simone",), None, None, isrcs, ("s",), (), ())


class MusicBrainz:
    """Knows every recording, by its second ISRC alone."""

    def __init__(self, recordings: Sequence[EnrichableRecording]) -> None:
        self.known = {one.isrcs[1]: one.title for one in recordings}
        self.searches: list[Sequence[str]] = []

    async def recordings_by_isrc(self, isrcs: Sequence[str], **_: object) -> tuple[MusicBrainzRecording, ...]:
        assert len(isrcs) <= MOST_ISRCS
        self.searches.append(isrcs)
        return tuple(self.recording(isrc) for isrc in isrcs if isrc in self.known)

    def recording(self, isrc: str) -> MusicBrainzRecording:
        return MusicBrainzRecording(
            mbid=f"mbid-of-{isrc}", title=self.known[isrc], length_ms=None, disambiguation=None, artists=(ARTIST,),
            isrcs=(isrc,), credits=(), video=None,
        )  # fmt: skip


async def test_every_isrc_of_a_batch_is_searched() -> None:
    recordings = [recording(number) for number in range(80)]
    musicbrainz = MusicBrainz(recordings)
    providers: Any = SimpleNamespace(musicbrainz=musicbrainz)
    answers = await fetch_musicbrainz(providers, [FetchRequest(one, None, frozenset()) for one in recordings])
    assert len(musicbrainz.searches) == 2
    found = {id: answer.fields["musicbrainz_id"] for id, answer in answers.items() if isinstance(answer, SourceValues)}
    assert found == {one.recording_id: f"mbid-of-{one.isrcs[1]}" for one in recordings}
