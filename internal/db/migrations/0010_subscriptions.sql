-- +goose Up
-- What a customer has subscribed to. The prices that a subscription is billed
-- by are those it was made with, also when the product has others by now.
CREATE TABLE subscriptions (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  customer_id uuid NOT NULL,
  product_id uuid NOT NULL,
  price_ids json NOT NULL,
  status text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  collection_method text,
  recurring_interval text NOT NULL,
  recurring_interval_count int NOT NULL,
  anchor_day int NOT NULL,
  current_period_start timestamptz NOT NULL,
  current_period_end timestamptz NOT NULL,
  meter_interval text,
  meter_interval_count int,
  current_meter_period_start timestamptz,
  current_meter_period_end timestamptz,
  trial_start timestamptz,
  trial_end timestamptz,
  cancel_at_period_end boolean NOT NULL,
  canceled_at timestamptz,
  started_at timestamptz,
  ends_at timestamptz,
  ended_at timestamptz,
  past_due_at timestamptz,
  grace_ends_at timestamptz, -- until when a past due subscription keeps its benefits
  pause_at_period_end boolean NOT NULL,
  paused_at timestamptz,
  resumes_at timestamptz,
  discount_id uuid,
  discount_applied_at timestamptz,
  checkout_id uuid,
  seats int,
  units int,
  customer_cancellation_reason text,
  customer_cancellation_comment text,
  metadata json NOT NULL,
  custom_field_data json NOT NULL,
  clocked boolean NOT NULL, -- its organization has a test clock
  due_at timestamptz,       -- when the billing cycle has to look at it next
  held_until timestamptz,   -- the billing cycle failed and does not try before
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id),
  FOREIGN KEY (organization_id, product_id) REFERENCES products (organization_id, id)
);
-- What is due, and nothing else: the cycle reads the front of these.
CREATE INDEX subscriptions_due ON subscriptions (due_at, seq) WHERE due_at IS NOT NULL AND NOT clocked;
CREATE INDEX subscriptions_due_clocked ON subscriptions (organization_id, due_at, seq) WHERE due_at IS NOT NULL AND clocked;
CREATE INDEX subscriptions_customer ON subscriptions (organization_id, customer_id, created_at, id);
CREATE INDEX subscriptions_product ON subscriptions (organization_id, product_id);
CREATE INDEX subscriptions_discount ON subscriptions (organization_id, discount_id) WHERE discount_id IS NOT NULL;
CREATE INDEX subscriptions_started ON subscriptions (organization_id, started_at, id);

-- Each scalar of a subscription's metadata as text, for filters.
CREATE TABLE subscription_metadata (
  organization_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  key @ctext@ NOT NULL,
  value @ctext@ NOT NULL,
  PRIMARY KEY (organization_id, subscription_id, key),
  FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id)
);
CREATE INDEX subscription_metadata_value ON subscription_metadata (organization_id, key, value, subscription_id);

-- A change that waits for the end of the period: at most one per subscription.
CREATE TABLE subscription_updates (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  applies_at timestamptz NOT NULL,
  product_id uuid,
  seats int,
  units int,
  discount_id uuid,
  @key@ (organization_id, id),
  UNIQUE (organization_id, subscription_id),
  FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id)
);

-- What is to be billed with the next order: parts of a period that a change of
-- product or quantity has cost or given back. An order takes the rows with it.
CREATE TABLE billing_entries (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  type text NOT NULL,
  direction text NOT NULL,
  price_id uuid NOT NULL,
  label text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  period_start timestamptz NOT NULL,
  period_end timestamptz NOT NULL,
  discount_id uuid,
  discount_amount bigint NOT NULL,
  order_id uuid,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, subscription_id) REFERENCES subscriptions (organization_id, id)
);
CREATE INDEX billing_entries_pending ON billing_entries (organization_id, subscription_id) WHERE order_id IS NULL;

-- +goose Down
DROP TABLE billing_entries;
DROP TABLE subscription_updates;
DROP TABLE subscription_metadata;
DROP TABLE subscriptions;
