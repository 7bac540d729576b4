-- A record that refers to a new record of a stopped object waits with that, without being a problem: Twenty would refuse
-- the reference, and nobody has to repair anything. It is remembered here rather than in sync.quarantine. Nothing clears
-- it: it counts only as long as the other record is new and its object is stopped.
alter table sync.base
    add column behind_object uuid,
    add column behind uuid,
    add column behind_through bigint,
    add constraint base_behind_is_whole check (num_nulls(behind_object, behind, behind_through) in (0, 3));
comment on column sync.base.behind is 'The new record of a stopped object that this one refers to, directly or not';
comment on column sync.base.behind_object is 'The object of that record';
comment on column sync.base.behind_through is 'The last change that refers to it; a newer one is looked at';

create view sync.stopped_record as
select b.workspace_id, b.object_id, b.record_id, b.behind_object, b.behind, b.behind_through as through,
    format('it refers to the new record %s, which is not sent: %s', b.behind, s.reason) as reason, s.hint
from sync.base b
join sync.base p on p.workspace_id = b.workspace_id and p.object_id = b.behind_object
    and p.record_id = b.behind and p.base is null
join sync.stopped_push s on s.workspace_id = p.workspace_id and s.object_id = p.object_id;
comment on view sync.stopped_record is 'Records that wait with a new record of a stopped object, which they refer to';

-- As before; a change of such a record is stopped, too.
create or replace view sync.change as
select o.outbox_id, o.workspace_id, o.object_id, o.record_id, o.operation, o.changed, o.changed_by, o.session,
    o.changed_at, o.transaction, o.settled_at,
    case
        when o.outcome is not null then o.outcome
        when q.outbox_id >= o.outbox_id and q.retry_at is null then 'refused'
        when o.operation = 'update' and o.changed <@ b.waiting then 'conflict'
        when coalesce(s.reason, r.reason) is not null then 'stopped'
        else 'waiting'
    end as outcome,
    case
        when o.outcome is not null then o.reason
        when q.outbox_id >= o.outbox_id then q.reason
        when o.operation = 'update' and o.changed <@ b.waiting then
            'both sides changed the field and a person is to decide, or Twenty does not show it'
        else coalesce(s.reason, r.reason)
    end as reason,
    case
        when o.outcome is not null then o.hint
        when q.outbox_id >= o.outbox_id then q.hint
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
    and r.object_id = o.object_id and r.record_id = o.record_id and o.outbox_id <= r.through;
