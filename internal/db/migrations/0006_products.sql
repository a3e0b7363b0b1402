-- +goose Up
-- What usage is measured by. Here it is only what prices refer to.
CREATE TABLE meters (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  name text NOT NULL,
  unit text NOT NULL,
  custom_label text,
  custom_multiplier bigint,
  @key@ (organization_id, id)
);

-- price_rank and price_sort are what lists sort by: the kind and the amount of
-- the first active price.
CREATE TABLE products (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  name text NOT NULL,
  name_key @ctext@ NOT NULL,
  description text,
  visibility text NOT NULL,
  recurring_interval text,
  recurring_interval_count int,
  meter_interval text,
  meter_interval_count int,
  trial_interval text,
  trial_interval_count int,
  is_recurring boolean NOT NULL,
  is_archived boolean NOT NULL,
  metadata json NOT NULL,
  price_rank int,
  price_sort bigint,
  @key@ (organization_id, id)
);
CREATE INDEX products_created ON products (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX products_name ON products (organization_id, name_key, id) WHERE deleted_at IS NULL;

-- Prices never change: what is replaced is archived, because subscriptions
-- keep renewing on it. legacy_interval is of recurring prices that came from
-- a time when products had no interval.
CREATE TABLE product_prices (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  product_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  source text NOT NULL,
  amount_type text NOT NULL,
  price_currency text NOT NULL,
  tax_behavior text,
  is_archived boolean NOT NULL,
  legacy_interval text,
  price_amount bigint,
  minimum_amount bigint,
  maximum_amount bigint,
  preset_amount bigint,
  unit_amount text,
  cap_amount bigint,
  meter_id uuid,
  seat_tiers json,
  unit_tiers json,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, product_id) REFERENCES products (organization_id, id),
  FOREIGN KEY (organization_id, meter_id) REFERENCES meters (organization_id, id)
);
CREATE INDEX product_prices_product ON product_prices (organization_id, product_id);

CREATE TABLE product_benefits (
  organization_id uuid NOT NULL,
  product_id uuid NOT NULL,
  benefit_id uuid NOT NULL,
  position int NOT NULL,
  PRIMARY KEY (organization_id, product_id, benefit_id),
  FOREIGN KEY (organization_id, product_id) REFERENCES products (organization_id, id),
  FOREIGN KEY (organization_id, benefit_id) REFERENCES benefits (organization_id, id)
);
CREATE INDEX product_benefits_benefit ON product_benefits (organization_id, benefit_id);

-- +goose Down
DROP TABLE product_benefits;
DROP TABLE product_prices;
DROP TABLE products;
DROP TABLE meters;
