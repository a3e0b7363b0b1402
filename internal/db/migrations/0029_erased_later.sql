-- +goose Up
-- People who were anonymised before: who was to be billed for their drafts, what
-- was remarked later on their payments and refunds, and license keys that somebody
-- had given back to them, with what was noted of their use.
UPDATE orders SET billing_name = NULL, billing_address = NULL WHERE status = 'draft' AND EXISTS (
  SELECT 1 FROM customers c WHERE c.organization_id = orders.organization_id AND c.id = orders.customer_id AND c.anonymized_at IS NOT NULL);
UPDATE license_keys SET status = 'revoked' WHERE status <> 'revoked' AND EXISTS (
  SELECT 1 FROM customers c WHERE c.organization_id = license_keys.organization_id AND c.id = license_keys.customer_id AND c.anonymized_at IS NOT NULL);
UPDATE license_key_activations SET label = '', meta = '{}', conditions = '{}' WHERE EXISTS (
  SELECT 1 FROM license_keys k JOIN customers c ON c.organization_id = k.organization_id AND c.id = k.customer_id
  WHERE k.organization_id = license_key_activations.organization_id AND k.id = license_key_activations.license_key_id AND c.anonymized_at IS NOT NULL);
UPDATE order_payments SET note = NULL WHERE note IS NOT NULL AND EXISTS (
  SELECT 1 FROM orders o JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
  WHERE o.organization_id = order_payments.organization_id AND o.id = order_payments.order_id AND c.anonymized_at IS NOT NULL);
UPDATE refunds SET comment = NULL WHERE comment IS NOT NULL AND EXISTS (
  SELECT 1 FROM customers c WHERE c.organization_id = refunds.organization_id AND c.id = refunds.customer_id AND c.anonymized_at IS NOT NULL);
UPDATE refund_requests SET comment = NULL WHERE comment IS NOT NULL AND EXISTS (
  SELECT 1 FROM orders o JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
  WHERE o.organization_id = refund_requests.organization_id AND o.id = refund_requests.order_id AND c.anonymized_at IS NOT NULL);

-- +goose Down
SELECT 1;
