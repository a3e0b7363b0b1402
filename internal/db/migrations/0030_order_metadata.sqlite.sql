-- +goose Up
-- Each scalar of an order's metadata as text, for filters: what stands for it
-- in an index, which is the text itself but of numbers with more than 2,000
-- digits. Here those that are there already stay as they are.
CREATE TABLE order_metadata (
  organization_id uuid NOT NULL,
  order_id uuid NOT NULL,
  key @ctext@ NOT NULL,
  value @ctext@ NOT NULL,
  PRIMARY KEY (organization_id, order_id, key),
  FOREIGN KEY (organization_id, order_id) REFERENCES orders (organization_id, id)
) @norowid@;
INSERT INTO order_metadata (organization_id, order_id, key, value)
SELECT o.organization_id, o.id, m.key, CASE m.type WHEN 'text' THEN m.value ELSE o.metadata -> m.fullkey END
FROM orders o, json_each(o.metadata) m WHERE o.metadata <> '{}';
CREATE INDEX order_metadata_value ON order_metadata (organization_id, key, value, order_id);

@statistics@

-- +goose Down
DROP TABLE order_metadata;
