-- Fuses that blew, and those that a person released: what stops an object stands in sync.stop, what was counted and what
-- may pass stands here.
create table sync.fuse (
    workspace_id uuid not null,
    object_id uuid not null,
    flow text not null constraint fuse_flow_is_known check (flow in ('pull', 'push')),
    deletes bigint not null,
    overwrites bigint not null,
    total bigint not null,
    blown_at timestamptz not null default now(),
    released_at timestamptz,
    -- Later changes are counted anew.
    released_through bigint,
    constraint fuse_pkey primary key (workspace_id, object_id, flow),
    constraint fuse_release_is_whole check (flow = 'pull' or (released_at is null) = (released_through is null)),
    constraint fuse_object_fkey foreign key (workspace_id, object_id)
        references sync.object (workspace_id, object_id) on delete cascade
);
comment on table sync.fuse is 'Fuses of objects that blew, until what they held has passed';
comment on column sync.fuse.deletes is 'Records that would have been deleted';
comment on column sync.fuse.overwrites is 'Records that would have been overwritten';
comment on column sync.fuse.total is 'Records of the object then';
comment on column sync.fuse.released_through is 'The last local change that a person let pass';

-- How many rows the walk under way has removed, earlier runs included.
alter table sync.checkpoint add column walk_removed bigint not null default 0;
comment on column sync.checkpoint.walk_removed is 'Rows that the walk under way has removed';
