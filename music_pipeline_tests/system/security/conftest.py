"""What the security tests look at: databases with Dagster's tables in them, and the words of running processes."""

from music_pipeline_tests.defs.conftest import template_database

__all__ = ["template_database"]
