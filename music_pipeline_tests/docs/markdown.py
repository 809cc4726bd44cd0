"""Read the fenced blocks of a Markdown file, and the comments that steer the test."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\s*$")
COMMENT = re.compile(r"^<!-- (not run|printed)(?:: (.+))? -->$")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block. `mark`: "not run" or "printed", from the line before it.

    `why`: the reason there.
    """

    file: Path
    line: int
    language: str
    text: str
    mark: str | None
    why: str | None

    @property
    def place(self) -> str:
        """The file and line, for a message."""
        return f"{self.file.name}:{self.line}"

    def commands(self) -> list[tuple[int, str]]:
        """The commands of an `sh` block with their lines.

        A backslash joins a line with the next.
        """
        found: list[tuple[int, str]] = []
        goes_on = False
        for number, line in enumerate(self.text.splitlines(), self.line + 1):
            if goes_on:
                found[-1] = (found[-1][0], f"{found[-1][1]}\n{line}")
            elif line.strip() and not line.lstrip().startswith("#"):
                found.append((number, line))
            goes_on = line.endswith("\\")
        return found


def blocks_in(file: Path) -> Iterator[Block]:
    """The file's fenced blocks, in order."""
    lines = file.read_text().splitlines()
    begun: tuple[int, str] | None = None
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line.strip())
        if fence is None:
            continue
        if begun is None:
            begun = (number, fence[1])
            continue
        start, language = begun
        mark = COMMENT.match(lines[start - 2].strip()) if start > 1 else None
        text = "\n".join(lines[start : number - 1])
        yield Block(file, start, language, text, mark and mark[1], mark and mark[2])
        begun = None


def without_comment(command: str) -> str:
    """The command without a comment at its end."""
    return re.sub(r"\s+#\s.*$", "", command).strip()
