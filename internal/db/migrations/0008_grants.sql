-- +goose Up
-- Who has which benefit, through what. A grant is there once per source,
-- benefit and holder: it is taken and given again, and never deleted.
-- source_id is the subscription or the order (whose tables come later),
-- holder_id the member or else the customer.
CREATE TABLE benefit_grants (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  customer_id uuid NOT NULL,
  member_id uuid,
  benefit_id uuid NOT NULL,
  subscription_id uuid,
  order_id uuid,
  source_id uuid NOT NULL,
  holder_id uuid NOT NULL,
  granted_at timestamptz,
  revoked_at timestamptz,
  error json,
  properties json NOT NULL,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id),
  FOREIGN KEY (organization_id, customer_id, member_id) REFERENCES members (organization_id, customer_id, id),
  FOREIGN KEY (organization_id, benefit_id) REFERENCES benefits (organization_id, id)
);
CREATE UNIQUE INDEX benefit_grants_identity ON benefit_grants (organization_id, source_id, benefit_id, holder_id);
CREATE INDEX benefit_grants_created ON benefit_grants (organization_id, created_at, id);
CREATE INDEX benefit_grants_benefit ON benefit_grants (organization_id, benefit_id, created_at, id);
CREATE INDEX benefit_grants_customer ON benefit_grants (organization_id, customer_id, created_at, id);
CREATE INDEX benefit_grants_granted ON benefit_grants (organization_id, customer_id, created_at, id) WHERE granted_at IS NOT NULL;

-- Keys are looked up as they are, letter case and all. grant_id is null for
-- keys that came from elsewhere without the grant they belonged to.
CREATE TABLE license_keys (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  customer_id uuid NOT NULL,
  member_id uuid,
  benefit_id uuid NOT NULL,
  grant_id uuid,
  key @ctext@ NOT NULL,
  status text NOT NULL,
  limit_activations bigint,
  usage bigint NOT NULL,
  limit_usage bigint,
  validations bigint NOT NULL,
  last_validated_at timestamptz,
  expires_at timestamptz,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id),
  FOREIGN KEY (organization_id, customer_id, member_id) REFERENCES members (organization_id, customer_id, id),
  FOREIGN KEY (organization_id, benefit_id) REFERENCES benefits (organization_id, id),
  FOREIGN KEY (organization_id, grant_id) REFERENCES benefit_grants (organization_id, id)
);
CREATE UNIQUE INDEX license_keys_key ON license_keys (organization_id, key);
CREATE UNIQUE INDEX license_keys_grant ON license_keys (organization_id, grant_id) WHERE grant_id IS NOT NULL;
CREATE INDEX license_keys_created ON license_keys (organization_id, created_at, id);
CREATE INDEX license_keys_benefit ON license_keys (organization_id, benefit_id, created_at, id);
CREATE INDEX license_keys_customer ON license_keys (organization_id, customer_id);

-- On which devices a key is in use. One that has ended is kept, hidden.
CREATE TABLE license_key_activations (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  license_key_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  label text NOT NULL,
  conditions json NOT NULL,
  meta json NOT NULL,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, license_key_id) REFERENCES license_keys (organization_id, id)
);
CREATE INDEX license_key_activations_live ON license_key_activations (organization_id, license_key_id, created_at, id) WHERE deleted_at IS NULL;

-- +goose Down
DROP TABLE license_key_activations;
DROP TABLE license_keys;
DROP TABLE benefit_grants;
