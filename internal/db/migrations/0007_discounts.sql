-- +goose Up
-- amounts is a map of currency to amount in the order in which it was given.
CREATE TABLE discounts (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  name text NOT NULL,
  name_key @ctext@ NOT NULL,
  type text NOT NULL,
  duration text NOT NULL,
  duration_in_months int,
  code text,
  code_key @ctext@,
  amounts json,
  basis_points int,
  starts_at timestamptz,
  ends_at timestamptz,
  max_redemptions bigint,
  max_redemptions_per_customer bigint,
  redemptions_count bigint NOT NULL,
  metadata json NOT NULL,
  @key@ (organization_id, id)
);
CREATE UNIQUE INDEX discounts_code_key ON discounts (organization_id, code_key) WHERE deleted_at IS NULL AND code_key IS NOT NULL;
CREATE INDEX discounts_created ON discounts (organization_id, created_at, id) WHERE deleted_at IS NULL;

-- The products a discount is limited to; none means every product.
CREATE TABLE discount_products (
  organization_id uuid NOT NULL,
  discount_id uuid NOT NULL,
  product_id uuid NOT NULL,
  position int NOT NULL,
  PRIMARY KEY (organization_id, discount_id, product_id),
  FOREIGN KEY (organization_id, discount_id) REFERENCES discounts (organization_id, id),
  FOREIGN KEY (organization_id, product_id) REFERENCES products (organization_id, id)
);
CREATE INDEX discount_products_product ON discount_products (organization_id, product_id);

-- Each use of a discount: by a subscription, or one day by a checkout.
CREATE TABLE discount_redemptions (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  discount_id uuid NOT NULL,
  subscription_id uuid,
  created_at timestamptz NOT NULL,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, discount_id) REFERENCES discounts (organization_id, id)
);
CREATE INDEX discount_redemptions_discount ON discount_redemptions (organization_id, discount_id);

-- +goose Down
DROP TABLE discount_redemptions;
DROP TABLE discount_products;
DROP TABLE discounts;
