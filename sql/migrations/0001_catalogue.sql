-- The catalogue: who, what was released, what was recorded, who produced it, and how we know.
--
-- Four columns recur. first_seen_at and last_seen_at: when an answer of a provider first and last (to the day) held the row.
-- inactive_at and inactive_reason: rows are never deleted; one that a provably complete answer no longer holds is set
-- inactive. content_hash: of the facts in the row, so that an unchanged answer is recognised and writes nothing.

CREATE TABLE artists (
    artist_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    artist_key      text NOT NULL UNIQUE CHECK (artist_key ~ '^[a-z0-9-]{1,80}$'),
    name            text NOT NULL,
    name_normalised text NOT NULL,
    redirects_to    uuid REFERENCES artists,
    content_hash    text NOT NULL,
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    inactive_at     timestamptz,
    inactive_reason text
);
COMMENT ON TABLE artists IS 'Artists that an operator named and identity resolved; an ambiguous name is not here but in reviews.';
COMMENT ON COLUMN artists.artist_key IS 'The partition key: readable, given once, never changed, not even when the name does.';
COMMENT ON COLUMN artists.redirects_to IS 'A merged artist keeps its key and points at the artist that it became.';
CREATE INDEX ON artists (name_normalised);

CREATE TABLE releases (
    release_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title            text NOT NULL,
    title_normalised text NOT NULL,
    release_type     text CHECK (release_type IN ('album', 'single', 'ep', 'compilation')),
    release_date     text CHECK (release_date ~ '^\d{4}(-\d{2}(-\d{2})?)?$'),
    total_tracks     integer CHECK (total_tracks >= 0),
    barcode          text,
    tracks_read_at   timestamptz,
    content_hash     text NOT NULL,
    first_seen_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    inactive_at      timestamptz,
    inactive_reason  text
);
COMMENT ON TABLE releases IS 'What was published: albums, singles, compilations.';
COMMENT ON COLUMN releases.release_date IS 'As far as the source knows it: 1999, 1999-06 or 1999-06-21. Never completed by a guess.';
COMMENT ON COLUMN releases.total_tracks IS 'What the provider says it has; the tracks that we hold are counted in release_coverage.';
COMMENT ON COLUMN releases.tracks_read_at IS 'When the whole track list was first read; NULL as long as tracks are missing.';

CREATE TABLE artist_releases (
    artist_id       uuid NOT NULL REFERENCES artists,
    release_id      uuid NOT NULL REFERENCES releases,
    credited_as     text NOT NULL,
    content_hash    text NOT NULL,
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    inactive_at     timestamptz,
    inactive_reason text,
    PRIMARY KEY (artist_id, release_id)
);
COMMENT ON TABLE artist_releases IS 'Whose release it is; a split release has several artists.';
CREATE INDEX ON artist_releases (release_id);

CREATE TABLE recordings (
    recording_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    title            text NOT NULL,
    title_normalised text NOT NULL,
    versions         text[] NOT NULL DEFAULT '{}',
    artist_names     text[] NOT NULL,
    duration_ms      integer CHECK (duration_ms > 0),
    explicit         boolean,
    content_hash     text NOT NULL,
    first_seen_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    inactive_at      timestamptz,
    inactive_reason  text
);
COMMENT ON TABLE recordings IS 'What was recorded, once, wherever it was published. Credits hang here.';
COMMENT ON COLUMN recordings.title_normalised IS 'The title without its version words, folded for comparison.';
COMMENT ON COLUMN recordings.versions IS 'Version words (live, remix, acoustic, …): two versions are never one recording.';
CREATE INDEX ON recordings (title_normalised);

CREATE TABLE recording_isrcs (
    recording_id  uuid NOT NULL REFERENCES recordings,
    isrc          text NOT NULL CHECK (isrc ~ '^[A-Z0-9]{12}$'),
    source        text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, isrc)
);
COMMENT ON TABLE recording_isrcs IS 'A recording may carry several ISRCs, and labels give one ISRC to two recordings by mistake: neither is unique.';
CREATE INDEX ON recording_isrcs (isrc);

CREATE TABLE tracks (
    track_id        uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    release_id      uuid NOT NULL REFERENCES releases,
    recording_id    uuid NOT NULL REFERENCES recordings,
    disc_number     integer NOT NULL CHECK (disc_number > 0),
    position        integer NOT NULL CHECK (position > 0),
    title           text NOT NULL,
    content_hash    text NOT NULL,
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    inactive_at     timestamptz,
    inactive_reason text
);
COMMENT ON TABLE tracks IS 'The place of a recording on a release, with its title as printed there.';
CREATE UNIQUE INDEX tracks_place ON tracks (release_id, disc_number, position) WHERE inactive_at IS NULL;
CREATE INDEX ON tracks (recording_id);

CREATE TABLE producers (
    producer_id     uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name            text NOT NULL,
    name_normalised text NOT NULL,
    kind            text NOT NULL CHECK (kind IN ('person', 'company')),
    content_hash    text NOT NULL,
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    inactive_at     timestamptz,
    inactive_reason text,
    redirects_to    uuid REFERENCES producers
);
COMMENT ON TABLE producers IS 'Who produced. Identified by provider ids only: two people may share a name.';
COMMENT ON COLUMN producers.redirects_to IS 'Set when two rows turned out to be one person, by ids that a provider links.';
CREATE INDEX ON producers (name_normalised);

CREATE TABLE credits (
    credit_id       uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    recording_id    uuid NOT NULL REFERENCES recordings,
    release_id      uuid REFERENCES releases,
    producer_id     uuid NOT NULL REFERENCES producers,
    role            text NOT NULL,
    role_class      text NOT NULL
        CHECK (role_class IN ('producer', 'co', 'additional', 'executive', 'compilation', 'reissue', 'other')),
    credited_as     text NOT NULL,
    confidence      real NOT NULL CHECK (confidence > 0 AND confidence <= 1),
    content_hash    text NOT NULL,
    first_seen_at   timestamptz NOT NULL DEFAULT now(),
    last_seen_at    timestamptz NOT NULL DEFAULT now(),
    inactive_at     timestamptz,
    inactive_reason text
);
COMMENT ON TABLE credits IS 'Who produced which recording, in which class of role. Sources that agree are one credit; see credit_sources.';
COMMENT ON COLUMN credits.release_id IS
    'NULL: the credit is about the recording, on whichever release. Set: it was given for a whole release (executive, compilation, reissue …) and holds for the recording on that release only.';
COMMENT ON COLUMN credits.confidence IS
    'Probability that both the song match and the field are right; independent sources combine by noisy-or.';
CREATE UNIQUE INDEX credits_once ON credits
    (recording_id, producer_id, role_class, coalesce(release_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX ON credits (producer_id);

CREATE TABLE credit_sources (
    credit_id        uuid NOT NULL REFERENCES credits,
    provider         text NOT NULL,
    level            text NOT NULL CHECK (level IN ('release', 'track')),
    provider_entity  text NOT NULL,
    provider_id      text NOT NULL,
    role             text NOT NULL,
    credited_as      text NOT NULL,
    match_confidence real NOT NULL CHECK (match_confidence > 0 AND match_confidence <= 1),
    field_confidence real NOT NULL CHECK (field_confidence > 0 AND field_confidence <= 1),
    first_seen_at    timestamptz NOT NULL DEFAULT now(),
    last_seen_at     timestamptz NOT NULL DEFAULT now(),
    inactive_at      timestamptz,
    inactive_reason  text,
    PRIMARY KEY (credit_id, provider, level, provider_id, role)
);
COMMENT ON TABLE credit_sources IS 'Each place that says a credit: the release, recording or song of a provider, and the words it used.';

CREATE TABLE external_ids (
    entity        text NOT NULL CHECK (entity IN ('artist', 'release', 'recording', 'track', 'producer')),
    provider      text NOT NULL,
    id            text NOT NULL,
    entity_id     uuid NOT NULL,
    source        text NOT NULL,
    confidence    real NOT NULL CHECK (confidence > 0 AND confidence <= 1),
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entity, provider, id)
);
COMMENT ON TABLE external_ids IS 'What the providers call our artists, releases, recordings, tracks and producers. One row belongs to one entity, so that merging and splitting stay possible.';
COMMENT ON COLUMN external_ids.source IS 'Who said so: the provider itself, or another that links to it (a MusicBrainz url relationship).';
CREATE INDEX ON external_ids (entity, entity_id);

CREATE TABLE provider_answers (
    artist_id    uuid NOT NULL REFERENCES artists,
    provider     text NOT NULL,
    question     text NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('found', 'absent', 'empty', 'partial', 'failed', 'skipped', 'ambiguous')),
    items        integer,
    expected     integer,
    error        text,
    content_hash text,
    asked_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (artist_id, provider, question)
);
COMMENT ON TABLE provider_answers IS 'The last answer of a provider to each question about an artist. Absent, empty, partial and failed are four different things.';
COMMENT ON COLUMN provider_answers.expected IS 'How many items a complete answer would have had, where the provider says.';

CREATE TABLE reviews (
    review_id    uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    kind         text NOT NULL CHECK (kind IN ('artist', 'musicbrainz_artist', 'genius_artist')),
    subject      text NOT NULL,
    question     text NOT NULL,
    candidates   jsonb NOT NULL,
    evidence     jsonb NOT NULL,
    status       text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'accepted', 'rejected')),
    chosen_id    text,
    decided_by   text,
    decided_why  text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    decided_at   timestamptz,
    UNIQUE (kind, subject)
);
COMMENT ON TABLE reviews IS 'Ambiguous identities, with their candidates and the evidence. A decision is a lock: every later look-up of the subject obeys it.';
COMMENT ON COLUMN reviews.subject IS 'What was looked up: the normalised name that was asked for, or the artist''s id.';
COMMENT ON COLUMN reviews.chosen_id IS 'The candidate''s provider id, when accepted; rejected means that none of them is meant.';

CREATE TABLE held_changes (
    held_id      uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    artist_id    uuid NOT NULL REFERENCES artists,
    entity       text NOT NULL CHECK (entity IN ('artist_releases', 'tracks', 'credits')),
    row_keys     jsonb NOT NULL,
    known        integer NOT NULL,
    answered     integer NOT NULL,
    reason       text NOT NULL,
    status       text NOT NULL DEFAULT 'held' CHECK (status IN ('held', 'accepted', 'rejected', 'superseded')),
    decided_by   text,
    decided_why  text,
    created_at   timestamptz NOT NULL DEFAULT now(),
    decided_at   timestamptz
);
COMMENT ON TABLE held_changes IS 'Losses that were too large to believe: nothing is set inactive until a person accepts.';
COMMENT ON COLUMN held_changes.row_keys IS 'The rows that the answer no longer holds.';
CREATE UNIQUE INDEX held_changes_open ON held_changes (artist_id, entity) WHERE status = 'held';

CREATE TABLE audit (
    audit_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at             timestamptz NOT NULL DEFAULT now(),
    entity         text NOT NULL,
    row_key        text NOT NULL,
    before         jsonb,
    after          jsonb,
    why            text,
    run_id         text,
    correlation_id text
);
COMMENT ON TABLE audit IS 'Every change of a fact, written by triggers in the changing transaction, whoever made it.';
CREATE INDEX ON audit (entity, row_key);
CREATE INDEX ON audit (at);

CREATE FUNCTION record_change() RETURNS trigger LANGUAGE plpgsql AS $$
-- Arguments: the key columns. last_seen_at alone is no change.
DECLARE
    why text := nullif(current_setting('music.why', true), '');
    run text := nullif(current_setting('music.run_id', true), '');
    correlation text := nullif(current_setting('music.correlation_id', true), '');
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO audit (entity, row_key, after, why, run_id, correlation_id)
        SELECT TG_TABLE_NAME, row_key_of(to_jsonb(n), TG_ARGV), to_jsonb(n), why, run, correlation FROM new_rows n;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO audit (entity, row_key, before, after, why, run_id, correlation_id)
        SELECT TG_TABLE_NAME, n.key, o.row, n.row, why, run, correlation
        FROM (SELECT row_key_of(to_jsonb(r), TG_ARGV) AS key, to_jsonb(r) AS row FROM new_rows r) n
        JOIN (SELECT row_key_of(to_jsonb(r), TG_ARGV) AS key, to_jsonb(r) AS row FROM old_rows r) o USING (key)
        WHERE o.row - 'last_seen_at' IS DISTINCT FROM n.row - 'last_seen_at';
    ELSE
        INSERT INTO audit (entity, row_key, before, why, run_id, correlation_id)
        SELECT TG_TABLE_NAME, row_key_of(to_jsonb(o), TG_ARGV), to_jsonb(o), why, run, correlation FROM old_rows o;
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION row_key_of(contents jsonb, key_columns text[]) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg(contents ->> name, ':' ORDER BY place) FROM unnest(key_columns) WITH ORDINALITY AS k (name, place)
$$;

DO $$
DECLARE
    audited record;
BEGIN
    FOR audited IN SELECT * FROM (VALUES
        ('artists', '''artist_id'''), ('releases', '''release_id'''),
        ('artist_releases', '''artist_id'', ''release_id'''), ('recordings', '''recording_id'''),
        ('recording_isrcs', '''recording_id'', ''isrc'''), ('tracks', '''track_id'''),
        ('producers', '''producer_id'''), ('credits', '''credit_id'''),
        ('credit_sources', '''credit_id'', ''provider'', ''level'', ''provider_id'', ''role'''),
        ('external_ids', '''entity'', ''provider'', ''id'''),
        ('reviews', '''review_id'''), ('held_changes', '''held_id''')
    ) AS t (name, key_columns) LOOP
        EXECUTE format('CREATE TRIGGER audit_insert AFTER INSERT ON %I REFERENCING NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
        EXECUTE format('CREATE TRIGGER audit_update AFTER UPDATE ON %I REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
        EXECUTE format('CREATE TRIGGER audit_delete AFTER DELETE ON %I REFERENCING OLD TABLE AS old_rows
                        FOR EACH STATEMENT EXECUTE FUNCTION record_change(%s)', audited.name, audited.key_columns);
    END LOOP;
END $$;

CREATE VIEW release_coverage AS
SELECT r.release_id, r.title, r.total_tracks, count(t.track_id) AS tracks_held,
       r.total_tracks - count(t.track_id) AS tracks_missing
FROM releases r
LEFT JOIN tracks t ON t.release_id = r.release_id AND t.inactive_at IS NULL
WHERE r.inactive_at IS NULL
GROUP BY r.release_id;
COMMENT ON VIEW release_coverage IS 'How much of each release''s track list is held.';

CREATE VIEW credit_view AS
SELECT a.name AS artist, r.title AS release, t.title AS track, p.name AS producer, c.credited_as, c.role, c.role_class,
       s.sources, c.confidence, s.levels, a.artist_key, t.disc_number, t.position, t.track_id, c.credit_id
FROM credits c
JOIN producers p ON p.producer_id = c.producer_id
JOIN tracks t ON t.recording_id = c.recording_id AND t.inactive_at IS NULL
             AND (c.release_id IS NULL OR c.release_id = t.release_id)
JOIN releases r ON r.release_id = t.release_id AND r.inactive_at IS NULL
JOIN artist_releases ar ON ar.release_id = r.release_id AND ar.inactive_at IS NULL
JOIN artists a ON a.artist_id = ar.artist_id AND a.inactive_at IS NULL
CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT provider ORDER BY provider) AS sources, array_agg(DISTINCT level ORDER BY level) AS levels
    FROM credit_sources WHERE credit_id = c.credit_id AND inactive_at IS NULL
) s
WHERE c.inactive_at IS NULL;
COMMENT ON VIEW credit_view IS 'Every production credit, a row per artist, release, track, producer and class of role, with the providers that say it.';
