-- operating/reads.sql: what superusers read of how the installation stands.

COMMENT ON TABLE cdc.network_peering IS 'The peerings of each pair of networks, shared by the pipelines between them. Readers: superusers.';
COMMENT ON COLUMN cdc.network_peering.id IS 'Of the pair.';
COMMENT ON COLUMN cdc.network_peering.network_a IS 'UUID of one network, the smaller one.';
COMMENT ON COLUMN cdc.network_peering.network_b IS 'UUID of the other.';
COMMENT ON COLUMN cdc.network_peering.peering_ab IS 'The SDN''s id of the peering from a to b; NULL: none is known.';
COMMENT ON COLUMN cdc.network_peering.peering_ba IS 'The SDN''s id of the peering from b to a; NULL: none is known.';
COMMENT ON COLUMN cdc.network_peering.state_ab IS 'As the SDN told last; NULL: not listed.';
COMMENT ON COLUMN cdc.network_peering.state_ba IS 'As the SDN told last; NULL: not listed.';
COMMENT ON COLUMN cdc.network_peering.installation_id IS 'Whose label makes a peering of the pair ours; NULL: not made by us.';
COMMENT ON COLUMN cdc.network_peering.requested_at IS 'Waited for since; NULL: active.';
COMMENT ON COLUMN cdc.network_peering.mutated_at IS 'When a change was sent last; NULL: never.';
COMMENT ON COLUMN cdc.network_peering.removing IS 'No service needs it any more.';
COMMENT ON COLUMN cdc.network_peering.error_message IS 'Of the last change; NULL: none.';
COMMENT ON COLUMN cdc.network_peering.updated_at IS 'When it last changed.';

COMMENT ON TABLE cdc.network_owner IS 'Whose a private network is by a superuser''s word (cdc.assign_network()). Readers: superusers.';
COMMENT ON COLUMN cdc.network_owner.network_id IS 'UUID of the network.';
COMMENT ON COLUMN cdc.network_owner.organization_id IS 'The organization that may use it.';
COMMENT ON COLUMN cdc.network_owner.assigned_at IS 'Since when.';

COMMENT ON TABLE cdc.connect_share IS
	'Which organization may use a Kafka Connect that others use, by a superuser''s word (cdc.share_connect()). Readers: superusers.';
COMMENT ON COLUMN cdc.connect_share.url IS 'As in connect_urls.';
COMMENT ON COLUMN cdc.connect_share.organization_id IS 'The organization that may use it.';
COMMENT ON COLUMN cdc.connect_share.shared_at IS 'Since when.';

COMMENT ON TABLE cdc.control_plane IS 'Which server may act on this metadata: at most one row, changed by cdc.take_over(). Readers: superusers.';
COMMENT ON COLUMN cdc.control_plane.singleton IS 'Always true.';
COMMENT ON COLUMN cdc.control_plane.installation_id IS 'In the labels of what is ours outside.';
COMMENT ON COLUMN cdc.control_plane.system_identifier IS 'Of the server that acts.';
COMMENT ON COLUMN cdc.control_plane.epoch IS 'Of this control plane when it last acted: epoch_base * 2^24 + timeline of the metadata server.';
COMMENT ON COLUMN cdc.control_plane.epoch_base IS 'Raised by cdc.take_over(), so that a restored copy outranks the original.';
COMMENT ON COLUMN cdc.control_plane.updated_at IS 'When it last changed.';
COMMENT ON COLUMN cdc.control_plane.tie IS 'Decides between equal epochs of two copies: random, another one with each epoch.';
COMMENT ON COLUMN cdc.control_plane.seen_epoch IS 'The highest epoch of this installation that was seen in an authentic mark; 0: none above ours. A higher one than ours stops this worker.';
COMMENT ON COLUMN cdc.control_plane.seen_tie IS 'Its tie.';
COMMENT ON COLUMN cdc.control_plane.fence_key_id IS 'Which secret key fence_key is encrypted with; NULL: as that.';
COMMENT ON COLUMN cdc.control_plane.fence_key IS 'The key by which marks are made and verified, encrypted; NULL: the worker makes it at its first turn.';

COMMENT ON TABLE cdc.work IS 'What the worker is asked to look at; it deletes what it has taken. Readers: superusers.';
COMMENT ON COLUMN cdc.work.seq IS 'In this order.';
COMMENT ON COLUMN cdc.work.kind IS 'pipeline, service, round: a health round now, or first: the first organization was made.';
COMMENT ON COLUMN cdc.work.id IS 'Of what is to be looked at; NULL: all.';
COMMENT ON COLUMN cdc.work.requested_at IS 'When it was asked.';
