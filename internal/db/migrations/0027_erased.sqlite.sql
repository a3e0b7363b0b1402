-- +goose Up
-- People who were anonymised before: what the devices are called on which they
-- have used license keys, why they have left, and what was remarked on their
-- payments and refunds went with them only from now on.
CREATE INDEX license_key_activations_ended ON license_key_activations (organization_id, license_key_id) WHERE deleted_at IS NOT NULL;
UPDATE license_key_activations SET label = '', meta = '{}', conditions = '{}' WHERE EXISTS (
  SELECT 1 FROM license_keys k JOIN customers c ON c.organization_id = k.organization_id AND c.id = k.customer_id
  WHERE k.organization_id = license_key_activations.organization_id AND k.id = license_key_activations.license_key_id AND c.anonymized_at IS NOT NULL);
UPDATE subscriptions SET customer_cancellation_comment = NULL WHERE customer_cancellation_comment IS NOT NULL AND EXISTS (
  SELECT 1 FROM customers c WHERE c.organization_id = subscriptions.organization_id AND c.id = subscriptions.customer_id AND c.anonymized_at IS NOT NULL);
UPDATE order_payments SET note = NULL WHERE note IS NOT NULL AND EXISTS (
  SELECT 1 FROM orders o JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
  WHERE o.organization_id = order_payments.organization_id AND o.id = order_payments.order_id AND c.anonymized_at IS NOT NULL);
UPDATE refunds SET comment = NULL WHERE comment IS NOT NULL AND EXISTS (
  SELECT 1 FROM customers c WHERE c.organization_id = refunds.organization_id AND c.id = refunds.customer_id AND c.anonymized_at IS NOT NULL);
UPDATE refund_requests SET comment = NULL WHERE comment IS NOT NULL AND EXISTS (
  SELECT 1 FROM orders o JOIN customers c ON c.organization_id = o.organization_id AND c.id = o.customer_id
  WHERE o.organization_id = refund_requests.organization_id AND o.id = refund_requests.order_id AND c.anonymized_at IS NOT NULL);
UPDATE journal SET before = json_replace(before, '$.label', NULL, '$.meta', NULL, '$.customer_cancellation_comment', NULL), after = json_replace(after, '$.label', NULL, '$.meta', NULL, '$.customer_cancellation_comment', NULL)
WHERE (type LIKE 'license_key.%activated' OR type LIKE 'subscription.%') AND EXISTS (
  SELECT 1 FROM customers c WHERE c.organization_id = journal.organization_id AND c.id = journal.customer_id AND c.anonymized_at IS NOT NULL);

-- +goose Down
DROP INDEX license_key_activations_ended;
