-- +goose Up
-- Types are in upper case because SQLite's driver spells them so, and a read
-- need then not spell them anew.
--
-- The organization is part of every key and foreign key, so that rows can be
-- spread over machines by organization.
CREATE TABLE customers (
  seq @seq@,
  id UUID NOT NULL,
  organization_id UUID NOT NULL REFERENCES organizations (id),
  created_at TIMESTAMPTZ NOT NULL,
  modified_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,
  anonymized_at TIMESTAMPTZ,
  type TEXT NOT NULL,
  email TEXT,
  email_key @ctext@, -- email in lower case; NULL when deleted, so that another may have it
  email_verified BOOLEAN NOT NULL,
  name TEXT,
  name_key @ctext@,
  billing_name TEXT,
  external_id @ctext@, -- what stands for it in an index, where it is long
  external_id_long TEXT, -- and then the whole
  external_key @ctext@, -- external_id in lower case, where that differs
  billing_address JSON,
  tax_id TEXT,
  tax_id_format TEXT,
  locale TEXT,
  metadata JSON NOT NULL,
  default_payment_method_id UUID,
  first_user_event_at TIMESTAMPTZ,
  search @ctext@ NOT NULL,
  @key@ (organization_id, id)
);
CREATE UNIQUE INDEX customers_email ON customers (organization_id, email_key);
CREATE UNIQUE INDEX customers_external_id ON customers (organization_id, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX customers_external_key ON customers (organization_id, external_key) WHERE external_key IS NOT NULL;
CREATE INDEX customers_created ON customers (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX customers_name ON customers (organization_id, name_key, id) WHERE deleted_at IS NULL;

-- Each scalar of a customer's metadata as text, for filters: what stands for it
-- in an index.
CREATE TABLE customer_metadata (
  organization_id UUID NOT NULL,
  customer_id UUID NOT NULL,
  key @ctext@ NOT NULL,
  value @ctext@ NOT NULL,
  PRIMARY KEY (organization_id, customer_id, key),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
) @norowid@;
CREATE INDEX customer_metadata_value ON customer_metadata (organization_id, key, value, customer_id);

-- How many customers an organization has that are not deleted: the sum of its
-- shards. One row would make concurrent creates wait for each other.
CREATE TABLE customer_totals (
  organization_id UUID NOT NULL,
  shard INTEGER NOT NULL,
  live BIGINT NOT NULL,
  PRIMARY KEY (organization_id, shard)
) @norowid@;

CREATE TABLE members (
  id UUID NOT NULL,
  organization_id UUID NOT NULL,
  customer_id UUID NOT NULL,
  created_at TIMESTAMPTZ NOT NULL,
  modified_at TIMESTAMPTZ,
  deleted_at TIMESTAMPTZ,
  email TEXT NOT NULL,
  email_key @ctext@ NOT NULL,
  name TEXT,
  external_id @ctext@, -- as in customers
  external_id_long TEXT,
  role TEXT NOT NULL,
  PRIMARY KEY (organization_id, customer_id, id), -- those of a customer lie together
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
) @norowid@;
CREATE UNIQUE INDEX members_email ON members (organization_id, customer_id, email_key) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX members_external_id ON members (organization_id, customer_id, external_id) WHERE deleted_at IS NULL AND external_id IS NOT NULL;
CREATE UNIQUE INDEX members_owner ON members (organization_id, customer_id) WHERE role = 'owner' AND deleted_at IS NULL;

-- Sessions of the customer portal: of a customer, or of one member.
CREATE TABLE customer_sessions (
  id UUID NOT NULL,
  organization_id UUID NOT NULL,
  customer_id UUID NOT NULL,
  member_id UUID,
  created_at TIMESTAMPTZ NOT NULL,
  expires_at TIMESTAMPTZ NOT NULL,
  hash TEXT NOT NULL,
  return_url TEXT,
  PRIMARY KEY (organization_id, customer_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE INDEX customer_sessions_hash ON customer_sessions (hash);
CREATE INDEX customer_sessions_expiry ON customer_sessions (expires_at);

-- +goose Down
DROP TABLE customer_sessions;
DROP TABLE members;
DROP TABLE customer_totals;
DROP TABLE customer_metadata;
DROP TABLE customers;
