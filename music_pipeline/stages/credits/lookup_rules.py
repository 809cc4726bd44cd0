"""MBID, releases, how many there are said to be, whether these are all."""

from music_pipeline.catalog.provider_answers import ask_for_review
from music_pipeline.matching.artists import ArtistChoice
from music_pipeline.stages.credits.lookup import Inquiry
from music_pipeline.worker.paging import disagreement

MOST_CANDIDATES = 4


def _insist(inquiry: Inquiry, provider: str, *, whole: bool) -> None:
    """Ask the provider again later, while a list of its is not whole, or what is on it is not given.

    Raises ProviderFailure.
    """
    doubt = None if whole else disagreement(inquiry.item, provider, f"{inquiry.ours.artist.name}'s list")
    if doubt is not None:
        raise doubt


async def _review(inquiry: Inquiry, kind: str, choice: ArtistChoice) -> None:
    artist = inquiry.ours.artist
    question = f"Which of these is {artist.name} ({artist.artist_key})?"
    await inquiry.context.in_database(
        lambda connection: ask_for_review(
            connection, kind=kind, subject=str(artist.artist_id), question=question, choice=choice
        )
    )
