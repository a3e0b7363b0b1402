-- +goose Up
-- Whoever looks for what is due reads nothing that is never due to them: what
-- is of another processor, which may not be configured any more, and sessions
-- of organizations with a test clock, which wait for it.
DROP INDEX charges_check;
CREATE INDEX charges_check ON charges (processor, check_at);
DROP INDEX payment_methods_detach;
CREATE INDEX payment_methods_detach ON payment_methods (processor, detach_at) WHERE detach_at IS NOT NULL;

ALTER TABLE customer_sessions ADD COLUMN clocked boolean NOT NULL DEFAULT FALSE;
UPDATE customer_sessions SET clocked = TRUE WHERE organization_id IN (SELECT organization_id FROM test_clocks);
DROP INDEX customer_sessions_expiry;
CREATE INDEX customer_sessions_expiry ON customer_sessions (expires_at) WHERE NOT clocked;

-- +goose Down
DROP INDEX customer_sessions_expiry;
CREATE INDEX customer_sessions_expiry ON customer_sessions (expires_at);
ALTER TABLE customer_sessions DROP COLUMN clocked;
DROP INDEX payment_methods_detach;
CREATE INDEX payment_methods_detach ON payment_methods (detach_at) WHERE detach_at IS NOT NULL;
DROP INDEX charges_check;
CREATE INDEX charges_check ON charges (check_at);
