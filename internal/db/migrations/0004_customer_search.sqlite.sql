-- +goose Up
-- Substring search over folded e-mail, name and billing name. The index keeps
-- no text of its own. It is changed just before a commit, for many customers
-- at a time, by package customer: triggers would do it one by one, at several
-- times the cost.
CREATE VIRTUAL TABLE customer_search USING fts5 (
  search, content = 'customers', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1'
);

-- +goose Down
DROP TABLE customer_search;
