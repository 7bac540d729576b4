-- Flows of single objects that do not run, and why: a fuse that blew, a person who paused it, a side that was restored
-- from an older backup. One row per cause, so that lifting one leaves the others.
create table sync.stop (
    workspace_id uuid not null,
    object_id uuid not null,
    flow text not null constraint stop_flow_is_known check (flow in ('pull', 'push')),
    cause text not null constraint stop_cause_is_known check (cause in ('fuse', 'pause', 'rewind')),
    reason text not null,
    hint text not null,
    stopped_at timestamptz not null default now(),
    constraint stop_pkey primary key (workspace_id, object_id, flow, cause),
    constraint stop_object_fkey foreign key (workspace_id, object_id)
        references sync.object (workspace_id, object_id) on delete cascade
);
comment on table sync.stop is 'Flows of objects that do not run, and why';
comment on column sync.stop.flow is 'pull: from Twenty to here; push: from here to Twenty';

-- The first thing to say of a change that waits behind a stop.
create view sync.stopped_push as
select distinct on (workspace_id, object_id) workspace_id, object_id, cause, reason, hint
from sync.stop where flow = 'push' order by workspace_id, object_id, stopped_at, cause;
comment on view sync.stopped_push is 'Objects whose local changes are not sent, with the oldest reason';

create or replace view sync.pending as
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
        when c.outcome = 'stopped' then 'stopped'
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
comment on column sync.pending.state is
    'waiting, sent (the answer is awaited), held (see sync.conflict), refused (see sync.problem) or stopped (see sync.status)';

-- As before, but a change behind a stop does not keep its session waiting: nobody knows for how long.
create or replace function sync.wait(timeout interval default '30s')
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
    -- What was reported is not reported again; what still waits or is stopped is.
    select coalesce(
        min(c.outbox_id) filter (where c.outcome in ('waiting', 'stopped')) - 1, max(c.outbox_id), reported
    ) into last from sync.change c where c.session = my_session::uuid and c.outbox_id > reported;
    perform set_config('sync.waited', last::text, false);
end
$$;
comment on function sync.wait(interval) is
    'Waits until Twenty has this session''s earlier changes, or has refused them; one row per change, with its '
    'outcome: that of sync.outbox, stopped behind a stop, or waiting if the time was over first';
