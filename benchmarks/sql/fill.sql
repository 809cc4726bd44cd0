-- Made-up rows in numbers that no provider would give in minutes: what benchmarks.synthetic makes, row for row, but
-- without audit, and with hashes that no answer has. Ids are derived from numbers, so that rows can refer to each other.

CREATE FUNCTION made_up_id(kind text, number bigint) RETURNS uuid LANGUAGE sql IMMUTABLE AS
$$ SELECT md5(kind || number)::uuid $$;

CREATE FUNCTION fill_catalogue(artists bigint, each_releases bigint, each_tracks bigint, all_producers bigint,
                               shared_title_every bigint, shared_title text)
RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$
BEGIN
    INSERT INTO artists (artist_id, artist_key, name, name_normalised, content_hash)
    SELECT made_up_id('A', n), 'synthetic-artist-' || n, 'Synthetic artist ' || n, 'synthetic artist ' || n, 'h'
    FROM generate_series(0, artists - 1) AS n;
    INSERT INTO releases (release_id, title, title_normalised, release_type, release_date, total_tracks, content_hash)
    SELECT made_up_id('R', n), 'Release ' || n, 'release ' || n, 'album', '1999-06-21', each_tracks, 'h'
    FROM generate_series(0, artists * each_releases - 1) AS n;
    INSERT INTO artist_releases (artist_id, release_id, credited_as, content_hash)
    SELECT made_up_id('A', n / each_releases), made_up_id('R', n), 'Synthetic artist ' || n / each_releases, 'h'
    FROM generate_series(0, artists * each_releases - 1) AS n;
    INSERT INTO recordings (recording_id, title, title_normalised, artist_names, duration_ms, explicit, content_hash)
    SELECT made_up_id('S', n), title, lower(title), ARRAY['Synthetic artist ' || n / each_tracks / each_releases],
           180000 + n % 60000, false, 'h'
    FROM generate_series(0, artists * each_releases * each_tracks - 1) AS n
    CROSS JOIN LATERAL (SELECT CASE WHEN n % shared_title_every = 0 THEN shared_title ELSE 'Song ' || n END) AS t (title);
    INSERT INTO recording_isrcs (recording_id, isrc, source)
    SELECT made_up_id('S', n), 'XX' || lpad(n::text, 10, '0'), 'spotify'
    FROM generate_series(0, artists * each_releases * each_tracks - 1) AS n;
    INSERT INTO release_tracks (track_id, release_id, recording_id, disc_number, position, title, content_hash)
    SELECT made_up_id('T', n), made_up_id('R', n / each_tracks), made_up_id('S', n), 1, n % each_tracks + 1, 'Song ' || n, 'h'
    FROM generate_series(0, artists * each_releases * each_tracks - 1) AS n;
    INSERT INTO external_ids (entity, provider, id, entity_id, source, confidence)
    SELECT entity, provider, CASE provider WHEN 'spotify' THEN kind || lpad(n::text, 21, '0') ELSE n::text END,
           made_up_id(kind, n), provider, 1
    FROM (VALUES ('artist', 'spotify', 'A', artists), ('release', 'spotify', 'R', artists * each_releases),
                 ('track', 'spotify', 'T', artists * each_releases * each_tracks),
                 ('producer', 'discogs', 'P', all_producers)) AS e (entity, provider, kind, entities)
    CROSS JOIN LATERAL generate_series(0, entities - 1) AS n;
    INSERT INTO producers (producer_id, name, name_normalised, kind, content_hash)
    SELECT made_up_id('P', n), 'Synthetic producer ' || n, 'synthetic producer ' || n, 'person', 'h'
    FROM generate_series(0, all_producers - 1) AS n;
    INSERT INTO credits (credit_id, recording_id, producer_id, role, role_class, credited_as, confidence, content_hash)
    SELECT made_up_id('C', n), made_up_id('S', n), made_up_id('P', n / each_tracks / each_releases % all_producers),
           'Producer', 'producer', 'Synthetic producer', 0.9, 'h'
    FROM generate_series(0, artists * each_releases * each_tracks - 1) AS n;
    INSERT INTO credit_sources (credit_id, provider, level, provider_entity, provider_id, role, credited_as,
                                match_confidence, field_confidence)
    SELECT made_up_id('C', n), 'discogs', 'release', 'release', (n / each_tracks / each_releases)::text, 'Producer',
           'Synthetic producer', 0.9, 1
    FROM generate_series(0, artists * each_releases * each_tracks - 1) AS n;
END $$;

-- What three providers say of each recording, and a fourth of every other one.
CREATE FUNCTION fill_sources(recordings bigint) RETURNS void LANGUAGE sql AS $$
    SET LOCAL session_replication_role = replica;
    INSERT INTO recording_sources (recording_id, source, provider, status, fields, confidence, fetched_at)
    SELECT made_up_id('S', n), source, source, 'found', fields, confidence, now()
    FROM generate_series(0, recordings - 1) AS n
    CROSS JOIN LATERAL (VALUES
        ('spotify', 0.99, jsonb_build_object('isrc', 'XX' || lpad(n::text, 10, '0'), 'duration_ms', 180000 + n % 60000)),
        ('musicbrainz', 0.95, jsonb_build_object('musicbrainz_id', made_up_id('M', n))),
        ('lastfm', 0.8, jsonb_build_object('listeners', n, 'playcount', n * 3, 'tags', '["rock", "live"]'::jsonb)),
        ('reccobeats', 0.9, jsonb_build_object(
            'danceability', 0.5, 'energy', 0.6, 'key', n % 12, 'loudness', -7.5, 'mode', n % 2, 'speechiness', 0.1,
            'acousticness', 0.2, 'instrumentalness', 0, 'liveness', 0.3, 'valence', 0.4, 'tempo', 60 + n % 120,
            'camelot_key', '8A'))
    ) AS said (source, confidence, fields)
    WHERE source <> 'reccobeats' OR n % 2 = 0;
$$;

CREATE FUNCTION fill_finished_work(artists bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO work_archive (work_id, stage, subject, payload, origin, priority, force, correlation_id, idempotency_key,
                              cutoff, attempts, enqueued_at, outcome, result, run_id)
    SELECT gen_random_uuid(), stage, made_up_id('A', n)::text, '{}', 'batch', 7, false, 'made up', stage || n, now(), 0,
           now(), 'succeeded', '{}', 'made up'
    FROM generate_series(0, artists - 1) AS n
    CROSS JOIN unnest(ARRAY['artist_discovery', 'album_discovery', 'track_discovery', 'producer_identification']) AS stage
$$;

CREATE FUNCTION fill_waiting_work(artists bigint) RETURNS void LANGUAGE sql AS $$
    INSERT INTO work (stage, subject, partition_key, payload, origin, priority, correlation_id, idempotency_key, cutoff,
                      available_at)
    SELECT 'enrichment', made_up_id('A', n)::text, 'synthetic-artist-' || n,
           jsonb_build_object('artistId', made_up_id('A', n)), 'batch', 7, 'made up', 'waiting ' || n, now(),
           now() + interval '1 day'
    FROM generate_series(0, artists - 1) AS n
$$;

CREATE FUNCTION fill_first_queue(open_rows bigint) RETURNS void LANGUAGE sql AS $$
-- Of every ten rows one is due; the others wait for a later hour. Priorities and times are mixed.
    INSERT INTO work (stage, subject, payload, origin, priority, correlation_id, idempotency_key, cutoff, available_at)
    SELECT 'artist_discovery', 'artist ' || n, jsonb_build_object('artistName', 'artist ' || n), 'batch',
           (ARRAY[2, 5, 7])[1 + n % 3], 'made up', 'open ' || n, now(),
           now() + make_interval(secs => CASE WHEN n % 10 = 0 THEN -(n % 86400) ELSE 60 + n % 86400 END)
    FROM generate_series(1, open_rows) AS n
$$;
