"""One artist whose producers are looked for: what is held, what was found, what went wrong, provider by provider."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

from music_pipeline.catalog.credits import FoundCredit
from music_pipeline.catalog.producers import Link
from music_pipeline.catalog.provider_answers import AnswerOutcome, ProviderAnswer
from music_pipeline.gateway.errors import CredentialsMissing, OutOfTime, ProviderError, ProviderRefused
from music_pipeline.providers.musicbrainz_records import MusicBrainzArtist
from music_pipeline.stages.credits.held_releases import OurCatalogue
from music_pipeline.work.model import WorkItem
from music_pipeline.worker.stage import StageContext, Trouble


@dataclass(slots=True)
class Inquiry:
    """`read`: places (provider, id) that were read completely; `denied`: those that their provider names and does not
    give. `credited_before`: recordings with a producer.
    """

    context: StageContext
    item: WorkItem
    ours: OurCatalogue
    known_mbids: tuple[str, ...]
    credited_before: frozenset[UUID]
    credits: list[FoundCredit] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    read: set[tuple[str, str]] = field(default_factory=set)
    denied: set[tuple[str, str]] = field(default_factory=set)
    answers: dict[tuple[str, str], ProviderAnswer] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    notes: list[tuple[str, str]] = field(default_factory=list)
    discogs_ids: dict[UUID, list[str]] = field(default_factory=dict)
    release_mbids: dict[UUID, list[str]] = field(default_factory=dict)
    recording_mbids: dict[UUID, set[str]] = field(default_factory=dict)
    artist_mbid: str | None = None
    named_at_musicbrainz: tuple[MusicBrainzArtist, ...] | None = None
    """MusicBrainz's artists of the name or close to it; None while it was not asked."""
    mbid_trouble: Trouble | None = None
    """Why it is not known which MusicBrainz artist is linked."""

    def answer(
        self,
        provider: str,
        question: str,
        outcome: AnswerOutcome,
        *,
        items: int | None = None,
        expected: int | None = None,
        error: str | None = None,
    ) -> None:
        """Note how a provider answered; the last word on a question counts."""
        self.answers[provider, question] = ProviderAnswer(
            artist_id=self.ours.artist.artist_id,
            provider=provider,
            question=question,
            outcome=outcome,
            items=items,
            expected=expected,
            error=error,
        )

    def note(self, provider: str, text: str) -> None:
        """Note an error that ends nothing."""
        self.notes.append((provider, text))

    def is_denied(self, provider: str) -> bool:
        """Whether the provider names something of the artist's, and does not give it."""
        return any(name == provider for name, _ in self.denied)

    def without_producer(self) -> set[UUID]:
        """Recordings for which nobody has named a producer yet."""
        return set(self.ours.recordings) - self.credited_before - {one.recording_id for one in self.credits}


async def ask(inquiry: Inquiry, provider: str, question: str, step: Callable[[Inquiry], Awaitable[None]]) -> None:
    """Take one step with one provider; whatever goes wrong with it is noted, and stops no other."""
    try:
        await step(inquiry)
    except CredentialsMissing as missing:
        inquiry.answer(provider, question, "skipped", error=missing.text)
    except ProviderRefused as refusal:
        inquiry.answer(provider, question, "failed", error=refusal.text)
        inquiry.note(provider, refusal.text)
    except (ProviderError, OutOfTime) as trouble:
        inquiry.answer(provider, question, "failed", error=str(trouble))
        inquiry.troubles[provider] = trouble
