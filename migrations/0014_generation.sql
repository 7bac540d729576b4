-- Whoever still works by the tables as they were does not know what a new column holds, or under which name. What it
-- decides would count as agreed on although a part was never looked at.
alter table sync.object add column generation bigint not null default 0;
comment on column sync.object.generation is 'How often the columns of the table have changed';

-- Called once the table is locked, so that its columns stay until the transaction ends.
create function sync.check_generation(workspace uuid, of_object uuid, known bigint) returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from sync.object where workspace_id = workspace and object_id = of_object and generation <> known;
    if found then
        raise exception using errcode = 'TS002', message = format('the table of object %s has changed', of_object);
    end if;
end
$$;
comment on function sync.check_generation is 'Refuses to write to a table by columns that it had before';
