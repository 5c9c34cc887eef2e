-- operating/calls.sql: what a superuser calls.

CREATE OR REPLACE FUNCTION cdc_inner.take_over() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	count bigint;
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.take_over()');
	-- Above all that this copy has been and has seen; and by the clock above most that it
	-- has not.  An epoch is count * 2^24 + timeline (src/common/mark.h), and was in 0.1
	-- their sum, which is below 2^36.
	SELECT greatest(greatest(p.epoch_base, CASE WHEN p.epoch < 68719476736 THEN p.epoch ELSE p.epoch >> 24 END, p.seen_epoch >> 24) + 1,
		extract(epoch FROM clock_timestamp())::bigint, 16777216) INTO count FROM cdc.control_plane p FOR NO KEY UPDATE;
	IF count > 59604644774 THEN
		RAISE object_not_in_prerequisite_state USING MESSAGE = 'there is no higher epoch', DETAIL = format('It would be of the second %s since 1970.', count),
			HINT = 'Set the clock of this server right.';
	END IF;
	-- The installation stays the same: that is how agents, marks and peerings know it.
	UPDATE cdc.control_plane p SET system_identifier = c.system_identifier, epoch_base = count, updated_at = now() FROM pg_control_system() c;
	IF EXISTS (SELECT FROM cdc.organization_member m WHERE m.system_identifier IS DISTINCT FROM cdc_inner.system_identifier()) THEN
		RAISE WARNING USING MESSAGE = 'members of organizations are not known on this server',
			DETAIL = 'They were roles of another server: here nobody is a member by his name alone.', HINT = 'SELECT * FROM cdc.bind_members() shows them, cdc.bind_members(true) binds them to the roles of these names.';
	END IF;
	PERFORM cdc_inner.ask('round', NULL);
END
$$;
COMMENT ON FUNCTION cdc_inner.take_over IS
	'Makes this copy of the metadata the acting one: a restored dump, a pg_upgrade, or after a fence. The other copy stops before its next change. For '
	'superusers. Errors: 55000 the clock is beyond the year 3858.';

CREATE OR REPLACE FUNCTION cdc_inner.rotate_secret_key(old_key_file text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	present text;
	n bigint;
	m bigint;
	k bigint;
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.rotate_secret_key()');
	present := (cdc_inner.encrypt('', 'rotate_secret_key', 'which key is it?')).key_id;
	UPDATE cdc.service_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc_inner.reencrypt(old_key_file, s.key_id, s.ciphertext, s.service_id::text, s.purpose) e) WHERE s.key_id <> present;
	GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE cdc.pipeline_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc_inner.reencrypt(old_key_file, s.key_id, s.ciphertext, s.pipeline_id::text, s.purpose) e) WHERE s.key_id <> present;
	GET DIAGNOSTICS m = ROW_COUNT;
	UPDATE cdc.control_plane p SET (fence_key_id, fence_key) = (SELECT e.key_id, e.ciphertext
		FROM cdc_inner.reencrypt(old_key_file, p.fence_key_id, p.fence_key, 'control_plane', 'fence_key') e) WHERE p.fence_key_id <> present;
	GET DIAGNOSTICS k = ROW_COUNT;
	-- what could not be decrypted is read again
	PERFORM cdc_inner.ask('round', NULL);
	RETURN n + m + k;
END
$$;
COMMENT ON FUNCTION cdc_inner.rotate_secret_key IS
	'Encrypts anew, with the key in the file that cdc_pipeline.secret_key_file names now, every secret that has another key, and returns how many. Put the '
	'new file in place on every standby first. old_key_file: the file with the key before. For superusers. Errors: 55000 when a key cannot be used.';

CREATE OR REPLACE FUNCTION cdc_inner.adopt(pipeline uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.adopt()');
	UPDATE cdc.pipeline_spec p SET adopt_asked = greatest(p.adopt_asked, p.adopted) + 1 WHERE p.id = pipeline AND p.settled_at IS NULL;
	IF NOT FOUND THEN
		RAISE undefined_object USING MESSAGE = format('pipeline "%s" does not exist', pipeline), DETAIL = 'No pipeline that is there, or is being deleted, has this id.',
			HINT = 'SELECT pipeline_id FROM cdc.finding WHERE check_name = ''mark_unverified'' lists those that wait for it.';
	END IF;
	INSERT INTO cdc.pipeline_event (pipeline_id, kind, message)
		VALUES (pipeline, 'user', format('what has its names outside was adopted by role "%s"', cdc_inner.caller()));
	PERFORM cdc_inner.ask('pipeline', pipeline);
END
$$;
COMMENT ON FUNCTION cdc_inner.adopt IS
	'Says that the publication and the connector that have a pipeline''s names are its own, whatever their marks are: they are made as wanted and marked '
	'anew. Ends the finding mark_unverified. pipeline: its id, be it deleted already as long as it is torn down. For superusers. Errors: 42704 no such '
	'pipeline.';

CREATE OR REPLACE FUNCTION cdc_inner.adopt_agent(service uuid, url text) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.adopt_agent()');
	UPDATE cdc.service s SET adopt_agents = array_append(array_remove(s.adopt_agents, a.url), a.url)
		FROM (SELECT x.id, j ->> 'url' AS url FROM cdc.service x, jsonb_path_query(x.connection, '$.agents[*]') j
			UNION SELECT x.id, current_setting('cdc_pipeline.provision_url') FROM cdc.service x WHERE x.provider = 'local') a
		WHERE s.id = service AND a.id = s.id AND rtrim(a.url, '/') = rtrim(url, '/');
	IF NOT FOUND THEN
		RAISE undefined_object USING MESSAGE = format('service "%s" has no such agent', service), DETAIL = format('It was %L.', left(url, 300)),
			HINT = 'SELECT connection -> ''agents'' FROM cdc.service shows the agents of each; the one that makes services is at cdc_pipeline.provision_url.';
	END IF;
	INSERT INTO cdc.service_event (service_id, kind, role, message) VALUES (service, 'changed', cdc_inner.caller(), 'agent adopted: ' || left(rtrim(url, '/'), 300));
	PERFORM cdc_inner.ask('service', service);
END
$$;
COMMENT ON FUNCTION cdc_inner.adopt_agent IS
	'Has an agent forget the epoch that it keeps of this installation, whoever wrote it there, and keep the present one. Ends the finding agent_unverified. '
	'service: id of the Kafka service, or of one that the agent at cdc_pipeline.provision_url makes. url: of its agent. For superusers. Errors: 42704 no such service or agent.';

CREATE OR REPLACE FUNCTION cdc_inner.share_connect(url text, organization uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.share_connect()');
	PERFORM cdc_inner.require(organization, 'admin');
	PERFORM cdc_inner.check_connection('kafka', jsonb_build_object('connect_urls', jsonb_build_array(url)), NULL);
	-- with and without the slash at its end it is the same
	INSERT INTO cdc.connect_share (url, organization_id) VALUES (rtrim(url, '/'), organization), (rtrim(url, '/') || '/', organization) ON CONFLICT DO NOTHING;
	PERFORM cdc_inner.ask('service', s.id) FROM cdc.service s WHERE s.organization_id = organization AND s.deleted_at IS NULL AND s.connection -> 'connect_urls' ?| ARRAY[rtrim(url, '/'), rtrim(url, '/') || '/'];
END
$$;
COMMENT ON FUNCTION cdc_inner.share_connect IS
	'Lets an organization use a Kafka Connect that another one uses; who shares one sees the configurations and errors of all connectors there. url: as in '
	'its services'' connect_urls. organization: its id. For superusers. Errors: 22023, 42704 unknown organization.';

CREATE OR REPLACE FUNCTION cdc_inner.unshare_connect(url text, organization uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	spellings text[] := ARRAY[rtrim(url, '/'), rtrim(url, '/') || '/'];
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.unshare_connect()');
	PERFORM cdc_inner.require(organization, 'admin');
	IF url IS NULL THEN
		PERFORM cdc_inner.raise_invalid('a URL must be named', 'It was null.', 'Give it as in connect_urls: SELECT url FROM cdc.connect_share;');
	END IF;
	DELETE FROM cdc.connect_share s WHERE s.url = ANY (spellings) AND s.organization_id = organization;
	PERFORM cdc_inner.ask('service', s.id) FROM cdc.service s WHERE s.organization_id = organization AND s.deleted_at IS NULL AND s.connection -> 'connect_urls' ?| spellings;
END
$$;
COMMENT ON FUNCTION cdc_inner.unshare_connect IS
	'Takes back what cdc.share_connect() allowed; also where it was not. What the organization runs there is not stopped: its sinks get the finding '
	'connect_not_shared, and nothing is changed there any more but what a delete takes away. url: as it was shared. organization: its id. For superusers. '
	'Errors: 22023, 42704 unknown organization.';

CREATE OR REPLACE FUNCTION cdc_inner.unassign_network(network uuid, organization uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.unassign_network()');
	PERFORM cdc_inner.require(organization, 'admin');
	IF network IS NULL THEN
		PERFORM cdc_inner.raise_invalid('a network must be named', 'It was null.', 'Give the UUID of the private network: SELECT network_id FROM cdc.network_owner;');
	END IF;
	DELETE FROM cdc.network_owner o WHERE o.network_id = network AND o.organization_id = organization;
	PERFORM cdc_inner.ask('service', s.id) FROM cdc.service s WHERE s.network_id = network AND s.organization_id = organization AND s.deleted_at IS NULL;
END
$$;
COMMENT ON FUNCTION cdc_inner.unassign_network IS
	'Takes back what cdc.assign_network(), or a superuser who registered a service in it, said; also where nobody did. Peerings that are there stay, and '
	'what runs by them runs on: its services get the finding network_not_assigned (unless the label at the cloud says that it is theirs), and nothing new '
	'is peered. network: its UUID. organization: its id. For superusers. Errors: 22023, 42704 unknown organization.';

CREATE OR REPLACE FUNCTION cdc_inner.assign_network(network uuid, organization uuid) RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.assign_network()');
	PERFORM cdc_inner.require(organization, 'admin');
	IF network IS NULL THEN
		PERFORM cdc_inner.raise_invalid('a network must be named', 'It was null.', 'Give the UUID of the private network.');
	END IF;
	INSERT INTO cdc.network_owner (network_id, organization_id) VALUES (network, organization) ON CONFLICT DO NOTHING;
	PERFORM cdc_inner.ask('service', s.id) FROM cdc.service s WHERE s.network_id = network AND s.organization_id = organization AND s.deleted_at IS NULL;
END
$$;
COMMENT ON FUNCTION cdc_inner.assign_network IS
	'Says that a private network is an organization''s: its services may name it. What needs no word: the label cdc_pipeline_organization at the cloud with '
	'the organization''s id, networks that a provider made, and what a superuser registers. network: its UUID. organization: its id. For superusers. '
	'Errors: 22023, 42704 unknown organization.';
