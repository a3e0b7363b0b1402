-- +goose Up
-- What has happened to one thing. What is about a customer is found by the
-- customer, so those who only create customers write nothing into it.
CREATE INDEX journal_subject ON journal (organization_id, subject_id, seq) WHERE customer_id IS NULL OR subject_id <> customer_id;

-- +goose Down
DROP INDEX journal_subject;
