-- +goose Up
-- Who is told of what. Which events is kept twice: as sent, and as one bit for
-- each type, which the query of every write compares.
CREATE TABLE webhook_endpoints (
  id uuid NOT NULL,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  deleted_at timestamptz,
  url text NOT NULL,
  name text,
  format text NOT NULL,
  secret text NOT NULL,
  old_secret text,
  old_secret_until timestamptz, -- until when both sign
  events json NOT NULL,
  mask bigint NOT NULL,
  enabled boolean NOT NULL,
  enabled_at timestamptz NOT NULL, -- the last time that it was switched on
  disabled_reason text, -- why the server switched it off; what it misses is kept
  PRIMARY KEY (organization_id, id)
);
CREATE INDEX webhook_endpoints_created ON webhook_endpoints (organization_id, created_at, id) WHERE deleted_at IS NULL;

-- Where requests go: an endpoint, or the other address of a replay. How it
-- fares is kept here, apart from what people edit.
CREATE TABLE webhook_targets (
  id uuid NOT NULL PRIMARY KEY, -- of the endpoint or the replay
  organization_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  url text, -- in place of the endpoint's
  failures bigint NOT NULL, -- in a row
  failing_since timestamptz,
  blocked_until timestamptz
);

-- One message for one endpoint, with the bytes that are sent each time.
CREATE TABLE webhook_events (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  lane uuid NOT NULL,
  customer_id uuid,
  customer_seq bigint,
  previous_seq bigint, -- the customer's number of the event before, at this endpoint
  type text NOT NULL,
  payload text,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  succeeded boolean,
  skipped boolean NOT NULL,
  attempts bigint NOT NULL,
  last_http_code bigint,
  erased boolean NOT NULL, -- the payload goes when it is no longer needed
  @key@ (organization_id, id)
);
CREATE INDEX webhook_events_endpoint ON webhook_events (organization_id, endpoint_id, seq);
CREATE INDEX webhook_events_customer ON webhook_events (organization_id, customer_id) WHERE customer_id IS NOT NULL;
CREATE INDEX webhook_events_payload ON webhook_events (created_at) WHERE payload IS NOT NULL;

-- What is to be sent. A row goes when its event has arrived or is given up.
CREATE TABLE webhook_queue (
  seq @seq@,
  organization_id uuid NOT NULL,
  target_id uuid NOT NULL,
  lane uuid NOT NULL,
  event_id uuid NOT NULL,
  replay_id uuid,
  manual boolean NOT NULL, -- somebody asked for it: sent even if it arrived before
  attempt bigint NOT NULL
);
CREATE INDEX webhook_queue_lane ON webhook_queue (target_id, lane, seq);

-- The unit of order: at one target, one customer (or other subject). Its
-- events are sent one after the other; the lane is due when the next may be.
CREATE TABLE webhook_lanes (
  organization_id uuid NOT NULL,
  target_id uuid NOT NULL,
  lane uuid NOT NULL,
  pending bigint NOT NULL, -- rows in the queue
  due_at timestamptz NOT NULL, -- or the end of the lease
  lease text, -- the process that is sending
  last_seq bigint NOT NULL,
  previous_seq bigint NOT NULL,
  PRIMARY KEY (target_id, lane)
);
CREATE INDEX webhook_lanes_due ON webhook_lanes (target_id, due_at) WHERE pending > 0;

-- Attempts.
CREATE TABLE webhook_deliveries (
  seq @seq@,
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_id uuid NOT NULL,
  replay_id uuid,
  created_at timestamptz NOT NULL,
  modified_at timestamptz,
  succeeded boolean NOT NULL,
  http_code bigint,
  response text,
  took_us bigint NOT NULL,
  @key@ (organization_id, id)
);
CREATE INDEX webhook_deliveries_created ON webhook_deliveries (organization_id, created_at, id);
CREATE INDEX webhook_deliveries_endpoint ON webhook_deliveries (organization_id, endpoint_id, created_at, id);
CREATE INDEX webhook_deliveries_event ON webhook_deliveries (organization_id, event_id);
CREATE INDEX webhook_deliveries_response ON webhook_deliveries (created_at) WHERE response IS NOT NULL;

-- Many events sent again.
CREATE TABLE webhook_replays (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  created_at timestamptz NOT NULL,
  finished_at timestamptz,
  url text,
  filter json NOT NULL,
  position bigint NOT NULL, -- events up to here have been looked at
  upto bigint NOT NULL, -- and these are all
  status text NOT NULL,
  total bigint NOT NULL,
  delivered bigint NOT NULL,
  failed bigint NOT NULL,
  PRIMARY KEY (organization_id, id)
);

-- +goose Down
DROP TABLE webhook_replays;
DROP TABLE webhook_deliveries;
DROP TABLE webhook_lanes;
DROP TABLE webhook_queue;
DROP TABLE webhook_events;
DROP TABLE webhook_targets;
DROP TABLE webhook_endpoints;
