-- +goose Up
-- What a processor calls a refund; nothing where somebody recorded it.
ALTER TABLE refunds ADD COLUMN processor text;
ALTER TABLE refunds ADD COLUMN reference @ctext@;
-- Events name a refund without saying whose it is.
CREATE INDEX refunds_reference ON refunds (processor, reference) WHERE reference IS NOT NULL;

-- Refunds that a processor has been asked for and that are not recorded yet.
-- Whatever happens meanwhile, the same is asked again until there is an answer.
CREATE TABLE refund_requests (
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  id uuid NOT NULL, -- which the refund will have
  created_at timestamptz NOT NULL,
  check_at timestamptz NOT NULL, -- when to ask again
  reason text NOT NULL,
  amount bigint NOT NULL,
  tax_amount bigint NOT NULL,
  comment text,
  revoke_benefits boolean NOT NULL,
  metadata json NOT NULL,
  PRIMARY KEY (organization_id, order_id, payment_id),
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
);
CREATE INDEX refund_requests_check ON refund_requests (check_at);

-- +goose Down
DROP TABLE refund_requests;
DROP INDEX refunds_reference;
ALTER TABLE refunds DROP COLUMN reference;
ALTER TABLE refunds DROP COLUMN processor;
