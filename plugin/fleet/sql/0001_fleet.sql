-- SPDX-License-Identifier: Apache-2.0
-- The fleet's database, schema version 1: PostgreSQL 15 or newer, encoding UTF8.  README.md explains it; run it in one transaction.

do $$
begin
    if current_setting('server_version_num')::int < 150000 then
        raise exception 'jeton: PostgreSQL 15 or newer is needed';
    elsif current_setting('server_encoding') <> 'UTF8' then
        raise exception 'jeton: the database must have the encoding UTF8';
    end if;
    for i in 1 .. 4 loop          -- roles belong to the cluster, so another database of it may have made them
        if to_regrole((array['jeton_owner', 'jeton_host', 'jeton_issuer', 'jeton_monitor'])[i]) is null then
            execute format('create role %I nologin', (array['jeton_owner', 'jeton_host', 'jeton_issuer', 'jeton_monitor'])[i]);
        end if;
    end loop;
    grant jeton_host to jeton_issuer;
    grant pg_read_all_stats to jeton_owner;       -- confirm() asks how far the standbys are, take_turn() who waits for what
    grant pg_signal_backend to jeton_owner;       -- take_turn() ends who keeps all others waiting
    execute format('revoke all on database %I from public', current_database());        -- temporary tables too
    execute format('grant connect on database %I to jeton_owner, jeton_host, jeton_monitor', current_database());
end $$;

-- What PostgreSQL lets everybody do, and with which one host would stop all: advisory locks, which fill the server's table of locks until
-- nobody gets one; large objects, and messages in the WAL, which fill the disk.
do $$
declare f regprocedure;
begin
    for f in select p.oid from pg_proc p where p.pronamespace = 'pg_catalog'::regnamespace
             and (p.proname ~ '^pg_(try_)?advisory_' or p.proname in ('lo_creat', 'lo_create', 'lo_from_bytea', 'pg_logical_emit_message')) loop
        execute format('revoke execute on function %s from public', f);
    end loop;
end $$;

create schema jeton authorization jeton_owner;
set local role jeton_owner;
alter default privileges for role jeton_owner revoke execute on functions from public;

create table jeton.version (version int primary key, name text not null, applied timestamptz not null default clock_timestamp());

create table jeton.turn ();             -- who holds it in exclusive mode writes; nobody but the functions' owner may lock it

-- The newest state of each token.  No serial here, and no index but the key, so that updates stay HOT.
create table jeton.token (
    digest      bytea primary key check (octet_length(digest) = 32),
    grp         text not null,
    state       text not null check (state in ('active', 'disabled', 'revoked', 'deleted')),
    known       bool not null,                  -- false: only a denial of it has come so far
    enabled     bool not null default false,    -- it was disabled once, and is so no more
    created     bigint not null,                -- seconds since 1970; so below
    activates   bigint,
    expires     bigint,
    revoked     bigint,
    disabled    bigint,
    origin      text not null default session_user,
    by_uid      bigint,
    changed     timestamptz not null default clock_timestamp(),
    words       text not null                   -- its claims but for the state, ready for the line grammar
) with (fillfactor = 85);

-- The audit trail, what hosts follow, and what they prove their place with.  Many tokens that are denied alike are one change: their
-- digests, 32 bytes each, one behind the other.
create table jeton.change (
    serial      bigint primary key,
    nonce       uuid not null default gen_random_uuid(),
    time        timestamptz not null default clock_timestamp(),
    event       text not null,
    digest      bytea check (octet_length(digest) % 32 = 0 and octet_length(digest) between 32 and 32768),
    target      text,                           -- of event `groups`: the host that has others now
    grp         text,
    claims      text,
    host        text not null default session_user,
    by_uid      bigint
) partition by range (serial);
alter table jeton.change alter column digest set storage external;      -- random bytes cannot be compressed
create index change_large on jeton.change (serial) where octet_length(digest) > 1024;

create table jeton.used (digest bytea primary key, at bigint not null);     -- apart from token: its rows are never locked by hosts

create table jeton.host (host text collate "C" primary key, issuer bool not null, joined timestamptz not null default clock_timestamp(),
                         gone timestamptz);
create table jeton.member (host text collate "C" references jeton.host, grp text, primary key (host, grp));

create table jeton.seen (host text collate "C" primary key, serial bigint, nonce uuid, known bool not null, at timestamptz not null,
                         version text, lease_ms bigint, rewinds bigint, error text) with (fillfactor = 50);

-- What leases are dated by.  Several slots, so that a host that keeps one locked stops nobody else's beats.
create table jeton.beat (slot int primary key, id bigint not null default 0, time timestamptz, host text, lsn pg_lsn,
                         confirmed_id bigint, confirmed timestamptz) with (fillfactor = 20);
insert into jeton.beat (slot) select generate_series(0, 15);

-- -- words of the line grammar, as proto/line.c and proto/stamp.c write them ------------------------------------------

create function jeton.word(v text) returns text language plpgsql immutable
set search_path = jeton, pg_temp set standard_conforming_strings = on as $$
declare q text;
begin
    if v <> '' and v !~ '[\u0001-\u0020"\\\u007f-\u009f]' then
        return v;
    end if;
    q := replace(replace(replace(replace(replace(v, '\', '\\'), '"', '\"'), E'\n', '\n'), E'\t', '\t'), E'\r', '\r');
    if q ~ '[\u0001-\u001f\u007f-\u009f]' then
        select string_agg(case when c ~ '[\u0001-\u001f\u007f-\u009f]'
                               then regexp_replace(encode(convert_to(c, 'UTF8'), 'hex'), '(..)', '\\x\1', 'g') else c end, '' order by i)
        into q from regexp_split_to_table(q, '') with ordinality x(c, i);
    end if;
    return '"' || q || '"';
end $$;

create function jeton.stamp(t bigint) returns text language sql stable
as $$ select to_char(to_timestamp(t) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') $$;

-- How a token is denied, as words; also the beginning of its claims.
create function jeton.denial(state text, revoked bigint, disabled bigint) returns text language sql stable
as $$ select 'state=' || state || case state when 'revoked' then ' revoked=' || jeton.stamp(revoked)
                                             when 'disabled' then ' disabled=' || jeton.stamp(disabled) else '' end $$;

create function jeton.words(t jeton.token, subject text, scopes text, description text, replaces bytea) returns text language sql stable
as $$ select concat_ws(' ', 'group=' || t.grp, 'created=' || jeton.stamp(t.created), 'activates=' || jeton.stamp(t.activates),
                       'expires=' || jeton.stamp(t.expires), 'subject=' || jeton.word(nullif(subject, '')), 'scopes=' || nullif(scopes, ''),
                       'description=' || jeton.word(nullif(description, '')), 'replaces=' || encode(replaces, 'hex'),
                       'origin=' || jeton.word(t.origin), 'by=uid:' || t.by_uid) $$;

-- One of them, with its key, or NULL.  Words are taken from the first on: what a description says is none.
create function jeton.claim(words text, key text) returns text language sql immutable
set standard_conforming_strings = on
as $$ select m[1] from regexp_matches($1, '([a-z]+=(?:"(?:[^"\\]|\\.)*"|[^ "]*))(?: |$)', 'g') m where m[1] like $2 || '=%' $$;

-- Those of a token that has others already: what is NULL stays as it is, what is empty goes.
create function jeton.changed_words(t jeton.token, subject text, scopes text, description text) returns text language sql stable
as $$ select concat_ws(' ', 'group=' || t.grp, 'created=' || jeton.stamp(t.created), 'activates=' || jeton.stamp(t.activates),
                       'expires=' || jeton.stamp(t.expires),
                       case when subject is null then jeton.claim(t.words, 'subject') else 'subject=' || jeton.word(nullif(subject, '')) end,
                       case when scopes is null then jeton.claim(t.words, 'scopes') else 'scopes=' || nullif(scopes, '') end,
                       case when description is null then jeton.claim(t.words, 'description')
                            else 'description=' || jeton.word(nullif(description, '')) end,
                       jeton.claim(t.words, 'replaces'), 'origin=' || jeton.word(t.origin), 'by=uid:' || t.by_uid) $$;

-- -- order -----------------------------------------------------------------------------------------------------------

-- Make the partition with this number, of a million serials.  ATTACH: CREATE … PARTITION OF would wait for whoever reads.
create function jeton.make_partition(k bigint) returns void language plpgsql
set search_path = jeton, pg_temp set default_tablespace = '' as $$
begin
    if to_regclass('jeton.change_' || k) is null then
        execute format('create table jeton.change_%s (like jeton.change including defaults including constraints including storage, check (serial is not null and serial >= %s and serial < %s))',
                       k, k * 1000000, (k + 1) * 1000000);
        execute format('alter table jeton.change attach partition jeton.change_%s for values from (%s) to (%s)',
                       k, k * 1000000, (k + 1) * 1000000);
    end if;
end $$;

-- Hold the writers' lock until the end of this transaction.  Whoever has it for 10 s while others wait is ended, so that a host
-- cannot stop the fleet by a transaction that it leaves open; not who waits for a standby, as that is no fault of his.
create function jeton.take_turn() returns void language plpgsql set search_path = jeton, pg_temp set lock_timeout = '10s' as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise exception 'jeton: changes are made under READ COMMITTED' using errcode = 'J0003';
    end if;
    loop
        begin
            lock table turn in exclusive mode;
            exit;
        exception when lock_not_available then
            perform pg_terminate_backend(l.pid)
            from pg_locks l join pg_stat_activity a on a.pid = l.pid join pg_roles r on r.oid = a.usesysid
            where l.relation = 'turn'::regclass and l.granted and l.database = (select oid from pg_database where datname = current_database())
              and a.wait_event is distinct from 'SyncRep' and not r.rolsuper and clock_timestamp() - a.xact_start > interval '10 s';
        end;
    end loop;
    -- An answer means that it is saved, whatever the session was set to.
    if current_setting('synchronous_commit') in ('off', 'local') then
        perform set_config('synchronous_commit', 'on', true);
    end if;
end $$;

-- The first of n serials.  One writer at a time from here to its commit: then no smaller one can become visible after a larger one.
create function jeton.next_serial(n bigint) returns bigint language plpgsql
set search_path = jeton, pg_temp set plan_cache_mode = auto as $$
declare s bigint;
begin
    perform take_turn();
    s := coalesce((select c.serial from change c order by c.serial desc limit 1), 0) + 1;
    for k in s / 1000000 .. (s + n - 1) / 1000000 + 1 loop      -- one ahead
        perform make_partition(k);
    end loop;
    return s;
end $$;

-- Wake who listens; at most once a commit.  Any role may notify, and one that listens and keeps a transaction open lets the queue of
-- notifications grow until every commit that has one fails.  Before that, nobody is woken: hosts ask each second anyway.
create function jeton.wake() returns void language plpgsql set search_path = jeton, pg_temp as $$
begin
    if pg_notification_queue_usage() < 0.75 then
        perform pg_notify('jeton', '');
    end if;
end $$;

-- -- who may what ----------------------------------------------------------------------------------------------------

-- session_user is not the function's owner but who has logged in.
create function jeton.check_group(g text) returns void language plpgsql stable set search_path = jeton, pg_temp as $$
begin
    if g is null or g !~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$' then
        raise exception 'jeton: not the name of a group' using errcode = 'J0008';
    elsif not exists (select from member m where m.host = session_user and m.grp = g) then
        raise exception 'jeton: this host is not of that group' using errcode = 'J0002';
    end if;
end $$;

create function jeton.check_values(digest bytea, state text, times bigint[], subject text, scopes text, description text, replaces bytea,
                                   by_uid bigint) returns void language plpgsql stable
set search_path = jeton, pg_temp set standard_conforming_strings = on as $$
declare wrong text := case
    when digest is null or octet_length(digest) <> 32 then 'digest'
    when state is null or state not in ('active', 'disabled', 'revoked') then 'state'
    when times[1] is null or exists (select from unnest(times) t where t < 0 or t > 253402300799) then 'time'
    when times[3] <= coalesce(times[2], 0) then 'expires'          -- no host would take it
    when octet_length(subject) > 256 then 'subject'
    when scopes <> '' and (octet_length(scopes) > 2079 or scopes !~ '^[A-Za-z0-9._:/*-]{1,64}(,[A-Za-z0-9._:/*-]{1,64}){0,31}$') then 'scopes'
    when octet_length(description) > 1024 then 'description'
    when octet_length(replaces) <> 10 then 'replaces'
    when by_uid < 0 or by_uid > 4294967295 then 'by_uid' end;
begin
    if wrong is not null then
        raise exception 'jeton: the value of % is wrong', wrong using errcode = 'J0008';
    end if;
end $$;

-- A token's id is the first ten bytes of its digest, and two digests with the same one are more than a host can tell apart: who made the
-- second would stop the snapshots of all hosts.  Lists go on behind a token by its first 62 bits: of several with the same, made in the same
-- second, some would not be listed.  Hashes never begin so much alike.
create function jeton.check_id(digest bytea) returns void language plpgsql stable set search_path = jeton, pg_temp as $$
begin
    if exists (select from token t where t.digest > set_byte(substr($1, 1, 8), 7, get_byte($1, 7) & 252)
               and t.digest <= set_byte(substr($1, 1, 8), 7, get_byte($1, 7) | 3) || decode(repeat('ff', 24), 'hex') and t.digest <> $1) then
        raise exception 'jeton: another token has nearly this id' using errcode = 'J0008';
    end if;
end $$;

-- -- writing ---------------------------------------------------------------------------------------------------------

-- Create a token, with all its claims, or change it.  A change (update, enable, end) has the claims that it changes, so that it undoes no
-- other one, however late it comes: NULL leaves a claim as it is, and an `expires` of -1 is never; `end` lets the token end no later than
-- that.  Denials are sticky: revoked > disabled > active, and only `enable` undoes a disabling.  A create may be repeated by who made it:
-- his first answer may have been lost.
create function jeton.put(event text, digest bytea, grp text, state text, created bigint, activates bigint, expires bigint, subject text,
                          scopes text, description text, replaces bytea, by_uid bigint, out serial bigint, out nonce uuid)
language plpgsql security definer set search_path = jeton, pg_temp set standard_conforming_strings = on
set plan_cache_mode = auto as $$
#variable_conflict use_column
declare o token; t token; now_s bigint := extract(epoch from clock_timestamp()); there bool; changes bool := $1 in ('update', 'enable', 'end');
begin
    perform check_group($3);
    perform check_values($2, $4, case when changes then array[0, null, nullif($7, -1)] else array[$5, $6, $7] end, $8, $9, $10, $11, $12);
    if $1 is null or not changes and $1 not in ('create', 'import', 'rotate') or $1 = 'end' and coalesce($7, -1) = -1 then
        raise exception 'jeton: the value of event is wrong' using errcode = 'J0008';
    end if;
    serial := next_serial(1);
    select * into o from token x where x.digest = $2;
    there := found;
    if there and o.grp <> $3 then
        raise exception 'jeton: a token of another group' using errcode = 'J0004';
    elsif changes and (not there or not o.known or o.state = 'deleted') then       -- of what is denied alone nobody knows the claims
        raise exception 'jeton: no such token' using errcode = 'J0007';
    elsif there and (o.state = 'deleted' or ($1 = 'create' and o.known
                     and (o.origin <> session_user or o.created <> $5 or o.by_uid is distinct from $12))) then
        raise exception 'jeton: it exists' using errcode = 'J0005';
    end if;
    if not there then
        perform check_id($2);
    end if;
    t := o;
    t.digest := $2;    t.grp := $3;    t.known := true;    t.changed := clock_timestamp();
    if not changes then
        t.activates := $6;    t.expires := $7;
    elsif $7 is not null then
        t.expires := case $1 when 'end' then least(o.expires, $7) else nullif($7, -1) end;
        if t.expires <= t.activates then                -- no host would take it
            raise exception 'jeton: the value of expires is wrong' using errcode = 'J0008';
        end if;
    end if;
    if not coalesce(o.known, false) then                        -- who made it stays
        t.created := $5;    t.origin := session_user;    t.by_uid := $12;
    end if;
    t.enabled := coalesce(o.enabled, false) or $1 = 'enable';
    t.state := case when o.state = 'revoked' or $4 = 'revoked' then 'revoked'
                    when $4 = 'disabled' or (o.state = 'disabled' and $1 <> 'enable') then 'disabled' else 'active' end;
    t.revoked := case when t.state = 'revoked' then coalesce(o.revoked, now_s) end;
    t.disabled := case when t.state = 'disabled' then coalesce(o.disabled, now_s) when t.state = 'revoked' then o.disabled end;
    t.words := case when changes then changed_words(t, $8, $9, $10) else words(t, $8, $9, $10, $11) end;
    if there then
        update token x set activates = t.activates, expires = t.expires, known = t.known, changed = t.changed, created = t.created, origin = t.origin,
            by_uid = t.by_uid, enabled = t.enabled, state = t.state, revoked = t.revoked, disabled = t.disabled, words = t.words where x.digest = $2;
    else
        insert into token select t.*;
    end if;
    insert into change as c (serial, event, digest, grp, claims, by_uid)
    values (put.serial, case $1 when 'end' then 'update' else $1 end, $2, $3, denial(t.state, t.revoked, t.disabled) || ' ' || t.words, $12) returning c.nonce into nonce;
    perform wake();
end $$;

-- Revoke, disable or delete many.  An issuer may also revoke and disable what is not here yet: a denial that overtakes its creation
-- must win.  Said again it is a change again: a first attempt may be visible and yet not replicated, and an answer that waits for
-- nothing would confirm what a failover then loses.
create function jeton.deny(event text, digests bytea[], grp text, by_uid bigint, out serial bigint, out nonce uuid)
language plpgsql security definer set search_path = jeton, pg_temp set standard_conforming_strings = on
set plan_cache_mode = auto as $$
#variable_conflict use_column
declare now_s bigint := extract(epoch from clock_timestamp()); n bigint; last bigint; missing text; became text; fresh bytea[];
begin
    perform check_group($3);
    if $1 is null or $1 not in ('revoke', 'disable', 'delete') then
        raise exception 'jeton: the value of event is wrong' using errcode = 'J0008';
    elsif $1 <> 'revoke' and not pg_has_role(session_user, 'jeton_issuer', 'member') then
        raise exception 'jeton: this host is not an issuer: `jeton fleet join` with --issuer makes it one' using errcode = 'J0006';
    elsif coalesce(cardinality($2), 0) not between 1 and 100000 or $4 < 0 or $4 > 4294967295
          or exists (select from unnest($2) d where d is null or octet_length(d) <> 32) then
        raise exception 'jeton: the value of digests or by_uid is wrong' using errcode = 'J0008';
    end if;
    became := case $1 when 'revoke' then 'revoked' when 'disable' then 'disabled' else 'deleted' end;
    serial := next_serial(cardinality($2));
    if $1 = 'delete' or not pg_has_role(session_user, 'jeton_issuer', 'member') then
        select string_agg(encode(x, 'hex'), ' ') into missing from (
            select d from unnest($2) d except select t.digest from token t where t.digest = any($2) and t.grp = $3 limit 100) x(x);
        if missing is not null then
            raise exception 'jeton: no such token' using errcode = 'J0007', detail = missing;
        end if;
    end if;
    with w as (insert into token as t (digest, grp, state, known, created, revoked, disabled, by_uid, words)
               select distinct d, $3, became, false, now_s, case became when 'revoked' then now_s end, case became when 'disabled' then now_s end, $4,
                      'group=' || $3 || ' created=' || stamp(now_s) || ' origin=' || word(session_user) || coalesce(' by=uid:' || $4, '')
               from unnest($2) d
               on conflict (digest) do update set changed = clock_timestamp(),      -- written also when it says nothing new: see above
                   state = case when t.state = 'deleted' or became = 'deleted' then 'deleted'
                                when t.state = 'revoked' or became = 'revoked' then 'revoked' else became end,
                   revoked = coalesce(t.revoked, excluded.revoked), disabled = coalesce(t.disabled, excluded.disabled)
               where t.grp = $3 returning t.digest, t.revoked, t.disabled, t.xmax = 0 as fresh),
    -- Alike is what has the same claims: what was denied before keeps its time.
    k as (select w.digest, case when became <> 'deleted' then w.revoked end as revoked,
                 case when became <> 'deleted' and w.revoked is null then w.disabled end as disabled from w),
    p as (select k.*, (row_number() over (partition by k.revoked, k.disabled order by k.digest) - 1) / 1024 as part from k),
    r as (select p.revoked, p.disabled, string_agg(p.digest, '' order by p.digest) as digests from p group by p.revoked, p.disabled, p.part),
    c as (insert into change (serial, event, digest, grp, claims, by_uid)
    select deny.serial - 1 + row_number() over (), $1, r.digests, $3,
           case when became <> 'deleted' then 'group=' || $3 || ' ' || denial(case when r.revoked is null then 'disabled' else 'revoked' end, r.revoked, r.disabled) end,
           $4 from r returning serial)
    select (select max(c.serial) from c), count(*), array_agg(w.digest) filter (where w.fresh) into last, n, fresh from w;
    if fresh is not null then
        perform check_id(d) from unnest(fresh) d;
    end if;
    if n < (select count(distinct d) from unnest($2) d) then
        raise exception 'jeton: a token of another group' using errcode = 'J0004';
    end if;
    select c.serial, c.nonce into serial, nonce from change c where c.serial = last;
    perform wake();
end $$;

-- -- reading ---------------------------------------------------------------------------------------------------------

-- From a host's place on, that place included: if the first row is not its (serial, nonce), its place is not in this history
-- (failover, restore, another database), and it rewinds.  What is not for it moves its place on, no more.
create view jeton.feed with (security_barrier) as
    select serial, nonce, event,
           case when grp = any (array(select m.grp from jeton.member m where m.host = session_user)) then digest end as digest,
           case when target = session_user or grp = any (array(select m.grp from jeton.member m where m.host = session_user)) then claims end as claims
    from jeton.change order by serial;          -- inside, for the planner keeps out of a security barrier

-- Which of them are large, so that who reads a page can bound its size.
create view jeton.large with (security_barrier) as
    select serial from jeton.change
    where octet_length(digest) > 1024 and grp = any (array(select m.grp from jeton.member m where m.host = session_user)) order by serial;

-- For admins: what became of a token.  Its id is enough, the first ten bytes of its digest.
create function jeton.history(id bytea, out serial bigint, out at timestamptz, out event text, out digest bytea, out grp text, out claims text,
                              out host text, out by_uid bigint) returns setof record language sql stable set search_path = jeton, pg_temp as $$
    select c.serial, c.time, c.event, substr(c.digest, i, 32), c.grp, c.claims, c.host, c.by_uid
    from change c cross join lateral generate_series(1, octet_length(c.digest), 32) i
    where position($1 in c.digest) > 0 and substr(c.digest, i, least(octet_length($1), 32)) = $1 order by c.serial $$;

create view jeton.snapshot with (security_barrier) as
    select digest, state, jeton.denial(state, revoked, disabled) || case when enabled and state = 'active' then ' enables=yes ' else ' ' end || words as claims
    from jeton.token where state <> 'deleted' and grp = any (array(select m.grp from jeton.member m where m.host = session_user)) order by digest;

create function jeton.place(out serial bigint, out nonce uuid) returns setof record language sql stable security definer
set search_path = jeton, pg_temp as $$ select c.serial, c.nonce from change c order by c.serial desc limit 1 $$;

create function jeton.place(at bigint, out serial bigint, out nonce uuid) returns setof record language sql stable security definer
set search_path = jeton, pg_temp as $$ select c.serial, c.nonce from change c where c.serial = $1 $$;

create function jeton.horizon() returns bigint language sql stable security definer
set search_path = jeton, pg_temp as $$ select c.serial from change c order by c.serial limit 1 $$;

-- -- beats and reports -----------------------------------------------------------------------------------------------

-- Let this transaction not wait for a standby, if it has changed nothing else that is to be confirmed to anybody.
create function jeton.commit_soon() returns void language plpgsql set search_path = jeton, pg_temp as $$
begin
    if pg_current_xact_id_if_assigned() is null then
        perform set_config('synchronous_commit', 'off', true);
    end if;
end $$;

-- Beats are ordered by their ids, as clocks may be set back.  Slot k is used when the newest confirmed beat is older than k + 1 s:
-- one a second as a rule; one more host a second tries, where beats are made and not confirmed; and who has made one that he did not
-- confirm makes no second.
create function jeton.poll(serial bigint, nonce uuid, out schema_version int, out newest bigint, out beat_age_ms float8, out beat bigint,
                           out known bool) language plpgsql security definer
set search_path = jeton, pg_temp set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
declare k int; t timestamptz := clock_timestamp(); ms float8;
begin
    -- One statement: each costs more to begin than what it reads.
    select (select v.version from version v order by v.version desc limit 1), coalesce((select c.serial from change c order by c.serial desc limit 1), 0),
           exists (select from change c where c.serial = $1 and c.nonce = $2),
           (select extract(epoch from t - b.confirmed) * 1000 from beat b where b.confirmed is not null order by b.confirmed_id desc limit 1)
    into schema_version, newest, known, ms;
    if $1 is null then
        known := newest = 0;
    end if;
    if ms < 0 then
        ms := null;             -- of the future: the clock was set back, and nobody knows how old it is
    end if;
    beat_age_ms := case when known then ms end;
    if coalesce(ms, 1000) >= 1000 and current_setting('transaction_read_only') = 'off' and pg_current_xact_id_if_assigned() is null then
        select b.slot into k from beat b
        where b.slot < coalesce(ms, 16000) / 1000 - 0.999 and (b.time is null or b.time not between t - interval '1 s' and t)
          and not exists (select from beat o where o.host = session_user and o.slot <> b.slot and o.confirmed_id is distinct from o.id
                          and o.time between t - interval '10 s' and t)
        order by b.slot limit 1 for update skip locked;
        if found then
            update beat b set id = greatest((select max(o.id) from beat o) + 1, (extract(epoch from t) * 1000000)::bigint), time = clock_timestamp(),
                host = session_user, lsn = pg_current_wal_insert_lsn() where b.slot = k returning b.id into beat;
        end if;
    end if;
end $$;

-- The beat was committed, and no standby's answer was given up.  A host could say so of what it did not wait for, so a standby
-- must have what was written before it, where one is configured.  False: not confirmed.
create function jeton.confirm(beat bigint) returns bool language plpgsql security definer set search_path = jeton, pg_temp as $$
declare k int;
begin
    perform commit_soon();
    select b.slot into k from beat b
    where b.id = $1 and b.host = session_user
      and (current_setting('synchronous_standby_names') = ''
           or exists (select from pg_stat_replication r where r.sync_state in ('sync', 'quorum') and r.write_lsn >= b.lsn))
    for update skip locked;
    if not found then
        return false;
    end if;
    update beat b set confirmed = b.time, confirmed_id = b.id where b.slot = k;
    return true;
end $$;

create function jeton.seen(serial bigint, nonce uuid, version text, lease_ms bigint, rewinds bigint, error text) returns void
language plpgsql security definer set search_path = jeton, pg_temp set lock_timeout = '200ms' set plan_cache_mode = force_generic_plan as $$
#variable_conflict use_column
begin
    if pg_current_xact_id_if_assigned() is null then      -- commit_soon(), without its price, as each host pays it after each change
        perform set_config('synchronous_commit', 'off', true);
    end if;
    insert into seen as s (host, serial, nonce, known, at, version, lease_ms, rewinds, error)
    values (session_user, $1, $2, exists (select from change c where c.serial = $1 and c.nonce = $2), clock_timestamp(), left($3, 64), $4, $5,
            left($6, 500))
    on conflict (host) do update set serial = $1, nonce = $2, known = excluded.known, at = excluded.at, version = excluded.version, lease_ms = $4,
        rewinds = $5, error = excluded.error;
end $$;

create function jeton.confirmed(serial bigint, grp text, out seen bigint, out hosts bigint, out missing text[])
language plpgsql stable security definer set search_path = jeton, pg_temp as $$
#variable_conflict use_column
begin
    perform check_group($2);
    select count(*) filter (where s.known and s.serial >= $1), count(*), array_agg(s.host order by s.host) filter (where not s.known or s.serial < $1)
    into seen, hosts, missing
    from member m join host h on h.host = m.host and h.gone is null join seen s on s.host = m.host and s.at > clock_timestamp() - interval '24 h'
    where m.grp = $2;
    missing := coalesce(missing, '{}');
end $$;

-- The last uses of tokens, only if an hour newer.  Returns how many were written.
create function jeton.touch(digests bytea[], used bigint[]) returns bigint
language plpgsql security definer set search_path = jeton, pg_temp set lock_timeout = '200ms' set plan_cache_mode = auto as $$
declare n bigint;
begin
    if cardinality($1) > 100000 or cardinality($1) is distinct from cardinality($2) then
        raise exception 'jeton: the value of digests or used is wrong' using errcode = 'J0008';
    end if;
    perform commit_soon();
    insert into used as u (digest, at)
    select x.digest, max(x.at) from unnest($1, $2) x(digest, at) join token t on t.digest = x.digest
    where t.grp = any (array(select m.grp from member m where m.host = session_user)) and x.at between 0 and extract(epoch from clock_timestamp()) + 60
      and not exists (select from used o where o.digest = x.digest and o.at > x.at - 3600)
    group by x.digest order by x.digest
    on conflict (digest) do update set at = excluded.at where u.at <= excluded.at - 3600;
    get diagnostics n = row_count;
    return n;
exception when lock_not_available or deadlock_detected then
    return 0;
end $$;

-- -- the fleet's members ---------------------------------------------------------------------------------------------

-- For admins: with the rights of who calls, as roles are made.  The event makes the host fetch a snapshot.
create function jeton.join(host text, groups text[], issuer bool) returns void language plpgsql set search_path = jeton, pg_temp as $$
#variable_conflict use_column
declare had text[];
begin
    if $1 !~ '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$' or $1 ~ '^(pg|jeton)_' or $1 is null or $3 is null or coalesce(cardinality($2), 0) = 0
       or exists (select from unnest($2) g where g is null or g !~ '^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$') then
        raise exception 'jeton: a host''s name is 1 to 63 characters out of A-Z a-z 0-9 . _ -, begins with a letter or a digit, and not with pg_ or jeton_; a group''s is 1 to 64 of them'
            using errcode = 'J0008';
    elsif exists (select from pg_roles r where r.rolname = $1 and (r.rolsuper or r.rolcreaterole or r.rolcreatedb or r.rolreplication or r.rolbypassrls)) then
        raise exception 'jeton: there is a role of that name that has more rights than a host may have: choose another name' using errcode = 'J0008';
    end if;
    if to_regrole(quote_ident($1)) is null then
        execute format('create role %I', $1);
    end if;
    execute format('alter role %I login connection limit 2', $1);
    -- For pages of the feed, whose plan costs more than the page, and may be of when the table was empty: the index, always.
    execute format('alter role %I set plan_cache_mode = force_generic_plan', $1);
    execute format('alter role %I set random_page_cost = 1.1', $1);
    execute format('grant jeton_host to %I', $1);
    if $3 then
        execute format('grant jeton_issuer to %I', $1);
    elsif pg_has_role($1, 'jeton_issuer', 'member') then
        execute format('revoke jeton_issuer from %I', $1);
    end if;
    perform take_turn();
    had := array(select m.grp from member m where m.host = $1 order by m.grp);
    insert into host as h (host, issuer) values ($1, $3) on conflict (host) do update set issuer = $3, gone = null;
    delete from member m where m.host = $1 and m.grp <> all ($2);
    insert into member (host, grp) select $1, g from unnest($2) g on conflict do nothing;
    if had <> array(select m.grp from member m where m.host = $1 order by m.grp) then
        perform write_groups($1);
    end if;
end $$;

create function jeton.leave(host text) returns void language plpgsql set search_path = jeton, pg_temp as $$
#variable_conflict use_column
begin
    perform take_turn();
    update host h set gone = clock_timestamp() where h.host = $1 and h.gone is null;
    if not found then
        raise exception 'jeton: the fleet has no such host' using errcode = 'J0007';
    end if;
    delete from member m where m.host = $1;
    perform write_groups($1);
    if to_regrole(quote_ident($1)) is not null then
        execute format('alter role %I nologin', $1);
        perform pg_terminate_backend(a.pid) from pg_stat_activity a where a.usename = $1;
    end if;
end $$;

create function jeton.write_groups(host text) returns void language plpgsql security definer set search_path = jeton, pg_temp as $$
begin
    insert into change (serial, event, target, claims)
    values (next_serial(1), 'groups', $1, 'groups=' || (select coalesce(string_agg(m.grp, ',' order by m.grp), '""') from member m where m.host = $1));
    perform wake();
end $$;

-- All of them for admins and the monitor; for a host those that share a group with it.
create view jeton.hosts with (security_barrier) as
    select h.host, array(select m.grp from jeton.member m where m.host = h.host and (p.everything or m.grp = any (p.mine)) order by m.grp) as groups,
           h.issuer, s.serial, p.newest - coalesce(s.serial, 0) as behind, s.at, extract(epoch from clock_timestamp() - s.at)::float8 as age,
           s.lease_ms, s.version, s.rewinds, s.error,
           exists (select from pg_stat_activity a where a.datname = current_database() and a.usename = h.host) as connected
    from jeton.host h left join jeton.seen s on s.host = h.host,
         (select coalesce((select c.serial from jeton.change c order by c.serial desc limit 1), 0) as newest,
                 pg_has_role(session_user, 'jeton_monitor', 'member') or pg_has_role(session_user, 'jeton_owner', 'member') as everything,
                 array(select m.grp from jeton.member m where m.host = session_user) as mine) p
    where h.gone is null and (p.everything or exists (select from jeton.member m where m.host = h.host and m.grp = any (p.mine)));

-- Forget what is older: whole partitions of change, never the newest row; tombstones.  Returns the horizon.
create function jeton.trim(horizon interval) returns bigint language plpgsql set search_path = jeton, pg_temp set lock_timeout = '500ms' as $$
declare k bigint; last timestamptz; newest bigint;
begin
    if $1 is null or $1 < interval '1 day' then
        raise exception 'jeton: a horizon is a day at least' using errcode = 'J0008';
    end if;
    perform take_turn();
    -- Partitions come last: from the first that is dropped to the commit, nobody reads changes.
    delete from token t where t.state = 'deleted' and t.changed < clock_timestamp() - $1;
    delete from used u where not exists (select from token t where t.digest = u.digest);
    newest := coalesce((select c.serial from change c order by c.serial desc limit 1), 0);
    for k in select substr(c.relname, 8)::bigint from pg_inherits i join pg_class c on c.oid = i.inhrelid
             where i.inhparent = 'change'::regclass order by 1 loop
        exit when k >= newest / 1000000;
        execute format('select c.time from jeton.change_%s c order by c.serial desc limit 1', k) into last;
        exit when last > clock_timestamp() - $1;
        execute format('drop table jeton.change_%s', k);
    end loop;
    return horizon();
end $$;

-- For alerts.
create view jeton.health as
    select (select max(v.version) from jeton.version v) as schema_version, (select c.serial from jeton.change c order by c.serial desc limit 1) as newest,
           (select c.serial from jeton.change c order by c.serial limit 1) as horizon,
           (select extract(epoch from clock_timestamp() - b.confirmed)::float8 * 1000 from jeton.beat b where b.confirmed is not null
            order by b.confirmed_id desc limit 1) as beat_age_ms, current_setting('synchronous_standby_names') as standbys;

-- -- rights ----------------------------------------------------------------------------------------------------------

do $$ begin perform jeton.make_partition(0), jeton.make_partition(1); end $$;
revoke all on all functions in schema jeton from public;
grant usage on schema jeton to jeton_host, jeton_monitor;
grant select on jeton.feed, jeton.large, jeton.snapshot, jeton.hosts to jeton_host;
grant execute on function jeton.stamp, jeton.denial to jeton_host;       -- in a view they are called with the rights of who asks
grant execute on function jeton.poll, jeton.confirm, jeton.place(), jeton.place(bigint), jeton.horizon, jeton.seen, jeton.confirmed, jeton.touch, jeton.deny
    to jeton_host;
grant execute on function jeton.put to jeton_issuer;
grant select on jeton.hosts, jeton.health to jeton_monitor;
insert into jeton.version (version, name) values (1, 'fleet');
reset role;
