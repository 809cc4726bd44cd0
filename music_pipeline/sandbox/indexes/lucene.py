"""MusicBrainz's query language, as far as clients use it: fields, phrases, groups, AND, OR, NOT, escapes.

This module parses queries and evaluates them over any index of documents. `musicbrainz_search` has the documents and
their fields.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from music_pipeline.sandbox.world.text import words

TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<operator>AND\b|OR\b|NOT\b|&&|\|\||!|\+|-(?=\S))
      | (?P<bracket>[()])
      | (?P<phrase>"(?:\\.|[^"\\])*")(?:~\d*)?(?:\^[\d.]+)?
      | (?P<range>[\[{][^\]}]*[\]}])
      | (?P<field>[A-Za-z_]+):(?=\S)
      | (?P<term>(?:\\.|[^\s()":])+)
    """,
    re.VERBOSE,
)
ESCAPED = re.compile(r"\\(.)")
SUFFIX = re.compile(r"(?<!\\)(?:~[\d.]*|\^[\d.]+)$")
CONJUNCTIONS = {"AND", "&&"}
NEGATIONS = {"NOT", "!", "-"}


class QueryError(ValueError):
    """The query cannot be parsed."""


@dataclass(frozen=True, slots=True)
class Term:
    """Words to be found, one after the other, in a field; the default fields where it is empty."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Both:
    """All parts must match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """Any part may match."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Without:
    """The part must not match."""

    part: "Node"


Node = Term | Both | Either | Without
Scores = dict[str, float]


@dataclass(slots=True)
class _Tokens:
    items: list[tuple[str, str]]
    place: int = 0

    def peek(self) -> tuple[str, str]:
        return self.items[self.place] if self.place < len(self.items) else ("end", "")

    def take(self) -> tuple[str, str]:
        token = self.peek()
        self.place += 1
        return token


def parse(text: str) -> Node:
    """Parse a query. Raises QueryError for unbalanced brackets and quotes, and for an empty one."""
    tokens = _Tokens(_tokenize(text))
    node = _parse_either(tokens, "")
    if tokens.peek()[0] != "end":
        raise QueryError(f"unexpected {tokens.peek()[1]!r}")
    return node


def _tokenize(text: str) -> list[tuple[str, str]]:
    tokens = []
    place = 0
    while place < len(text):
        match = TOKEN.match(text, place)
        if match is None or match.lastgroup is None:
            raise QueryError(f"cannot parse {text[place : place + 20]!r}")
        if match.lastgroup != "space":
            tokens.append((match.lastgroup, match[match.lastgroup]))
        place = match.end()
    return tokens


def _parse_either(tokens: _Tokens, field: str) -> Node:
    parts = [_parse_both(tokens, field)]
    while tokens.peek()[0] != "end" and tokens.peek() != ("bracket", ")"):
        if tokens.peek()[1] in {"OR", "||"}:
            tokens.take()
        parts.append(_parse_both(tokens, field))
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _parse_both(tokens: _Tokens, field: str) -> Node:
    parts = [_parse_part(tokens, field)]
    while tokens.peek()[1] in CONJUNCTIONS:
        tokens.take()
        parts.append(_parse_part(tokens, field))
    return parts[0] if len(parts) == 1 else Both(tuple(parts))


def _parse_part(tokens: _Tokens, field: str) -> Node:
    kind, text = tokens.take()
    if kind == "operator" and text in NEGATIONS:
        return Without(_parse_part(tokens, field))
    if kind == "operator" and text == "+":
        return _parse_part(tokens, field)
    if kind == "field":
        return _parse_part(tokens, text.lower())
    if (kind, text) == ("bracket", "("):
        node = _parse_either(tokens, field)
        if tokens.take() != ("bracket", ")"):
            raise QueryError("a bracket is not closed")
        return node
    if kind == "phrase":
        return Term(field, ESCAPED.sub(r"\1", text[1:-1]))
    if kind in {"term", "range"}:
        return Term(field, ESCAPED.sub(r"\1", SUFFIX.sub("", text)))
    raise QueryError(f"unexpected {text!r}" if text else "the query ends too early")


def evaluate(node: Node, match: Callable[[str, str], Scores], everything: Callable[[], Scores]) -> Scores:
    """The documents that a query finds, scored. `match` finds a text in a field."""
    if isinstance(node, Term):
        return match(node.field, node.text)
    if isinstance(node, Without):
        excluded = evaluate(node.part, match, everything)
        return {key: score for key, score in everything().items() if key not in excluded}
    results = [evaluate(part, match, everything) for part in node.parts]
    if isinstance(node, Both):
        shared = set(results[0]).intersection(*results[1:])
        return {key: sum(result[key] for result in results) for key in shared}
    found: Scores = {}
    for result in results:
        for key, score in result.items():
            found[key] = found.get(key, 0.0) + score
    return found


def similarity(wanted: tuple[str, ...], having: tuple[str, ...]) -> float:
    """The share of a field that the words make up: 1 for all of it, 0 if they do not occur in it."""
    width = len(wanted)
    for start in range(len(having) - width + 1):
        if having[start : start + width] == wanted:
            return width / len(having)
    return 0.0


def field_words(text: str) -> tuple[str, ...]:
    """The words by which a text field is searched."""
    return words(text)
