-- +goose Up
-- What one change writes for a hundred endpoints lies together, on a few pages
-- and not on a hundred: the lane comes before the target.
CREATE TABLE webhook_lanes_before AS SELECT * FROM webhook_lanes;
DROP TABLE webhook_lanes;
CREATE TABLE webhook_lanes (
  organization_id uuid NOT NULL,
  target_id uuid NOT NULL,
  lane uuid NOT NULL,
  pending bigint NOT NULL, -- rows in the queue
  due_at timestamptz NOT NULL, -- or the end of the lease
  lease text, -- the process that is sending
  last_seq bigint NOT NULL,
  previous_seq bigint NOT NULL,
  PRIMARY KEY (lane, target_id)
) WITHOUT ROWID;
INSERT INTO webhook_lanes SELECT * FROM webhook_lanes_before;
DROP TABLE webhook_lanes_before;
CREATE INDEX webhook_lanes_due ON webhook_lanes (target_id, due_at) WHERE pending > 0;
DROP INDEX webhook_queue_lane;
CREATE INDEX webhook_queue_lane ON webhook_queue (lane, target_id, seq);

-- +goose Down
DROP INDEX webhook_queue_lane;
CREATE INDEX webhook_queue_lane ON webhook_queue (target_id, lane, seq);
CREATE TABLE webhook_lanes_before AS SELECT * FROM webhook_lanes;
DROP TABLE webhook_lanes;
CREATE TABLE webhook_lanes (
  organization_id uuid NOT NULL,
  target_id uuid NOT NULL,
  lane uuid NOT NULL,
  pending bigint NOT NULL,
  due_at timestamptz NOT NULL,
  lease text,
  last_seq bigint NOT NULL,
  previous_seq bigint NOT NULL,
  PRIMARY KEY (target_id, lane)
);
INSERT INTO webhook_lanes SELECT * FROM webhook_lanes_before;
DROP TABLE webhook_lanes_before;
CREATE INDEX webhook_lanes_due ON webhook_lanes (target_id, due_at) WHERE pending > 0;
