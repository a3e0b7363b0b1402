-- +goose Up
-- What has ended waits for nothing: the changes that it waited for stayed, and
-- held their products back from being deleted.
DELETE FROM subscription_updates WHERE subscription_id IN (SELECT id FROM subscriptions WHERE ended_at IS NOT NULL);

-- +goose Down
SELECT 1;
