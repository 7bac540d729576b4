-- What the server can do.

-- Only a server that was seen to be a newer one is written to, and the hint of a refused change names the version.
-- Null: not looked yet.
alter table sync.workspace
    add column server_version text,
    add column server_rest text
        constraint workspace_server_rest_is_known check (server_rest in ('common', 'legacy', 'unseen')),
    add column server_seen_at timestamptz,
    add constraint workspace_server_was_seen check ((server_rest is null) = (server_seen_at is null));
comment on column sync.workspace.server_version is 'The version that the server told; null if it told none';
comment on column sync.workspace.server_rest is
    'common: the server takes every change; legacy: an older one that is only read; unseen: it was not told, so it is '
    'only read, too';
comment on column sync.workspace.server_seen_at is 'When that was looked at';

-- The same function as before, but for the hint of a table that is only read because of the server.
create or replace function sync.capture() returns trigger
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
            hint = coalesce(
                (select case w.server_rest
                    when 'legacy' then format('the Twenty server, version %s, can only be read; upgrade it, and this '
                        'table can be written again', coalesce(w.server_version, 'of 2025'))
                    when 'unseen' then 'it could not be seen whether the Twenty server takes changes, so it is only '
                        'read; twenty-sync doctor says what to do'
                end
                from sync.workspace w where w.workspace_id = tg_argv[0]::uuid and tg_argv[2] = 'pull'),
                'change the record in Twenty, or set direction = "both" for this object in the configuration'
            ),
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
