-- What an organization may have: at the limit and one above it, for each kind that the
-- door counts; who says so, and what is said.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
ALTER ROLE mia LOGIN;
ALTER ROLE bob LOGIN;
CREATE FUNCTION pg_temp.limited(what text, most bigint) RETURNS void LANGUAGE sql AS $$ SELECT cdc.set_organization_limit((SELECT id FROM it WHERE name = 'red'), what, most) $$;
CREATE FUNCTION pg_temp.used(what text) RETURNS bigint LANGUAGE sql AS $$ SELECT l.used FROM it, cdc.organization_limits(it.id) l WHERE it.name = 'red' AND l.what = used.what $$;

-- who says so
SELECT is(pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.set_organization_limit('{red}', 'pipelines', 1000000)$$)), '42501', 'no owner says what his organization may have');
GRANT EXECUTE ON FUNCTION cdc.set_organization_limit(uuid, text, bigint), cdc.set_organization_limit(text, text, bigint) TO ann;
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.set_organization_limit('{red}', 'pipelines', 1000000)$$), '42501', 'for superusers', 'not even one to whom EXECUTE was granted');
SELECT pg_temp.refused('postgres', pg_temp.fill($$SELECT cdc.set_organization_limit('{red}', 'x', 1)$$), '22023', 'unknown kind', 'a kind that there is not');
SELECT pg_temp.refused('postgres', pg_temp.fill($$SELECT cdc.set_organization_limit('{red}', NULL, 1)$$), '22023', 'unknown kind', 'nor null');
SELECT pg_temp.refused('postgres', pg_temp.fill($$SELECT cdc.set_organization_limit('{red}', 'pipelines', -1)$$), '22023', 'negative', 'a negative figure');
SELECT pg_temp.refused('postgres', pg_temp.fill($$SELECT cdc.set_organization_limit('{nothing}', 'pipelines', 1)$$), '42704', 'does not exist', 'an organization that there is not');
SELECT is(pg_temp.run_as('bob', pg_temp.fill($$SELECT count(*) FROM cdc.organization_limits('{red}')$$)), '42704', 'a stranger learns nothing of it');
SELECT is(pg_temp.run_as('vic', pg_temp.fill($$SELECT count(*) FROM cdc.organization_limits('{red}')$$)), (SELECT count(*)::text FROM cdc_inner.limit_kinds()), 'a viewer sees each kind');
SELECT set_eq('SELECT what, most FROM cdc_inner.limit_kinds()', $$SELECT replace(name, 'cdc_pipeline.organization_', ''), setting::bigint FROM pg_settings WHERE name LIKE 'cdc\_pipeline.organization\_%'$$, 'where nothing is said the settings hold');
SELECT pg_temp.limited('tables', 3) \g /dev/null
SELECT is(pg_temp.run_as('vic', 'SELECT string_agg(what || most, '','') FROM cdc.organization_limit'), 'tables3', 'what was said of it is read by its members');
SELECT is(pg_temp.run_as('bob', 'SELECT count(*) FROM cdc.organization_limit'), '0', 'and by nobody else');

-- at the limit, and one above it
CREATE TEMP TABLE door (what text, who name, made text, refused text);
INSERT INTO door VALUES
	('services', 'mia', $$SELECT cdc.register_service('s-%s', 'kafka', 'z', '{"bootstrap":"h:1"}')$$, 'may have at most'),
	('nodes', 'mia', $$SELECT cdc.register_service('n-%s', 'postgresql', 'z', '{"nodes":[{"address":"10.0.0.1"}],"admin_user":"a","admin_password":"visible-secret"}')$$, 'may have at most'),
	('pipelines', 'mia', $$SELECT cdc.create_pipeline('p-%s', '{red-pg}', '{red-kafka}', '{t}')$$, 'may have at most'),
	('tokens', 'mia', $$SELECT cdc.create_token('t-%s', '{red}')$$, 'may have at most');
CREATE FUNCTION pg_temp.at_the_limit(d door) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
	n bigint := pg_temp.used(d.what);
	fault record;
BEGIN
	PERFORM pg_temp.limited(d.what, n + 2);
	RETURN NEXT isnt(length(pg_temp.run_as(d.who, pg_temp.fill(format(d.made, 1)))), 5, d.what || ': one below the limit is made');
	RETURN NEXT isnt(length(pg_temp.run_as(d.who, pg_temp.fill(format(d.made, 2)))), 5, d.what || ': and the last');
	SELECT * INTO fault FROM pg_temp.fault_as(d.who, pg_temp.fill(format(d.made, 3)));
	RETURN NEXT is(fault.code, '53400', d.what || ': one more is refused');
	RETURN NEXT is(fault.message, format('this organization may have at most %s %s', n + 2, d.what), d.what || ': with the figure');
	RETURN NEXT matches(fault.detail, format('^There are %s(, those included that are being deleted)?, and this would be 1 more\.$', n + 2), d.what || ': and what there is');
	RETURN NEXT matches(fault.hint, 'cdc\.set_organization_limit\(', d.what || ': and whom to ask');
	PERFORM pg_temp.limited(d.what, n);
	RETURN NEXT is((SELECT code FROM pg_temp.fault_as(d.who, pg_temp.fill(format(d.made, 4)))), '53400', d.what || ': what is above a limit that was lowered stays, and gets no more');
	RETURN NEXT is(pg_temp.used(d.what), n + 2, d.what || ': it is all there');
	PERFORM pg_temp.limited(d.what, NULL);
	RETURN NEXT isnt(length(pg_temp.run_as(d.who, pg_temp.fill(format(d.made, 5)))), 5, d.what || ': without a word of a superuser the setting holds');
END
$$;
SELECT pg_temp.at_the_limit(d) FROM door d;
SELECT is((SELECT count(*) FROM cdc.organization_limit), 1::bigint, '(a word that was taken back leaves no row)');

-- members: invitations are counted, and who is in it already is not refused a change
CREATE ROLE guest1; CREATE ROLE guest2;
SELECT pg_temp.limited('members', pg_temp.used('members') + 1) \g /dev/null
SELECT is(pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'guest1')$$)), '', 'members: the last is invited');
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'guest2')$$), '53400', 'at most [0-9]+ members', 'members: one more is not');
SELECT is(pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'guest1', 'viewer')$$)), '', 'members: who is there may be made something else');
SELECT is(pg_temp.run_as('postgres', pg_temp.fill($$SELECT cdc.remove_member('{red}', 'guest1')$$)) || pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'guest2')$$)), '', 'members: another one in the place of one that has left');

-- nodes and tables, where one call brings several
SELECT pg_temp.limited('nodes', pg_temp.used('nodes') + 1) \g /dev/null
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.set_service_nodes('{red-pg}', '[{"address":"127.0.0.1","port":1},{"address":"127.0.0.1","port":2},{"address":"127.0.0.1","port":3}]')$$), '53400', 'at most [0-9]+ nodes', 'nodes: two more where one may be');
SELECT is(pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.set_service_nodes('{red-pg}', '[{"address":"127.0.0.1","port":1},{"address":"127.0.0.1","port":2}]')$$)), '', 'nodes: one more');
SELECT is(pg_temp.run_as('ann', pg_temp.fill($$SELECT cdc.set_service_nodes('{red-pg}', '[{"address":"127.0.0.1","port":1},{"address":"127.0.0.1","port":9}]')$$)), '', 'nodes: another one in the place of one, at the limit');
SELECT pg_temp.refused('mia', pg_temp.fill($$SELECT cdc.create_pipeline('many', '{red-pg}', '{red-kafka}', '{a,b,c,d}', topic_prefix => 'many')$$), '53400', 'names at most 3 tables', 'tables: four where three may be');
SELECT isnt(length(pg_temp.run_as('mia', pg_temp.fill($$SELECT cdc.create_pipeline('many', '{red-pg}', '{red-kafka}', '{a,b,c,a}', topic_prefix => 'many')$$))), 5, 'tables: three');

-- tokens for all of a role's organizations are the role's
SELECT pg_temp.refused('bob', $$SELECT cdc.create_token(i::text) FROM generate_series(1, 1001) i$$, '53400', 'this role may have at most 1000 tokens', 'tokens for all of a role''s organizations are counted of the role');

-- a pipeline that is being deleted counts until it is settled: made and deleted in a loop, they are the worker's to see through
SELECT pg_temp.limited('pipelines', pg_temp.used('pipelines') + 2) \g /dev/null
SELECT isnt(length(pg_temp.run_as('mia', pg_temp.fill($$SELECT cdc.delete_pipeline(cdc.create_pipeline('loop', '{red-pg}', '{red-kafka}', '{t}', topic_prefix => 'loop'))$$))), 5, 'made and deleted') FROM generate_series(1, 2);
SELECT is(pg_temp.run_as('mia', pg_temp.fill($$SELECT cdc.delete_pipeline(cdc.create_pipeline('loop', '{red-pg}', '{red-kafka}', '{t}', topic_prefix => 'loop'))$$)), '53400', 'is not forgotten');
UPDATE cdc.pipeline_spec SET deleted_at = now(), settled_at = now(), status = 'Deleted' WHERE name = 'loop';
SELECT isnt(length(pg_temp.run_as('mia', pg_temp.fill($$SELECT cdc.delete_pipeline(cdc.create_pipeline('loop', '{red-pg}', '{red-kafka}', '{t}', topic_prefix => 'loop'))$$))), 5, 'before it is over');

-- many in one statement, counted once in a while: the limit is met as exactly
SELECT pg_temp.limited('pipelines', pg_temp.used('pipelines') + 500) \g /dev/null
SELECT is(pg_temp.run_as('mia', pg_temp.fill($$SELECT count(cdc.create_pipeline('bulk' || i, '{red-pg}', '{red-kafka}', '{t}', topic_prefix => 'bulk' || i)) FROM generate_series(1, 501) i$$)), '53400', '501 where 500 may be');
SELECT is(pg_temp.run_as('mia', pg_temp.fill($$SELECT count(cdc.create_pipeline('bulk' || i, '{red-pg}', '{red-kafka}', '{t}', topic_prefix => 'bulk' || i)) FROM generate_series(1, 500) i$$)), '500', '500, after an attempt that was undone');

-- events: the oldest of an organization go, so many at once, and of no other
SELECT is(pg_temp.run_as('bob', pg_temp.fill($$SELECT count(cdc.update_service('{blue-pg}', jsonb_build_object('pipelines_by', (ARRAY['admin', 'member'])[1 + i % 2]))) FROM generate_series(1, 20) i$$)), '20', '(events of another one)');
SELECT is(pg_temp.run_as('mia', pg_temp.fill($$SELECT count(cdc.set_service_secret('{red-pg}', 'admin_password', 'visible-secret')) FROM generate_series(1, 100) i$$)), '100', '(a hundred events)');
CREATE TEMP TABLE blue_events AS SELECT e.id FROM cdc.service_event e JOIN cdc.service s ON s.id = e.service_id WHERE s.organization_id = (SELECT id FROM it WHERE name = 'blue');
CREATE TEMP TABLE last_event AS SELECT max(id) AS id FROM cdc.service_event;
SELECT pg_temp.limited('events', pg_temp.used('events') - 60) \g /dev/null
CREATE TEMP TABLE wanted AS SELECT pg_temp.used('events') - 60 AS n;
SELECT is(cdc_inner.trim_events(50), -1::bigint, 'events: what is over goes in batches');
SELECT is(pg_temp.used('events'), (SELECT n + 10 FROM wanted), 'events: so many in one');
SELECT is(cdc_inner.trim_events(50), 0::bigint, 'events: until no more are left than may be');
SELECT is(pg_temp.used('events'), (SELECT n FROM wanted), 'events: and those stay');
SELECT is(cdc_inner.trim_events(50), 0::bigint, 'events: asked again, nothing goes');
SELECT is(pg_temp.used('events'), (SELECT n FROM wanted), 'events: (nothing)');
SELECT isnt_empty('SELECT FROM cdc.service_event e JOIN last_event l ON l.id = e.id', 'events: the newest are kept');
SELECT is_empty('SELECT b.id FROM blue_events b WHERE NOT EXISTS (SELECT FROM cdc.service_event e WHERE e.id = b.id)', 'events: of another organization none goes');
SELECT is(pg_temp.run_as('mia', pg_temp.fill($$SELECT cdc.set_service_secret('{red-pg}', 'admin_password', 'visible-secret')$$)), '', 'events: no call is refused for them');

-- findings: those of the least severity go, and one tells it
INSERT INTO cdc.finding (organization_id, service_id, node, check_name, concern, severity, since) SELECT (SELECT id FROM it WHERE name = o), (SELECT id FROM it WHERE name = o || '-pg'), i::text, 'made_up', 'safety', s, now() - make_interval(mins => i)
	FROM unnest('{red,blue}'::text[]) o, (VALUES ('blocker', 1), ('warning', 2), ('warning', 3), ('info', 4)) x(s, i);
SELECT pg_temp.limited('findings', 2) \g /dev/null
SELECT cdc_inner.trim_findings() FROM generate_series(1, 2) \g /dev/null
SELECT results_eq($$SELECT o.name, f.check_name, f.severity, f.node, f.observed FROM cdc.finding f JOIN it o ON o.id = f.organization_id ORDER BY 1, 2, 4$$,
	$$VALUES ('blue', 'made_up', 'blocker', '1', NULL), ('blue', 'made_up', 'warning', '2', NULL), ('blue', 'made_up', 'warning', '3', NULL), ('blue', 'made_up', 'info', '4', NULL),
		('red', 'findings_cut', 'warning', NULL, 'and 2 more findings of this organization'), ('red', 'made_up', 'blocker', '1', NULL), ('red', 'made_up', 'warning', '3', NULL)$$, 'findings: the most severe and oldest are kept, and all of another organization');
DELETE FROM cdc.finding f USING it WHERE f.organization_id = it.id AND it.name = 'red' AND f.node = '1';
SELECT cdc_inner.trim_findings() \g /dev/null
SELECT is_empty($$SELECT FROM cdc.finding WHERE check_name = 'findings_cut'$$, 'findings: that there were more is not told for ever');

-- organizations of a role: who has made one has made it, be he in it or not
CREATE ROLE maker;
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO maker, bob;
INSERT INTO cdc.organization (name, slug, made_by_oid, system_identifier) SELECT 'Made', 'made-' || n, 'maker'::regrole, cdc_inner.system_identifier() FROM generate_series(1, 998) n;
SELECT matches(pg_temp.run_as('maker', format('SELECT cdc.create_organization(''Made'', ''made-%s'')', n)), '^[0-9a-f-]{36}$', 'organizations of a role: the ' || n || 'th is made') FROM generate_series(999, 1000) n;
SELECT pg_temp.refused('maker', $$SELECT cdc.create_organization('Made', 'made-1001')$$, '53400', '^this role may make at most 1000 organizations$', 'one more is refused');
SELECT is(f.detail || ' ' || f.hint, 'It has made 1000. Use one that there is, or ask a superuser of the metadata database for a higher cdc_pipeline.role_organizations.', 'with the figure, and whom to ask') FROM pg_temp.fault_as('maker', $$SELECT cdc.create_organization('Made', 'made-1001')$$) f;
SELECT cdc.add_member(id, 'bob', 'owner') FROM cdc.organization WHERE slug IN ('made-999', 'made-1000') \g /dev/null
SELECT is(pg_temp.run_as('maker', format('SELECT cdc.leave_organization(%L)', (SELECT id FROM cdc.organization WHERE slug = 'made-999'))), '', '(he leaves one)');
SELECT is((SELECT code FROM pg_temp.fault_as('maker', $$SELECT cdc.create_organization('Made', 'made-1001')$$)), '53400', 'and has made it all the same');
SELECT matches(pg_temp.run_as('bob', $$SELECT cdc.create_organization('Mine', 'mine')$$), '^[0-9a-f-]{36}$', 'another role makes its own');
SELECT matches(pg_temp.run_as(current_user, format('SELECT cdc.create_organization(''Made'', ''root-%s'')', n)), '^[0-9a-f-]{36}$', 'a superuser is not counted') FROM generate_series(1, 2) n;
SELECT is_empty($$SELECT FROM cdc_inner.limit_kinds() WHERE what = 'organizations'$$, 'it is no limit of an organization');
SELECT pg_temp.refused('postgres', pg_temp.fill($$SELECT cdc.set_organization_limit('{red}', 'organizations', 1)$$), '22023', 'unknown kind', 'nor set as one');

-- over REST
SELECT pg_temp.gives('vic', 'GET', '/organizations/{red}/limits', NULL, 200, '^\{"limits":\[\{"what":"descriptors","most":400,"used":null,"meaning":"[^"]+"\},.*\{"what":"services","most":1000,"used":[0-9]+,"meaning":"[^"]+"\},.*\]\}$', what => 'a viewer reads the limits');
SELECT pg_temp.gives('bob', 'GET', '/organizations/{red}/limits', NULL, 404, what => 'a stranger does not');
SELECT pg_temp.gives('mia', 'POST', pg_temp.fill('/organizations/{red}/pipelines'), pg_temp.fill('{"name":"over","pipeline_type":"cdc_pg_to_kafka","source_service_id":"{red-pg}","sink_service_id":"{red-kafka}","config":{"tables":["t"]}}'),
	403, '"error":"this organization may have at most [0-9]+ pipelines","code":"limit_exceeded","detail":"There are [0-9]+.*"hint":');

SELECT * FROM finish();
ROLLBACK;
