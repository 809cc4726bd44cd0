-- name: credential
SELECT secret FROM credentials WHERE name = :name

-- name: credentials
SELECT name, secret, stored_at FROM credentials ORDER BY name FOR UPDATE

-- name: credential_names
SELECT name, stored_at FROM credentials ORDER BY name

-- name: store_credential
INSERT INTO credentials (name, secret) VALUES (:name, :secret)
ON CONFLICT (name) DO UPDATE SET secret = excluded.secret, stored_at = now()

-- name: remove_credential
DELETE FROM credentials WHERE name = :name

-- name: replace_credential
UPDATE credentials SET secret = :secret WHERE name = :name
