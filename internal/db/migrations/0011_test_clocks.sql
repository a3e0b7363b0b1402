-- +goose Up
-- The time of organizations that do not live on the wall clock's.
CREATE TABLE test_clocks (
  organization_id uuid PRIMARY KEY REFERENCES organizations (id),
  now timestamptz NOT NULL,
  created_at timestamptz NOT NULL
);

-- +goose Down
DROP TABLE test_clocks;
