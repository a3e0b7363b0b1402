-- +goose Up
-- The index of PostgreSQL stays as it is.
SELECT 1;

-- +goose Down
SELECT 1;
