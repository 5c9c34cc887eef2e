-- operating/calls.sql: what a superuser calls.

CREATE OR REPLACE FUNCTION cdc_inner.take_over() RETURNS void
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.take_over()');
	UPDATE cdc.control_plane p SET
		installation_id = CASE WHEN p.system_identifier = c.system_identifier THEN p.installation_id ELSE gen_random_uuid() END,
		system_identifier = c.system_identifier,
		-- Above all that any copy can have by now, and two copies of which each
		-- takes over do not meet: failovers add 1 each, and nobody has one a second.
		epoch_base = greatest(p.epoch + 1, extract(epoch FROM clock_timestamp())::bigint), updated_at = now()
		FROM pg_control_system() c;
	IF EXISTS (SELECT FROM cdc.organization_member m WHERE m.system_identifier IS DISTINCT FROM cdc_inner.system_identifier()) THEN
		RAISE WARNING USING MESSAGE = 'members of organizations are not known on this server',
			DETAIL = 'They were roles of another server: here nobody is a member by his name alone.', HINT = 'SELECT * FROM cdc.bind_members() shows them, cdc.bind_members(true) binds them to the roles of these names.';
	END IF;
	PERFORM cdc_inner.ask('round', NULL);
END
$$;
COMMENT ON FUNCTION cdc_inner.take_over IS
	'Makes this copy of the metadata the acting one: a restored dump, a pg_upgrade, or after a fence. The other copy stops before its next change. For '
	'superusers.';

CREATE OR REPLACE FUNCTION cdc_inner.rotate_secret_key(old_key_file text) RETURNS bigint
	LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	present text;
	n bigint;
	m bigint;
BEGIN
	PERFORM cdc_inner.require_superuser('cdc.rotate_secret_key()');
	present := (cdc_inner.encrypt('', 'rotate_secret_key', 'which key is it?')).key_id;
	UPDATE cdc.service_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc_inner.reencrypt(old_key_file, s.key_id, s.ciphertext, s.service_id::text, s.purpose) e) WHERE s.key_id <> present;
	GET DIAGNOSTICS n = ROW_COUNT;
	UPDATE cdc.pipeline_secret s SET (key_id, ciphertext) = (SELECT e.key_id, e.ciphertext
		FROM cdc_inner.reencrypt(old_key_file, s.key_id, s.ciphertext, s.pipeline_id::text, s.purpose) e) WHERE s.key_id <> present;
	GET DIAGNOSTICS m = ROW_COUNT;
	-- what could not be decrypted is read again
	PERFORM cdc_inner.ask('round', NULL);
	RETURN n + m;
END
$$;
COMMENT ON FUNCTION cdc_inner.rotate_secret_key IS
	'Encrypts anew, with the key in the file that cdc_pipeline.secret_key_file names now, every secret that has another key, and returns how many. Put the '
	'new file in place on every standby first. old_key_file: the file with the key before. For superusers. Errors: 55000 when a key cannot be used.';

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
