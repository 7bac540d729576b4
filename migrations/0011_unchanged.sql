-- How long an object is known to show no change.

-- Most walks would find nothing, so an object is left alone while a probe shows that nothing changed. The watermark must
-- not move with that: what was committed late lies behind it. But the mirror is not behind either.
alter table sync.checkpoint add column unchanged_at timestamptz;
comment on column sync.checkpoint.unchanged_at is
    'The server''s time at which nothing had changed since the last walk; null if it was not looked at since';
