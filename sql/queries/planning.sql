-- What open work will ask: of which artists how much is known, and what the quotas have left.

-- name: open_artists
-- The earliest open stage of each artist, with what the catalogue knows of its size; NULL where it knows nothing yet.
-- Work whose lease runs counts too: it is not done.
WITH open AS (
    SELECT DISTINCT ON (coalesce(w.partition_key, w.stage || ':' || w.subject))
           w.stage, w.force, a.artist_id
    FROM work w LEFT JOIN artists a ON a.artist_key = w.partition_key
    WHERE w.stage = ANY (CAST(:stages AS text[]))
    ORDER BY coalesce(w.partition_key, w.stage || ':' || w.subject), array_position(CAST(:stages AS text[]), w.stage)
)
SELECT open.stage, count(r.release_id) AS releases, sum(r.total_tracks) AS tracks,
       coalesce(sum(greatest(1, ceil(coalesce(r.total_tracks, 0) / 10.0))) FILTER (
           WHERE open.force OR r.tracks_read_at IS NULL OR r.tracks_read_at < now() - make_interval(days => :track_list_days)
       ), 0) AS unread_pages
FROM open
LEFT JOIN artist_releases ar ON ar.artist_id = open.artist_id AND ar.inactive_at IS NULL
LEFT JOIN releases r ON r.release_id = ar.release_id AND r.inactive_at IS NULL
GROUP BY open.artist_id, open.stage, CASE WHEN open.artist_id IS NULL THEN gen_random_uuid() END

-- name: recordings_to_ask_about
-- For each source, how many recordings of artists with open work it is still to be asked about, and has what it takes for.
WITH placed AS (
    SELECT DISTINCT t.recording_id FROM work w
    JOIN artists a ON a.artist_key = w.partition_key
    JOIN artist_releases ar ON ar.artist_id = a.artist_id AND ar.inactive_at IS NULL
    JOIN release_tracks t ON t.release_id = ar.release_id AND t.inactive_at IS NULL
    WHERE w.stage = ANY (CAST(:stages AS text[]))
)
SELECT asked.source, count(*) AS recordings,
       count(*) FILTER (WHERE EXISTS (SELECT FROM recording_isrcs i WHERE i.recording_id = placed.recording_id)) AS with_isrc,
       count(*) FILTER (WHERE EXISTS (SELECT FROM external_ids x WHERE x.entity = 'recording' AND x.provider = 'musicbrainz'
                                      AND x.entity_id = placed.recording_id)) AS with_mbid
FROM placed CROSS JOIN unnest(CAST(:sources AS text[])) AS asked (source)
LEFT JOIN recording_sources s ON s.recording_id = placed.recording_id AND s.source = asked.source
WHERE s.source IS NULL OR s.status IN ('pending', 'waiting') OR s.requested_at IS NOT NULL OR s.next_attempt_at <= now()
   OR (s.is_retriable AND s.next_attempt_at IS NOT NULL)
GROUP BY asked.source

-- name: audio_to_ask_about
-- How many recordings of whose audio the operator gave the address a source is still to be asked about.
SELECT count(*) FROM operator_values o
LEFT JOIN recording_sources s ON s.recording_id = o.entity_id AND s.source = :source
WHERE o.entity = 'recording' AND o.field = 'audio_url'
  AND (s.source IS NULL OR s.status = 'pending' OR s.requested_at IS NOT NULL OR s.next_attempt_at <= now()
       OR (s.is_retriable AND s.next_attempt_at IS NOT NULL))

-- name: profiles_to_look_up
-- Of the producers with open work, how many pages each provider will be asked for.
SELECT x.provider, count(*) AS pages FROM work w
JOIN external_ids x ON x.entity = 'producer' AND x.entity_id::text = w.subject
WHERE w.stage = :stage AND x.provider = ANY (CAST(:providers AS text[]))
GROUP BY x.provider

-- name: learnt_shares
-- What the catalogue has seen so far: recordings, tracks, recordings of artists whose producers were looked for, and the
-- calls for track lists, and of the two sources that are asked only where others did not know.
SELECT (SELECT count(*) FROM recordings WHERE inactive_at IS NULL) AS recordings,
       (SELECT count(*) FROM tracks WHERE inactive_at IS NULL) AS tracks,
       (SELECT count(DISTINCT t.recording_id) FROM release_tracks t
        JOIN artist_releases ar ON ar.release_id = t.release_id AND ar.inactive_at IS NULL
        WHERE t.inactive_at IS NULL AND EXISTS (
            SELECT FROM provider_answers p
            WHERE p.artist_id = ar.artist_id AND p.provider = 'genius' AND p.outcome NOT IN ('failed', 'skipped'))) AS asked_genius,
       (SELECT count(*) FROM recording_sources
        WHERE source = 'getsongbpm' AND status IN ('found', 'absent', 'unneeded')) AS asked_getsongbpm,
       (SELECT coalesce(sum(ceil(read.tracks / 10.0)), 0) FROM (
            SELECT count(*) AS tracks FROM artist_releases ar
            JOIN tracks t ON t.release_id = ar.release_id AND t.inactive_at IS NULL
            WHERE ar.inactive_at IS NULL GROUP BY ar.artist_id
        ) AS read) AS track_pages,
       (SELECT coalesce(sum(calls), 0) FROM provider_calls
        WHERE provider = 'spotify' AND endpoint IN ('search', 'album_tracks', 'track') AND outcome NOT LIKE 'cache%')
           AS track_calls,
       (SELECT coalesce(sum(calls), 0) FROM provider_calls
        WHERE provider = 'genius' AND endpoint <> 'artist' AND outcome NOT LIKE 'cache%') AS genius_calls,
       (SELECT coalesce(sum(calls), 0) FROM provider_calls
        WHERE provider = 'getsongbpm' AND outcome NOT LIKE 'cache%') AS getsongbpm_calls

-- name: next_permits
-- When each provider's next permit is due, in seconds from now; 0 at once.
SELECT split_part(bucket, ':', 1) AS provider,
       max(greatest(0, next_slot - extract(epoch FROM clock_timestamp())))::double precision AS seconds
FROM quota_buckets GROUP BY 1
