"""Quotas: the rules by which providers count requests, and the one table of their numbers.

A rule is told of every arrival, in sandbox seconds, and says whether it is too many. Refused requests count too.
"""

import math
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

GRACE_REAL_SECONDS = 0.025  # what a hiccup of the machine may take, before a refusal counts as an overrun

RuleName = Literal["rolling", "exponential"]


@dataclass(frozen=True, slots=True)
class QuotaSetting:
    """A provider's quota: so many requests in a window of seconds, counted by a rule.

    `rate` is what use is measured against, in requests a second, where it is not limit over window.
    """

    rule: RuleName
    limit: int
    window: float
    rate: float | None = None

    @property
    def nominal_rate(self) -> float:
        """Returns the requests a second that a client may make on average."""
        return self.rate if self.rate is not None else self.limit / self.window


QUOTAS: Mapping[str, QuotaSetting] = {
    "spotify": QuotaSetting("rolling", 90, 30),
    "spotify extended": QuotaSetting("rolling", 300, 30),
    "spotify-accounts": QuotaSetting("rolling", 60, 60),
    "musicbrainz": QuotaSetting("exponential", 22, 20, rate=1.0),
    "discogs": QuotaSetting("rolling", 60, 60),
    "genius": QuotaSetting("rolling", 60, 60),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says of an arrival. `overrun` holds with the grace too; the refused should `wait`."""

    refused: bool
    overrun: bool
    wait: float
    used: int


class Rule(Protocol):
    """A way to count."""

    def arrive(self, moment: float, limit: int, grace: float) -> Verdict:
        """Counts an arrival and judges it."""


@dataclass(slots=True)
class RollingRule:
    """At most so many arrivals in any half-open window."""

    window: float
    arrivals: deque[float] = field(default_factory=deque)

    def arrive(self, moment: float, limit: int, grace: float) -> Verdict:
        """Judges the arrival by the one that was `limit` before it."""
        while self.arrivals and moment - self.arrivals[0] >= self.window:
            self.arrivals.popleft()
        used = len(self.arrivals)
        span = moment - self.arrivals[-limit] if used >= limit else self.window
        self.arrivals.append(moment)
        refused = span < self.window
        free_at = self.arrivals[-limit] + self.window if refused else moment  # this arrival counts for the next one
        return Verdict(refused, span < self.window - grace, free_at - moment, min(used + 1, limit))


@dataclass(slots=True)
class ExponentialRule:
    """MusicBrainz's own limiter: an exponentially weighted rate a period, strict, so refused requests raise it too."""

    period: float
    rate: float = 0.0
    last: float | None = None

    def arrive(self, moment: float, limit: int, grace: float) -> Verdict:
        """Updates the rate and refuses at the limit; needs no grace."""
        elapsed = self.period * 1_000 if self.last is None else max(1e-9, moment - self.last)
        ratio = elapsed / self.period
        kept = math.exp(-ratio)
        self.rate = (1 - kept) / ratio + kept * self.rate
        self.last = moment
        refused = self.rate >= limit
        wait = self.period * math.log(self.rate / (limit - 1)) if refused else 0.0
        return Verdict(refused=refused, overrun=refused, wait=wait, used=min(limit, math.ceil(self.rate)))


def make_rule(setting: QuotaSetting) -> Rule:
    """Makes the rule of a setting, with nothing counted yet."""
    if setting.rule == "exponential":
        return ExponentialRule(setting.window)
    return RollingRule(setting.window)
