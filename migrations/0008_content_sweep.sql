-- Content sweeps: now and then each object is compared with Twenty record by record, because some changes leave no trace
-- that a walk could see. One row per object, made when it is first looked at. Cursor and counts are stored after each
-- page, so that a killed sweep goes on where it stopped.
create table sync.sweep (
    workspace_id uuid not null,
    object_id uuid not null,
    due_from timestamptz not null default now(),
    began_at timestamptz,
    walk_cursor text,
    walk_last_id uuid,
    walk_seen bigint not null default 0,
    walk_fewest bigint,
    walk_pages bigint not null default 0,
    compared bigint not null default 0,
    left_out bigint not null default 0,
    found bigint not null default 0,
    repaired bigint not null default 0,
    overwritten bigint not null default 0,
    blown boolean not null default false,
    completed_at timestamptz,
    failed_at timestamptz,
    failure text,
    constraint sweep_pkey primary key (workspace_id, object_id),
    constraint sweep_object_fkey foreign key (workspace_id, object_id)
        references sync.object (workspace_id, object_id) on delete cascade
);
comment on table sync.sweep is 'Comparisons of whole objects with Twenty, under way or done';
comment on column sync.sweep.due_from is 'The schedule''s next time after this is when the next sweep begins';
comment on column sync.sweep.began_at is 'When the sweep under way began; null between two sweeps';
comment on column sync.sweep.compared is 'This and the other counts: of the sweep under way, or else of the last one';
comment on column sync.sweep.left_out is 'Records with local changes, changed in Twenty just now, or unreadable';
comment on column sync.sweep.found is 'Records that were unequal';
comment on column sync.sweep.overwritten is 'Rows of those records that were changed or removed, for the fuse';
comment on column sync.sweep.blown is 'The fuse stopped it; once that stop is lifted, the rest of this sweep passes';
