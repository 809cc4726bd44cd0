"""Tables and views of the catalogue as pandas frames.

For notebooks and Parquet; the pipeline itself never reads frames.
"""

import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pandas as pd
import sqlalchemy as sa

from music_pipeline.catalog.csv_export import check_view
from music_pipeline.database.queries import query


def read_view(engine: sa.Engine, name: str) -> pd.DataFrame:
    """All rows of a table or view, with its columns in order. Ids are text; JSON and lists are Python objects.

    Raises UnknownView.
    """
    check_view(engine, name)
    everything: sa.Select[Any] | sa.TextClause = sa.select(sa.literal_column("*")).select_from(sa.table(name))
    if name == "tracks":
        everything = query("all_tracks")
    with engine.connect() as connection:
        frame = pd.read_sql_query(everything, connection)
    return _with_text_ids(frame)


def _with_text_ids(frame: pd.DataFrame) -> pd.DataFrame:
    return _mapped(frame, _text_of_id)


def _mapped(frame: pd.DataFrame, change: Callable[[Any], Any]) -> pd.DataFrame:
    """A frame in which the columns of Python objects are mapped, value by value."""
    objects = {name: frame[name].map(change) for name in frame.columns if frame[name].dtype == object}
    return frame.assign(**objects)


def _text_of_id(value: Any) -> Any:
    return str(value) if isinstance(value, UUID) else value


def flat(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame with lists and JSON objects as JSON text, for files."""
    return _mapped(frame, _json_of_object)


def _json_of_object(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, list | dict) else value
