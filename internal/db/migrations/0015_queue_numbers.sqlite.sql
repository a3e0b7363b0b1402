-- +goose Up
-- The numbers of the queue are given once and never again. Without
-- AUTOINCREMENT SQLite gives that of the last row again once the row is gone,
-- and a process that stood still for a while would take a new event off the
-- queue in place of one that it has sent long ago.
CREATE TABLE webhook_queue_numbered (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  organization_id uuid NOT NULL,
  target_id uuid NOT NULL,
  lane uuid NOT NULL,
  event_id uuid NOT NULL,
  replay_id uuid,
  manual boolean NOT NULL,
  attempt bigint NOT NULL
);
INSERT INTO webhook_queue_numbered SELECT seq, organization_id, target_id, lane, event_id, replay_id, manual, attempt FROM webhook_queue;
DROP TABLE webhook_queue;
ALTER TABLE webhook_queue_numbered RENAME TO webhook_queue;
CREATE INDEX webhook_queue_lane ON webhook_queue (target_id, lane, seq);

-- +goose Down
CREATE TABLE webhook_queue_unnumbered (
  seq INTEGER PRIMARY KEY,
  organization_id uuid NOT NULL,
  target_id uuid NOT NULL,
  lane uuid NOT NULL,
  event_id uuid NOT NULL,
  replay_id uuid,
  manual boolean NOT NULL,
  attempt bigint NOT NULL
);
INSERT INTO webhook_queue_unnumbered SELECT * FROM webhook_queue;
DROP TABLE webhook_queue;
ALTER TABLE webhook_queue_unnumbered RENAME TO webhook_queue;
CREATE INDEX webhook_queue_lane ON webhook_queue (target_id, lane, seq);
