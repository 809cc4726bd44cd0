"""What every provider's module is given: the world, what is served of it, and the sandbox's address."""

from dataclasses import dataclass, field

from music_pipeline.sandbox.options import SpotifyMode
from music_pipeline.sandbox.world.credits_served import Served
from music_pipeline.sandbox.world.model import World


@dataclass(slots=True)
class Site:
    """`base_url` has no slash at its end. `hidden_releases` counts, by artist, releases that Spotify has lost."""

    world: World
    served: Served
    base_url: str
    spotify_mode: SpotifyMode
    hidden_releases: dict[str, int] = field(default_factory=dict)
