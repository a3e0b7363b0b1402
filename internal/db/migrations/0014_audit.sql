-- +goose Up
-- Who did what: one actor's changes, newest first, and those of the few that
-- are not an organization's token. Mostly one token writes, so what is added is
-- added at the end of the first index and not at all to the second.
CREATE INDEX journal_actor ON journal (organization_id, actor_id, seq);
CREATE INDEX journal_kind ON journal (organization_id, actor_kind, seq) WHERE actor_kind <> 'organization';

-- +goose Down
DROP INDEX journal_kind;
DROP INDEX journal_actor;
