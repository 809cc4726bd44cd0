"""The figures of a benchmark, with their goals: as a table to read and as JSON to compare.

The module of each part says how it measures.
"""

import json
import os
import platform
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """The goal of a figure: at most or at least `bound`."""

    kind: Literal["at most", "at least"]
    bound: float

    def is_met_by(self, value: float) -> bool:
        """Whether the value lies on the right side of the bound."""
        return value <= self.bound if self.kind == "at most" else value >= self.bound


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number. `samples`: the values of its rounds, if it is their median."""

    name: str
    value: float
    unit: str
    goal: Goal | None = None
    samples: tuple[float, ...] = ()

    @property
    def is_met(self) -> bool | None:
        """Whether the goal is met; None without a goal."""
        return None if self.goal is None else self.goal.is_met_by(self.value)


def median_figure(name: str, samples: Iterable[float], unit: str, goal: Goal | None = None) -> Figure:
    """The median of some rounds. Raises statistics.StatisticsError without any."""
    kept = tuple(samples)
    return Figure(name, statistics.median(kept), unit, goal, kept)


def ratios(numerators: Sequence[float], denominators: Sequence[float]) -> list[float]:
    """The ratios of pairs of the same round, so that a passing load weighs on both sides."""
    return [one / other for one, other in zip(numerators, denominators, strict=True)]


def table(figures: Mapping[str, Sequence[Figure]]) -> str:
    """A markdown table of the figures by part."""
    lines = ["| part | figure | value | range | goal | met |", "|---|---|---|---|---|---|"]
    return "\n".join(lines + [line(part, one) for part, found in figures.items() for one in found])


def line(part: str, figure: Figure) -> str:
    """A figure as a row of the table."""
    goal = f"{figure.goal.kind} {figure.goal.bound:g}" if figure.goal else ""
    met = {None: "", True: "yes", False: "NO"}[figure.is_met]
    span = f"{_short(min(figure.samples))} to {_short(max(figure.samples))}" if len(figure.samples) > 1 else ""
    return f"| {part} | {figure.name} | {_short(figure.value)} {figure.unit} | {span} | {goal} | {met} |"


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def keep(file: Path, part: str, figures: Sequence[Figure], seconds: float) -> None:
    """Put a part's figures into the JSON file, and keep those of other parts."""
    known = json.loads(file.read_text()) if file.exists() else {}
    known[part] = {
        "machine": machine(),
        "seconds": round(seconds, 1),
        "figures": [asdict(one) | {"met": one.is_met} for one in figures],
    }
    file.write_text(json.dumps(known, indent=1) + "\n")


def machine() -> dict[str, Any]:
    """The machine, and how busy it was when the figures were complete."""
    return {
        "platform": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": [round(one, 2) for one in os.getloadavg()],
    }
