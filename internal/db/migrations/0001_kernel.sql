-- What changed, one row per change, written with the change.
CREATE TABLE journal (
	seq             @seq@,
	organization_id uuid NOT NULL,
	type            text NOT NULL,
	customer_id     uuid,
	customer_seq    bigint,
	subject_id      uuid, -- the row that changed
	actor_kind      text NOT NULL,
	actor_id        uuid,
	request_id      text,
	created_at      timestamptz NOT NULL,
	before          json,
	after           json
);

CREATE UNIQUE INDEX journal_customer_key ON journal (organization_id, customer_id, customer_seq)
WHERE customer_id IS NOT NULL;

CREATE INDEX journal_organization ON journal (organization_id, seq);

-- The last sequence number of each customer who has changed since the
-- transaction that created them.
CREATE TABLE journal_heads (
	organization_id uuid NOT NULL,
	customer_id     uuid NOT NULL,
	seq             bigint NOT NULL,
	added           bigint NOT NULL, -- by the change that wrote it
	PRIMARY KEY (organization_id, customer_id)
) @norowid@;

-- Work to be done after a commit. A row is deleted when its work is done.
CREATE TABLE jobs (
	seq          @serial@,
	id           uuid NOT NULL UNIQUE,
	kind         text NOT NULL,
	key          text, -- jobs of one key run in the order of seq
	args         json NOT NULL,
	run_at       timestamptz NOT NULL,
	leased_until timestamptz,
	attempt      int NOT NULL DEFAULT 0,
	last_error   text,
	created_at   timestamptz NOT NULL
);

-- Who is due and free; who should have come back; who stands before whom.
CREATE INDEX jobs_due ON jobs (run_at, seq) WHERE leased_until IS NULL;

CREATE INDEX jobs_leased ON jobs (leased_until) WHERE leased_until IS NOT NULL;

CREATE INDEX jobs_key ON jobs (key, seq) WHERE key IS NOT NULL;
