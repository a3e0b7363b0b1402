-- +goose Up
-- Substring search over folded e-mail, name and billing name. pg_trgm comes
-- with PostgreSQL's contrib packages and is a trusted extension: the owner of
-- a database may create it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE INDEX customers_search ON customers USING gin (search gin_trgm_ops);

-- +goose Down
DROP INDEX customers_search;
