"""May we call this provider? If not, what to set."""

from collections.abc import Sequence

import sqlalchemy as sa

from music_pipeline import credentials
from music_pipeline.gateway.provider import Provider, Quirk
from music_pipeline.settings import settings

CONTACT = "MUSICBRAINZ_CONTACT"


def missing_settings(engine: sa.Engine, provider: Provider) -> list[str]:
    """Names of what has to be set before the provider can be called; empty if nothing is missing.

    These are credentials, and a contact address if the provider wants one. The sandbox needs neither. Raises
    CredentialError if a stored credential cannot be read.
    """
    configured = settings()
    if configured.sandbox_url is not None:
        return []
    missing = [name for name in provider.credentials if credentials.read(engine, name) is None]
    if Quirk.NEEDS_CONTACT in provider.quirks and configured.musicbrainz_contact is None:
        missing.append(CONTACT)
    return missing


def how_to_set(missing: Sequence[str]) -> str:
    """What to do about missing settings, as commands and variables."""
    return "; ".join(
        f"set {CONTACT} to a mail or web address" if name == CONTACT else f"music-pipeline credentials set {name}"
        for name in missing
    )
