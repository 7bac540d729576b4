-- When both sides of an object were last compared record by record and found equal: `twenty-sync verify`.
alter table sync.checkpoint add column proven_at timestamptz;
comment on column sync.checkpoint.proven_at is 'When both sides were last proven equal';
