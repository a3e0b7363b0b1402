-- +goose Up
-- PostgreSQL's identities are given once anyway.
SELECT 1;

-- +goose Down
SELECT 1;
