-- +goose Up
-- What has no id to be found by: the organization goes into the key here, too
-- (see schema_test.go). SQLite needs none of it, its rows lie in the order of
-- seq as they are.
ALTER TABLE journal ADD PRIMARY KEY (organization_id, seq);
DROP INDEX journal_organization;
CREATE INDEX journal_seq ON journal (seq);
ALTER TABLE order_items ADD PRIMARY KEY (organization_id, id);
ALTER TABLE balance_movements ADD PRIMARY KEY (organization_id, seq);
ALTER TABLE webhook_queue ADD PRIMARY KEY (organization_id, seq);
-- Rows that are found by their number, whosever they are.
CREATE INDEX webhook_queue_seq ON webhook_queue (seq);
CREATE INDEX webhook_events_seq ON webhook_events (seq);
CREATE INDEX webhook_deliveries_seq ON webhook_deliveries (seq);

-- +goose Down
DROP INDEX webhook_deliveries_seq;
DROP INDEX webhook_events_seq;
DROP INDEX webhook_queue_seq;
ALTER TABLE webhook_queue DROP CONSTRAINT webhook_queue_pkey;
ALTER TABLE balance_movements DROP CONSTRAINT balance_movements_pkey;
ALTER TABLE order_items DROP CONSTRAINT order_items_pkey;
DROP INDEX journal_seq;
CREATE INDEX journal_organization ON journal (organization_id, seq);
ALTER TABLE journal DROP CONSTRAINT journal_pkey;
