-- +goose Up
-- Whom a charge was asked of: nobody else is asked for it again.
ALTER TABLE charges ADD COLUMN processor text NOT NULL DEFAULT '';
CREATE INDEX charges_customer ON charges (organization_id, customer_id);

-- +goose Down
DROP INDEX charges_customer;
ALTER TABLE charges DROP COLUMN processor;
