-- +goose Up
-- Lists in their order, so that a page is read and not all there are: members
-- of an organization, orders and subscriptions of a product, orders with a
-- discount, refunds of a customer.
CREATE INDEX members_created ON members (organization_id, created_at, id) WHERE deleted_at IS NULL;
CREATE INDEX orders_of_product ON orders (organization_id, product_id, created_at, id) WHERE product_id IS NOT NULL;
DROP INDEX orders_product;
CREATE INDEX subscriptions_of_product ON subscriptions (organization_id, product_id, started_at, id);
DROP INDEX subscriptions_product;
CREATE INDEX orders_discount ON orders (organization_id, discount_id, created_at, id) WHERE discount_id IS NOT NULL;
CREATE INDEX refunds_customer ON refunds (organization_id, customer_id, created_at, id);

-- With their status, by which they are filtered and counted.
CREATE INDEX orders_listed ON orders (organization_id, created_at, id, status);
DROP INDEX orders_created;
CREATE INDEX subscriptions_listed ON subscriptions (organization_id, started_at, id, status);
DROP INDEX subscriptions_started;

-- What is in no usual state, among very many that are.
CREATE INDEX orders_unusual ON orders (organization_id, created_at, id, status) WHERE status <> 'paid';
CREATE INDEX subscriptions_unusual ON subscriptions (organization_id, started_at, id, status) WHERE status NOT IN ('active', 'canceled');

-- Customers who have a subscription that runs, and those without an address,
-- whom the index of addresses does not tell from deleted ones.
CREATE INDEX subscriptions_running ON subscriptions (organization_id, customer_id) WHERE status IN ('trialing', 'active', 'past_due');
CREATE INDEX customers_without_email ON customers (organization_id, id) WHERE email_key IS NULL AND deleted_at IS NULL;

@statistics@

-- +goose Down
DROP INDEX customers_without_email;
DROP INDEX subscriptions_running;
DROP INDEX subscriptions_unusual;
DROP INDEX orders_unusual;
CREATE INDEX subscriptions_started ON subscriptions (organization_id, started_at, id);
DROP INDEX subscriptions_listed;
CREATE INDEX orders_created ON orders (organization_id, created_at, id);
DROP INDEX orders_listed;
DROP INDEX refunds_customer;
DROP INDEX orders_discount;
CREATE INDEX subscriptions_product ON subscriptions (organization_id, product_id);
DROP INDEX subscriptions_of_product;
CREATE INDEX orders_product ON orders (organization_id, product_id) WHERE product_id IS NOT NULL;
DROP INDEX orders_of_product;
DROP INDEX members_created;
