"""Quotas: the rules by which providers count requests, and the one table of their numbers.

A rule sees every arrival, in sandbox seconds, and judges whether it is one too many. Refused requests count too.
"""

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, Protocol

GRACE_REAL_SECONDS = 0.025  # a delay of the machine this short does not make a refusal an overrun

RuleName = Literal["rolling", "exponential", "fixed", "blocking"]
DAY_SECONDS = 86_400.0
BLOCK_SECONDS = 3_600.0  # how long the blocking rule blocks a key


@dataclass(frozen=True, slots=True)
class QuotaSetting:
    """A provider's quota: `limit` requests in `window` seconds, counted by a rule.

    `rate`: the requests a second that use is measured against, if it is not limit over window. `daily`: requests in
    any 24 hours; None for no limit.
    """

    rule: RuleName
    limit: int
    window: float
    rate: float | None = None
    daily: int | None = None

    @property
    def nominal_rate(self) -> float:
        """The requests a second that a client may make on average."""
        return self.rate if self.rate is not None else self.limit / self.window


QUOTAS: Mapping[str, QuotaSetting] = {
    "spotify": QuotaSetting("rolling", 90, 30),
    "spotify extended": QuotaSetting("rolling", 300, 30),
    "spotify-accounts": QuotaSetting("rolling", 60, 60),
    "musicbrainz": QuotaSetting("exponential", 22, 20, rate=1.0),
    "discogs": QuotaSetting("rolling", 60, 60),
    "genius": QuotaSetting("rolling", 60, 60),
    "lastfm": QuotaSetting("rolling", 1_500, 300),
    "deezer": QuotaSetting("rolling", 50, 5),
    "reccobeats": QuotaSetting("rolling", 60, 60),
    "acousticbrainz": QuotaSetting("fixed", 10, 10),
    "getsongbpm": QuotaSetting("blocking", 3_000, 3_600),
    "instagram": QuotaSetting("rolling", 200, 3_600),
    # The month of a paid plan. The free plan's 10 requests would not last a day of trying the sandbox.
    "sonoteller": QuotaSetting("fixed", 1_000, 31 * DAY_SECONDS),
}


@dataclass(frozen=True, slots=True)
class QuotaVerdict:
    """How a rule judges an arrival. `overrun`: refused even with the grace. `wait`: seconds until it would pass.

    `reset_in`: the rest of a fixed window, 0 for rules without one. `of_day`: the day's quota refused it.
    """

    refused: bool
    overrun: bool
    wait: float
    used: int
    reset_in: float = 0.0
    of_day: bool = False
    overrun_of_day: bool = False


class Rule(Protocol):
    """A way to count."""

    def arrive(self, moment: float, limit: int, grace: float) -> QuotaVerdict:
        """Count an arrival and judge it."""


@dataclass(slots=True)
class RollingRule:
    """At most `limit` arrivals in any half-open window."""

    window: float
    arrivals: deque[float] = field(default_factory=deque)

    def arrive(self, moment: float, limit: int, grace: float) -> QuotaVerdict:
        """Judge the arrival by the one that was `limit` before it."""
        while self.arrivals and moment - self.arrivals[0] >= self.window:
            self.arrivals.popleft()
        used = len(self.arrivals)
        span = moment - self.arrivals[-limit] if used >= limit else self.window
        self.arrivals.append(moment)
        refused = span < self.window
        free_at = self.arrivals[-limit] + self.window if refused else moment  # this arrival counts for the next one
        return QuotaVerdict(refused, span < self.window - grace, free_at - moment, min(used + 1, limit))


@dataclass(slots=True)
class ExponentialRule:
    """MusicBrainz's own limiter: an exponentially weighted rate a period, strict, so refused requests raise it too."""

    period: float
    rate: float = 0.0
    last: float | None = None

    def arrive(self, moment: float, limit: int, grace: float) -> QuotaVerdict:
        """Update the rate, and refuse at the limit. It needs no grace."""
        elapsed = self.period * 1_000 if self.last is None else max(1e-9, moment - self.last)
        ratio = elapsed / self.period
        kept = math.exp(-ratio)
        self.rate = (1 - kept) / ratio + kept * self.rate
        self.last = moment
        refused = self.rate >= limit
        wait = self.period * math.log(self.rate / (limit - 1)) if refused else 0.0
        return QuotaVerdict(refused=refused, overrun=refused, wait=wait, used=min(limit, math.ceil(self.rate)))


@dataclass(slots=True)
class FixedRule:
    """At most `limit` arrivals in each window. Windows begin at multiples of their length (brainzutils' ratelimit)."""

    window: float
    began: float | None = None
    arrivals: int = 0

    def arrive(self, moment: float, limit: int, grace: float) -> QuotaVerdict:
        """Judge the arrival by those before it in its window."""
        start = moment // self.window * self.window
        if start != self.began:
            self.began = start
            self.arrivals = 0
        self.arrivals += 1
        refused = self.arrivals > limit
        left = start + self.window - moment
        return QuotaVerdict(
            refused, refused and left > grace, left if refused else 0.0, min(self.arrivals, limit), left
        )


@dataclass(slots=True)
class BlockingRule:
    """At most `limit` arrivals in any window. One more blocks the caller for an hour."""

    rolling: RollingRule
    blocked_until: float | None = None

    def arrive(self, moment: float, limit: int, grace: float) -> QuotaVerdict:
        """Judge the arrival. Arrivals during a block do not count."""
        if self.blocked_until is not None:
            left = self.blocked_until - moment
            if left > 0:
                return QuotaVerdict(refused=True, overrun=left > grace, wait=left, used=limit)
            self.blocked_until = None
            self.rolling.arrivals.clear()
        verdict = self.rolling.arrive(moment, limit, grace)
        if not verdict.refused:
            return verdict
        self.blocked_until = moment + BLOCK_SECONDS
        return replace(verdict, wait=BLOCK_SECONDS)


@dataclass(slots=True)
class DayRule:
    """A rule, with at most `limit` arrivals in any 24 hours besides."""

    rule: Rule
    limit: int
    day: RollingRule = field(default_factory=lambda: RollingRule(DAY_SECONDS))

    def arrive(self, moment: float, limit: int, grace: float) -> QuotaVerdict:
        """Judge the arrival by both. A refusal of the day's quota comes first."""
        verdict = self.rule.arrive(moment, limit, grace)
        of_day = self.day.arrive(moment, self.limit, grace)
        if not of_day.refused:
            return verdict
        return replace(verdict, refused=True, wait=of_day.wait, of_day=True, overrun_of_day=of_day.overrun)


def make_rule(setting: QuotaSetting) -> Rule:
    """Make the rule of a setting, with empty counts."""
    rules: dict[RuleName, Callable[[], Rule]] = {
        "rolling": lambda: RollingRule(setting.window),
        "exponential": lambda: ExponentialRule(setting.window),
        "fixed": lambda: FixedRule(setting.window),
        "blocking": lambda: BlockingRule(RollingRule(setting.window)),
    }
    rule = rules[setting.rule]()
    return rule if setting.daily is None else DayRule(rule, setting.daily)
