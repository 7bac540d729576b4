-- The control schema: what twenty-sync knows beyond the mirrored rows themselves.
-- Everything refers to the source's own metadata ids, which survive a rename, and to the workspace, so that one
-- database can hold several mirrors. Mirrored tables are not made here: they are planned from metadata.

-- Which workspace is mirrored into which schema. Written once: a mirror refuses the key of another workspace.
create table sync.workspace (
    workspace_id uuid primary key,
    schema_name text not null constraint workspace_schema_is_its_own unique,
    source_url text not null,
    bound_at timestamptz not null default now()
);
comment on table sync.workspace is 'Which Twenty workspace is mirrored into which schema';

-- One row per mirrored object. The name it had when its table was named tells a rename in the source apart
-- from a table that was given another name because of a clash.
create table sync.object (
    workspace_id uuid not null references sync.workspace,
    object_id uuid not null,
    name_singular text not null,
    name_plural text not null,
    table_name text not null,
    direction text not null constraint object_direction_is_known check (direction in ('both', 'pull', 'off')),
    primary key (workspace_id, object_id),
    -- Deferred, because two objects can swap their names.
    constraint object_table_is_its_own unique (workspace_id, table_name) deferrable initially deferred
);
comment on table sync.object is 'The mirrored objects and their tables';

-- One row per mirrored column. A composite field has one per part.
create table sync.field (
    workspace_id uuid not null,
    object_id uuid not null,
    field_id uuid not null,
    part text not null,
    key text not null,
    column_name text not null,
    column_type text not null,
    primary key (workspace_id, object_id, field_id, part),
    constraint field_column_is_its_own unique (workspace_id, object_id, column_name) deferrable initially deferred,
    constraint field_belongs_to_an_object foreign key (workspace_id, object_id)
        references sync.object on delete cascade
);
comment on table sync.field is 'The mirrored columns: which field and part each holds, and the JSON key it is read from';

-- The choices of SELECT, MULTI_SELECT and RATING fields. Names instead of ids, because people read it.
create table sync.picklist (
    workspace_id uuid not null references sync.workspace,
    object text not null,
    field text not null,
    value text not null,
    label text not null,
    color text,
    position integer not null,
    primary key (workspace_id, object, field, value)
);
comment on table sync.picklist is 'The options of every SELECT, MULTI_SELECT and RATING field';

-- How far each object has been read. The watermark is the server's time at which the last complete walk began,
-- never the largest time seen. The walk columns describe the walk under way and are null without one. Each
-- write raises the version and expects the one it read, so two processes cannot move one checkpoint together.
create table sync.checkpoint (
    workspace_id uuid not null,
    object_id uuid not null,
    version bigint not null default 0,
    watermark timestamptz,
    walk_began_at timestamptz,
    walk_since timestamptz,
    walk_cursor text,
    walk_last_id uuid,
    walk_seen bigint,
    walk_fewest bigint,
    walk_pages bigint,
    succeeded_at timestamptz,
    failed_at timestamptz,
    failure text,
    primary key (workspace_id, object_id),
    constraint checkpoint_belongs_to_an_object foreign key (workspace_id, object_id)
        references sync.object on delete cascade,
    constraint checkpoint_walk_is_whole check (
        num_nulls(walk_began_at, walk_cursor, walk_seen, walk_fewest, walk_pages) in (0, 5)
    ),
    constraint checkpoint_failure_has_a_time check ((failed_at is null) = (failure is null))
);
comment on table sync.checkpoint is 'How far each object has been read';

-- Records set aside because they could not be applied, with what is needed to understand and retry them. The
-- record is text, not jsonb: what jsonb refuses is exactly what ends here.
create table sync.quarantine (
    quarantine_id bigint generated always as identity primary key,
    workspace_id uuid not null,
    object_id uuid not null,
    direction text not null constraint quarantine_direction_is_known check (direction in ('pull', 'push')),
    -- The record's id, or a digest of its JSON where even the id could not be read.
    record_key text not null,
    record_id uuid,
    field text,
    reason text not null,
    record text not null,
    first_seen_at timestamptz not null default now(),
    last_seen_at timestamptz not null default now(),
    constraint quarantine_holds_a_record_once unique (workspace_id, object_id, direction, record_key),
    constraint quarantine_belongs_to_an_object foreign key (workspace_id, object_id)
        references sync.object on delete cascade
);
comment on table sync.quarantine is 'Records that could not be applied, with the reason and their JSON';

-- One row per run of the program, for status and for people who ask what happened last night.
create table sync.run (
    run_id bigint generated always as identity primary key,
    workspace_id uuid not null references sync.workspace,
    mode text not null constraint run_mode_is_known check (mode in ('once', 'daemon')),
    version text not null,
    started_at timestamptz not null default now(),
    finished_at timestamptz,
    outcome text constraint run_outcome_is_known check (outcome in ('in_sync', 'attention', 'failed')),
    calls bigint,
    rows_changed bigint,
    failure text,
    constraint run_outcome_has_a_time check ((finished_at is null) = (outcome is null))
);
comment on table sync.run is 'Runs of the program and how they ended';
create index on sync.run (workspace_id, started_at desc);
