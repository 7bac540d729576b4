-- Capture of local changes: what people changed in mirrored tables, what both sides last agreed on, and what
-- became of each change. The triggers themselves are put on mirrored tables by the schema plan.

-- The log of local changes. One row per changed row and statement, written in the user's own transaction. It says
-- which record changed, never what to send: that is the difference between base and mirror. Rows stay after they
-- are settled, for sync.wait and for people who ask why, and are pruned later. No foreign key: a check per row
-- would double the cost of a bulk update, and objects are never deleted.
create table sync.outbox (
    outbox_id bigint generated always as identity primary key,
    workspace_id uuid not null,
    object_id uuid not null,
    record_id uuid not null,
    operation text not null
        constraint outbox_operation_is_known check (operation in ('insert', 'update', 'delete')),
    changed text[] not null,
    changed_by text not null default session_user,
    -- A process id is soon given to another session, so a session has an id of its own.
    session uuid not null,
    changed_at timestamptz not null default clock_timestamp(),
    transaction xid8 not null default pg_current_xact_id(),
    settled_at timestamptz,
    outcome text constraint outbox_outcome_is_known
        check (outcome in ('written', 'agreed', 'merged', 'conflict', 'refused', 'nothing')),
    reason text,
    hint text,
    constraint outbox_outcome_has_a_time check ((settled_at is null) = (outcome is null)),
    constraint outbox_reason_has_an_outcome check (outcome is not null or (reason is null and hint is null))
);
comment on table sync.outbox is 'Local changes in mirrored tables, and what became of them';
comment on column sync.outbox.changed is 'The columns that the change touched; empty for a delete';
comment on column sync.outbox.changed_by is 'The role that the session logged in as';
comment on column sync.outbox.session is 'The SQL session: the value of sync.session there';
comment on column sync.outbox.transaction is 'The transaction of the change';
comment on column sync.outbox.settled_at is 'When it was known what became of the change; null while it waits';
comment on column sync.outbox.outcome is
    'written: sent and accepted; agreed: the source had the value already; merged: combined with a change of the '
    'source; conflict: both sides changed a field, see sync.conflict; refused: given up; nothing: undone before it '
    'was sent';
create index outbox_unsettled on sync.outbox (workspace_id, object_id, record_id) where settled_at is null;
create index outbox_of_a_record on sync.outbox (object_id, record_id, outbox_id);
create index outbox_of_a_session on sync.outbox (session, outbox_id);
-- The newest rows are settled soon after they are written; old versions must not pile up in the indexes.
alter table sync.outbox set (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.05);

-- One row per record that differs from what both sides last agreed on. A record without one needs no base: its
-- mirror row is the base. Trigger and engine lock this row after the mirror row, always in this order.
create table sync.base (
    workspace_id uuid not null,
    object_id uuid not null,
    record_id uuid not null,
    base jsonb,
    sent jsonb,
    sent_through bigint,
    sent_at timestamptz,
    waiting text[] not null default '{}',
    decided_through bigint,
    since timestamptz not null default clock_timestamp(),
    primary key (workspace_id, object_id, record_id),
    constraint base_sent_is_whole check (num_nulls(sent_through, sent_at) in (0, 2)),
    constraint base_sent_has_a_time check (sent is null or sent_at is not null)
);
comment on table sync.base is 'Records with unsent local changes, as both sides last agreed on them';
comment on column sync.base.base is 'The row before its first unsent change; null if it was inserted here';
comment on column sync.base.sent is
    'The columns as last sent, while it is not known whether they arrived; null with a sent_at: a delete was sent';
comment on column sync.base.waiting is
    'Columns that must not be sent now: a person is to decide, or Twenty does not show them';
comment on column sync.base.sent_through is 'The last change that was sent';
comment on column sync.base.decided_through is
    'The last change for which there was nothing to send; only a newer one is looked at';
comment on column sync.base.since is 'When the first unsent change was made';
create index base_by_age on sync.base (workspace_id, since, record_id);

-- The losing value of every conflict is kept here. Values are objects by column name, because a field can have
-- several columns.
create table sync.conflict (
    conflict_id bigint generated always as identity primary key,
    workspace_id uuid not null,
    object_id uuid not null,
    object text not null,
    record_id uuid not null,
    kind text not null constraint conflict_kind_is_known
        check (kind in ('field', 'deleted_at_source', 'deleted_in_mirror', 'not_kept')),
    field text,
    base jsonb,
    source jsonb,
    mirror jsonb,
    source_updated_at timestamptz,
    changed_at timestamptz,
    changed_by text,
    policy text not null,
    winner text constraint conflict_winner_is_known check (winner in ('source', 'mirror')),
    resolution text not null constraint conflict_resolution_is_known
        check (resolution in ('source', 'mirror', 'held', 'agreed', 'undone')),
    detected_at timestamptz not null default clock_timestamp(),
    resolved_at timestamptz,
    resolved_by text,
    constraint conflict_is_resolved_or_held check ((resolution = 'held') = (resolved_at is null)),
    constraint conflict_held_has_no_winner check (resolution <> 'held' or winner is null),
    constraint conflict_belongs_to_an_object foreign key (workspace_id, object_id)
        references sync.object on delete cascade
);
comment on table sync.conflict is 'Fields that both sides changed, differently: all three values, and who won';
comment on column sync.conflict.kind is
    'field: both sides changed it; deleted_at_source, deleted_in_mirror: one side deleted the record that the other '
    'changed; not_kept: Twenty took a value but kept another';
comment on column sync.conflict.field is 'The field; null if it is about the record';
comment on column sync.conflict.policy is 'The rule that decided';
comment on column sync.conflict.base is 'What both sides last agreed on, by column';
comment on column sync.conflict.source is 'What Twenty held, by column; null if the record was deleted there';
comment on column sync.conflict.mirror is 'What the mirror held, by column; null if the row was deleted here';
comment on column sync.conflict.winner is 'The side whose value was kept; null while the conflict is held';
comment on column sync.conflict.resolution is
    'source or mirror: that side''s value was kept; held: waits for a person; agreed: both sides came to hold '
    'the same; undone: the losing value was put back';
create index conflict_of_a_record on sync.conflict (object_id, record_id);
-- A held field is found again with every look at its record; it stays one conflict.
create unique index conflict_is_held_once on sync.conflict (workspace_id, object_id, record_id, (coalesce(field, '')))
    where resolution = 'held';

-- Values of a record are for those who may read its table.
create function sync.may_read(workspace uuid, object uuid, reader name) returns boolean
language sql stable security definer set search_path = pg_catalog, pg_temp as $$
    select coalesce(bool_or(has_table_privilege(reader, c.oid, 'select')), false)
    from sync.object o
    join sync.workspace w on w.workspace_id = o.workspace_id
    join pg_namespace n on n.nspname = w.schema_name
    join pg_class c on c.relnamespace = n.oid and c.relname = o.table_name
    where o.workspace_id = workspace and o.object_id = object
$$;
comment on function sync.may_read(uuid, uuid, name) is 'Whether a role may read the table of an object';
alter table sync.conflict enable row level security;
create policy conflict_is_for_readers_of_the_table on sync.conflict for select
    using (sync.may_read(workspace_id, object_id, current_user));

-- What a refused local change needs beyond a record that could not be read.
alter table sync.quarantine
    add column hint text,
    add column holder_id uuid,
    add column attempts integer not null default 0,
    add column retry_at timestamptz,
    add column outbox_id bigint,
    add constraint quarantine_push_names_its_record check (direction = 'pull' or record_id is not null);
comment on column sync.quarantine.hint is 'What to do about it';
comment on column sync.quarantine.holder_id is 'The record that holds a unique value already';
comment on column sync.quarantine.attempts is 'How often it was tried';
comment on column sync.quarantine.retry_at is 'When it is tried again; null: only after a change';
comment on column sync.quarantine.outbox_id is 'The last local change that was refused; a newer one is tried';

-- Every change with its outcome. A refused change is not settled: it waits for its record to be repaired.
create view sync.change as
select o.outbox_id, o.workspace_id, o.object_id, o.record_id, o.operation, o.changed, o.changed_by, o.session,
    o.changed_at, o.transaction, o.settled_at,
    case
        when o.outcome is not null then o.outcome
        when q.outbox_id >= o.outbox_id and q.retry_at is null then 'refused'
        when o.operation = 'update' and o.changed <@ b.waiting then 'conflict'
        else 'waiting'
    end as outcome,
    case
        when o.outcome is not null then o.reason
        when q.outbox_id >= o.outbox_id then q.reason
        when o.operation = 'update' and o.changed <@ b.waiting then
            'both sides changed the field and a person is to decide, or Twenty does not show it'
    end as reason,
    case
        when o.outcome is not null then o.hint
        when q.outbox_id >= o.outbox_id then q.hint
        when o.operation = 'update' and o.changed <@ b.waiting then
            format('select * from sync.conflict where record_id = %L', o.record_id)
    end as hint
from sync.outbox o
left join sync.base b on o.settled_at is null and b.workspace_id = o.workspace_id
    and b.object_id = o.object_id and b.record_id = o.record_id
left join sync.quarantine q on o.settled_at is null and q.workspace_id = o.workspace_id
    and q.object_id = o.object_id and q.direction = 'push' and q.record_key = o.record_id::text;
comment on view sync.change is 'Local changes with their outcome, also of those that wait';

create view sync.pending as
select w.schema_name, o.name_plural as object, o.table_name, c.record_id,
    case
        when b.base is null and c.operation = 'delete' then 'nothing'
        when b.base is null then 'insert'
        when c.operation = 'delete' then 'delete'
        else 'update'
    end as operation,
    c.changed, c.changed_by, c.changes, c.first_changed_at, c.last_changed_at,
    case
        when c.outcome = 'refused' then 'refused'
        when c.outcome = 'conflict' then 'held'
        when b.sent_at is not null then 'sent'
        else 'waiting'
    end as state,
    c.reason
from (
    select workspace_id, object_id, record_id, count(distinct outbox_id) as changes,
        min(changed_at) as first_changed_at, max(changed_at) as last_changed_at,
        (array_agg(operation order by outbox_id desc))[1] as operation,
        (array_agg(changed_by order by outbox_id desc))[1] as changed_by,
        (array_agg(outcome order by outbox_id desc))[1] as outcome,
        (array_agg(reason order by outbox_id desc))[1] as reason,
        coalesce(array_agg(distinct name) filter (where name is not null), '{}') as changed
    from sync.change left join lateral unnest(changed) as name on true
    where settled_at is null
    group by workspace_id, object_id, record_id
) c
join sync.object o on o.workspace_id = c.workspace_id and o.object_id = c.object_id
join sync.workspace w on w.workspace_id = c.workspace_id
left join sync.base b on b.workspace_id = c.workspace_id and b.object_id = c.object_id
    and b.record_id = c.record_id;
comment on view sync.pending is 'Records with local changes that Twenty does not have yet';
comment on column sync.pending.operation is 'What Twenty will be asked to do';
comment on column sync.pending.changed is 'The columns that were changed';
comment on column sync.pending.state is 'waiting, sent (the answer is awaited), held (see sync.conflict) or refused (see sync.problem)';

create view sync.problem as
select q.direction, w.schema_name, o.name_plural as object, o.table_name, q.record_id, q.field, q.reason,
    coalesce(q.hint, case q.direction
        when 'pull' then 'correct the record in Twenty: it is read again when it changes'
        else 'change the row here and it is tried again, or discard the local change'
    end) as hint,
    q.holder_id, q.attempts, q.retry_at, q.first_seen_at, q.last_seen_at
from sync.quarantine q
join sync.object o on o.workspace_id = q.workspace_id and o.object_id = q.object_id
join sync.workspace w on w.workspace_id = q.workspace_id;
comment on view sync.problem is 'Records that could not be read from Twenty or written to it: why, and what to do';
comment on column sync.problem.direction is 'pull: could not be read; push: a local change was refused';
comment on column sync.problem.holder_id is 'The record in Twenty that holds the value already, trash included';
comment on column sync.problem.retry_at is 'When it is tried again by itself';

create view sync.status as
select w.schema_name, o.name_plural as object, o.table_name, o.direction,
    coalesce(p.waiting, 0) as waiting, p.oldest,
    (select count(*) from sync.quarantine q
     where q.workspace_id = o.workspace_id and q.object_id = o.object_id) as problems,
    (select count(*) from sync.conflict c where c.workspace_id = o.workspace_id
     and c.object_id = o.object_id and c.resolution = 'held') as conflicts,
    k.succeeded_at as last_pull, k.failed_at, k.failure
from sync.object o
join sync.workspace w on w.workspace_id = o.workspace_id
left join sync.checkpoint k on k.workspace_id = o.workspace_id and k.object_id = o.object_id
left join (
    select workspace_id, object_id, count(distinct record_id) as waiting, min(changed_at) as oldest
    from sync.outbox where settled_at is null group by workspace_id, object_id
) p on p.workspace_id = o.workspace_id and p.object_id = o.object_id;
comment on view sync.status is 'Every mirrored object: what waits, what is stuck, when it was last read';
comment on column sync.status.waiting is 'Records with local changes that Twenty does not have yet';
comment on column sync.status.oldest is 'When the oldest of these changes was made';
comment on column sync.status.problems is 'Records in sync.problem';
comment on column sync.status.conflicts is 'Conflicts that wait for a person';
comment on column sync.status.last_pull is 'When the object was last read to the end';

-- The one trigger function of all mirrored tables. It runs as its owner, because those who may write a mirrored
-- table need no right on sync; so its search_path is fixed, every name is qualified, and what differs between tables
-- comes as arguments, never as SQL: workspace, object, then (kind, column, hint) for each column that is not
-- freely writable. Kinds: refuse; insert (may be set on insert only); clear (may only be set to null); keep (stays
-- as it was, without an error). For statements on a table that is only pulled, or no longer mirrored: pull, off.
create function sync.capture() returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
-- A row must become the same JSON in every session.
set timezone = 'UTC'
set extra_float_digits = 1
as $$
declare
    place constant text := format('%I.%I', tg_table_schema, tg_table_name);
    before jsonb;
    after jsonb;
    kept jsonb;
    touched text[];
    my_session text;
    item integer;
    name text;
begin
    -- The program's own writes. The setting alone would let anyone switch capture off.
    if current_setting('sync.origin', true) = 'engine' and pg_has_role(session_user, current_user, 'member') then
        return new;
    end if;

    if tg_level = 'STATEMENT' and tg_argv[2] in ('pull', 'off') then
        raise exception using errcode = 'insufficient_privilege',
            message = case tg_argv[2]
                when 'pull' then format('%s is read-only: its records are only pulled from Twenty', place)
                else format('%s is read-only: it is no longer mirrored', place)
            end,
            hint = 'change the record in Twenty, or set direction = "both" for this object in the configuration',
            schema = tg_table_schema, table = tg_table_name;
    end if;

    if tg_op = 'TRUNCATE' then
        raise exception using errcode = 'feature_not_supported',
            message = format('cannot truncate %s: it is mirrored to Twenty', place),
            hint = format('DELETE FROM %s moves its records to the trash in Twenty', place),
            schema = tg_table_schema, table = tg_table_name;
    end if;

    if tg_when = 'BEFORE' then
        if tg_op = 'UPDATE' then
            if new *= old then
                return new;
            end if;
            before := to_jsonb(old);
        end if;
        after := to_jsonb(new);
        item := 2;
        while item < tg_nargs loop
            name := tg_argv[item + 1];
            if after ? name and coalesce(before -> name, 'null') <> after -> name then
                if tg_argv[item] = 'keep' then
                    kept := coalesce(kept, '{}') || jsonb_build_object(name, before -> name);
                elsif (tg_argv[item] = 'insert' and tg_op = 'INSERT')
                    or (tg_argv[item] = 'clear' and after -> name = 'null') then
                    null;
                else
                    raise exception using errcode = 'insufficient_privilege',
                        message = format('column %I of %s is read-only', name, place),
                        hint = tg_argv[item + 2],
                        schema = tg_table_schema, table = tg_table_name, column = name;
                end if;
            end if;
            item := item + 3;
        end loop;
        if kept is not null then
            new := jsonb_populate_record(new, kept);
        end if;
        return new;
    end if;

    -- After the row: the log. AFTER sees what other triggers made of the row.
    if tg_op <> 'INSERT' then
        before := to_jsonb(old);
    end if;
    if tg_op = 'DELETE' then
        touched := '{}';
    elsif tg_op = 'UPDATE' and new *= old then
        return null;
    else
        touched := array(
            select column_name from jsonb_each(to_jsonb(new)) as c (column_name, value)
            where value <> coalesce(before -> column_name, 'null') order by column_name
        );
        if tg_op = 'UPDATE' and touched = '{}' then
            return null;
        end if;
    end if;

    my_session := current_setting('sync.session', true);
    if my_session is null or my_session !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        my_session := gen_random_uuid();
        perform set_config('sync.session', my_session, false);
    end if;

    -- Where a base exists it stays, and is locked without writing a version of it: until this transaction ends, the
    -- program cannot settle the record and miss this change.
    insert into sync.base (workspace_id, object_id, record_id, base)
    values (tg_argv[0]::uuid, tg_argv[1]::uuid, case when tg_op = 'DELETE' then old.id else new.id end, before)
    on conflict (workspace_id, object_id, record_id) do update set record_id = excluded.record_id where false;
    insert into sync.outbox (workspace_id, object_id, record_id, operation, changed, session)
    values (tg_argv[0]::uuid, tg_argv[1]::uuid, case when tg_op = 'DELETE' then old.id else new.id end,
        lower(tg_op), touched, my_session::uuid);
    -- PostgreSQL sends equal notifications of one transaction once.
    perform pg_notify('sync_outbox', tg_argv[0]);
    return null;
end
$$;
comment on function sync.capture() is
    'Trigger of mirrored tables: logs local changes to sync.outbox and refuses those that Twenty cannot take';

-- Waiting is polling, because a function cannot listen. Each look is a statement of its own and so sees what was
-- committed meanwhile.
create function sync.wait(timeout interval default '30s')
returns table (object text, record_id uuid, operation text, outcome text, reason text, hint text)
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
    my_session text := current_setting('sync.session', true);
    reported bigint := coalesce(nullif(current_setting('sync.waited', true), ''), '0')::bigint;
    deadline constant timestamptz := clock_timestamp() + coalesce(timeout, interval '30s');
    pause double precision := 0.02;
    last bigint;
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception using errcode = 'active_sql_transaction',
            message = 'sync.wait cannot wait in a transaction that sees one state only',
            hint = 'call sync.wait outside of a transaction, or in one that is READ COMMITTED';
    end if;
    if my_session is null or my_session !~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' then
        return;
    end if;
    if exists (
        select from sync.outbox o where o.session = my_session::uuid
        and o.transaction = pg_current_xact_id_if_assigned()
    ) then
        raise exception using errcode = 'active_sql_transaction',
            message = 'sync.wait cannot wait for changes of the transaction it is called in',
            hint = 'COMMIT first: nothing is sent to Twenty before';
    end if;
    while clock_timestamp() < deadline and exists (
        select from sync.change c
        where c.session = my_session::uuid and c.outbox_id > reported and c.outcome = 'waiting'
    ) loop
        perform pg_sleep(least(pause, extract(epoch from deadline - clock_timestamp())));
        pause := least(pause * 1.5, 0.5);
    end loop;
    return query
        select o.name_plural, c.record_id, c.operation, c.outcome, c.reason, c.hint
        from sync.change c
        join sync.object o on o.workspace_id = c.workspace_id and o.object_id = c.object_id
        where c.session = my_session::uuid and c.outbox_id > reported
        order by c.outbox_id;
    -- What was reported is not reported again; what still waits is.
    select coalesce(
        min(c.outbox_id) filter (where c.outcome = 'waiting') - 1, max(c.outbox_id), reported
    ) into last from sync.change c where c.session = my_session::uuid and c.outbox_id > reported;
    perform set_config('sync.waited', last::text, false);
end
$$;
comment on function sync.wait(interval) is
    'Waits until Twenty has this session''s earlier changes, or has refused them; one row per change, with its '
    'outcome: that of sync.outbox, or waiting if the time was over first';

-- Everyone may see what happens to their changes; nobody but the owner may touch the book-keeping.
revoke all on all functions in schema sync from public;
grant usage on schema sync to public;
grant select on sync.pending, sync.problem, sync.conflict, sync.picklist, sync.status to public;
grant execute on function sync.wait(interval), sync.may_read(uuid, uuid, name) to public;
