-- +goose Up
-- The rows of a table lie in the order of seq: nothing to be done.
SELECT 1;

-- +goose Down
SELECT 1;
