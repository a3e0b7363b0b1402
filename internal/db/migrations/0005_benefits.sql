-- +goose Up
CREATE TABLE benefits (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  type @ctext@ NOT NULL,
  description text NOT NULL,
  description_key @ctext@ NOT NULL,
  selectable boolean NOT NULL,
  deletable boolean NOT NULL,
  visibility text NOT NULL,
  properties json NOT NULL,
  metadata json NOT NULL,
  @key@ (organization_id, id)
);
CREATE INDEX benefits_created ON benefits (organization_id, created_at, id) WHERE deleted_at IS NULL;

-- +goose Down
DROP TABLE benefits;
