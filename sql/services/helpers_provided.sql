-- services/helpers_provided.sql: services that are made: the provider local, which orders
-- them of the agent at cdc_pipeline.provision_url.  Nothing is made here: a row is
-- written, and the worker makes it true.

-- Who makes a server when a request names no provider; NULL: nobody does.
CREATE OR REPLACE FUNCTION cdc_inner.default_provider() RETURNS text
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE WHEN coalesce(current_setting('cdc_pipeline.provision_url', true), '') <> '' THEN 'local' END
$$;

-- What a provider is asked for and does not do, in words for the service's object:
-- it is echoed, and not pretended.
CREATE OR REPLACE FUNCTION cdc_inner.service_notes(service cdc.service) RETURNS text[]
	LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
	SELECT CASE service.provider WHEN 'local' THEN array_remove(ARRAY[
		CASE WHEN service.plan_name <> '' THEN format('plan_name %s: %s', service.plan_name, coalesce('the service is held to ' || service.provided_limits, 'what the service is held to is not known yet')) END,
		CASE WHEN service.storage_size_gb IS NOT NULL THEN format('storage_size_gb %s: the size is not limited, the service shares the disk of its host', service.storage_size_gb) END,
		CASE WHEN service.storage_tier <> '' THEN format('storage_tier %s: the disk is the host''s', service.storage_tier) END,
		CASE WHEN service.database_type = 'kafka' AND service.allowed_cidrs <> '{}' THEN 'allowed_cidrs: a Kafka broker of this provider does not filter addresses' END,
		CASE WHEN service.addons <> '{}' AND service.connection ->> 'connect_user' IS NULL THEN 'kafka-connect: made by version 0.1, whoever reaches its REST interface may use it' END,
		CASE WHEN service.auto_failover_enabled AND coalesce(service.node_count, 1) = 1 THEN 'auto_failover_enabled: with one node there is no other to take over' END,
		CASE WHEN service.encryption_enabled THEN 'encryption_enabled: the disk is encrypted when the host''s is' END,
		CASE WHEN service.replication_mode NOT IN ('', 'async') THEN format('replication_mode %s: a standby is asynchronous', service.replication_mode) END,
		CASE WHEN service.maintenance_window <> '' THEN 'maintenance_window: there is no maintenance of its own' END,
		CASE WHEN service.ttl_hours IS NOT NULL THEN 'ttl_hours: a service is not deleted by its age' END], NULL) ELSE '{}' END
$$;

-- Values that the provider local does not take: ERROR 22023 with the field.
CREATE OR REPLACE FUNCTION cdc_inner.check_provided(body jsonb) RETURNS void
	LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
	type text := body ->> 'database_type';
	item text;
	nodes numeric := (body ->> 'node_count')::numeric;
BEGIN
	IF type NOT IN ('postgresql', 'kafka') THEN
		PERFORM cdc_inner.raise_invalid('unknown database_type', format('It was %L.', left(type, 100)), 'Use postgresql or kafka.', 'database_type');
	END IF;
	PERFORM cdc_inner.check_service_name(body ->> 'name') WHERE body ->> 'name' IS NOT NULL;
	IF body ->> 'plan_name' !~ '^tier-([1-9]|1[0-5])$' THEN
		PERFORM cdc_inner.raise_invalid('unknown plan_name', format('It was %L.', left(body ->> 'plan_name', 100)), 'Use tier-1 to tier-15.', 'plan_name');
	END IF;
	IF type = 'postgresql' AND body ->> 'version' NOT IN ('14', '15', '16', '17', '18') THEN
		PERFORM cdc_inner.raise_invalid('unknown version of PostgreSQL', format('It was %L.', left(body ->> 'version', 100)), 'Use 14, 15, 16, 17 or 18, a major version alone.', 'version');
	ELSIF type = 'kafka' AND body ->> 'version' !~ '^(3\.9|4\.[0-9])$' THEN
		PERFORM cdc_inner.raise_invalid('unknown version of Kafka', format('It was %L.', left(body ->> 'version', 100)), 'Use 3.9, or 4.0 and later where it is installed.', 'version');
	END IF;
	IF body ->> 'zone' IS NOT NULL AND NOT EXISTS (SELECT FROM cdc.zone z WHERE z.zone = body ->> 'zone') THEN
		PERFORM cdc_inner.raise_invalid('unknown zone', format('It was %L.', left(body ->> 'zone', 100)),
			format('Use one of %s.', (SELECT string_agg(z.zone, ', ' ORDER BY z.zone) FROM cdc.zone z)), 'zone');
	END IF;
	IF body ->> 'storage_tier' NOT IN ('maxiops', 'standard', 'archive') THEN
		PERFORM cdc_inner.raise_invalid('unknown storage_tier', format('It was %L.', left(body ->> 'storage_tier', 100)), 'Use maxiops, standard or archive.', 'storage_tier');
	END IF;
	IF (body ->> 'storage_size_gb')::numeric < 10 THEN
		PERFORM cdc_inner.raise_invalid('storage_size_gb must be 10 or more', format('It was %s.', body ->> 'storage_size_gb'), 'Choose a larger size.', 'storage_size_gb');
	END IF;
	IF type = 'postgresql' AND nodes > 2 THEN
		PERFORM cdc_inner.raise_invalid('a PostgreSQL service has one node or two', format('node_count was %s.', nodes), 'Use 1, or 2 for a primary and a standby.', 'node_count');
	ELSIF type = 'kafka' AND nodes > 1 THEN
		PERFORM cdc_inner.raise_invalid('a Kafka service of this provider has one broker', format('node_count was %s.', nodes), 'Use 1, or leave it out.', 'node_count');
	END IF;
	FOR item IN SELECT jsonb_array_elements_text(coalesce(nullif(body -> 'addons', 'null'), '[]')) LOOP
		IF type <> 'kafka' THEN
			PERFORM cdc_inner.raise_invalid('this type of service has no addons', format('They were %s.', left((body -> 'addons')::text, 100)), 'The addon kafka-connect is for kafka.', 'addons');
		ELSIF item <> 'kafka-connect' THEN
			PERFORM cdc_inner.raise_invalid('unknown addon', format('It was %L.', left(item, 100)), 'The only addon is kafka-connect.', 'addons');
		END IF;
	END LOOP;
	FOR item IN SELECT jsonb_array_elements_text(coalesce(nullif(body -> 'allowed_cidrs', 'null'), '[]')) LOOP
		IF family(item::inet) <> 4 THEN
			PERFORM cdc_inner.raise_invalid('an entry of allowed_cidrs is no IPv4 network', format('It was %L.', left(item, 100)), 'Services of this provider have IPv4 addresses.', 'allowed_cidrs');
		END IF;
	END LOOP;
END
$$;

-- Writes a service that is to be made, with passwords of its own.  body was
-- checked.  ERROR 42710: name taken.
CREATE OR REPLACE FUNCTION cdc_inner.provide_service(organization uuid, body jsonb) RETURNS uuid
	LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_variable
DECLARE
	made uuid;
	postgresql boolean := body ->> 'database_type' = 'postgresql';
	addons text[] := ARRAY(SELECT DISTINCT jsonb_array_elements_text(coalesce(nullif(body -> 'addons', 'null'), '[]')));
	item text;
BEGIN
	PERFORM cdc_inner.admit(organization, 'services'), cdc_inner.admit(organization, 'nodes', CASE WHEN postgresql THEN coalesce((body ->> 'node_count')::numeric::integer, 1) ELSE 0 END);
	BEGIN
		INSERT INTO cdc.service AS s (organization_id, name, database_type, version, zone, provider, addons, addon_status, node_count, connection)
			VALUES (organization, body ->> 'name', body ->> 'database_type', coalesce(body ->> 'version', CASE WHEN postgresql THEN '17' ELSE '3.9' END),
				coalesce(body ->> 'zone', 'default'), 'local', addons, CASE WHEN addons <> '{}' THEN '{"kafka-connect": "pending"}'::jsonb ELSE '{}' END, 1,
				CASE WHEN postgresql THEN '{"admin_user": "postgres", "database": "defaultdb", "users": ["app_user"]}'::jsonb
					WHEN addons <> '{}' THEN '{"admin_user": "admin", "connect_user": "worker", "users": ["app_user"]}'
					ELSE '{"admin_user": "admin", "users": ["app_user"]}' END)
			RETURNING s.id INTO made;
	EXCEPTION WHEN unique_violation THEN
		PERFORM cdc_inner.raise_name_taken('service', body ->> 'name');
	END;
	FOREACH item IN ARRAY ARRAY['admin_password', 'user_password/app_user'] || CASE WHEN addons <> '{}' THEN ARRAY['agent_token/0', 'connect_password'] END LOOP
		INSERT INTO cdc.service_secret (service_id, purpose, key_id, ciphertext)
			SELECT made, item, e.key_id, e.ciphertext FROM cdc_inner.encrypt(cdc_inner.random_secret(), made::text, item) e;
	END LOOP;
	PERFORM cdc_inner.ask('service', made);
	RETURN made;
END
$$;
