-- Writes down which process changes a row, in the transaction that does.
create table public.witness (at timestamptz not null, who text not null, relation text not null);

create function public.witness() returns trigger language plpgsql as $$
begin
    insert into public.witness
    values (clock_timestamp(), coalesce(current_setting('witness.who', true), ''), tg_table_name);
    return null;
end
$$;

do $$
declare
    name text;
begin
    for name in
        select format('%I.%I', n.nspname, c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('sync', 'twenty') and c.relkind = 'r' and c.relname not in ('lease', '_sqlx_migrations')
    loop
        execute format('create trigger witness after insert or update or delete on %s '
            'for each row execute function public.witness()', name);
    end loop;
end
$$;
