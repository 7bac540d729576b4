-- Who works on the mirror of a workspace. Of several programs one does, and the others stand by.

-- Every taking of the lease is an epoch. Times are the database's own, so no other clock matters.
create table sync.lease (
    workspace_id uuid primary key references sync.workspace on delete cascade,
    epoch bigint not null,
    holder text not null,
    backend integer not null,
    acquired_at timestamptz not null,
    renewed_at timestamptz not null,
    expires_at timestamptz not null,
    constraint lease_epoch_is_counted check (epoch > 0)
);
comment on table sync.lease is 'Which program works on the mirror of a workspace, and until when it may';
comment on column sync.lease.epoch is 'How often the lease was taken; a program writes only under the one it took';
comment on column sync.lease.holder is 'Host and process of the program';
comment on column sync.lease.backend is 'The session that renews the lease; when it is gone, so is its program';
comment on column sync.lease.expires_at is 'From then on another may take it';

-- The lock between those who write under a lease (shared) and whoever takes it (exclusive). It ends with the
-- transaction, so it also works behind a pooler.
create function sync.lease_lock(workspace uuid) returns bigint
language sql immutable parallel safe as $$
    select pg_catalog.hashtextextended('twenty-sync lease ' || workspace::text, 0)
$$;
comment on function sync.lease_lock is 'The key of the advisory lock of a lease';

-- Called first in every transaction of the program that works. A transaction that comes too late fails here; one that
-- came in time keeps whoever takes the lease waiting until it ends. So no epoch writes after the next one has begun.
create function sync.fence(workspace uuid, own bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform pg_advisory_xact_lock_shared(sync.lease_lock(workspace));
    -- A statement of its own sees what was committed while the lock was waited for.
    perform from sync.lease where workspace_id = workspace and epoch = own;
    if not found then
        raise exception using errcode = 'TS001',
            message = format('the lease of workspace %s is not held under epoch %s any more', workspace, own);
    end if;
end
$$;
comment on function sync.fence is 'Refuses to write under a lease that another has taken';
