-- +goose Up
-- Indexes of lists in their order, so that a page is read and not all there
-- are. On PostgreSQL nobody writes to a table from its first index to the end,
-- and nobody reads it from when one goes: so the tables of those who sign up
-- come last, and what goes goes at the end.
--
-- Orders and subscriptions are filtered and counted by their status, too. What
-- is in no usual state is found among very many that are.
CREATE INDEX refunds_customer ON refunds (organization_id, customer_id, created_at, id);
CREATE INDEX orders_listed ON orders (organization_id, created_at, id, status);
CREATE INDEX orders_unusual ON orders (organization_id, created_at, id, status) WHERE status <> 'paid';
CREATE INDEX orders_of_product ON orders (organization_id, product_id, created_at, id) WHERE product_id IS NOT NULL;
CREATE INDEX orders_discount ON orders (organization_id, discount_id, created_at, id) WHERE discount_id IS NOT NULL;
CREATE INDEX subscriptions_listed ON subscriptions (organization_id, started_at, id, status);
CREATE INDEX subscriptions_unusual ON subscriptions (organization_id, started_at, id, status) WHERE status NOT IN ('active', 'canceled');
CREATE INDEX subscriptions_of_product ON subscriptions (organization_id, product_id, started_at, id);

-- Customers who have a subscription that runs, and those without an address,
-- whom the index of addresses does not tell from deleted ones.
CREATE INDEX subscriptions_running ON subscriptions (organization_id, customer_id) WHERE status IN ('trialing', 'active', 'past_due');
CREATE INDEX customers_without_email ON customers (organization_id, id) WHERE email_key IS NULL AND deleted_at IS NULL;
CREATE INDEX members_created ON members (organization_id, created_at, id) WHERE deleted_at IS NULL;

DROP INDEX orders_created;
DROP INDEX orders_product;
DROP INDEX subscriptions_started;
DROP INDEX subscriptions_product;

@statistics@

-- +goose Down
CREATE INDEX subscriptions_product ON subscriptions (organization_id, product_id);
CREATE INDEX subscriptions_started ON subscriptions (organization_id, started_at, id);
CREATE INDEX orders_product ON orders (organization_id, product_id) WHERE product_id IS NOT NULL;
CREATE INDEX orders_created ON orders (organization_id, created_at, id);
DROP INDEX members_created;
DROP INDEX customers_without_email;
DROP INDEX subscriptions_running;
DROP INDEX subscriptions_of_product;
DROP INDEX subscriptions_unusual;
DROP INDEX subscriptions_listed;
DROP INDEX orders_discount;
DROP INDEX orders_of_product;
DROP INDEX orders_unusual;
DROP INDEX orders_listed;
DROP INDEX refunds_customer;
