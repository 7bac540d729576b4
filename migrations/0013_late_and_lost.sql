-- A create that was sent and then not found may still arrive. What was sent says then that the record is ours, and what
-- each side changed since.
alter table sync.base add column given_up jsonb;
comment on column sync.base.given_up is
    'The columns of a create that was sent and then not found: it may still arrive. They count while there is no base';

-- A listing that lost records while it was read may have left others out: its counts say that it did.
alter table sync.checkpoint add column walk_most bigint;
alter table sync.sweep add column walk_most bigint;
