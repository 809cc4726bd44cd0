-- Keep the pipeline running: counts of a large catalogue, and the applied files of sql/.

CREATE TABLE kept_counts (
    name       text PRIMARY KEY,
    counted    jsonb NOT NULL,
    counted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE kept_counts IS 'Counts over the whole of a large catalogue. Sweeps report them instead of counting again.';
COMMENT ON COLUMN kept_counts.name IS 'The name of the counting statement.';
COMMENT ON COLUMN kept_counts.counted IS 'The rows that the statement returned.';

COMMENT ON TABLE schema_migrations IS 'The files of sql/ that were applied to this database. A changed file of functions or views is applied again.';
COMMENT ON COLUMN schema_migrations.digest IS 'The SHA-256 of the file when it was applied.';
