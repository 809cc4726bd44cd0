-- Keeping the pipeline running: counts of a large catalog, and which files of sql/ were applied.

CREATE TABLE kept_counts (
    name       text PRIMARY KEY,
    counted    jsonb NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kept_counts IS 'Counts over the whole of a large catalog. Sweeps report these instead of counting again.';
COMMENT ON COLUMN kept_counts.name IS 'The counting statement.';
COMMENT ON COLUMN kept_counts.counted IS 'The rows that the statement answered.';

COMMENT ON TABLE schema_migrations IS 'The files of sql/ that were applied to this database. Functions and views are applied again whenever their file changes.';
COMMENT ON COLUMN schema_migrations.digest IS 'The SHA-256 of the file when it was applied.';
