-- +goose Up
-- The index of the search holds which customers have which three letters, and
-- nothing more: not where in the text they stand, because the text itself is
-- looked at, and not the text, so that an entry is replaced without it.
--
-- It is written as if the customers had come a hundred at a time (hashsize).
-- What is merged later is then merged with its like: a million at once would
-- be written anew with every few that follow. From here on merging is done in
-- small steps by those who write. See docs/decisions/0014.
DROP TABLE customer_search;
CREATE VIRTUAL TABLE customer_search USING fts5 (
  search, content = '', contentless_delete = 1, detail = none, tokenize = 'trigram case_sensitive 1'
);
INSERT INTO customer_search (customer_search, rank) VALUES ('hashsize', 4096);
INSERT INTO customer_search (rowid, search) SELECT seq, search FROM customers ORDER BY seq;
INSERT INTO customer_search (customer_search, rank) VALUES ('automerge', 0);

-- +goose Down
DROP TABLE customer_search;
CREATE VIRTUAL TABLE customer_search USING fts5 (
  search, content = 'customers', content_rowid = 'seq', tokenize = 'trigram case_sensitive 1'
);
INSERT INTO customer_search (customer_search) VALUES ('rebuild');
