-- services/reads.sql: what is read of services, in the words of docs/sql-api.md.

COMMENT ON TABLE cdc.service IS 'PostgreSQL and Kafka services, without their secrets. Readers: members of the organization.';
COMMENT ON COLUMN cdc.service.id IS 'Its id.';
COMMENT ON COLUMN cdc.service.organization_id IS 'Whose it is.';
COMMENT ON COLUMN cdc.service.name IS 'Unique among the organization''s services that are not being deleted.';
COMMENT ON COLUMN cdc.service.database_type IS 'postgresql or kafka.';
COMMENT ON COLUMN cdc.service.version IS 'As it was registered or ordered; NULL: not said.';
COMMENT ON COLUMN cdc.service.zone IS 'Where it is; cdc.zone has its peering region.';
COMMENT ON COLUMN cdc.service.provider IS 'external: registered; local: made by the agent at cdc_pipeline.provision_url.';
COMMENT ON COLUMN cdc.service.connection IS 'How it is reached, without secrets: the keys of cdc.connection_key.';
COMMENT ON COLUMN cdc.service.network_id IS 'UUID of the private network in which it lies; NULL: none is joined.';
COMMENT ON COLUMN cdc.service.network_ranges IS 'CIDRs of that network, as the SDN last showed them.';
COMMENT ON COLUMN cdc.service.addons IS 'kafka-connect: a Kafka Connect belongs to it.';
COMMENT ON COLUMN cdc.service.plan_name IS 'As ordered over REST; NULL: not said.';
COMMENT ON COLUMN cdc.service.storage_size_gb IS 'As ordered over REST, in GB; NULL: not said.';
COMMENT ON COLUMN cdc.service.storage_tier IS 'As ordered over REST; NULL: not said.';
COMMENT ON COLUMN cdc.service.node_count IS 'As ordered over REST; NULL: not said.';
COMMENT ON COLUMN cdc.service.allowed_cidrs IS 'Networks whose clients the provider lets in, in the order given.';
COMMENT ON COLUMN cdc.service.auto_failover_enabled IS 'As ordered over REST.';
COMMENT ON COLUMN cdc.service.replication_mode IS 'As ordered over REST; NULL: not said.';
COMMENT ON COLUMN cdc.service.encryption_enabled IS 'As ordered over REST.';
COMMENT ON COLUMN cdc.service.maintenance_window IS 'As ordered over REST; NULL: not said.';
COMMENT ON COLUMN cdc.service.labels IS 'As sent over REST.';
COMMENT ON COLUMN cdc.service.is_ephemeral IS 'As ordered over REST.';
COMMENT ON COLUMN cdc.service.ttl_hours IS 'As ordered over REST, in hours; NULL: not said. Nothing is deleted by its age.';
COMMENT ON COLUMN cdc.service.status IS 'pending: not reached yet; provisioning: being made; running; error: see status_message; deleting.';
COMMENT ON COLUMN cdc.service.addon_status IS 'Status of each addon, as {"kafka-connect": "running"}.';
COMMENT ON COLUMN cdc.service.status_message IS 'What is wrong or waited for; NULL: nothing.';
COMMENT ON COLUMN cdc.service.system_identifier IS
	'Of the cluster that a PostgreSQL service was first seen to be, and no other is followed; NULL: not seen yet, or of Kafka.';
COMMENT ON COLUMN cdc.service.created_at IS 'When it was registered or ordered.';
COMMENT ON COLUMN cdc.service.updated_at IS 'When it was last changed.';
COMMENT ON COLUMN cdc.service.deleted_at IS 'When all of it was gone; NULL: it is not, and readers see no other rows.';
COMMENT ON COLUMN cdc.service.secret_path IS 'Of a Kafka service: the directory of secrets that its agents named first; NULL: not seen yet.';
COMMENT ON COLUMN cdc.service.provided_limits IS 'What its provider holds it to, in words; NULL: not known.';
COMMENT ON COLUMN cdc.service.connection_set_by IS
	'Whose word its addresses are: member; superuser: they are not judged by cdc_pipeline.member_networks; before: registered by version 0.1.';
COMMENT ON COLUMN cdc.service.connect_claimed IS
	'Addresses of the Kafka Connect that is the organization''s: its credentials were accepted and a pipeline ran.';
COMMENT ON COLUMN cdc.service.adopt_agents IS 'URLs of agents that are told to keep our epoch again: cdc.adopt_agent().';
COMMENT ON COLUMN cdc.service.pipelines_checked_at IS 'When a health round had last looked at all pipelines of which it is the source; NULL: not yet.';

COMMENT ON TABLE cdc.service_node IS 'The nodes of PostgreSQL services, as registered and as last seen. Readers: members of the organization.';
COMMENT ON COLUMN cdc.service_node.service_id IS 'The service.';
COMMENT ON COLUMN cdc.service_node.address IS 'Host name or IP address.';
COMMENT ON COLUMN cdc.service_node.port IS 'TCP port.';
COMMENT ON COLUMN cdc.service_node.observed_role IS 'primary or standby, as last seen; NULL: not seen yet.';
COMMENT ON COLUMN cdc.service_node.system_identifier IS 'Of its cluster; NULL: not seen yet.';
COMMENT ON COLUMN cdc.service_node.timeline IS 'The timeline on which it is; NULL: not seen yet.';
COMMENT ON COLUMN cdc.service_node.hba_loaded IS 'SHA-256 of our lines in its pg_hba.conf whose reload is known to be done; NULL: none is.';
COMMENT ON COLUMN cdc.service_node.last_seen_at IS 'When it answered last; NULL: never.';
COMMENT ON COLUMN cdc.service_node.error_message IS 'Why it does not answer, or cannot be used; NULL: it can.';

COMMENT ON TABLE cdc.service_secret IS 'Secrets of services, AES-256-GCM; the key is in the file of cdc_pipeline.secret_key_file. Readers: superusers.';
COMMENT ON COLUMN cdc.service_secret.service_id IS 'The service.';
COMMENT ON COLUMN cdc.service_secret.purpose IS 'admin_password, connector_password, connect_password, client_key, agent_token/N or user_password/NAME.';
COMMENT ON COLUMN cdc.service_secret.key_id IS 'Which key it is encrypted with.';
COMMENT ON COLUMN cdc.service_secret.ciphertext IS 'Nonce, secret and tag.';

COMMENT ON TABLE cdc.service_event IS
	'Who registered, changed or deleted a service, and who had a password shown, in order of id; kept for cdc_pipeline.event_retention. Readers: '
	'members of the organization.';
COMMENT ON COLUMN cdc.service_event.id IS 'Of the event.';
COMMENT ON COLUMN cdc.service_event.service_id IS 'The service.';
COMMENT ON COLUMN cdc.service_event.at IS 'When.';
COMMENT ON COLUMN cdc.service_event.kind IS 'created, changed, deleted or revealed.';
COMMENT ON COLUMN cdc.service_event.role IS 'The PostgreSQL role that did it.';
COMMENT ON COLUMN cdc.service_event.message IS 'In words; no secret is ever in it.';
COMMENT ON COLUMN cdc.service_event.detail IS 'From what to what, the id of the REST request; NULL: nothing more.';

COMMENT ON TABLE cdc.zone IS
	'The peering region of each zone; a zone that is not here is a region of its own. Superusers edit it. Readers: all members.';
COMMENT ON COLUMN cdc.zone.zone IS 'As in cdc.service.zone.';
COMMENT ON COLUMN cdc.zone.peering_region IS
	'Networks in one region can be peered; to take a shipped zone out of its region, UPDATE it to one of its own.';

CREATE OR REPLACE VIEW cdc.connection_key WITH (security_invoker = true) AS
	SELECT k.database_type, k.key, k.type, k.rule, k.set_by, k.secret, k.directs_secret, k.on_change FROM cdc.connection_keys() k;
COMMENT ON VIEW cdc.connection_key IS 'The keys of a service''s connection, by the type of its server. Readers: all members.';
COMMENT ON COLUMN cdc.connection_key.database_type IS 'postgresql or kafka.';
COMMENT ON COLUMN cdc.connection_key.key IS 'A member of connection.';
COMMENT ON COLUMN cdc.connection_key.type IS 'Its JSON type.';
COMMENT ON COLUMN cdc.connection_key.rule IS 'What it may be, in words.';
COMMENT ON COLUMN cdc.connection_key.set_by IS 'Who may change it: member, admin or superuser.';
COMMENT ON COLUMN cdc.connection_key.secret IS 'It is a secret, or has one in it.';
COMMENT ON COLUMN cdc.connection_key.directs_secret IS 'It decides where secrets are sent: for admins, or whoever gives those anew.';
COMMENT ON COLUMN cdc.connection_key.on_change IS 'What a change sets off.';
