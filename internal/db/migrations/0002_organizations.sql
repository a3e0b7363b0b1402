-- +goose Up
CREATE TABLE settings (
  name text PRIMARY KEY,
  value text NOT NULL
);

CREATE TABLE organizations (
  seq @serial@,
  id uuid NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  onboarded_at timestamptz,
  name @ctext@ NOT NULL,
  slug @ctext@ NOT NULL UNIQUE,
  avatar_url text,
  email text,
  website text,
  socials json NOT NULL,
  details json,
  legal_entity json,
  country text,
  feature_settings json NOT NULL,
  subscription_settings json NOT NULL,
  customer_email_settings json NOT NULL,
  customer_portal_settings json NOT NULL,
  default_presentment_currency text NOT NULL,
  default_tax_behavior text NOT NULL,
  embed_hosts json NOT NULL,
  embed_hosts_enforced boolean NOT NULL
);

CREATE TABLE users (
  seq @serial@,
  id uuid NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  email text NOT NULL,
  email_key @ctext@ NOT NULL UNIQUE
);

CREATE TABLE memberships (
  organization_id uuid NOT NULL REFERENCES organizations (id),
  user_id uuid NOT NULL REFERENCES users (id),
  role text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);
CREATE UNIQUE INDEX memberships_owner ON memberships (organization_id) WHERE role = 'owner';

-- One row per access token: an organization's (oat) or a user's (pat).
CREATE TABLE tokens (
  seq @serial@,
  id uuid NOT NULL UNIQUE,
  created_at timestamptz NOT NULL,
  deleted_at timestamptz,
  expires_at timestamptz,
  last_used_at timestamptz,
  kind text NOT NULL,
  organization_id uuid REFERENCES organizations (id),
  user_id uuid REFERENCES users (id),
  hash text NOT NULL UNIQUE,
  comment text NOT NULL,
  scopes text NOT NULL
);

-- +goose Down
DROP TABLE tokens;
DROP TABLE memberships;
DROP TABLE users;
DROP TABLE organizations;
DROP TABLE settings;
