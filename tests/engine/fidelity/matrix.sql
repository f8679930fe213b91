-- conf
select 1
/* {"app": "dbt", "dbt_version": "1.11.0", "node_id": "model.p.m"} */ select 1 as id
set spark.sql.sources.partitionOverwriteMode = DYNAMIC
set spark.databricks.delta.schema.autoMerge.enabled
set spark.databricks.delta.schema.autoMerge.enabled = true
set spark.databricks.delta.schema.autoMerge.enabled
set spark.databricks.delta.schema.autoMerge.enabled = false
SET trident.artifact.type = SynapseNotebook
RESET trident.artifact.type
select current_database()
-- schema
create database if not exists dbo
create schema if not exists dbt_test
create database if not exists bronze.sales
create database if not exists `bronze`.`sales2`
create database if not exists `My Workspace`.bronze.sales
show databases like 'dbt_t*'
show schemas in bronze
show databases like 'dbo*'
describe database dbo
use bronze.dbo
use dbo
use lakehouse.dbo
drop database if exists sales2 cascade
-- table
create or replace table dbo.t1 using delta as select 1 as id, 'a' as name, cast(1.5 as decimal(10,2)) as amt, date'2024-01-01' as d
create table dbo.t_nousing as select 1 as id
create or replace table dbo.t1 using delta as select id+1 as id, name, amt from dbo.t1
create or replace table dbo.t_part using delta tblproperties ('delta.autoOptimize.optimizeWrite' = 'true') partitioned by (p) as select 1 as id, 'x' as p union all select 2, 'y'
create or replace table dbo.t_liq using delta cluster by (id) as select 1 as id, 'x' as v
create or replace table dbo.t_cmt using delta comment 'it\'s a model' as select 1 as id
create or replace table dbo.t_ext using delta as select 1 as id
create or replace table dbo.t_ctr using delta as select id, name from (select 1 as id, 'a' as name) as model_subq
create table dbo.t_csv using csv options (header "true") as select 1 as id, 'b' as name
create table dbo.t_pq using parquet as select 1 as id, 'b' as name
create or replace table bronze.dbo.t3 using delta as select 3 as id
create or replace table `silver`.`dbo`.`t3` using delta as select * from `bronze`.`dbo`.`t3`
create or replace table dbo.t_cte using delta as with a as (select 1 as id), b as (select id, id + 1 as n from a) select * from b
create or replace table dbo.t_nest using delta as select array(1,2) as a, map('k',1) as m, named_struct('x', 1, 'y', 'z') as s
create table if not exists dbo.t_ddl (id bigint not null comment 'pk', name string, amt decimal(18,2), ts timestamp) using delta comment 'a table'
create table dbo.t_default (id int, status string default 'new') using delta tblproperties('delta.feature.allowColumnDefaults' = 'supported')
create table dbo.t_gen (id bigint generated always as identity, v int) using delta
create table dbo.t_like like dbo.t_part
create or replace table dbo.t1_clone shallow clone dbo.t1
create or replace table dbo.t1_dclone deep clone dbo.t1
create table dbo.`my_table` using delta as select 1 as `my_col`
-- seed
drop table if exists dbo.seed_a
create table dbo.seed_a (id bigint,name string,price double,ok boolean,d date,ts timestamp) using delta
insert into dbo.seed_a values (cast(1 as bigint),cast('it\'s' as string),cast(1.5 as double),cast('true' as boolean),cast('2024-01-02' as date),cast('2024-01-02 03:04:05' as timestamp)), (cast(2 as bigint),cast(null as string),cast('' as double),cast(null as boolean),cast(null as date),cast(null as timestamp))
insert into dbo.seed_a (id, name) values (3,'x')
insert into dbo.seed_a values (cast(10 as bigint),cast('n10' as string),cast(10.25 as double),cast(1.0 as boolean),cast('2024-01-10' as date),cast('2024-01-10' as timestamp))
insert into table dbo.seed_a select id+1000, name, price, ok, d, ts from dbo.seed_a where id<=3
-- view
create or replace view dbo.v1 as select id, name from dbo.seed_a where id < 3
create or replace view dbo.v1 ( `id` comment 'the id', `name` ) comment 'view\'s comment' as select id, name from dbo.seed_a where id < 3
create or replace view bronze.dbo.v3 as select * from bronze.dbo.t3
create or replace temporary view tmp_v as select 7 as x
create or replace temporary view dbt_tmp__dbt_tmp as with c as (select id, name from dbo.seed_a) select * from c
create or replace view dbo.v2 as select * from dbo.v1 where id=1
alter view dbo.v2 rename to dbo.v2r
alter view dbo.v1 set tblproperties ('a'='b')
alter view dbo.v1 as select 42 as id
drop view if exists dbo.v2r
drop view if exists dbo.not_there
drop view if exists bronze.dbo.v3
-- meta
show tables in dbo like 't_p*'
show tables in bronze.dbo like '*'
show tables in dbo like 'seed*'
show table extended in bronze.dbo like 'nothing*'
show table extended in dbo like 'nothing*'
show views in dbo like 'v1'
describe table dbo.t_ddl
describe bronze.dbo.t3
describe table dbo.t_part
describe table dbo.v1
describe table dbt_tmp__dbt_tmp
describe table dbo.t_nest
describe table dbo.t_default
select count(*) from dbo.t_part
select * from dbo.t_nest
describe query select 1 as a
show columns in dbo.t_ddl
show tblproperties dbo.t_part('delta.autoOptimize.optimizeWrite')
show tblproperties dbo.t_part('nothing')
select distinct p from dbo.t_part
show functions like 'concat_ws'
show catalogs like 'nothing*'
select typeof(id), typeof(name) from dbo.seed_a limit 1
select * from ( select 1 as id, 'a' as n ) as __dbt_sbq where false and current_timestamp() = current_timestamp() limit 0
-- incr
create or replace table dbo.inc using delta partitioned by (day) as select 1 as id, 'a' as v, date'2024-01-01' as day
create or replace temporary view inc__dbt_tmp as select 2 as id, 'bb' as v, date'2024-01-02' as day union all select 1, 'aa', date'2024-01-01'
insert into dbo.inc select `id`, `v`, `day` from inc__dbt_tmp where id=3
merge into dbo.inc as DBT_INTERNAL_DEST using inc__dbt_tmp as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id when matched then update set * when not matched then insert *
merge into dbo.inc as DBT_INTERNAL_DEST using inc__dbt_tmp as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id and DBT_INTERNAL_DEST.day > date'2023-01-01' when matched then update set v = DBT_INTERNAL_SOURCE.v when not matched then insert *
merge into dbo.inc as DBT_INTERNAL_DEST using (select 1 as id, 'u' as v, date'2024-01-01' as day) as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id when matched and DBT_INTERNAL_SOURCE.v <> DBT_INTERNAL_DEST.v then update set v = DBT_INTERNAL_SOURCE.v when not matched then insert (id, v, day) values (DBT_INTERNAL_SOURCE.id, DBT_INTERNAL_SOURCE.v, DBT_INTERNAL_SOURCE.day)
merge into dbo.inc as DBT_INTERNAL_DEST using inc__dbt_tmp as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id when matched and DBT_INTERNAL_SOURCE.id = 99 then delete when not matched then insert *
merge into dbo.inc as t using inc__dbt_tmp as s on s.id=t.id when not matched by source then update set v='gone'
merge into dbo.inc as DBT_INTERNAL_DEST using (select distinct day from inc__dbt_tmp) as DBT_INTERNAL_SOURCE on false when not matched by source and DBT_INTERNAL_DEST.day in (date'2024-01-02') then delete
insert into dbo.inc select `id`, `v`, `day` from inc__dbt_tmp
create or replace view dbo.inc__dbt_tmp2 as select 3 as id, 'ow' as v, date'2024-01-03' as day
insert overwrite dbo.inc select `id`, `v`, `day` from dbo.inc__dbt_tmp2
insert overwrite dbo.inc partition (day='2024-01-03') select 9 as id, 'st' as v
select * from dbo.inc order by day, id
insert into dbo.inc replace where day = date'2024-01-03' select 10 as id,'rw' as v,date'2024-01-03' as day
merge into dbo.inc as t using (select 2 as id,'n1' as v,date'2024-01-02' as day union all select 2, 'n2', date'2024-01-02') as s on s.id = t.id when matched then update set * when not matched then insert *
merge into bronze.dbo.t3 as DBT_INTERNAL_DEST using bronze.dbo.t3 as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.id = DBT_INTERNAL_DEST.id when matched then update set *
create or replace table dbo.evo using delta as select 1 as id
set spark.databricks.delta.schema.autoMerge.enabled = true
merge into dbo.evo as t using (select 1 as id, 'x' as extra) as s on t.id=s.id when matched then update set * when not matched then insert *
set spark.databricks.delta.schema.autoMerge.enabled = false
select * from dbo.evo
-- snap
create or replace table dbo.src using delta as select 1 as id, 'a' as v, timestamp'2024-01-01 00:00:00' as updated_at union all select 2, 'b', timestamp'2024-01-01 00:00:00'
create or replace table dbo.snap using delta as select *, md5(coalesce(cast(id as string ), '') || '|' || coalesce(cast(updated_at as string ), '')) as dbt_scd_id, updated_at as dbt_updated_at, updated_at as dbt_valid_from, cast(nullif(updated_at, updated_at) as timestamp) as dbt_valid_to from dbo.src
insert into dbo.src values (3,'c',timestamp'2024-02-01 00:00:00')
create or replace view dbo.snap__dbt_tmp as with snapshot_query as (select id, case when id=1 then 'a2' else v end as v, case when id=1 then timestamp'2024-02-01 00:00:00' else updated_at end as updated_at from dbo.src), insertions_source_data as (select *, id as dbt_unique_key, updated_at as dbt_updated_at, updated_at as dbt_valid_from, cast(null as timestamp) as dbt_valid_to, md5(coalesce(cast(id as string ), '') || '|' || coalesce(cast(updated_at as string ), '')) as dbt_scd_id from snapshot_query), insertions as (select 'insert' as dbt_change_type, source_data.* from insertions_source_data as source_data left outer join dbo.snap as snapshotted_data on snapshotted_data.id = source_data.dbt_unique_key and snapshotted_data.dbt_valid_to is null where snapshotted_data.id is null or snapshotted_data.dbt_valid_from < source_data.updated_at) select * from insertions
describe table dbo.snap__dbt_tmp
merge into dbo.snap as DBT_INTERNAL_DEST using dbo.snap__dbt_tmp as DBT_INTERNAL_SOURCE on DBT_INTERNAL_SOURCE.dbt_scd_id = DBT_INTERNAL_DEST.dbt_scd_id when matched and DBT_INTERNAL_DEST.dbt_valid_to is null and DBT_INTERNAL_SOURCE.dbt_change_type in ('update', 'delete') then update set dbt_valid_to = DBT_INTERNAL_SOURCE.dbt_valid_to when not matched and DBT_INTERNAL_SOURCE.dbt_change_type = 'insert' then insert *
alter table dbo.snap add columns ( `newcol` string );
-- alter
create or replace table dbo.alt using delta as select 1 as id, 'a' as v, 2 as w
alter table dbo.alt add columns extra string, extra2 int
alter table dbo.alt set tblproperties ('delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')
alter table dbo.alt drop columns ( `extra2` )
alter table dbo.alt alter column w type bigint;
alter table dbo.alt change column `v` comment 'it\'s the v';
alter table dbo.alt change column id set not null ;
alter table dbo.alt rename column w to w2
alter table dbo.alt replace columns (id int, v string)
alter table dbo.alt rename to dbo.alt_r
ALTER TABLE dbo.inc SET TBLPROPERTIES (delta.enableChangeDataFeed = true)
alter table dbo.inc unset tblproperties if exists ('foo')
comment on table dbo.inc is 'hello'
alter table dbo.inc add constraint c1 check (id > 0);
insert into dbo.inc values (-5,'bad',date'2024-01-01')
alter table dbo.inc drop constraint if exists c1
alter table dbo.t_liq cluster by (v)
-- dml
update dbo.inc set v='upd' where id=2
delete from dbo.inc where id=2
delete from bronze.dbo.t3 where id=3
truncate table dbo.seed_a
delete from dbo.evo
delete from dbo.inc where id in (select id from inc__dbt_tmp)
-- maint
optimize dbo.t_none
vacuum dbo.t_none
refresh table dbo.t_part
cache table dbo.t_part
uncache table dbo.t_part
select count(*) from dbo.t_part version as of 0
restore table dbo.t1 to version as of 0
select id from dbo.t1 version as of 0
select id from dbo.t1 timestamp as of current_timestamp()
select count(*) from dbo.t_ext
-- grant
grant select on dbo.t1 to `user@x.com`
revoke select on dbo.t1 from `user@x.com`
show grants on dbo.t1
-- mlv
create or replace materialized lake view bronze.dbo.mlv1 AS select 1 as id
create or replace materialized lake view bronze.dbo.mlv2 ( CONSTRAINT c1 CHECK (id > 0) ON MISMATCH DROP ) AS select 1 as id
drop materialized lake view if exists bronze.dbo.mlv1
-- test
select INT(count(*)) as failures, count(*) != 0 as should_warn, count(*) != 0 as should_error from ( select id from dbo.seed_a where id is null ) dbt_internal_test
select INT(count(*)) as failures, count(*) != 0 as should_warn, count(*) != 0 as should_error from ( select id as unique_field, count(*) as n_records from dbo.t_part where id is not null group by id having count(*) > 1 ) dbt_internal_test
with all_values as (select v as value_field, count(*) as n_records from (select 'a' as v) group by v) select * from all_values where value_field not in ('a','b')
with child as (select id as from_field from (select 1 as id) where id is not null), parent as (select id as to_field from (select 1 as id)) select from_field from child left join parent on child.from_field = parent.to_field where parent.to_field is null
with dbt_internal_unit_test_actual as ( select `id`,`name`, 'actual' as `actual_or_expected` from (select 1 as id, 'a' as name) _ ), dbt_internal_unit_test_expected as ( select `id`,`name`, 'expected' as `actual_or_expected` from (select cast(1 as int) as id, cast('a' as string) as name) _ ) select * from dbt_internal_unit_test_actual union all select * from dbt_internal_unit_test_expected
select count(*) from ((select 1 as a except select 1) union all (select 1 as a except select 2))
create or replace table dbo.fail_audit using delta as select 1 as id where 1=0
-- func
select array_join(collect_list(v), ', ') as r from (select 'a' as v)
select array_join(slice(collect_list(v), 1, 1), '|') as r from (select 'a' as v)
select array_join(sort_array(collect_list(v)), ',') as r from values ('b'),('a') as t(v)
select concat_ws(',', collect_list(v)) as r from values ('a') as t(v)
select to_timestamp(to_unix_timestamp(date_add(coalesce(date('2024-01-31'), nvl2(date('2024-01-31'), assert_true(date('2024-01-31') is not null), null)), cast(1 as int))) + 3600) as r
select to_timestamp(to_unix_timestamp(add_months(coalesce(date('2024-01-31'), nvl2(date('2024-01-31'), assert_true(date('2024-01-31') is not null), null)), cast(1 as int)))) as r
select to_timestamp(coalesce(to_unix_timestamp(timestamp'2024-01-01 00:00:00'), nvl2(to_unix_timestamp(timestamp'2024-01-01 00:00:00'), assert_true(true), null)) + cast(60 * 5 as int)) as r
select datediff(date'2024-01-10', date'2024-01-01') as r
select case when date'2024-01-01' < date'2024-03-15' then floor(months_between(date(date'2024-03-15'), date(date'2024-01-01'))) else ceil(months_between(date(date'2024-03-15'), date(date'2024-01-01'))) end as r
select case when timestamp'2024-01-01' < timestamp'2024-01-02' then ceil((coalesce(to_unix_timestamp(timestamp'2024-01-02'), 0) - coalesce(to_unix_timestamp(timestamp'2024-01-01'), 0)) / 3600) else floor(0) end as r
select split('a|c', case when regexp_extract('|', '([^A-Za-z0-9])(.*)', 1) != '' then concat('\\', '|') else '|' end)[1] as r
select datediff(day, date'2024-01-01', date'2024-01-05') as r
select dateadd(day, 3, date'2024-01-01') as r
select date_trunc('month', timestamp'2024-05-17 10:00:00') as r
select cast(date_trunc('day', timestamp'2024-05-17 10:00:00') as date) as r
select last_day(date'2024-02-03') as r
select date_format(timestamp'2024-05-17 10:01:02', 'yyyy-MM-dd HH:mm:ss') as r
select to_date('2024-05-17','yyyy-MM-dd') as r
select to_timestamp('17/05/2024 10:00','dd/MM/yyyy HH:mm') as r
select unix_timestamp('2024-01-01 00:00:00') as r
select from_unixtime(1704067200) as r
select date_add(date'2024-01-01', 5) as r
select date'2024-01-01' + interval 1 month as r
select timestamp'2024-01-01 00:00:00' + interval '1' day as r
select cast('2024-01-01 00:00:00' as timestamp_ntz) as r
select md5('a') as r
select sha2('a',256) as r
select hash('a') as r
select xxhash64('a') as r
select try_cast('x' as int) as r
select cast('1.239' as decimal(10,2)) as r
select cast(1.1 as decimal(10,2)) * cast(2.25 as decimal(5,2)) as r
select 10/4 as r
select 5 div 2 as r
select cast(5 as decimal(10,2))/cast(3 as decimal(10,2)) as r
select element_at(map('a',1),'a') as r
select element_at(array(1,2,3),-1) as r
select size(array(1,2,3)) as r
select to_json(named_struct('a',1,'b',array(1,2))) as r
select get_json_object('{"a":{"b":5}}','$.a.b') as r
select from_json('{"a":1}','a int').a as r
select transform(array(1,2), x -> x*2) as r
select aggregate(array(1,2,3), 0, (acc,x) -> acc+x) as r
select filter(array(1,2,3), x -> x>1) as r
select sequence(date'2024-01-01', date'2024-01-03', interval 1 day) as r
select regexp_replace('a1b2','[0-9]','') as r
select initcap('hello world') as r
select concat_ws('-', 'a', null, 'b') as r
select nvl(null,'x') as r
select if(true,1,2) as r
select stack(1,2) as r
select percentile_approx(v, 0.5) as r from values (1),(2),(3) as t(v)
select explode(array(1,2)) as r
select id, x from (select 1 as id, array(10,20) as a) lateral view explode(a) e as x
select id, pos, x from (select 1 as id, array(10,20) as a) lateral view outer posexplode(a) e as pos, x
select inline(array(struct(1,'a'),struct(2,'b')))
select * from (select 'a' as k, 1 as v union all select 'b',2) pivot (sum(v) for k in ('a','b'))
select * from (select 1 as id, 2 as a, 3 as b) unpivot (val for k in (a,b))
select id, row_number() over (partition by g order by id desc) as rn from values (1,'x'),(2,'x') as t(id,g)
select sum(v) over (order by id rows between unbounded preceding and current row) as r from values (1,10),(2,20) as t(id,v)
select g, count(*) c from values (1,'x'),(2,'x') as t(id,g) group by all
select a,b,grouping_id() g, sum(v) s from values (1,2,3) as t(a,b,v) group by rollup(a,b) order by g
select * from values (1,'a'),(2,'b') as t(id,n) order by id limit 1 offset 1
select a.id from (select 1 as id) a left semi join (select 1 as id) b on a.id=b.id
select a.id from (select 1 as id) a left anti join (select 1 as id) b on a.id=b.id
with recursive r(n) as (select 1 union all select n+1 from r where n<3) select * from r order by n
select /*+ broadcast(b) */ a.id from (select 1 as id) a join (select 1 as id) b on a.id=b.id
select * except (b) from (select 1 as a, 2 as b)
select id, v from (select 1 as id, 'x' as v) qualify row_number() over (partition by id order by v) = 1
select current_timestamp() is not null, current_date() is not null, now() is not null
select * from range(3)
select t.* from (select 1 as id) t, lateral (select t.id+1 as n) l
select 'a' || 'b' || cast(1 as string) as r
select bool_or(x), any(x), every(x), max(x) from values (true),(false) as t(x)
select first(v), any_value(v), min_by(v, id), max_by(v,id) from values (1,'a') as t(id,v)
select count(distinct a), approx_count_distinct(a), count_if(a>1), sum(a) filter (where a>1) from values (1),(2),(2) as t(a)
select coalesce(try_divide(1,0), -1), try_add(1,2), nullif(1,1)
select cast(null as array<string>), cast(null as struct<a:int>), cast(null as map<string,int>)
select decode('a','a','yes','no'), translate('abc','b','x'), lpad('1',3,'0'), instr('hello','l')
select monotonically_increasing_id() as r
select cast(1 as tinyint) a, cast(1 as smallint) b, cast(1.5 as float) c, cast('x' as binary) d
-- err
select * from dbo.does_not_exist
select nope from dbo.t_part
selec 1
show table extended in nosuchschema like '*'
describe table extended dbo.does_not_exist
select cast('abc' as int)
select 1/0
select assert_true(false)
create table dbo.t_part using delta as select 1 as id
select no_such_fn(1)
select a, count(*) from (select 1 as a, 2 as b) group by b
drop table dbo.nope
insert into dbo.t_part values (1)
-- drop
drop table if exists dbo.t_csv
drop table if exists bronze.dbo.t3
drop view if exists dbo.t_part
drop schema if exists dbt_test cascade
