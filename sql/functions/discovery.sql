-- Request an artist by name, Spotify id, URI or link, from any SQL client.

DO $$
-- lower() under the C locale knows ASCII only; one of these collations exists on every usual build.
DECLARE
    folding text := (
        SELECT format(' COLLATE %I.%I', n.nspname, c.collname)
        FROM pg_collation c JOIN pg_namespace n ON n.oid = c.collnamespace
        WHERE c.collname IN ('und-x-icu', 'pg_unicode_fast', 'pg_c_utf8')
        ORDER BY array_position(ARRAY['und-x-icu', 'pg_unicode_fast', 'pg_c_utf8'], c.collname::text) LIMIT 1
    );
BEGIN
    EXECUTE format($body$
        CREATE OR REPLACE FUNCTION subject_of_name(name text) RETURNS text LANGUAGE sql STABLE AS $function$
            SELECT lower(btrim(regexp_replace(normalize(name, NFKC), '\s+', ' ', 'g'))%s)
        $function$
    $body$, coalesce(folding, ''));
END $$;
COMMENT ON FUNCTION subject_of_name IS 'The subject of a requested name: trimmed, one space between words, lower case.';

CREATE OR REPLACE FUNCTION spotify_id_of(requested text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(
        substring(btrim(requested) FROM '^spotify:artist:([0-9A-Za-z]{22})$'),
        substring(btrim(requested) FROM '^https?://(?:open|play)\.spotify\.com/(?:intl-[a-z-]+/)?artist/([0-9A-Za-z]{22})/?(?:[?#].*)?$'),
        substring(btrim(requested) FROM '^[0-9A-Za-z]{22}$')
    )
$$;
COMMENT ON FUNCTION spotify_id_of IS 'The Spotify id in an id, a spotify:artist: URI or a link to an artist''s page. NULL for anything else.';

CREATE OR REPLACE FUNCTION request_artist_discovery(
    requested text, origin text, forced boolean, correlation text, fresh_for interval,
    OUT enqueued_id uuid, OUT answer text, OUT subject text
) LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
DECLARE
    spotify_id constant text := spotify_id_of(requested);
    window_start constant timestamptz := to_timestamp(
        floor(extract(epoch FROM now()) / greatest(extract(epoch FROM fresh_for), 1))
        * greatest(extract(epoch FROM fresh_for), 1));
    request work_request;
BEGIN
    subject := coalesce(spotify_id, subject_of_name(requested));
    IF coalesce(subject, '') = '' THEN
        RAISE EXCEPTION 'An artist''s name is needed; it is empty.' USING ERRCODE = 'invalid_parameter_value';
    ELSIF length(requested) > 500 OR length(subject) > 200 THEN
        RAISE EXCEPTION 'An artist''s name has at most 200 characters; this one has %.', length(requested)
            USING ERRCODE = 'invalid_parameter_value';
    ELSIF requested ~ '[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]' THEN
        RAISE EXCEPTION 'An artist''s name holds no control characters.' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    request.stage := 'artist_discovery';
    request.subject := subject;
    request.payload := CASE WHEN spotify_id IS NULL THEN jsonb_build_object('artistName', btrim(requested))
                            ELSE jsonb_build_object('artistId', spotify_id) END;
    request.origin := origin;
    request.priority := CASE origin WHEN 'manual' THEN 2 WHEN 'watchlist' THEN 5 ELSE 7 END;
    request.force := forced;
    request.correlation_id := correlation;
    request.idempotency_key := 'artist_discovery:' || subject || ':'
        || to_char(window_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS');
    request.cutoff := now();
    request.fresh_for := fresh_for;
    SELECT one.enqueued_id, one.answer INTO enqueued_id, answer FROM enqueue_one(request) AS one;
END $$;
COMMENT ON FUNCTION request_artist_discovery IS 'Request an artist by name, Spotify id, URI or link. A success within fresh_for makes the request needless, unless it is forced.';

CREATE OR REPLACE FUNCTION start_artist_discovery(artist text) RETURNS TABLE (work_id uuid, already_enqueued boolean)
LANGUAGE sql SET search_path FROM CURRENT AS $$
    SELECT enqueued_id, answer <> 'created'
    FROM request_artist_discovery(artist, 'manual', false, gen_random_uuid()::text, interval '24 hours')
$$;
COMMENT ON FUNCTION start_artist_discovery IS 'Request an artist by hand: SELECT * FROM start_artist_discovery(''Artist Name''). Returns the id of the work, and whether it was already enqueued or done.';
