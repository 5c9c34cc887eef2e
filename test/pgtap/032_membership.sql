-- Who becomes a member and how; whose organization a call means; who a member is
-- when roles are renamed, dropped and made again; binding after a restore.
BEGIN;
SELECT no_plan();
\ir fixture.inc
\ir rest.inc
CREATE ROLE mal LOGIN;	-- owns trap, and knows the ids of everybody
CREATE ROLE joe LOGIN;	-- is in none
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO mal;
INSERT INTO it SELECT 'trap', pg_temp.run_as('mal', 'SELECT cdc.create_organization(''Trap'', ''trap'', true)')::uuid;
\set kafka '{"bootstrap":"127.0.0.1:1","connect_user":"c","connect_password":"of-the-victim"}'
CREATE FUNCTION pg_temp.register(who name, service text) RETURNS text LANGUAGE sql AS $$
	SELECT pg_temp.run_as(who, format('SELECT cdc.register_service(%L, ''kafka'', ''z'', ''{"bootstrap":"127.0.0.1:1","connect_user":"c","connect_password":"of-the-victim"}'')', service))
$$;
CREATE FUNCTION pg_temp.home(service text) RETURNS text LANGUAGE sql AS $$ SELECT o.slug FROM cdc.service s JOIN cdc.organization o ON o.id = s.organization_id WHERE s.name = service $$;
CREATE FUNCTION pg_temp.as_who(who name, call text) RETURNS text LANGUAGE sql AS $$ SELECT pg_temp.run_as(who, 'SELECT ' || pg_temp.fill(call)) $$;
-- what became of it, without the function's void
CREATE FUNCTION pg_temp.does(who name, call text) RETURNS text LANGUAGE sql AS $$ SELECT coalesce(nullif(pg_temp.as_who(who, call), ''), 'ok') $$;

-- --- a victim is added to an attacker's "personal" organization -----------------------------
SELECT is(pg_temp.does('mal', $$cdc.add_member('{trap}', 'bob', 'owner')$$), 'ok', 'anybody may invite anybody');
SELECT matches(pg_temp.register('bob', 'hijacked-1'), '^[0-9a-f-]{36}$', '(the victim registers a server, and names no organization)');
SELECT is(pg_temp.home('hijacked-1'), 'blue', 'his secret does not go to the organization that he was invited to');
SELECT is(pg_temp.does('bob', $$cdc.accept_membership('{trap}')$$), 'ok', '(he accepts)');
SELECT is(pg_temp.register('bob', 'hijacked-2'), '22023', 'nor, as a member, does it go to what somebody else has made as a personal one');
SELECT is_empty($$SELECT FROM cdc.service s JOIN it ON it.id = s.organization_id WHERE it.name = 'trap'$$, 'nothing of his is there');
SELECT is(f.detail, pg_temp.fill('Role "bob" is in: blue ({blue}), trap ({trap}).'), 'the error lists what he is in') FROM pg_temp.fault_as('bob', $$SELECT cdc.register_service('x', 'kafka', 'z', '{}')$$) f;
SELECT pg_temp.refused('bob', $$SELECT cdc.register_service('x', 'kafka', 'z', '{}')$$, '22023', 'named', 'and says what to do');
SELECT pg_temp.gives('bob', 'POST', '/managed-services', '{"name":"x","database_type":"kafka","provider":"external","connection":{}}', 422, '"detail":"Role \\"bob\\" is in: blue \({blue}\), trap \({trap}\)\.".*"field":"organization_id"');
CREATE ROLE boss SUPERUSER;
SELECT is(f.code || ' ' || f.detail, pg_temp.fill('22023 Role "boss" is in none, and may act in: blue ({blue}), red ({red}), trap ({trap}).'), 'a superuser who is in none says which') FROM pg_temp.fault_as('boss', $$SELECT cdc.register_service('x', 'kafka', 'z', '{}')$$) f;
SELECT pg_temp.gives('boss', 'POST', '/managed-services', '{"name":"x","database_type":"kafka","provider":"external","connection":{}}', 422, '"field":"organization_id"');
-- a pipeline goes where its source is
SELECT matches(pg_temp.as_who('bob', $$cdc.create_pipeline('by-source', '{blue-pg}', '{blue-kafka}', tables => '{t}')$$), '^[0-9a-f-]{36}$', 'create_pipeline needs no organization:');
SELECT is((SELECT organization_id FROM cdc.pipeline_spec WHERE name = 'by-source'), (SELECT id FROM it WHERE name = 'blue'), 'it takes the source''s');
SELECT is((SELECT f::text FROM pg_temp.fault_as('bob', pg_temp.fill($$SELECT cdc.create_pipeline('x', '{red-pg}', '{red-kafka}')$$)) f),
	(SELECT replace(f::text, '00000000-0000-4000-8000-000000000000', pg_temp.fill('{red-pg}')) FROM pg_temp.fault_as('bob', pg_temp.fill($$SELECT cdc.create_pipeline('x', '{nothing}', '{red-kafka}')$$)) f), 'a foreign source is told as one that does not exist');
-- the personal one that he made himself
GRANT EXECUTE ON FUNCTION cdc.create_organization(text, text, boolean) TO bob;
SELECT pg_temp.as_who('bob', $$cdc.create_organization('Work', 'work')$$) \g /dev/null
SELECT is(pg_temp.register('bob', 'x'), '22023', 'one that he made, and that is not personal, is not meant');
INSERT INTO it SELECT 'home', pg_temp.as_who('bob', $$cdc.create_organization('Home', 'home', true)$$)::uuid;
SELECT matches(pg_temp.register('bob', 'hijacked-3'), '^[0-9a-f-]{36}$', '(with a personal one of his own)');
SELECT is(pg_temp.home('hijacked-3'), 'home', 'his own personal one is meant');
SELECT is(pg_temp.does('bob', $$cdc.leave_organization('{trap}')$$), 'ok', 'he may leave');
-- 0.1 knew no makers: a superuser says so
UPDATE cdc.organization_member SET made = false \g /dev/null
SELECT is(pg_temp.register('bob', 'x'), '22023', 'without a maker nobody''s personal one is meant');
SELECT is(pg_temp.does('bob', $$cdc.set_organization_maker('{home}', 'bob')$$), '42501', 'whose it is no member says');
GRANT EXECUTE ON FUNCTION cdc.set_organization_maker(uuid, name), cdc.set_organization_maker(text, name) TO bob;
SELECT pg_temp.refused('bob', pg_temp.fill($$SELECT cdc.set_organization_maker('{home}', 'bob')$$), '42501', 'is for superusers', 'not even with a grant');
SELECT pg_temp.refused('postgres', pg_temp.fill($$SELECT cdc.set_organization_maker('{home}', 'mal')$$), '22023', 'must be a member', 'it is a member');
SELECT is(pg_temp.does('postgres', $$cdc.set_organization_maker('{home}', 'bob')$$), 'ok', 'a superuser says so');
SELECT is(pg_temp.register('bob', 'hijacked-4') ~ '-' AND pg_temp.home('hijacked-4') = 'home', true, 'and it is meant again');
SELECT is(pg_temp.does('postgres', $$cdc.set_organization_maker('{home}', NULL)$$), 'ok', 'and takes it back');
SELECT is(pg_temp.register('bob', 'x'), '22023', 'then it is not');

-- --- an invitation gives nothing ---------------------------------------------------------------
SELECT is(pg_temp.does('ada', $$cdc.add_member('{red}', 'joe', 'admin')$$), 'ok', '(joe is invited)');
SELECT is(pg_temp.as_who('joe', 'count(*) FROM cdc.' || relation), '0', 'who is invited sees no row of ' || relation)
FROM unnest('{organization,organization_member,service,service_node,service_event,pipeline,pipeline_spec,pipeline_event,pipeline_observed,organization_event}'::text[]) relation;
SELECT is(pg_temp.does('joe', call), code, 'nor may he: ' || call) FROM (VALUES ($$cdc.get_pipeline('{red-pipe}')$$, '42704'), ($$cdc.list_members('{red}')$$, '42704'), ($$cdc.list_pipelines('{red}')$$, '42704'),
	($$cdc.register_service('x', 'kafka', 'z', '{}', NULL, '{red}')$$, '42704'), ($$cdc.register_service('x', 'kafka', 'z', '{}')$$, '42704'), ($$cdc.add_member('{red}', 'joe', 'admin')$$, '42704'), ($$cdc.create_token('x')$$, '42704'), ($$cdc.create_token('x', '{red}')$$, '42704')) v(call, code);
SELECT pg_temp.gives('joe', 'GET', path, NULL, status, pattern) FROM (VALUES ('/organizations', 200, '"organizations":\[\]'), ('/organizations/{red}', 404, ''), ('/managed-services', 200, '"services":\[\]'), ('/pipelines/{red-pipe}/status', 404, '')) v(path, status, pattern);
-- what he needs to know, and no words of the inviting side
SELECT is(pg_temp.as_who('joe', 'i::text FROM cdc.invitations() i'), pg_temp.fill('({red},red,admin,ada,"') || (SELECT created_at FROM cdc.organization_member WHERE member = 'joe') || '")', 'he learns of it from cdc.invitations()');
SELECT is(pg_temp.as_who('eve', 'count(*) FROM cdc.invitations()'), '0', 'nobody sees another''s');
SELECT pg_temp.refused('eve', pg_temp.fill($$SELECT cdc.accept_membership('{red}')$$), '42704', 'invitation .* does not exist', 'nor accepts it');
SELECT is((SELECT replace(f::text, pg_temp.fill('{red}'), 'ID') FROM pg_temp.fault_as('eve', pg_temp.fill($$SELECT cdc.accept_membership('{red}')$$)) f),
	(SELECT replace(f::text, pg_temp.fill('{nothing}'), 'ID') FROM pg_temp.fault_as('eve', pg_temp.fill($$SELECT cdc.accept_membership('{nothing}')$$)) f), 'and a foreign organization is told as one that does not exist');
SELECT is((SELECT replace(f::text, pg_temp.fill('{red}'), 'ID') FROM pg_temp.fault_as('eve', pg_temp.fill($$SELECT cdc.leave_organization('{red}')$$)) f),
	(SELECT replace(f::text, pg_temp.fill('{nothing}'), 'ID') FROM pg_temp.fault_as('eve', pg_temp.fill($$SELECT cdc.leave_organization('{nothing}')$$)) f), 'by leave_organization too');
SELECT is(pg_temp.as_who('vic', $$string_agg(format('%s %s %s', member, role, state), ', ') FROM cdc.list_members('{red}')$$), 'ada admin accepted, ann owner accepted, joe admin invited, mia member accepted, postgres owner accepted, vic viewer accepted', 'members see who is asked');
-- taken back
SELECT is(pg_temp.does('ada', $$cdc.remove_member('{red}', 'joe')$$), 'ok', 'an invitation is taken back');
SELECT pg_temp.refused('joe', pg_temp.fill($$SELECT cdc.accept_membership('{red}')$$), '42704', 'invitation .* does not exist', 'then it is not there to be accepted');
-- declined: asked once
SELECT is(pg_temp.does('ada', $$cdc.add_member('{red}', 'joe', 'viewer')$$), 'ok', '(invited again)');
SELECT is(pg_temp.does('joe', $$cdc.leave_organization('{red}')$$), 'ok', 'he declines');
SELECT is(pg_temp.as_who('joe', 'count(*) FROM cdc.invitations()'), '0', 'and is not bothered any more');
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'joe', 'viewer')$$), '55000', 'has declined', 'they cannot ask again');
SELECT is(pg_temp.does('ann', $$cdc.remove_member('{red}', 'joe')$$), 'ok', '(removing him is no error)');
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'joe', 'viewer')$$), '55000', 'has declined', 'and no way around it');
SELECT pg_temp.refused('joe', pg_temp.fill($$SELECT cdc.accept_membership('{red}')$$), '42704', 'does not exist', 'he accepts in vain as well');
SELECT is(pg_temp.does('postgres', $$cdc.add_member('{red}', 'joe', 'viewer')$$), 'ok', 'a superuser adds him');
SELECT is(pg_temp.as_who('joe', 'count(*) FROM cdc.organization'), '1', 'at once');
SELECT is(pg_temp.does('ann', $$cdc.add_member('{red}', 'joe', 'member')$$), 'ok', '(another role for who has accepted)');
SELECT is((SELECT role || ' ' || state FROM cdc.organization_member WHERE member = 'joe'), 'member accepted', 'is at once');
SELECT is(pg_temp.does('joe', $$cdc.leave_organization('{red}')$$), 'ok', 'he leaves');
SELECT is(pg_temp.as_who('joe', 'count(*) FROM cdc.organization'), '0', 'and sees nothing any more');
SELECT is(pg_temp.does('ann', $$cdc.add_member('{red}', 'joe', 'viewer')$$), 'ok', 'who has left may be asked');
SELECT is(pg_temp.does('joe', $$cdc.accept_membership('{red}')$$), 'ok', 'accepts');
SELECT is(pg_temp.does('joe', $$cdc.accept_membership('{red}')$$), 'ok', 'and again is no error');
SELECT is(pg_temp.as_who('joe', $$o ->> 'name' FROM cdc.list_pipelines() o$$), 'pipe', 'and sees what members see');
-- over REST, by a role that was in none before
CREATE ROLE ida LOGIN;
SELECT pg_temp.gives('ann', 'POST', '/organizations/{red}/members', '{"member":"ida","role":"viewer"}', 200, '^\{"member":"ida","role":"viewer","state":"invited","invited_by":"ann","created_at":"[^"]*"\}$', '{"x-request-id":"m-1"}');
SELECT is((SELECT kind || ' ' || role || ' ' || (detail ->> 'member') FROM cdc.organization_event WHERE detail ->> 'request_id' = 'm-1'), 'invited ann ida', 'the event has the request''s id');
SELECT pg_temp.gives('ida', 'GET', '/organizations', NULL, 200, '^\{"organizations":\[\]\}$');
SELECT pg_temp.gives('ida', 'GET', '/invitations', NULL, 200, '^\{"invitations":\[\{"organization_id":"{red}","slug":"red","role":"viewer","invited_by":"ann","created_at":"[^"]*"\}\]\}$');
SELECT pg_temp.gives('ida', 'POST', '/invitations/{blue}/accept', NULL, 404, '"error":"no such invitation"');
SELECT pg_temp.gives('ida', 'POST', '/invitations/{red}/accept', NULL, 200, '"slug":"red".*"role":"viewer"');
SELECT pg_temp.gives('ida', 'GET', '/organizations/{red}/members', NULL, 200, '"member":"ida","role":"viewer","state":"accepted"');
SELECT pg_temp.gives('ida', 'DELETE', '/organizations/{red}/members/vic', NULL, 403);
SELECT pg_temp.gives('ida', 'DELETE', '/organizations/{red}/members/ida', NULL, 204, what => 'anybody may leave');
SELECT pg_temp.gives('ida', 'DELETE', '/organizations/{red}/members/ida', NULL, 404);
SELECT pg_temp.gives('ann', 'POST', '/organizations/{red}/members', jsonb_build_object('member', rpad('ann', 63, 'x') || 'y')::text, 422, '"field":"member"', what => 'a name is not cut to another''s');
SELECT pg_temp.gives('ann', 'POST', '/organizations/{red}/members', '{"member":"nobody here"}', 404, '"field":"member"');
SELECT pg_temp.gives('ada', 'POST', '/organizations/{red}/members', '{"member":"ida","role":"owner"}', 403, 'only an owner');
-- a token that is confined to one organization neither shows nor accepts what another offers
SELECT pg_temp.does('ann', $$cdc.add_member('{red}', 'bob', 'owner')$$) \g /dev/null
CREATE ROLE gate LOGIN;
SELECT cdc.grant_gateway('gate') \g /dev/null
ALTER ROLE bob LOGIN;
CREATE TEMP TABLE token AS SELECT pg_temp.as_who('bob', $$cdc.create_token('of blue', '{blue}')$$) AS of_blue;
GRANT SELECT ON token TO gate;
SELECT is(pg_temp.as_who('gate', format($$(cdc.rest_bearer(of_blue, %L, %L)).status FROM token$$, method, path)), status, 'a token of blue: ' || method || ' ' || path || ' is ' || status)
FROM (VALUES ('POST', '/invitations/{red}/accept', '404'), ('DELETE', '/organizations/{red}/members/bob', '404'), ('POST', '/invitations/{blue}/accept', '200'), ('GET', '/organizations/{red}/members', '404')) v(method, path, status);
SELECT is(pg_temp.as_who('gate', $$(cdc.rest_bearer(of_blue, 'GET', '/invitations')).body FROM token$$), '{"invitations":[]}', 'nor lists it');
SELECT pg_temp.does('ann', $$cdc.remove_member('{red}', 'bob')$$) \g /dev/null
-- an owner who has not accepted is none
SELECT is(pg_temp.does('ann', $$cdc.add_member('{red}', 'eve', 'owner')$$), 'ok', '(another owner is invited)');
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'red'), 'postgres') \g /dev/null
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.leave_organization('{red}')$$), '22023', 'keeps at least one owner', 'the last owner does not leave while the other has not accepted');
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.remove_member('{red}', 'ann')$$), '22023', 'keeps at least one owner', 'nor is removed');
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'ann', 'viewer')$$), '22023', 'keeps at least one owner', 'nor becomes less');
SELECT pg_temp.refused('ada', pg_temp.fill($$SELECT cdc.remove_member('{red}', 'eve')$$), '42501', 'only an owner', 'an invited owner is an owner''s to take back');
SELECT is(pg_temp.does('eve', $$cdc.accept_membership('{red}')$$) || pg_temp.does('ann', $$cdc.leave_organization('{red}')$$), 'okok', 'when she has, he may');
SELECT is(pg_temp.does('eve', $$cdc.add_member('{red}', 'ann', 'owner')$$) || pg_temp.does('ann', $$cdc.accept_membership('{red}')$$), 'okok', '(and comes back)');
SELECT pg_temp.refused('ann', pg_temp.fill($$SELECT cdc.add_member('{red}', 'pg_monitor')$$), '22023', 'predefined role', 'a predefined role, which nobody is, is not invited');

-- --- who may create organizations ---------------------------------------------------------------
CREATE ROLE new LOGIN;
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'red'), 'new', 'owner') \g /dev/null
SELECT is(pg_temp.as_who(who, $$cdc.create_organization('x')$$), '42501', who || ' may not make an organization') FROM unnest('{new,joe,ada}'::name[]) who;
SELECT matches(pg_temp.as_who('mal', $$cdc.create_organization('y')$$), '-', 'who was granted it may');

-- --- an id is never a slug ------------------------------------------------------------------------
SELECT pg_temp.refused('mal', pg_temp.fill(format('SELECT cdc.create_organization(''x'', %L)', slug)), '22023', 'must not look like an id', 'slug ' || slug || ' is refused')
FROM (SELECT DISTINCT s FROM unnest(ARRAY['00000000-0000-4000-8000-000000000000', '0000000000004000800000000000000a', '0000-0000-0000-4000-8000-0000-0000-000a']) s UNION ALL SELECT id::text FROM it WHERE name = 'red') v(slug);
SELECT pg_temp.refused('mal', pg_temp.fill('SELECT cdc.create_organization(''{red}'')'), '22023', 'must not look like an id', 'one that is made from a name too');
SELECT is(pg_temp.as_who('mal', 'cdc.create_organization(''x'', ''deadbeef'')') ~ '-', true, '(others are not)');
-- a row of 0.1
INSERT INTO it SELECT 'fake', pg_temp.as_who('mal', $$cdc.create_organization('Fake', 'fake')$$)::uuid;
UPDATE cdc.organization SET slug = pg_temp.fill('{red}') WHERE slug = 'fake';
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'fake'), who, 'owner') FROM unnest('{mia,ann}'::name[]) who \g /dev/null
SELECT is((pg_temp.rest('mia', 'POST', '/managed-services', '{"name":"to-red-' || n || '","database_type":"kafka","provider":"external","connection":{}}', jsonb_build_object('x-active-org-id', pg_temp.fill(header)))).body::json ->> 'organization_id',
	pg_temp.fill('{red}'), 'X-Active-Org-ID: ' || header || ' is the organization with this id, not the one that is spelled so') FROM (VALUES (1, '{red}'), (2, upper(pg_temp.fill('{red}'))), (3, 'red')) v(n, header);
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'red'), 'mia') \g /dev/null
SELECT pg_temp.gives('mia', 'GET', '/managed-services', NULL, 404, '"field":"X-Active-Org-ID"', jsonb_build_object('x-active-org-id', pg_temp.fill('{red}')), 'and for who is not in that one it is none');
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'red'), 'mia') \g /dev/null
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'fake'), who) FROM unnest('{mia,ann}'::name[]) who \g /dev/null

-- so for every kind of thing
CREATE FUNCTION cdc_inner.try_resolve(kind text, words text) RETURNS uuid LANGUAGE sql STABLE SECURITY DEFINER AS 'SELECT cdc_inner.resolve(kind, words)';
CREATE FUNCTION cdc.try_resolve(kind text, words text) RETURNS uuid LANGUAGE c STABLE AS '$libdir/cdc_pipeline', 'cdc_entry';
GRANT EXECUTE ON FUNCTION cdc.try_resolve(text, text) TO bob;
SELECT is(pg_temp.as_who('bob', format('cdc.try_resolve(%L, %L)', kind, words)), pg_temp.fill(found), format('%s %s is %s', kind, words, coalesce(found, 'none')))
FROM (VALUES ('organization', 'blue', '{blue}'), ('organization', '{blue}', '{blue}'), ('organization', upper(pg_temp.fill('{blue}')), '{blue}'), ('organization', replace(pg_temp.fill('{blue}'), '-', ''), '{blue}'), ('organization', 'red', NULL), ('organization', '{red}', NULL), ('organization', 'Blue', NULL), ('organization', '', NULL),
	('service', 'blue-pg', '{blue-pg}'), ('service', '{blue-pg}', '{blue-pg}'), ('service', 'red-pg', NULL), ('service', '{red-pg}', NULL), ('pipeline', 'pipe', '{blue-pipe}'), ('pipeline', '{blue-pipe}', '{blue-pipe}'), ('pipeline', '{red-pipe}', NULL), ('pipeline', '{blue-pg}', NULL), ('nothing', 'blue', NULL)) v(kind, words, found);
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'red'), 'bob', 'viewer') \g /dev/null
SELECT is(f.code || ' ' || f.detail, pg_temp.fill('42725 They are: {blue-pipe} (in blue), {red-pipe} (in red).'), 'a name that two have is told with the ids') FROM pg_temp.fault_as('bob', $$SELECT cdc.try_resolve('pipeline', 'pipe')$$) f;
SELECT pg_temp.as_who('bob', $$cdc.register_service('{red-pg}', 'kafka', 'z', '{}', NULL, '{blue}')$$) \g /dev/null
SELECT is(pg_temp.as_who('bob', $$cdc.try_resolve('service', '{red-pg}')$$), pg_temp.fill('{red-pg}'), 'a service that is named like another''s id does not stand in its place');
SELECT cdc.remove_member((SELECT id FROM it WHERE name = 'red'), 'bob') \g /dev/null
SELECT is(pg_temp.as_who('bob', $$cdc.try_resolve('service', '{red-pg}')$$), NULL, 'nor when that one is out of sight');

-- --- a member is a role, not a name ------------------------------------------------------------------
SELECT cdc.create_token('of root', (SELECT id FROM it WHERE name = 'red')) \g /dev/null
ALTER ROLE mia RENAME TO maria;
SELECT is(pg_temp.as_who('maria', $$o ->> 'name' FROM cdc.list_pipelines() o$$), 'pipe', 'a role that is renamed stays a member');
CREATE ROLE mia LOGIN;
SELECT is(pg_temp.as_who('mia', 'count(*) FROM cdc.organization'), '0', 'a role that was made anew under the old name inherits nothing');
SELECT is(pg_temp.does('mia', $$cdc.get_pipeline('{red-pipe}')$$), '42704', 'and asks in vain');
SELECT is(pg_temp.as_who('vic', $$string_agg(member, ' ') FROM cdc.list_members('{red}') WHERE member ~ '^m'$$), 'maria', 'the list has the name of today');
SELECT is(pg_temp.does('ann', $$cdc.add_member('{red}', 'mia', 'viewer')$$) || pg_temp.does('mia', $$cdc.accept_membership('{red}')$$), 'okok', 'both may be members');
SELECT is(pg_temp.does('ann', $$cdc.remove_member('{red}', 'mia')$$), 'ok', '(and mia is removed)');
SELECT is(pg_temp.as_who('maria', 'count(*) FROM cdc.organization') || pg_temp.as_who('mia', 'count(*) FROM cdc.organization'), '10', 'who was meant goes, and nobody else');
SELECT is((SELECT member FROM cdc.organization_member WHERE role_oid = 'maria'::regrole), 'mia', '(the name in the row is old)');
SELECT cdc_inner.tend_members() \g /dev/null
SELECT is((SELECT member FROM cdc.organization_member WHERE role_oid = 'maria'::regrole), 'maria', 'until the worker has looked: by it a restored copy is bound');
-- dropped and made again
DROP OWNED BY vic; DROP ROLE vic; CREATE ROLE vic;
SELECT is(pg_temp.as_who('vic', 'count(*) FROM cdc.organization'), '0', 'so does one that was dropped and made again');
SELECT is(pg_temp.as_who('maria', $$state FROM cdc.list_members('{red}') WHERE member = 'vic'$$), 'absent', 'which the list tells');
SELECT cdc_inner.tend_members() \g /dev/null
SELECT is((SELECT count(*) FROM cdc.organization_member WHERE member = 'vic'), 0::bigint, 'and the worker ends, so that no copy binds it');
SELECT is((SELECT message FROM cdc.organization_event WHERE kind = 'removed' ORDER BY id DESC LIMIT 1), 'role "vic" was dropped', 'with an event');

-- --- on another server ---------------------------------------------------------------------------------
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'blue'), 'maria', 'viewer') \g /dev/null
DELETE FROM cdc.organization_member WHERE organization_id NOT IN (SELECT id FROM it WHERE name IN ('red', 'blue'));
UPDATE cdc.organization_member SET system_identifier = 1, role_oid = role_oid;	-- as a restored dump has them: these OIDs mean nothing here
SELECT is((SELECT count(*)::int FROM unnest('{ann,ada,maria,bob,joe,eve}'::name[]) who WHERE pg_temp.as_who(who, 'count(*) FROM cdc.organization') <> '0'), 0, 'nobody is a member');
DROP OWNED BY joe; DROP ROLE joe;
SELECT is(string_agg(concat_ws(' ', organization, member, role, bound), ', ' ORDER BY organization, member), 'blue bob owner t, blue maria viewer t, blue postgres owner t, red ada admin t, red ann owner t, red eve owner t, red joe viewer f, red maria member t, red new owner t',
	'cdc.bind_members() shows who would be bound') FROM cdc.bind_members();
SELECT is((SELECT count(*) FROM cdc.membership), 0::bigint, 'and binds nobody');
GRANT EXECUTE ON FUNCTION cdc.bind_members(boolean) TO ann;
SELECT pg_temp.refused('ann', 'SELECT cdc.bind_members(true)', '42501', 'is for superusers', 'it is for superusers');
-- who was added here since, under a name that is in the dump, stays what he was added as
SELECT cdc.add_member((SELECT id FROM it WHERE name = 'blue'), 'maria', 'admin') \g /dev/null
SELECT is((SELECT count(*) FROM cdc.bind_members(true)), 8::bigint, 'cdc.bind_members(true) binds');
SELECT is(pg_temp.as_who('ann', $$string_agg(concat_ws(' ', member, role, state), ', ') FROM cdc.list_members('{red}')$$), 'ada admin accepted, ann owner accepted, eve owner accepted, joe viewer absent, maria member accepted, new owner accepted', 'each to its role');
SELECT is(pg_temp.as_who('maria', $$role FROM cdc.list_members('{blue}') WHERE member = 'maria'$$), 'admin', 'and nobody to another than he has here');
SELECT is(string_agg(concat_ws(' ', organization, member, role, bound), ', '), 'red joe viewer f', 'who has no role here is left over') FROM cdc.bind_members();
SELECT is(pg_temp.does('ann', $$cdc.remove_member('{red}', 'joe')$$) || (SELECT count(*) FROM cdc.bind_members()), 'ok0', 'until somebody removes him');

-- --- every change is told, to admins ----------------------------------------------------------------------
SELECT set_has('SELECT DISTINCT kind FROM cdc.organization_event', $$VALUES ('created'), ('invited'), ('accepted'), ('declined'), ('left'), ('added'), ('changed'), ('removed'), ('bound'), ('token made')$$, 'events of every kind');
SELECT is_empty($$SELECT FROM cdc.organization_event WHERE role IS NULL$$, 'each with who');
SELECT is(pg_temp.as_who('ann', $$count(*) FROM cdc.organization_event WHERE organization_id = '{red}'$$), (SELECT count(*)::text FROM cdc.organization_event WHERE organization_id = (SELECT id FROM it WHERE name = 'red')), 'an owner reads those of the organization');
SELECT is(pg_temp.as_who('ann', $$count(*) FROM cdc.organization_event WHERE organization_id IS DISTINCT FROM '{red}'$$), '0', 'and no others');
SELECT is(pg_temp.as_who('maria', $$count(*) FROM cdc.organization_event WHERE organization_id IS DISTINCT FROM '{blue}'$$), '0', 'a member none');
SELECT isnt(pg_temp.as_who('maria', $$count(*) FROM cdc.organization_event$$), '0', '(but those of the one in which she is admin)');
\ir rest_end.inc

SELECT * FROM finish();
ROLLBACK;
