"""A template database that also has Dagster's tables."""

from music_pipeline_tests.defs.conftest import template_database

__all__ = ["template_database"]
