-- Social enrichment: where else producers are to be found, as providers say it, and who follows them.

CREATE TABLE producer_profiles (
    producer_id     uuid NOT NULL REFERENCES producers,
    url             text NOT NULL,
    source          text NOT NULL,
    service         text NOT NULL,
    handle          text,
    evidence        text NOT NULL,
    confidence      real NOT NULL CHECK (confidence > 0 AND confidence <= 1),
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    inactive_at     timestamptz,
    inactive_reason text,
    PRIMARY KEY (producer_id, url, source)
);
COMMENT ON TABLE producer_profiles IS 'Addresses of producers elsewhere, a row for each source that gives one. None is made from a name.';
COMMENT ON COLUMN producer_profiles.handle IS 'The account''s name or id at the service, where the address holds one.';
COMMENT ON COLUMN producer_profiles.evidence IS 'The page of the source that gives the address.';
CREATE INDEX ON producer_profiles (service, handle);

CREATE TABLE producer_answers (
    producer_id uuid NOT NULL REFERENCES producers,
    provider    text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('found', 'absent', 'failed', 'skipped', 'suspect')),
    items       integer,
    error       text,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (producer_id, provider)
);
COMMENT ON TABLE producer_answers IS 'How each provider last answered for a producer''s profiles.';
COMMENT ON COLUMN producer_answers.outcome IS 'suspect: it gave so much less than before that nothing was taken away.';

CREATE TABLE profile_followers (
    producer_id uuid NOT NULL REFERENCES producers,
    service     text NOT NULL,
    handle      text NOT NULL,
    followers   bigint CHECK (followers >= 0),
    fetched_at  timestamptz,
    outcome     text NOT NULL CHECK (outcome IN ('found', 'absent', 'failed', 'skipped')),
    error       text,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (producer_id, service, handle)
);
COMMENT ON TABLE profile_followers IS 'Who follows a profile, for handles that evidence gave.';
COMMENT ON COLUMN profile_followers.followers IS 'The last count that is believed, of fetched_at; a failure since then leaves it.';
COMMENT ON COLUMN profile_followers.outcome IS 'absent: the service knows no professional account of this handle.';

DO $$
DECLARE
    audited record;
BEGIN
    FOR audited IN SELECT * FROM (VALUES
        ('producer_profiles', '''producer_id'', ''url'', ''source'''),
        ('profile_followers', '''producer_id'', ''service'', ''handle''')
    ) AS t (name, key_columns) LOOP
        EXECUTE format('CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
        EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
        EXECUTE format('CREATE TRIGGER audit_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
    END LOOP;
END $$;

CREATE VIEW profile_view AS
SELECT p.producer_id, p.name AS producer, f.service, f.handle, f.url,
       array_agg(f.source ORDER BY f.source) AS sources, array_agg(f.evidence ORDER BY f.source) AS evidence,
       max(f.confidence) AS confidence, n.followers, n.fetched_at, n.outcome AS followers_outcome,
       min(f.first_seen_at) AS first_seen_at, max(f.last_seen_at) AS last_seen_at
FROM producer_profiles f
JOIN producer_view p ON p.producer_id = f.producer_id
LEFT JOIN profile_followers n ON n.producer_id = f.producer_id AND n.service = f.service AND n.handle = f.handle
WHERE f.inactive_at IS NULL
GROUP BY p.producer_id, p.name, f.service, f.handle, f.url, n.followers, n.fetched_at, n.outcome;
COMMENT ON VIEW profile_view IS 'The profiles of producers: each once, with everybody who gives it and its followers.';
