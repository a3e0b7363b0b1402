-- +goose Up
-- Substring search over folded e-mail, name and billing name. The index keeps
-- no text of its own; triggers keep it equal to customers.search.
CREATE VIRTUAL TABLE customer_search USING fts5 (
  search, content = 'customers', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1'
);
-- +goose StatementBegin
CREATE TRIGGER customers_search_insert AFTER INSERT ON customers BEGIN
  INSERT INTO customer_search (rowid, search) VALUES (new.seq, new.search);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER customers_search_update AFTER UPDATE OF search ON customers WHEN old.search <> new.search BEGIN
  INSERT INTO customer_search (customer_search, rowid, search) VALUES ('delete', old.seq, old.search);
  INSERT INTO customer_search (rowid, search) VALUES (new.seq, new.search);
END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER customers_search_update;
DROP TRIGGER customers_search_insert;
DROP TABLE customer_search;
