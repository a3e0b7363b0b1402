-- +goose Up
-- Each scalar of an order's metadata as text, for filters: what stands for it
-- in an index, which is the text itself but of numbers with more than 2,000
-- digits. Keys come after the rows, which is quicker.
LOCK TABLE orders IN SHARE ROW EXCLUSIVE MODE;
CREATE TABLE order_metadata (
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  key @ctext@ NOT NULL,
  value @ctext@ NOT NULL
);
INSERT INTO order_metadata (organization_id, order_id, key, value)
SELECT o.organization_id, o.id, m.key, CASE
  WHEN octet_length(m.value) <= 2000 THEN m.value
  ELSE left(m.value, 2000) || chr(31) || encode(sha256(convert_to(m.value, 'UTF8')), 'hex') END
FROM orders o, json_each_text(o.metadata) m WHERE CAST(o.metadata AS text) <> '{}';
ALTER TABLE order_metadata ADD PRIMARY KEY (organization_id, order_id, key);
ALTER TABLE order_metadata ADD FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id);
CREATE INDEX order_metadata_value ON order_metadata (organization_id, key, value, order_id);

-- +goose Down
DROP TABLE order_metadata;
