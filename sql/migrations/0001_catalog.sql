-- The catalogue: artists, releases, recordings, tracks, producers and credits, and how we know each of them.
--
-- Some columns recur. first_seen_at and last_seen_at say when a provider's answer first listed the row, and when last (to
-- the day). Rows are never deleted: inactive_at and inactive_reason say when and why a row became inactive. Only a provably
-- complete answer that no longer lists a row makes it inactive. content_hash covers the facts of the row. An answer with
-- the same hash writes nothing.

CREATE TABLE artists (
    artist_id       uuid PRIMARY KEY DEFAULT ordered_id(),
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
CREATE INDEX ON artists (name_normalised);
COMMENT ON TABLE artists IS 'Artists that an operator asked for and that a provider identified. An ambiguous name waits in reviews.';
COMMENT ON COLUMN artists.artist_key IS 'The readable partition key. It is given once and never changes, even when the name does.';
COMMENT ON COLUMN artists.name_normalised IS 'The name, folded for comparison: no case, accents or punctuation.';
COMMENT ON COLUMN artists.redirects_to IS 'The artist that this one was merged into. The merged artist keeps its key.';

CREATE TABLE releases (
    release_id       uuid PRIMARY KEY DEFAULT ordered_id(),
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
COMMENT ON TABLE releases IS 'Published releases: albums, singles, EPs, compilations.';
COMMENT ON COLUMN releases.title_normalised IS 'The title, folded for comparison.';
COMMENT ON COLUMN releases.release_date IS 'As precise as the source: 1999, 1999-06 or 1999-06-21. A missing part is never guessed.';
COMMENT ON COLUMN releases.total_tracks IS 'The number of tracks that the provider states. The view release_coverage counts the tracks that we hold.';
COMMENT ON COLUMN releases.barcode IS 'The EAN or UPC printed on the release, where a source states it.';
COMMENT ON COLUMN releases.tracks_read_at IS 'When the complete track list was read. NULL while tracks are missing.';

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
CREATE INDEX ON artist_releases (release_id);
COMMENT ON TABLE artist_releases IS 'Which artist released what. A split release has several artists.';
COMMENT ON COLUMN artist_releases.credited_as IS 'The artist''s name as printed on this release.';

CREATE TABLE recordings (
    recording_id     uuid PRIMARY KEY DEFAULT ordered_id(),
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
CREATE INDEX ON recordings (title_normalised);
-- Matching looks for a title among the artist's recordings. A common title has recordings by too many others.
-- fastupdate is off: every look-up would otherwise read the index's whole list of pending rows.
CREATE INDEX ON recordings USING gin (artist_names) WITH (fastupdate = off);
COMMENT ON TABLE recordings IS 'Each recorded performance once, however many releases it is on. Credits and enrichment belong to recordings.';
COMMENT ON COLUMN recordings.title_normalised IS 'The title without its version words, folded for comparison.';
COMMENT ON COLUMN recordings.versions IS 'Version words: live, remix, acoustic, … Recordings with different version words are never the same.';
COMMENT ON COLUMN recordings.artist_names IS 'The performers'' names as credited on the earliest release.';
COMMENT ON COLUMN recordings.duration_ms IS 'The length in milliseconds, on the earliest release.';
COMMENT ON COLUMN recordings.explicit IS 'Whether the provider marks the lyrics as explicit. NULL: the provider does not say.';

CREATE TABLE recording_isrcs (
    recording_id  uuid NOT NULL REFERENCES recordings,
    isrc          text NOT NULL CHECK (isrc ~ '^[A-Z0-9]{12}$'),
    source        text NOT NULL,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (recording_id, isrc)
);
CREATE INDEX ON recording_isrcs (isrc);
COMMENT ON TABLE recording_isrcs IS 'The international codes (ISRC) of recordings. A recording may have several codes. Labels sometimes give one code to two recordings by mistake. So neither side is unique.';
COMMENT ON COLUMN recording_isrcs.isrc IS 'Country, registrant, year and number, without hyphens.';
COMMENT ON COLUMN recording_isrcs.source IS 'The provider that stated the code.';

CREATE TABLE release_tracks (
    track_id        uuid PRIMARY KEY DEFAULT ordered_id(),
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
CREATE UNIQUE INDEX release_tracks_position ON release_tracks (release_id, disc_number, position) WHERE inactive_at IS NULL;
CREATE INDEX ON release_tracks (recording_id);
COMMENT ON TABLE release_tracks IS 'The positions of recordings on releases. The pipeline writes here; people read the view tracks, which adds what enrichment found.';
COMMENT ON COLUMN release_tracks.position IS 'The number of the track on its disc, from 1.';
COMMENT ON COLUMN release_tracks.title IS 'The title as printed on this release.';

CREATE TABLE producers (
    producer_id     uuid PRIMARY KEY DEFAULT ordered_id(),
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
CREATE INDEX ON producers (name_normalised);
COMMENT ON TABLE producers IS 'People and companies with a production credit. Only provider ids identify them: two people may share a name.';
COMMENT ON COLUMN producers.name_normalised IS 'The name, folded for comparison.';
COMMENT ON COLUMN producers.redirects_to IS 'The producer that this one was merged into, because a provider links the ids of both.';

CREATE TABLE credits (
    credit_id       uuid PRIMARY KEY DEFAULT ordered_id(),
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
CREATE UNIQUE INDEX credits_once ON credits
    (recording_id, producer_id, role_class, coalesce(release_id, '00000000-0000-0000-0000-000000000000'));
CREATE INDEX ON credits (producer_id);
COMMENT ON TABLE credits IS 'Who produced which recording, and in what class of role. Sources that agree make one credit. credit_sources lists them.';
COMMENT ON COLUMN credits.release_id IS 'NULL: the credit holds for the recording on every release. Set: a credit for a whole release (executive, compilation, reissue …), which holds for the recording on that release only.';
COMMENT ON COLUMN credits.role IS 'The role in the words of the surest source: "Executive Producer", "Co-producer".';
COMMENT ON COLUMN credits.role_class IS 'The kind of production that the role means, so that sources with other words compare.';
COMMENT ON COLUMN credits.credited_as IS 'The producer''s name as the source prints it.';
COMMENT ON COLUMN credits.confidence IS 'The probability that the match of the recording and the credit are both right. Independent sources combine by noisy-or.';

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
COMMENT ON TABLE credit_sources IS 'Every place that states a credit: a release, recording or song of a provider, and the words it uses.';
COMMENT ON COLUMN credit_sources.level IS 'Whether the provider credits the whole release or the single track.';
COMMENT ON COLUMN credit_sources.provider_entity IS 'What the provider''s page is about: release, recording, song, …';
COMMENT ON COLUMN credit_sources.provider_id IS 'The id of that page at the provider.';
COMMENT ON COLUMN credit_sources.role IS 'The role in the provider''s words.';
COMMENT ON COLUMN credit_sources.credited_as IS 'The producer''s name as the provider prints it.';
COMMENT ON COLUMN credit_sources.match_confidence IS 'The probability that the provider''s page is about this recording.';
COMMENT ON COLUMN credit_sources.field_confidence IS 'The probability that the provider''s credit is right, if the page is.';

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
CREATE INDEX ON external_ids (entity, entity_id);
COMMENT ON TABLE external_ids IS 'The providers'' ids of our artists, releases, recordings, tracks and producers. An id belongs to one entity, so that entities can be merged and split.';
COMMENT ON COLUMN external_ids.id IS 'The id as the provider writes it.';
COMMENT ON COLUMN external_ids.entity_id IS 'The id of our row in the table that entity names.';
COMMENT ON COLUMN external_ids.source IS 'Who stated it: the provider itself, or another one that links to it (a MusicBrainz url relationship).';
COMMENT ON COLUMN external_ids.confidence IS 'The probability that the id belongs to this entity.';

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
COMMENT ON COLUMN provider_answers.question IS 'What was asked for: artist, releases, tracks, credits, …';
COMMENT ON COLUMN provider_answers.outcome IS 'found: a complete answer; absent: the provider does not know the artist; empty: it knows the artist and lists nothing; partial: a part is missing; failed: no usable answer; skipped: not asked, because credentials are missing; ambiguous: several candidates.';
COMMENT ON COLUMN provider_answers.items IS 'How many items the answer listed.';
COMMENT ON COLUMN provider_answers.expected IS 'How many items a complete answer would list, where the provider says so.';
COMMENT ON COLUMN provider_answers.asked_at IS 'When the provider last answered, or failed to.';

CREATE TABLE reviews (
    review_id    uuid PRIMARY KEY DEFAULT ordered_id(),
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
COMMENT ON TABLE reviews IS 'Ambiguous identities, with their candidates and the evidence. A decision is final: every later look-up of the subject obeys it.';
COMMENT ON COLUMN reviews.kind IS 'The ambiguous identity: of a requested name, or of an artist at MusicBrainz or Genius.';
COMMENT ON COLUMN reviews.subject IS 'What was looked up: the normalised name that was asked for, or the artist''s id.';
COMMENT ON COLUMN reviews.question IS 'The question for the operator, in words.';
COMMENT ON COLUMN reviews.candidates IS 'The provider''s entries that fit, as a JSON array.';
COMMENT ON COLUMN reviews.evidence IS 'The facts for and against each candidate.';
COMMENT ON COLUMN reviews.chosen_id IS 'The provider id of the accepted candidate. A rejected review means none of them.';

CREATE TABLE held_changes (
    held_id      uuid PRIMARY KEY DEFAULT ordered_id(),
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
CREATE UNIQUE INDEX held_changes_open ON held_changes (artist_id, entity) WHERE status = 'held';
COMMENT ON TABLE held_changes IS 'Implausibly large losses. The rows stay active until a person accepts the loss.';
COMMENT ON COLUMN held_changes.entity IS 'The kind of rows that would become inactive.';
COMMENT ON COLUMN held_changes.row_keys IS 'The keys of the rows that the answer no longer lists.';
COMMENT ON COLUMN held_changes.known IS 'How many rows were active before the answer.';
COMMENT ON COLUMN held_changes.answered IS 'How many rows the answer listed: of releases and tracks with new ones, of credits only known ones.';
COMMENT ON COLUMN held_changes.status IS 'held: undecided; accepted: the rows were made inactive; rejected: the rows stay whatever the provider says; superseded: a later complete answer listed the rows again.';

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
-- A key hardly ever occurs in two tables: it finds the history of a row without the table's name.
CREATE INDEX ON audit (row_key);
CREATE INDEX ON audit (at);
COMMENT ON TABLE audit IS 'Every change of a fact. Triggers write it for every writer, in the transaction of the change.';
COMMENT ON COLUMN audit.entity IS 'The public name of the changed table, or the name of an operator''s act.';
COMMENT ON COLUMN audit.row_key IS 'The primary key of the row, its columns joined by colons.';
COMMENT ON COLUMN audit.before IS 'The row before the change. NULL: the row is new.';
COMMENT ON COLUMN audit.after IS 'The row after the change. NULL: the row was deleted.';
COMMENT ON COLUMN audit.why IS 'The reason that the transaction gave.';
COMMENT ON COLUMN audit.run_id IS 'The Dagster run that made the change. NULL: the change was made outside a run.';
COMMENT ON COLUMN audit.correlation_id IS 'The id of the request that led to the change. All stages of the request share it.';

SELECT audit_table('artists', 'artist_id');
SELECT audit_table('releases', 'release_id');
SELECT audit_table('artist_releases', 'artist_id', 'release_id');
SELECT audit_table('recordings', 'recording_id');
SELECT audit_table('recording_isrcs', 'recording_id', 'isrc');
SELECT audit_table('release_tracks', 'track_id');
SELECT audit_table('producers', 'producer_id');
SELECT audit_table('credits', 'credit_id');
SELECT audit_table('credit_sources', 'credit_id', 'provider', 'level', 'provider_id', 'role');
SELECT audit_table('external_ids', 'entity', 'provider', 'id');
SELECT audit_table('reviews', 'review_id');
SELECT audit_table('held_changes', 'held_id');
