"""Draw docs/images/flow.svg and docs/images/layers.svg.

The layers come from import-linter's contract in pyproject.toml, so that the picture shows the enforced rules. The
flow is written in this file. A test compares both pictures with the output of this script.
"""

import argparse
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
IMAGES = PROJECT / "docs" / "images"
FONT = "font-family='Helvetica, Arial, sans-serif'"
INK, MUTED, LINE = "#1f2430", "#5b6472", "#9aa4b2"
FILLS = {"surface": "#e3edfb", "feature": "#e4f5ea", "machine": "#fdf3dc", "ground": "#eef0f3", "outside": "#ffffff"}

ROOMS = {
    "cli": ("surface", "the command line"),
    "demo": ("surface", "the main job, end to end"),
    "definitions": ("surface", "what Dagster loads"),
    "api": ("surface", "the HTTP service"),
    "defs": ("surface", "Dagster: assets, runs, schedules"),
    "ops": ("surface", "doctor, forecast"),
    "actions": ("feature", "what an operator can do"),
    "stages": ("feature", "discovery, credits, profiles, enrichment"),
    "worker": ("machine", "claims work, runs stages, commits"),
    "catalog": ("machine", "the rows: read, write, audit"),
    "providers": ("machine", "one file for each provider"),
    "gateway": ("machine", "the only way out"),
    "work": ("machine", "the ledger: open, done and dead work"),
    "credentials": ("ground", "stored keys, encrypted"),
    "database": ("ground", "engine, migrations, statements"),
    "matching": ("ground", "pure rules of identity"),
    "settings": ("ground", "every environment variable"),
    "logs": ("ground", "JSON lines"),
}


@dataclass(frozen=True, slots=True)
class Box:
    """A labelled rectangle. `tone` is a key of FILLS."""

    x: int
    y: int
    width: int
    height: int
    title: str
    text: str
    tone: str

    def svg(self) -> Iterable[str]:
        middle = self.x + self.width / 2
        yield (
            f"<rect x='{self.x}' y='{self.y}' width='{self.width}' height='{self.height}' rx='8' "
            f"fill='{FILLS[self.tone]}' stroke='{LINE}'/>"
        )
        lines = self.text.split("\n") if self.text else []
        top = self.y + self.height / 2 - 9 * len(lines) + 6
        yield label(middle, top, self.title, size=16, weight="bold")
        for place, line in enumerate(lines, 1):
            yield label(middle, top + 18 * place + 1, line, size=13, colour=MUTED)


def label(x: float, y: float, text: str, *, size: int, weight: str = "normal", colour: str = INK) -> str:
    """Centred text."""
    return (
        f"<text x='{x:g}' y='{y:g}' text-anchor='middle' {FONT} font-size='{size}' font-weight='{weight}' "
        f"fill='{colour}'>{escape(text)}</text>"
    )


def arrow(points: Sequence[tuple[int, int]], text: str = "", at: tuple[int, int] = (0, 0)) -> Iterable[str]:
    """A line through the points, with an arrowhead at its end and a text beside it."""
    path = " ".join(f"{'L' if place else 'M'}{x},{y}" for place, (x, y) in enumerate(points))
    yield f"<path d='{path}' fill='none' stroke='{MUTED}' stroke-width='1.6' marker-end='url(#head)'/>"
    if text:
        yield label(*at, text, size=12, colour=MUTED)


def document(width: int, height: int, parts: Iterable[str]) -> str:
    """A whole SVG file on white, one element per line."""
    head = (
        "<defs><marker id='head' viewBox='0 0 10 10' refX='9' refY='5' markerWidth='7' markerHeight='7' "
        f"orient='auto-start-reverse'><path d='M0,0 L10,5 L0,10 z' fill='{MUTED}'/></marker></defs>"
    )
    frame = f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' width='{width}' height='{height}'>"
    return "\n".join([frame, head, f"<rect width='{width}' height='{height}' fill='#ffffff'/>", *parts, "</svg>", ""])


def draw_flow() -> str:
    """Draw how a request for an artist becomes rows in the views."""
    boxes = [
        Box(20, 20, 270, 70, "ask", "CLI discover · SQL · Dagster launch pad", "surface"),
        Box(365, 20, 270, 70, "schedules and sensor", "defs/: start a sweep if work is due", "surface"),
        Box(710, 20, 270, 70, "asset run", "the artists that you choose", "surface"),
        Box(20, 150, 270, 84, "ledger", "work/ · tables work,\nwork_archive, dead_work", "machine"),
        Box(365, 150, 615, 84, "worker", "worker/: claims a chunk, reads each item, commits it in one transaction,\n"
            "then reports it to Dagster", "machine"),
        Box(365, 294, 270, 84, "read()", "stages/: asks the providers,\nreturns plain data", "feature"),
        Box(710, 294, 270, 84, "store()", "stages/: rows, follow-up work;\ncatalog/ writes and audits", "feature"),
        Box(365, 438, 270, 100, "gateway", "capability, cache, breaker, quota,\nsend, classify, retry;\n"
            "its limits live in Postgres", "machine"),
        Box(710, 438, 270, 100, "catalogue", "artists, releases, recordings, credits,\n"
            "recording_sources, audit", "machine"),
        Box(20, 438, 270, 100, "providers or sandbox", "Spotify, MusicBrainz, Discogs,\n"
            "Genius, Last.fm, Deezer …", "outside"),
        Box(710, 598, 270, 70, "views", "credit_view, tracks, enriched_values", "ground"),
    ]  # fmt: skip
    arrows = [
        *arrow([(155, 90), (155, 148)], "enqueue", (190, 124)),
        *arrow([(500, 90), (500, 148)], "sweep", (526, 124)),
        *arrow([(845, 90), (845, 148)], "refresh", (876, 124)),
        *arrow([(363, 178), (292, 178)], "claim", (328, 170)),
        *arrow([(363, 212), (292, 212)], "finish", (328, 229)),
        *arrow([(500, 234), (500, 292)]),
        *arrow([(637, 336), (708, 336)], "data", (672, 328)),
        *arrow([(500, 378), (500, 436)], "requests", (536, 412)),
        *arrow([(363, 488), (292, 488)], "HTTP", (328, 480)),
        *arrow([(845, 378), (845, 436)], "one transaction", (900, 412)),
        *arrow([(845, 538), (845, 596)], "chosen when read", (906, 572)),
        *arrow([(845, 292), (845, 264), (155, 264), (155, 236)], "follow-up work", (250, 257)),
    ]
    return document(1000, 690, [*arrows, *(line for box in boxes for line in box.svg())])


def draw_layers(layers: Sequence[str]) -> str:
    """Draw the rooms, one row for each layer."""
    height, gap, width, left = 58, 16, 900, 20
    parts: list[str] = []
    for row, layer in enumerate(layers):
        rooms = layer.split(" | ")
        each = (width - gap * (len(rooms) - 1)) // len(rooms)
        top = 20 + row * (height + gap)
        for place, room in enumerate(rooms):
            tone, text = ROOMS[room]
            parts += Box(left + place * (each + gap), top, each, height, room, text, tone).svg()
    bottom = 20 + len(layers) * (height + gap) - gap
    parts += arrow([(955, 24), (955, bottom - 4)])
    parts.append(
        f"<text transform='translate(978,{bottom / 2 + 10:g}) rotate(90)' text-anchor='middle' {FONT} font-size='13' "
        f"fill='{MUTED}'>imports point down</text>"
    )
    return document(1000, bottom + 20, parts)


def layers_in(pyproject: Path) -> list[str]:
    """The layers of import-linter's contract, without rooms that do not exist yet."""
    contracts = tomllib.loads(pyproject.read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    return [layer for layer in (_existing(layer) for layer in layers) if layer]


def _existing(layer: str) -> str:
    rooms = [room.strip().strip("()") for room in layer.replace(":", "|").split("|")]
    folder = PROJECT / "music_pipeline"
    return " | ".join(room for room in rooms if (folder / room).is_dir() or (folder / f"{room}.py").is_file())


def main() -> None:
    """Write both files."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--pyproject", type=Path, default=PROJECT / "pyproject.toml", help="the file with the contract")
    pyproject = parser.parse_args().pyproject
    IMAGES.mkdir(parents=True, exist_ok=True)
    (IMAGES / "flow.svg").write_text(draw_flow())
    (IMAGES / "layers.svg").write_text(draw_layers(layers_in(pyproject)))


if __name__ == "__main__":
    main()
