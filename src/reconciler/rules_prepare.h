/*
 * rules_prepare.h
 *	  Rules of the sections gate, network and plugin.
 *
 * What must be known of services, and be there of network and plugin.
 * Included by state_table.c alone, inside of the table, which explains their
 * words and their order.  Nothing but rules.
 */
/* *INDENT-OFF* */
	/*
	 * Gate: what is known from the tables.  A Running pipeline is not taken
	 * down for what the tables say, but for a gap that the user wants to halt.
	 */
	{200, "gate", BUILD, G(source_not_postgresql), CDC_FAILED, NO_STEP, DO(NONE), SLOW,
		"source service must be postgresql", "Checked first: it is what swapped ids look like.", false},
	{202, "gate", BUILD, G(addon_not_enabled), CDC_FAILED, NO_STEP, DO(NONE), SLOW,
		"sink service does not have the kafka-connect addon enabled", "There is no Connect to run on.", false},
	{204, "gate", BUILD, G(region_differs), CDC_FAILED, NO_STEP, DO(NONE), SLOW,
		"source zone {source_zone} and sink zone {sink_zone} are not in the same peering region",
		"Networks are peered within a region only.", false},
	{206, "gate", BUILD, G(network_one_sided), CDC_FAILED, NO_STEP, DO(NONE), SLOW,
		"only the {network_side} service has a network_id: give one to both services or to neither",
		"There is nothing to peer the one network with.", false},
	{208, "gate", LIVE, G(gap_halts), CDC_FAILED, CONNECTOR, DO(NONE), SLOW,
		"{gap}; on_gap is halt, so no new snapshot is taken: delete the pipeline and create it again",
		"The user wants to decide about events that may be missing.", false},
	{209, "gate", ON(PAUSED), G(pause_over_unbuilt), PROVISION, CONNECTOR, DO(NONE), FAST,
		NULL, "Resumed before it has run, or before a new snapshot: it is built on.", false},
	{210, "gate", BUILD, G(service_not_running), CDC_PENDING, NO_STEP, DO(NONE), ROUND,
		"waiting for both services and the kafka-connect addon to run: {pending}",
		"Nothing is asked of a service that is not running.", false},

	/*
	 * Network: one peering a direction, both active.  They are shared by all
	 * pipelines between the two networks and never deleted with one.
	 */
	{300, "network", BUILD, G(network_unseen), STAY, NETWORK, DO(NONE), FAST,
		"waiting for a first look at the network", "The peerings have not been looked up yet.", true},
	{302, "network", BUILD, G(network_out_of_reach), PROVISION, NETWORK, DO(NONE), BACKOFF,
		"waiting for the SDN API: {network}", "Whether a peering is missing must be seen before one is made.", false},
	{304, "network", BUILD, G(network_blocked), PROVISION, NETWORK, DO(NONE), ROUND,
		"waiting for the network between source and sink: {network}", "Only people can change this; it goes on when they have.", false},
	{306, "network", BUILD, G(peering_missing), PROVISION, NETWORK, DO(CREATE_PEERING), NOW,
		NULL, "Looked up first, so that a lost answer makes none twice.", false},
	{308, "network", BUILD, G(peering_disabled), PROVISION, NETWORK, DO(ENABLE_PEERING), NOW,
		NULL, "Only ours by its label: what somebody else disabled stays so.", false},
	{310, "network", UP, G(peering_missing), STAY, NO_STEP, DO(CREATE_PEERING), NOW,
		"a network peering between source and sink is gone and is being created again", "Drift.", false},
	{312, "network", UP, G(peering_disabled), STAY, NO_STEP, DO(ENABLE_PEERING), NOW,
		"a network peering between source and sink was disabled and is being enabled", "Drift.", false},
	{314, "network", BUILD, G(network_stuck), PROVISION, NETWORK, DO(NONE), FAST,
		"the network between source and sink is not active after {network_stuck}, and is still being watched: {network}; ask UpCloud's support about these peerings",
		"A peering that takes so long seldom comes by itself.", false},
	{316, "network", BUILD, G(network_waiting), PROVISION, NETWORK, DO(NONE), FAST,
		"waiting for the network between source and sink: {network}", "Both directions must be active.", false},

	/* Plugin: Connect answers, and every worker has the class. */
	{400, "plugin", LIVE, G(connect_unseen), STAY, PLUGIN, DO(NONE), FAST,
		"waiting for a first look at Kafka Connect", "It has been asked and has not answered yet.", true},
	{401, "plugin", BUILD, G(connect_restarting), PROVISION, PLUGIN, DO(NONE), ROUND,
		"installing the Debezium PostgreSQL plugin {plugin_wanted}, one worker at a time: {agents}",
		"The one worker that there is, or that was asked, is being restarted.", false},
	{402, "plugin", BUILD, G(connect_down), PROVISION, PLUGIN, DO(NONE), BACKOFF,
		"waiting for Kafka Connect: {connect_error}", "A transient fault never fails a pipeline.", false},
	{404, "plugin", UP, G(connect_down), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for Kafka Connect: {connect_error}", "A transient fault never costs the status.", false},
	{406, "plugin", BUILD, G(plugin_unseen), STAY, PLUGIN, DO(NONE), FAST,
		"waiting for a look at the plugins of Kafka Connect", "Every worker is asked: each answers for itself.", true},
	{407, "plugin", BUILD, G(agents_unseen), STAY, PLUGIN, DO(NONE), FAST,
		"waiting for a first look at the agents of Kafka Connect", "They have been asked and have not answered yet.", true},
	{408, "plugin", BUILD, G(plugin_by_hand), PROVISION, PLUGIN, DO(NONE), BACKOFF,
		"waiting for the Debezium PostgreSQL plugin: it is missing on {plugin_workers}; install it there and restart the worker, or register the sink with agents",
		"A task may land on any worker, so every worker needs it.", false},
	{409, "plugin", BUILD, G(plugin_unset), PROVISION, PLUGIN, DO(NONE), BACKOFF,
		"waiting for the Debezium PostgreSQL plugin: it is missing on {plugin_workers}; set cdc_pipeline.debezium_plugin_url and cdc_pipeline.debezium_plugin_sha512, and the agents install it",
		"The agents install only what was named, by its SHA-512.", false},
	{410, "plugin", BUILD, G(plugin_agents_down), PROVISION, PLUGIN, DO(NONE), BACKOFF,
		"waiting for the agents of Kafka Connect, which install the Debezium PostgreSQL plugin: {agents}",
		"A transient fault never fails a pipeline.", false},
	{412, "plugin", BUILD, G(plugin_failed), PROVISION, PLUGIN, DO(NONE), ROUND,
		"waiting to try again to install the Debezium PostgreSQL plugin {plugin_wanted}: {agents}",
		"Tries come at growing intervals, from 30 s to 10 minutes, and on check_health().", false},
	{414, "plugin", BUILD, G(plugin_installing), PROVISION, PLUGIN, DO(NONE), ROUND,
		"installing the Debezium PostgreSQL plugin {plugin_wanted}, one worker at a time: {agents}",
		"The next worker only when the former lists the plugin and its tasks run again.", false},
	{416, "plugin", BUILD, G(plugin_to_install), PROVISION, PLUGIN, DO(INSTALL_PLUGIN), NOW,
		"installing the Debezium PostgreSQL plugin {plugin_wanted}, one worker at a time: {agents}",
		"Missing, or another version: one pipeline of the sink asks for all.", false},
	{418, "plugin", UP, G(plugin_to_install), STAY, NO_STEP, DO(INSTALL_PLUGIN), NOW,
		"installing the Debezium PostgreSQL plugin {plugin_wanted}, one worker at a time: {agents}",
		"A new version was set, or a worker came without.", false},
/* *INDENT-ON* */
