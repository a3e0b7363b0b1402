-- +goose Up
-- A short name of a customer for invoice numbers, unique in the organization;
-- taken when the first number is.
ALTER TABLE customers ADD COLUMN short_id bigint;
CREATE UNIQUE INDEX customers_short_id_key ON customers (organization_id, short_id) WHERE short_id IS NOT NULL;

-- How an organization writes invoices.
ALTER TABLE organizations ADD COLUMN net_days int NOT NULL DEFAULT 14;
ALTER TABLE organizations ADD COLUMN invoice_numbering text NOT NULL DEFAULT 'customer';
ALTER TABLE organizations ADD COLUMN invoice_prefix text;
ALTER TABLE organizations ADD COLUMN invoice_address text;
ALTER TABLE organizations ADD COLUMN invoice_tax_id text;

-- What was bought. Subscriptions and discounts have their tables above and
-- beside; an order keeps their ids whatever becomes of them. The billing
-- details are the customer's as they were when the order was made.
CREATE TABLE orders (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  customer_id uuid NOT NULL,
  product_id uuid,
  subscription_id uuid,
  discount_id uuid,
  checkout_id uuid,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  status text NOT NULL,
  reason text NOT NULL,
  currency text NOT NULL,
  subtotal_amount bigint NOT NULL,
  discount_amount bigint NOT NULL,
  net_amount bigint NOT NULL,
  tax_amount bigint NOT NULL,
  applied_balance_amount bigint NOT NULL,
  paid_amount bigint NOT NULL,
  refunded_amount bigint NOT NULL,
  refunded_tax_amount bigint NOT NULL,
  description text NOT NULL,
  billing_name text,
  billing_address json,
  tax_id text,
  tax_id_format text,
  invoice_number @ctext@,
  issued_at timestamptz, -- when the number was taken
  invoice_sum text, -- of the details on the invoice that was made
  receipt_number @ctext@,
  seats int,
  due_at timestamptz,
  paid_at timestamptz,
  next_payment_attempt_at timestamptz,
  check_at timestamptz, -- when to look whether it has been paid
  attempts int NOT NULL,
  charging_since timestamptz, -- a processor has been asked and has not answered
  metadata json NOT NULL,
  custom_field_data json NOT NULL,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE UNIQUE INDEX orders_invoice_number_key ON orders (organization_id, invoice_number) WHERE invoice_number IS NOT NULL;
CREATE INDEX orders_created ON orders (organization_id, created_at, id);
CREATE INDEX orders_customer ON orders (organization_id, customer_id, created_at, id);
CREATE INDEX orders_subscription ON orders (organization_id, subscription_id) WHERE subscription_id IS NOT NULL;
CREATE INDEX orders_product ON orders (organization_id, product_id) WHERE product_id IS NOT NULL;
CREATE INDEX orders_check ON orders (check_at, seq) WHERE check_at IS NOT NULL;
CREATE INDEX orders_check_of ON orders (organization_id, check_at, seq) WHERE check_at IS NOT NULL;

CREATE TABLE order_items (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  label text NOT NULL,
  amount bigint NOT NULL,
  tax_amount bigint NOT NULL,
  proration boolean NOT NULL,
  product_price_id uuid,
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);
CREATE INDEX order_items_order ON order_items (organization_id, order_id, seq);

-- Money that moved outside, as somebody has recorded it. The reference is the
-- recorder's own name for it and makes it one.
CREATE TABLE order_payments (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  status text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  paid_at timestamptz NOT NULL,
  processor text NOT NULL,
  reference @ctext@ NOT NULL,
  note text,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);
CREATE UNIQUE INDEX order_payments_reference_key ON order_payments (organization_id, order_id, reference);

CREATE TABLE refunds (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  subscription_id uuid,
  payment_id uuid, -- the record of the money, where there is one
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  status text NOT NULL,
  reason text NOT NULL,
  amount bigint NOT NULL,
  tax_amount bigint NOT NULL,
  currency text NOT NULL,
  comment text,
  revoke_benefits boolean NOT NULL,
  metadata json NOT NULL,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);
CREATE INDEX refunds_created ON refunds (organization_id, created_at, id);
CREATE INDEX refunds_order ON refunds (organization_id, order_id);

-- The last number that was given, of invoices and receipts, to a customer or
-- to the organization itself. The row is locked until the order is committed:
-- no number is given twice, and none is lost.
CREATE TABLE order_counters (
  organization_id uuid NOT NULL,
  owner_id uuid NOT NULL,
  kind text NOT NULL,
  value bigint NOT NULL,
  PRIMARY KEY (organization_id, owner_id, kind)
);

-- What a customer has with the organization: credit above zero, debt below.
CREATE TABLE customer_balances (
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  currency text NOT NULL,
  amount bigint NOT NULL,
  PRIMARY KEY (organization_id, customer_id, currency),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);

-- Every movement of a balance, and the order that moved it.
CREATE TABLE balance_movements (
  seq @seq@,
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  order_id uuid NOT NULL,
  currency text NOT NULL,
  created_at timestamptz NOT NULL,
  amount bigint NOT NULL,
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);
CREATE INDEX balance_movements_customer ON balance_movements (organization_id, customer_id, seq);

-- The words of an invoice as it was issued; its pages are drawn from them.
CREATE TABLE order_documents (
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  content json NOT NULL,
  PRIMARY KEY (organization_id, order_id),
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);

-- +goose Down
DROP TABLE order_documents;
DROP TABLE balance_movements;
DROP TABLE customer_balances;
DROP TABLE order_counters;
DROP TABLE refunds;
DROP TABLE order_payments;
DROP TABLE order_items;
DROP TABLE orders;
ALTER TABLE organizations DROP COLUMN invoice_tax_id;
ALTER TABLE organizations DROP COLUMN invoice_address;
ALTER TABLE organizations DROP COLUMN invoice_prefix;
ALTER TABLE organizations DROP COLUMN invoice_numbering;
ALTER TABLE organizations DROP COLUMN net_days;
DROP INDEX customers_short_id_key;
ALTER TABLE customers DROP COLUMN short_id;
