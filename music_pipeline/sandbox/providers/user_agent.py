"""User-Agents: MusicBrainz and Discogs require one that names an application."""

import re

GENERIC_AGENT = re.compile(
    r"(?:python-(?:requests|httpx|urllib3)|python-urllib|python|curl|wget|java|go-http-client|okhttp|axios|node-fetch|"
    r"aiohttp|mozilla)\b(?!.*[(@])",
    re.IGNORECASE,
)


def names_application(agent: str) -> bool:
    """Whether a User-Agent is neither missing nor that of a library."""
    return bool(agent.strip()) and GENERIC_AGENT.match(agent.strip()) is None
