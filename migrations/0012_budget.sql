-- What the calls to Twenty were spent on, and how much a first load has before it.

-- Counted before the first page, so that it can be told how long a first load takes. Null: not counted, or read to the
-- end since.
alter table sync.checkpoint
    add column expected bigint constraint checkpoint_expects_no_less_than_nothing check (expected >= 0);
comment on column sync.checkpoint.expected is 'Records that the first walk will see, as they were counted before it';

-- What the program knows of its budget, for those who ask the database and not the program. One row for each workspace,
-- of whichever process wrote last.
create table sync.budget (
    workspace_id uuid primary key references sync.workspace on delete cascade,
    told_at timestamptz not null default now(),
    limit_calls bigint,
    limit_milliseconds bigint,
    left_calls bigint,
    reserve_calls bigint,
    -- By lane and outcome: {"push": {"answered": 3}}.
    calls jsonb not null,
    constraint budget_has_a_whole_limit check (
        num_nulls(limit_calls, limit_milliseconds, left_calls, reserve_calls) in (0, 4)
    )
);
comment on table sync.budget is 'Calls to Twenty by lane and outcome since the process started, and what is left of the limit';
comment on column sync.budget.limit_calls is 'Calls that Twenty allows in limit_milliseconds; null while no limit is known';
comment on column sync.budget.left_calls is 'Calls that could be made at that moment';
comment on column sync.budget.reserve_calls is 'Calls of the limit that sweeps and first loads leave to others';
