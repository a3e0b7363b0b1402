-- +goose Up
-- What one change writes for a hundred endpoints lies together, on a few pages
-- and not on a hundred: the lane comes before the target.
ALTER TABLE webhook_lanes DROP CONSTRAINT webhook_lanes_pkey, ADD PRIMARY KEY (lane, target_id);
DROP INDEX webhook_queue_lane;
CREATE INDEX webhook_queue_lane ON webhook_queue (lane, target_id, seq);

-- +goose Down
DROP INDEX webhook_queue_lane;
CREATE INDEX webhook_queue_lane ON webhook_queue (target_id, lane, seq);
ALTER TABLE webhook_lanes DROP CONSTRAINT webhook_lanes_pkey, ADD PRIMARY KEY (target_id, lane);
