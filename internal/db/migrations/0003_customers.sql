-- +goose Up
-- The organization is part of every key and foreign key, so that rows can be
-- spread over machines by organization.
CREATE TABLE customers (
  seq @serial@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  anonymized_at timestamptz,
  type text NOT NULL,
  email text,
  email_key @ctext@,
  email_verified boolean NOT NULL,
  name text,
  name_key @ctext@,
  billing_name text,
  external_id @ctext@,
  external_key @ctext@, -- external_id in lower case, where that differs
  billing_address json,
  tax_id text,
  tax_id_format text,
  locale text,
  metadata json NOT NULL,
  default_payment_method_id uuid,
  first_user_event_at timestamptz,
  search @ctext@ NOT NULL,
  UNIQUE (organization_id, id)
);
CREATE UNIQUE INDEX customers_email ON customers (organization_id, email_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX customers_external_id ON customers (organization_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX customers_external_key ON customers (organization_id, external_key) WHERE external_key IS NOT NULL;
CREATE INDEX customers_created ON customers (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX customers_name ON customers (organization_id, name_key, id) WHERE deleted_at IS NULL;

-- Each scalar of a customer's metadata as text, for filters.
CREATE TABLE customer_metadata (
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  key @ctext@ NOT NULL,
  value @ctext@ NOT NULL,
  PRIMARY KEY (organization_id, customer_id, key),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
) @norowid@;
CREATE INDEX customer_metadata_value ON customer_metadata (organization_id, key, value, customer_id);

-- How many customers an organization has that are not deleted: the sum of its
-- shards. One row would make concurrent creates wait for each other.
CREATE TABLE customer_totals (
  organization_id uuid NOT NULL,
  shard integer NOT NULL,
  live bigint NOT NULL,
  PRIMARY KEY (organization_id, shard)
) @norowid@;

CREATE TABLE members (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  email text NOT NULL,
  email_key @ctext@ NOT NULL,
  name text,
  external_id @ctext@,
  role text NOT NULL,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
) @norowid@;
CREATE UNIQUE INDEX members_email ON members (organization_id, customer_id, email_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX members_external_id ON members (organization_id, customer_id, external_id) WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE UNIQUE INDEX members_owner ON members (organization_id, customer_id) WHERE role = 'owner' AND deleted_at IS NULL;

-- Sessions of the customer portal: of a customer, or of one member.
CREATE TABLE customer_sessions (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  member_id uuid,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  hash text NOT NULL,
  return_url text,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE UNIQUE INDEX customer_sessions_hash ON customer_sessions (hash);
CREATE INDEX customer_sessions_expiry ON customer_sessions (expires_at);

-- +goose Down
DROP TABLE customer_sessions;
DROP TABLE members;
DROP TABLE customer_totals;
DROP TABLE customer_metadata;
DROP TABLE customers;
