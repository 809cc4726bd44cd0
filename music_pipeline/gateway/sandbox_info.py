"""What a running sandbox says of itself. The sandbox is in `music_pipeline.sandbox`; here it is only asked."""

import httpx


def sandbox_info(url: str) -> dict[str, object]:
    """Its speed, Spotify's mode, its catalogue. Raises httpx.HTTPError where none answers at `url`."""
    answer = httpx.get(f"{url}/_sandbox/info", timeout=5).raise_for_status()
    try:
        info = answer.json()
    except ValueError as error:
        raise httpx.DecodingError(f"{url} answers, but not as a sandbox", request=answer.request) from error
    if not isinstance(info, dict) or "speed" not in info:
        raise httpx.DecodingError(f"{url} answers, but not as a sandbox", request=answer.request)
    return info


def sandbox_speed(url: str) -> float:
    """How many of its seconds pass in one of ours. Raises httpx.HTTPError."""
    return float(str(sandbox_info(url)["speed"]))
