-- +goose Up
-- Whether a key was disabled when its grant was revoked: then it is disabled
-- again when the grant is given again.
ALTER TABLE license_keys ADD COLUMN was_disabled boolean NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE license_keys DROP COLUMN was_disabled;
