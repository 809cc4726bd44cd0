"""What can be set for a run of the benchmarks. A part takes its own default for whatever is not set."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Sizes of a run. `speed` multiplies the sandbox's clock in the parts that run under real quotas."""

    artists: int | None = None
    rounds: int | None = None
    speed: float | None = None
