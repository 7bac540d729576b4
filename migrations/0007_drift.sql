-- Columns that stay although their field is gone. Local changes that wait in one are kept until the field comes back
-- or a person gives them up.
create table sync.lost_column (
    workspace_id uuid not null,
    object_id uuid not null,
    column_name text not null,
    cause text not null constraint lost_column_cause_is_known check (cause in ('removed', 'retyped')),
    lost_at timestamptz not null default now(),
    constraint lost_column_pkey primary key (workspace_id, object_id, column_name),
    constraint lost_column_object_fkey foreign key (workspace_id, object_id)
        references sync.object (workspace_id, object_id) on delete cascade
);
comment on table sync.lost_column is 'Columns of mirrored tables that are no longer synced';
comment on column sync.lost_column.cause is 'removed: the field was deleted or deactivated; retyped: it has another column now';

-- What the data model asks for and is not done by itself (schema.mode), for status.
alter table sync.workspace add column held_steps text[] not null default '{}';
comment on column sync.workspace.held_steps is 'Changes of the tables that wait for: twenty-sync schema apply';

-- Columns that the last complete walk was not shown, so that their return is noticed.
alter table sync.checkpoint add column withheld text[] not null default '{}';
comment on column sync.checkpoint.withheld is 'Columns that Twenty does not show to the key';

-- Local changes that cannot go because the source has, or shows, no field for a column. They are no quarantine: the
-- rest of the record goes on.
create view sync.unsendable as
select o.outbox_id, o.workspace_id, o.object_id, o.record_id, o.changed_at, l.column_name, case l.cause
        when 'removed' then format('Twenty has no field for %I any more', l.column_name)
        else format('the field of %I has another type now, and another column', l.column_name)
    end as reason, case l.cause
        when 'removed' then 'the value stays in the column, and is sent when the field comes back'
        else 'the value stays in the column: copy it to the new one'
    end as hint
from sync.outbox o
join sync.lost_column l on l.workspace_id = o.workspace_id and l.object_id = o.object_id
    and l.column_name = any (o.changed)
where o.settled_at is null and o.operation = 'update'
union all
select o.outbox_id, o.workspace_id, o.object_id, o.record_id, o.changed_at, name,
    format('Twenty does not show %I to the key', name),
    'let the role of the key read the field, and the change is sent'
from sync.outbox o
join sync.base b on b.workspace_id = o.workspace_id and b.object_id = o.object_id and b.record_id = o.record_id
join sync.checkpoint k on k.workspace_id = o.workspace_id and k.object_id = o.object_id
join lateral unnest(b.waiting) as name on name = any (o.changed) and name = any (k.withheld)
where o.settled_at is null and o.operation = 'update'
and not exists (select from sync.conflict c where c.workspace_id = o.workspace_id and c.object_id = o.object_id
    and c.record_id = o.record_id and c.resolution = 'held' and c.mirror ? name)
union all
select o.outbox_id, o.workspace_id, o.object_id, o.record_id, o.changed_at, null,
    case ob.direction
        when 'pull' then format('%s is only pulled now', ob.name_plural)
        else format('%s is no longer mirrored', ob.name_plural)
    end,
    'it is sent when the object is synced in both directions again'
from sync.outbox o
join sync.object ob on ob.workspace_id = o.workspace_id and ob.object_id = o.object_id and ob.direction <> 'both'
where o.settled_at is null;
comment on view sync.unsendable is 'Local changes for which Twenty has, or shows, no field, or that go nowhere because of their object';

-- Every change with its outcome, as before; a change can also be behind a stop, or go nowhere because of its field.
create or replace view sync.change as
select o.outbox_id, o.workspace_id, o.object_id, o.record_id, o.operation, o.changed, o.changed_by, o.session,
    o.changed_at, o.transaction, o.settled_at,
    case
        when o.outcome is not null then o.outcome
        when q.outbox_id >= o.outbox_id and q.retry_at is null then 'refused'
        when u.reason is not null then 'refused'
        when o.operation = 'update' and o.changed <@ b.waiting then 'conflict'
        when coalesce(s.reason, r.reason) is not null then 'stopped'
        else 'waiting'
    end as outcome,
    case
        when o.outcome is not null then o.reason
        when q.outbox_id >= o.outbox_id then q.reason
        when u.reason is not null then u.reason
        when o.operation = 'update' and o.changed <@ b.waiting then
            'both sides changed the field and a person is to decide'
        else coalesce(s.reason, r.reason)
    end as reason,
    case
        when o.outcome is not null then o.hint
        when q.outbox_id >= o.outbox_id then q.hint
        when u.reason is not null then u.hint
        when o.operation = 'update' and o.changed <@ b.waiting then
            format('select * from sync.conflict where record_id = %L', o.record_id)
        else coalesce(s.hint, r.hint)
    end as hint
from sync.outbox o
left join sync.base b on o.settled_at is null and b.workspace_id = o.workspace_id
    and b.object_id = o.object_id and b.record_id = o.record_id
left join sync.quarantine q on o.settled_at is null and q.workspace_id = o.workspace_id
    and q.object_id = o.object_id and q.direction = 'push' and q.record_key = o.record_id::text
left join sync.stopped_push s on o.settled_at is null and s.workspace_id = o.workspace_id
    and s.object_id = o.object_id
left join sync.stopped_record r on o.settled_at is null and r.workspace_id = o.workspace_id
    and r.object_id = o.object_id and r.record_id = o.record_id and o.outbox_id <= r.through
left join lateral (
    select u.reason, u.hint from sync.unsendable u where u.outbox_id = o.outbox_id order by u.column_name limit 1
) u on o.settled_at is null;

create or replace view sync.problem as
select q.direction, w.schema_name, o.name_plural as object, o.table_name, q.record_id, q.field, q.reason,
    coalesce(q.hint, case q.direction
        when 'pull' then 'correct the record in Twenty: it is read again when it changes'
        else 'change the row here and it is tried again, or discard the local change'
    end) as hint,
    q.holder_id, q.attempts, q.retry_at, q.first_seen_at, q.last_seen_at
from sync.quarantine q
join sync.object o on o.workspace_id = q.workspace_id and o.object_id = q.object_id
join sync.workspace w on w.workspace_id = q.workspace_id
union all
select 'push', w.schema_name, o.name_plural, o.table_name, u.record_id, u.column_name, u.reason,
    u.hint || '; or give the change up: twenty-sync problems discard', null, 0, null,
    min(u.changed_at), max(u.changed_at)
from sync.unsendable u
join sync.object o on o.workspace_id = u.workspace_id and o.object_id = u.object_id
join sync.workspace w on w.workspace_id = u.workspace_id
group by w.schema_name, o.name_plural, o.table_name, u.record_id, u.column_name, u.reason, u.hint;

create or replace view sync.status as
select w.schema_name, o.name_plural as object, o.table_name, o.direction,
    coalesce(p.waiting, 0) as waiting, p.oldest,
    (select count(*) from sync.quarantine q
     where q.workspace_id = o.workspace_id and q.object_id = o.object_id)
    + (select count(distinct u.record_id) from sync.unsendable u
     where u.workspace_id = o.workspace_id and u.object_id = o.object_id) as problems,
    (select count(*) from sync.conflict c where c.workspace_id = o.workspace_id
     and c.object_id = o.object_id and c.resolution = 'held') as conflicts,
    k.succeeded_at as last_pull, k.failed_at, k.failure,
    (select string_agg(format('%s: %s (%s)', s.flow, s.reason, s.cause), '; ' order by s.flow, s.stopped_at)
     from sync.stop s where s.workspace_id = o.workspace_id and s.object_id = o.object_id) as stopped
from sync.object o
join sync.workspace w on w.workspace_id = o.workspace_id
left join sync.checkpoint k on k.workspace_id = o.workspace_id and k.object_id = o.object_id
left join (
    select workspace_id, object_id, count(distinct record_id) as waiting, min(changed_at) as oldest
    from sync.outbox where settled_at is null group by workspace_id, object_id
) p on p.workspace_id = o.workspace_id and p.object_id = o.object_id;
comment on column sync.status.stopped is 'What does not run, and why; null: both flows run';
