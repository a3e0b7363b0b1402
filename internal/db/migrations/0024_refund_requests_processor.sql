-- +goose Up
-- Whom a refund was asked of: looks for what is due read nothing that another
-- processor was asked for, which may not be configured any more.
ALTER TABLE refund_requests ADD COLUMN processor text NOT NULL DEFAULT '';
UPDATE refund_requests SET processor = (SELECT p.processor FROM order_payments p
  WHERE p.organization_id = refund_requests.organization_id AND p.id = refund_requests.payment_id);
DROP INDEX refund_requests_check;
CREATE INDEX refund_requests_check ON refund_requests (processor, check_at);

-- +goose Down
DROP INDEX refund_requests_check;
CREATE INDEX refund_requests_check ON refund_requests (check_at);
ALTER TABLE refund_requests DROP COLUMN processor;
