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
