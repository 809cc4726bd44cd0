"""An estimate of the provider calls for producers' profiles.

Producers that are not found yet do not count.
"""

from collections.abc import Mapping

from music_pipeline.database.queries import query
from music_pipeline.stages.profiles.producers import PAGES
from music_pipeline.stages.sizes import Ahead


def profile_calls(ahead: Ahead) -> Mapping[str, float]:
    """One call per page that a provider has about a producer with open work."""
    values = {"stage": ahead.stage.value, "providers": list(PAGES)}
    return {row.provider: float(row.pages) for row in ahead.connection.execute(query("profiles_to_look_up"), values)}
