-- +goose Up
-- Orders of organizations with a test clock wait for it, and not for the
-- billing cycle, which need not read them.
ALTER TABLE orders ADD COLUMN clocked boolean NOT NULL DEFAULT FALSE;
UPDATE orders SET clocked = TRUE WHERE organization_id IN (SELECT organization_id FROM test_clocks);
DROP INDEX orders_check;
CREATE INDEX orders_check ON orders (check_at, seq) WHERE check_at IS NOT NULL AND NOT clocked;

-- What was sent again leaves lanes that are cleared away.
CREATE INDEX webhook_lanes_done ON webhook_lanes (due_at) WHERE pending = 0 AND last_seq = 0;

-- +goose Down
DROP INDEX webhook_lanes_done;
DROP INDEX orders_check;
CREATE INDEX orders_check ON orders (check_at, seq) WHERE check_at IS NOT NULL;
ALTER TABLE orders DROP COLUMN clocked;
