-- name: digest
-- A hash for each table over its active facts, without our ids and times: an entity is named by what identifies it in
-- the world (a provider's id, a place on a release), so that two catalogues of the same facts have the same hashes,
-- whatever the order in which they came.
WITH artist_names AS (
    SELECT a.artist_id, concat_ws('|', 'artist', string_agg(x.provider || ':' || x.id, ',' ORDER BY x.provider, x.id)) AS called
    FROM artists a
    LEFT JOIN external_ids x ON x.entity = 'artist' AND x.entity_id = a.artist_id AND x.provider = 'spotify'
    GROUP BY a.artist_id
), release_names AS (
    SELECT r.release_id, concat_ws('|', 'release', string_agg(x.id, ',' ORDER BY x.id)) AS called
    FROM releases r
    LEFT JOIN external_ids x ON x.entity = 'release' AND x.entity_id = r.release_id AND x.provider = 'spotify'
    GROUP BY r.release_id
), track_names AS (
    SELECT t.track_id, t.recording_id, concat_ws('|', 'track', n.called, t.disc_number, t.position) AS called
    FROM active_tracks t JOIN release_names n USING (release_id)
), recording_names AS (
    SELECT r.recording_id,
           concat_ws('|', 'recording', string_agg(t.called, ',' ORDER BY t.called),
                     CASE WHEN count(t.called) = 0 THEN r.title || r.artist_names::text END) AS called
    FROM recordings r LEFT JOIN track_names t USING (recording_id)
    GROUP BY r.recording_id
), producer_names AS (
    SELECT p.producer_id, concat_ws('|', 'producer', string_agg(x.provider || ':' || x.id, ',' ORDER BY x.provider, x.id)) AS called
    FROM producers p LEFT JOIN external_ids x ON x.entity = 'producer' AND x.entity_id = p.producer_id
    GROUP BY p.producer_id
), credit_names AS (
    SELECT c.credit_id, concat_ws('|', 'credit', r.called, p.called, c.role_class, coalesce(n.called, 'every release')) AS called
    FROM credits c
    JOIN recording_names r USING (recording_id)
    JOIN producer_names p USING (producer_id)
    LEFT JOIN release_names n USING (release_id)
), entity_names AS (
    SELECT 'artist' AS entity, artist_id AS entity_id, called FROM artist_names
    UNION ALL SELECT 'release', release_id, called FROM release_names
    UNION ALL SELECT 'track', track_id, called FROM track_names
    UNION ALL SELECT 'recording', recording_id, called FROM recording_names
    UNION ALL SELECT 'producer', producer_id, called FROM producer_names
), facts (table_name, fact) AS (
    SELECT 'artists', jsonb_build_array(n.called, a.name, a.name_normalised)
    FROM artists a JOIN artist_names n USING (artist_id) WHERE a.inactive_at IS NULL AND a.redirects_to IS NULL
    UNION ALL
    SELECT 'releases', jsonb_build_array(n.called, r.title, r.title_normalised, r.release_type, r.release_date,
                                         r.total_tracks, r.barcode, r.tracks_read_at IS NOT NULL)
    FROM releases r JOIN release_names n USING (release_id) WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT 'artist_releases', jsonb_build_array(a.called, r.called, ar.credited_as)
    FROM artist_releases ar JOIN artist_names a USING (artist_id) JOIN release_names r USING (release_id)
    WHERE ar.inactive_at IS NULL
    UNION ALL
    SELECT 'recordings', jsonb_build_array(n.called, r.title, r.title_normalised, r.versions, r.artist_names,
                                           r.duration_ms, r.explicit)
    FROM recordings r JOIN recording_names n USING (recording_id) WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT 'isrcs', jsonb_build_array(n.called, i.isrc, i.source)
    FROM recording_isrcs i JOIN recording_names n USING (recording_id)
    UNION ALL
    SELECT 'tracks', jsonb_build_array(n.called, t.title)
    FROM active_tracks t JOIN track_names n USING (track_id)
    UNION ALL
    SELECT 'producers', jsonb_build_array(n.called, p.name, p.name_normalised, p.kind)
    FROM producers p JOIN producer_names n USING (producer_id) WHERE p.inactive_at IS NULL AND p.redirects_to IS NULL
    UNION ALL
    SELECT 'credits', jsonb_build_array(n.called, c.role, c.credited_as, round(c.confidence::numeric, 4))
    FROM credits c JOIN credit_names n USING (credit_id) WHERE c.inactive_at IS NULL
    UNION ALL
    SELECT 'credit_sources', jsonb_build_array(n.called, s.provider, s.level, s.provider_entity, s.provider_id, s.role,
                                               s.credited_as, round(s.match_confidence::numeric, 4),
                                               round(s.field_confidence::numeric, 4))
    FROM credit_sources s JOIN credit_names n USING (credit_id) JOIN credits c USING (credit_id)
    WHERE s.inactive_at IS NULL AND c.inactive_at IS NULL
    UNION ALL
    SELECT 'recording_sources', jsonb_build_array(n.called, s.source, s.provider, s.status, s.fields,
                                                  round(s.confidence::numeric, 4))
    FROM recording_sources s JOIN recordings r USING (recording_id) JOIN recording_names n USING (recording_id)
    WHERE r.inactive_at IS NULL
    UNION ALL
    SELECT 'producer_profiles', jsonb_build_array(n.called, f.url, f.source, f.service, f.handle, f.evidence,
                                                  round(f.confidence::numeric, 4))
    FROM producer_profiles f JOIN producer_names n USING (producer_id) WHERE f.inactive_at IS NULL
    UNION ALL
    SELECT 'profile_followers', jsonb_build_array(n.called, f.service, f.handle, f.followers, f.outcome)
    FROM profile_followers f JOIN producer_names n USING (producer_id)
    UNION ALL
    SELECT 'external_ids', jsonb_build_array(x.entity, x.provider, x.id, n.called, x.source, round(x.confidence::numeric, 4))
    FROM external_ids x LEFT JOIN entity_names n USING (entity, entity_id)
    UNION ALL
    SELECT 'reviews', jsonb_build_array(v.kind, coalesce(n.called, v.subject), v.candidates, v.evidence, v.status, v.chosen_id)
    FROM reviews v LEFT JOIN artist_names n ON n.artist_id::text = v.subject
    UNION ALL
    SELECT 'held', jsonb_build_array(n.called, h.entity, h.known, h.answered, h.status, (
        SELECT jsonb_agg(row_key - 'release_id' - 'track_id' - 'credit_id' ORDER BY row_key - 'release_id' - 'track_id' - 'credit_id')
        FROM jsonb_array_elements(h.row_keys) AS row_key))
    FROM held_changes h JOIN artist_names n USING (artist_id) WHERE h.status <> 'superseded'
)
SELECT names.table_name, count(fact) AS rows,
       md5(coalesce(string_agg(md5(fact::text), '' ORDER BY md5(fact::text) COLLATE "C"), '')) AS digest
FROM unnest(ARRAY['artists', 'releases', 'artist_releases', 'recordings', 'isrcs', 'tracks', 'producers', 'credits',
                  'credit_sources', 'recording_sources', 'producer_profiles', 'profile_followers', 'external_ids', 'reviews', 'held']) WITH ORDINALITY AS names (table_name, place)
LEFT JOIN facts USING (table_name)
GROUP BY names.table_name, names.place ORDER BY names.place
