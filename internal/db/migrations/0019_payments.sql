-- +goose Up
-- What a processor knows of a payment, beside what is known of all. Money that
-- an order did not need is surplus: it does not count, and is given back.
ALTER TABLE order_payments ADD COLUMN customer_id uuid;
ALTER TABLE order_payments ADD COLUMN modified_at timestamptz;
ALTER TABLE order_payments ADD COLUMN method text;
ALTER TABLE order_payments ADD COLUMN method_metadata json;
ALTER TABLE order_payments ADD COLUMN cause text;
ALTER TABLE order_payments ADD COLUMN decline_reason text;
ALTER TABLE order_payments ADD COLUMN decline_message text;
ALTER TABLE order_payments ADD COLUMN surplus boolean NOT NULL DEFAULT FALSE;
CREATE INDEX order_payments_processed ON order_payments (organization_id, created_at, id) WHERE processor <> 'manual';
CREATE INDEX order_payments_customer ON order_payments (organization_id, customer_id) WHERE customer_id IS NOT NULL;
-- Events name a payment without saying whose it is.
CREATE INDEX order_payments_named ON order_payments (processor, reference) WHERE processor <> 'manual';

-- Charges that a processor has been asked for and that are not recorded yet, at
-- most one for an order. Whatever happens meanwhile, the same is asked again
-- until there is an answer. The order of a change that waits for its payment is
-- not there yet, only its id.
CREATE TABLE charges (
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  subscription_id uuid,
  purpose text NOT NULL,
  idempotency_key text NOT NULL,
  method_id uuid,
  method text NOT NULL, -- the processor's name for it
  amount bigint NOT NULL,
  currency text NOT NULL,
  cause text NOT NULL,
  description text NOT NULL,
  created_at timestamptz NOT NULL,
  check_at timestamptz NOT NULL, -- when to ask again
  change json, -- of a subscription, that is made when it is paid
  PRIMARY KEY (organization_id, order_id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE INDEX charges_check ON charges (check_at);
CREATE INDEX charges_subscription ON charges (organization_id, subscription_id) WHERE change IS NOT NULL;

-- What a processor calls a customer.
CREATE TABLE payers (
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  processor text NOT NULL,
  reference @ctext@ NOT NULL,
  told_at timestamptz NOT NULL, -- as of when it knows them
  PRIMARY KEY (organization_id, customer_id, processor),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE INDEX payers_reference ON payers (processor, reference);

-- Ways to pay that a processor keeps. One that was deleted stays, for what was
-- paid with it, and lives again when it is saved again.
CREATE TABLE payment_methods (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  customer_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  detach_at timestamptz, -- when to ask the processor to forget it
  processor text NOT NULL,
  reference @ctext@ NOT NULL,
  type text NOT NULL,
  method_metadata json,
  @key@ (organization_id, id),
  FOREIGN KEY (organization_id, customer_id) REFERENCES customers (organization_id, id)
);
CREATE UNIQUE INDEX payment_methods_reference_key ON payment_methods (organization_id, customer_id, processor, reference);
CREATE INDEX payment_methods_named ON payment_methods (processor, reference);
CREATE INDEX payment_methods_detach ON payment_methods (detach_at) WHERE detach_at IS NOT NULL;

-- What a subscription is charged to, when that is not its customer's default.
ALTER TABLE subscriptions ADD COLUMN payment_method_id uuid;

-- Events of a processor that were taken in, so that none is twice.
CREATE TABLE processor_events (
  organization_id uuid NOT NULL,
  processor text NOT NULL,
  event @ctext@ NOT NULL,
  type text NOT NULL,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, processor, event)
);
CREATE INDEX processor_events_created ON processor_events (created_at);

-- Payments that the one who paid disputes.
CREATE TABLE disputes (
  organization_id uuid NOT NULL,
  id uuid NOT NULL,
  order_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  processor text NOT NULL,
  reference @ctext@ NOT NULL,
  status text NOT NULL,
  amount bigint NOT NULL,
  currency text NOT NULL,
  reason text,
  evidence_due_by timestamptz,
  PRIMARY KEY (organization_id, id),
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);
CREATE UNIQUE INDEX disputes_reference_key ON disputes (organization_id, payment_id, reference);

-- +goose Down
DROP TABLE disputes;
DROP TABLE processor_events;
ALTER TABLE subscriptions DROP COLUMN payment_method_id;
DROP TABLE payment_methods;
DROP TABLE payers;
DROP TABLE charges;
DROP INDEX order_payments_named;
DROP INDEX order_payments_customer;
DROP INDEX order_payments_processed;
ALTER TABLE order_payments DROP COLUMN surplus;
ALTER TABLE order_payments DROP COLUMN decline_message;
ALTER TABLE order_payments DROP COLUMN decline_reason;
ALTER TABLE order_payments DROP COLUMN cause;
ALTER TABLE order_payments DROP COLUMN method_metadata;
ALTER TABLE order_payments DROP COLUMN method;
ALTER TABLE order_payments DROP COLUMN modified_at;
ALTER TABLE order_payments DROP COLUMN customer_id;
