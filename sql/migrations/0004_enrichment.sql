-- Enrichment: what each source states about a recording, which source is believed first, what operators set instead, and
-- the profiles of producers at other services.
--
-- Shown values are not stored. The views choose them from the sources' rows at every read, so a changed
-- precedence, an operator's value or an undone source takes effect at once.

CREATE TABLE recording_sources (
    recording_id    uuid NOT NULL REFERENCES recordings,
    source          text NOT NULL,
    provider        text NOT NULL,
    status          text NOT NULL CHECK (status IN
        ('pending', 'found', 'absent', 'failed', 'waiting', 'unneeded', 'skipped')),
    fields          jsonb NOT NULL DEFAULT '{}',
    confidence      real CHECK (confidence > 0 AND confidence <= 1),
    fetched_at      timestamptz,
    expires_at      timestamptz,
    attempts        integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    next_attempt_at timestamptz,
    error           text,
    is_retriable    boolean NOT NULL DEFAULT false,
    run_id          text,
    created_at      timestamptz NOT NULL DEFAULT now(),
    updated_at      timestamptz NOT NULL DEFAULT now(),
    requested_at    timestamptz,
    undone_at       timestamptz,
    PRIMARY KEY (recording_id, source),
    CHECK (status = 'found' OR fields = '{}')
);
CREATE INDEX recording_sources_due ON recording_sources (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX ON recording_sources (source, status);
CREATE INDEX recording_sources_retriable ON recording_sources (provider) WHERE is_retriable;
-- Expired answers, oldest first. A sweep renews a few of them and must not read the rest.
CREATE INDEX recording_sources_old ON recording_sources (expires_at) WHERE status = 'found' AND next_attempt_at IS NULL;
COMMENT ON TABLE recording_sources IS 'What one source states about one recording, how sure and how old it is, and when the source is asked again. One row holds status, provenance and retry state.';
COMMENT ON COLUMN recording_sources.source IS 'The origin of the values: a provider, or one of its endpoints (spotify_audio_features).';
COMMENT ON COLUMN recording_sources.provider IS 'The provider that states the values. All its sources count as one.';
COMMENT ON COLUMN recording_sources.status IS 'pending: not asked yet; found; absent: the source knows no such recording; failed: it did not answer, or could not be asked (is_retriable); waiting: it needs an id that another source may find; unneeded: other sources know its values well enough; skipped: there are no credentials for it.';
COMMENT ON COLUMN recording_sources.fields IS 'The stated values by field name, as JSON. Empty unless found.';
COMMENT ON COLUMN recording_sources.confidence IS 'The probability that the values are about this recording.';
COMMENT ON COLUMN recording_sources.fetched_at IS 'When the source last answered.';
COMMENT ON COLUMN recording_sources.expires_at IS 'From this time on, the answer is too old and a sweep may renew it.';
COMMENT ON COLUMN recording_sources.attempts IS 'Failed attempts in a row.';
COMMENT ON COLUMN recording_sources.next_attempt_at IS 'When a sweep asks again. NULL: only on request.';
COMMENT ON COLUMN recording_sources.error IS 'The error of the last attempt. Values found earlier stay.';
COMMENT ON COLUMN recording_sources.is_retriable IS 'The source was not asked because its breaker was open or its quota spent. That uses no attempt.';
COMMENT ON COLUMN recording_sources.run_id IS 'The run that wrote the row.';
COMMENT ON COLUMN recording_sources.requested_at IS 'When an operator asked for a fresh answer. Older answers do not count, not even cached ones. NULL: no request is open.';
COMMENT ON COLUMN recording_sources.undone_at IS 'When an operator removed what the source had stated. It is asked again only on request.';

CREATE TABLE field_precedence (
    field              text NOT NULL,
    source             text NOT NULL,
    place              integer NOT NULL CHECK (place > 0),
    minimum_confidence real NOT NULL DEFAULT 0 CHECK (minimum_confidence >= 0 AND minimum_confidence <= 1),
    PRIMARY KEY (field, source),
    UNIQUE (field, place) DEFERRABLE INITIALLY DEFERRED
);
COMMENT ON TABLE field_precedence IS 'Which source is believed first for a field, and how sure it has to be. A change counts from the next read on.';
COMMENT ON COLUMN field_precedence.field IS 'The name of the value: tempo, key, isrc, …';
COMMENT ON COLUMN field_precedence.place IS '1 is believed first. Sources without a place come last.';
COMMENT ON COLUMN field_precedence.minimum_confidence IS 'Less sure values of this source are not shown.';

CREATE TABLE operator_values (
    entity     text NOT NULL CHECK (entity IN ('artist', 'release', 'recording', 'producer')),
    entity_id  uuid NOT NULL,
    field      text NOT NULL,
    value      jsonb NOT NULL,
    why        text NOT NULL CHECK (why <> ''),
    set_by     text NOT NULL,
    set_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (entity, entity_id, field)
);
-- Each search for due enrichment needs the addresses that no source has analysed yet.
CREATE INDEX operator_audio_addresses ON operator_values (entity_id) WHERE entity = 'recording' AND field = 'audio_url';
COMMENT ON TABLE operator_values IS 'Overrides: a value that an operator set wins over every source and survives every refresh, until it is unset.';
COMMENT ON COLUMN operator_values.entity_id IS 'The id of the row in the table that entity names.';
COMMENT ON COLUMN operator_values.field IS 'Which value is overridden: a column''s name, or a field of enrichment.';
COMMENT ON COLUMN operator_values.why IS 'The operator''s reason.';

INSERT INTO field_precedence (field, source, place, minimum_confidence)
SELECT field, source, place, minimum_confidence FROM (VALUES
    ('tempo', 'spotify_audio_features', 1, 0.5), ('tempo', 'reccobeats', 2, 0.5), ('tempo', 'acousticbrainz', 3, 0.5),
    ('tempo', 'deezer', 4, 0.5), ('tempo', 'getsongbpm', 5, 0.5),
    ('key', 'spotify_audio_features', 1, 0.5), ('key', 'reccobeats', 2, 0.5), ('key', 'acousticbrainz', 3, 0.5),
    ('key', 'getsongbpm', 4, 0.5),
    ('mode', 'spotify_audio_features', 1, 0.5), ('mode', 'reccobeats', 2, 0.5), ('mode', 'acousticbrainz', 3, 0.5),
    ('mode', 'getsongbpm', 4, 0.5),
    ('danceability', 'spotify_audio_features', 1, 0.5), ('danceability', 'reccobeats', 2, 0.5),
    ('acousticness', 'spotify_audio_features', 1, 0.5), ('acousticness', 'reccobeats', 2, 0.5),
    ('loudness', 'spotify_audio_features', 1, 0.5), ('loudness', 'reccobeats', 2, 0.5),
    ('time_signature', 'spotify_audio_features', 1, 0.5),
    ('isrc', 'spotify', 1, 0.5),
    ('duration_ms', 'spotify', 1, 0.5), ('duration_ms', 'deezer', 2, 0.5)
) AS known (field, source, place, minimum_confidence);

SELECT audit_table('recording_sources', 'recording_id', 'source');
SELECT audit_table('field_precedence', 'field', 'source');
SELECT audit_table('operator_values', 'entity', 'entity_id', 'field');

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
CREATE INDEX ON producer_profiles (service, handle);
COMMENT ON TABLE producer_profiles IS 'Addresses of producers at other services, one row for each source that states one. No address is made from a name.';
COMMENT ON COLUMN producer_profiles.url IS 'The address.';
COMMENT ON COLUMN producer_profiles.source IS 'The provider whose page states the address.';
COMMENT ON COLUMN producer_profiles.service IS 'What the address leads to: instagram, youtube, soundcloud, website, …';
COMMENT ON COLUMN producer_profiles.handle IS 'The account''s name or id at the service, where the address contains one.';
COMMENT ON COLUMN producer_profiles.evidence IS 'The page of the source that states the address.';
COMMENT ON COLUMN producer_profiles.confidence IS 'The probability that the address is this producer''s.';

CREATE TABLE producer_answers (
    producer_id uuid NOT NULL REFERENCES producers,
    provider    text NOT NULL,
    outcome     text NOT NULL CHECK (outcome IN ('found', 'absent', 'failed', 'skipped', 'suspect')),
    items       integer,
    error       text,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (producer_id, provider)
);
COMMENT ON TABLE producer_answers IS 'The last answer of each provider about a producer''s profiles.';
COMMENT ON COLUMN producer_answers.outcome IS 'suspect: the answer listed so much less than before that no profile became inactive.';
COMMENT ON COLUMN producer_answers.items IS 'How many addresses the answer listed.';

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
COMMENT ON TABLE profile_followers IS 'How many people follow a profile, for handles that a source stated.';
COMMENT ON COLUMN profile_followers.followers IS 'The last plausible count, as of fetched_at. A later failure keeps it.';
COMMENT ON COLUMN profile_followers.fetched_at IS 'When that count was fetched.';
COMMENT ON COLUMN profile_followers.outcome IS 'How the last request ended. absent: the service has no professional account with this handle.';
COMMENT ON COLUMN profile_followers.asked_at IS 'When the service was last asked.';

SELECT audit_table('producer_profiles', 'producer_id', 'url', 'source');
SELECT audit_table('profile_followers', 'producer_id', 'service', 'handle');
