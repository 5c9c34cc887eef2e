/*
 * state_table.c
 *	  The reconciler's rules.
 *
 * First match wins, so the order is the order of truth: what must hold first
 * stands first, and a rule may rely on everything above it.  Guards are in
 * guards.c, names and the check of the table in state_table_check.c.
 *
 * The world is looked at anew on every visit, so nothing here counts steps.
 * A few things cannot be seen again and are remembered by the worker instead
 * (docs/architecture.md calls them intents):
 *	 - discarding: a snapshot is being thrown away (begin_discard ... end_discard);
 *	 - was_running: the present snapshot ended and its slot streamed (a rule
 *	   with status_to Running fired; cleared by end_discard);
 *	 - failover: the verdict on a source whose history has changed, and the
 *	   history on which the pipeline streamed last;
 *	 - gap: events may be missing (from when it was seen until end_discard);
 *	 - the offsets of an absent connector;
 *	 - that the slot was absent before our connector was made: a slot carries no
 *	   mark;
 *	 - the password of the role, and that pg_hba.conf was reloaded;
 *	 - which tables were given REPLICA IDENTITY FULL, and what they had;
 *	 - when a mutation was last sent (settled, untouched).
 *
 * "STAY" keeps the status.  Rules of Pending, Provisioning and Failed say
 * Provisioning, which is how Failed heals; the same fact under Running is a
 * repair or a report and never costs the status.
 */
#include <stddef.h>

#include "reconciler/guards.h"
#include "reconciler/state_table.h"

#define ON(status)	(1U << CDC_##status)
#define BUILD		(ON(PENDING) | ON(PROVISIONING) | ON(FAILED))
#define KEEP		(ON(PROVISIONING) | ON(RUNNING))
#define LIVE		(BUILD | ON(RUNNING))
#define GOING		ON(DELETING)
#define EVERY		(LIVE | GOING | ON(DELETED))

#define G(name)		cdc_guard_##name, #name

#define STAY		CDC_STAY
#define PROVISION	CDC_PROVISIONING

/* step, action, retry: one word each in the table below */
#define NO_STEP		CDC_STEP_NONE
#define NETWORK		CDC_STEP_ENSURE_NETWORK
#define PLUGIN		CDC_STEP_INSTALL_PLUGIN
#define SOURCE		CDC_STEP_PREPARE_SOURCE
#define PUBLICATION CDC_STEP_CREATE_PUBLICATION
#define CONNECTOR	CDC_STEP_CREATE_CONNECTOR
#define DO(action)	CDC_ACT_##action
#define NOW			CDC_RETRY_NOW
#define FAST		CDC_RETRY_FAST
#define TURN		CDC_RETRY_TURN
#define BACKOFF		CDC_RETRY_BACKOFF
#define ROUND		CDC_RETRY_ROUND
#define SLOW		CDC_RETRY_SLOW
#define NEVER		CDC_RETRY_NEVER

const CdcRule cdc_state_table[] =
{
	/*
	 * Deleting (design: the connector first, since it would make its slot
	 * again; offsets before the connector, since only a stopped connector
	 * gives them away; the role last).
	 */
	{100, "deleting", LIVE, G(delete_wanted), CDC_DELETING, NO_STEP, DO(NONE), FAST,
		NULL, "A delete was asked for, wherever the pipeline is.", false},
	{102, "deleting", GOING, G(delete_taken_back), PROVISION, NETWORK, DO(NONE), FAST,
		NULL, "The tables say that the pipeline is wanted after all: it is built again.", false},
	{104, "deleting", ON(DELETED), G(always), STAY, NO_STEP, DO(NONE), NEVER,
		NULL, "Deleted is the end.", false},
	{110, "deleting", GOING, G(teardown_connect_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a first look at Kafka Connect", "Nothing is torn down blindly.", true},
	{112, "deleting", GOING, G(teardown_connect_down), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for Kafka Connect, to delete the connector: {connect_error}",
		"Without the connector gone first, Debezium would make its slot again.", false},
	{120, "deleting", GOING, G(teardown_connector_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the connector", "Connect answers, the connector is not known yet.", true},
	{121, "deleting", GOING, G(teardown_connector_unverified), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for somebody to say whose the connector is: {connector}; force leaves it",
		"What cannot be verified is not ours to delete.", false},
	{122, "deleting", GOING, G(teardown_connector_works), STAY, NO_STEP, DO(STOP_CONNECTOR), FAST,
		NULL, "Stopped, it ends its tasks, releases the slot and lets its offsets be deleted.", false},
	{124, "deleting", GOING, G(teardown_tasks_left), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for the task of the stopped connector to end", "Connect stops tasks after it has answered.", false},
	{130, "deleting", GOING, G(teardown_source_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a first look at the source", "Whether the slot is released must be seen.", true},
	{132, "deleting", GOING, G(teardown_source_down), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the source, to take out what was made there: {source_error}; force gives up on it",
		"An unreachable source holds the delete, unless it is forced.", false},
	{134, "deleting", GOING, G(teardown_database_closed), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the database of the source, to take out what was made there: {source_capability}; force gives up on it",
		"The server answers, but its database cannot be looked into.", false},
	{138, "deleting", GOING, G(teardown_slot_declared), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the replication slot to be taken out of Patroni's configuration (patronictl edit-config, slots), which makes it again when it is dropped; force leaves it to you",
		"Dropped under it, it would come back within seconds, for ever.", false},
	{140, "deleting", GOING, G(teardown_slot_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the replication slot", "Unknown is not absent.", true},
	{141, "deleting", GOING, G(teardown_slot_usurped), STAY, NO_STEP, DO(TERMINATE_WALSENDER), FAST,
		NULL, "Connect is given up, or what streams is not our connector: there is nothing to stop first.", false},
	{142, "deleting", GOING, G(teardown_walsender_stuck), STAY, NO_STEP, DO(TERMINATE_WALSENDER), FAST,
		NULL, "The connector is stopped and its walsender outlived the deadline.", false},
	{144, "deleting", GOING, G(teardown_slot_held), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for the replication slot to be released", "A task that ends flushes its offsets first.", false},
	{150, "deleting", GOING, G(teardown_offsets_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the connector's offsets", "They outlive the connector, so they must be seen gone.", true},
	{152, "deleting", GOING, G(teardown_offsets_left), STAY, NO_STEP, DO(DELETE_OFFSETS), NOW,
		NULL, "Only a stopped connector without tasks lets them go.", false},
	{154, "deleting", GOING, G(teardown_connector_left), STAY, NO_STEP, DO(DELETE_CONNECTOR), NOW,
		NULL, "Stopped, without tasks and without offsets.", false},
	{156, "deleting", GOING, G(teardown_offsets_out_of_reach), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the Debezium plugin, without which the offsets of the deleted connector cannot be reached: it is missing on {plugin_workers}; force leaves them",
		"Offsets can be deleted through a connector only, and that needs the plugin.", false},
	{158, "deleting", GOING, G(teardown_offsets_hidden), STAY, NO_STEP, DO(POST_STOPPED), NOW,
		NULL, "The connector is gone but not through us: made again STOPPED, it shows its offsets.", false},
	{160, "deleting", GOING, G(teardown_slot_left), STAY, NO_STEP, DO(DROP_SLOT), NOW,
		NULL, "Nobody is left who would make it again.", false},
	{161, "deleting", GOING, G(teardown_shadow_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the standbys, which may have slots of the pipeline", "Unknown is not absent.", true},
	{163, "deleting", GOING, G(teardown_shadow_left), STAY, NO_STEP, DO(DROP_SHADOWS), FAST,
		NULL, "A slot that nobody will stream from holds back WAL there.", false},
	{164, "deleting", GOING, G(teardown_publication_unverified), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for somebody to say whose the publication is: {publication}; force leaves it",
		"What cannot be verified is not ours to drop.", false},
	{165, "deleting", GOING, G(teardown_publication_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the publication", "Unknown is not absent.", true},
	{166, "deleting", GOING, G(teardown_publication_left), STAY, NO_STEP, DO(DROP_PUBLICATION), NOW,
		NULL, "Ours by its mark.", false},
	{167, "deleting", GOING, G(teardown_identity_left), STAY, NO_STEP, DO(RESET_IDENTITY), NOW,
		NULL, "Not while our publication has the tables: their UPDATE would be refused.", false},
	{168, "deleting", GOING, G(teardown_hba_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at pg_hba.conf", "Unknown is not absent.", true},
	{169, "deleting", GOING, G(teardown_hba_left), STAY, NO_STEP, DO(REMOVE_HBA), NOW,
		NULL, "Our line is still there on a reachable node.", false},
	{170, "deleting", GOING, G(teardown_role_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the connector role", "Unknown is not absent.", true},
	{172, "deleting", GOING, G(teardown_role_needed), STAY, NO_STEP, DO(DROP_ROLE), ROUND,
		NULL, "Others depend on the role: it loses LOGIN and what we granted, and stays.", false},
	{174, "deleting", GOING, G(teardown_role_left), STAY, NO_STEP, DO(DROP_ROLE), NOW,
		NULL, "Last, since everything above may have needed it.", false},
	{175, "deleting", GOING, G(teardown_agents_unseen), STAY, NO_STEP, DO(NONE), FAST,
		"waiting for a look at the agents of Kafka Connect", "Unknown is not absent.", true},
	{176, "deleting", GOING, G(teardown_secret_left), STAY, NO_STEP, DO(DELETE_SECRET), NOW,
		NULL, "The password's file is still on a Connect host.", false},
	{178, "deleting", GOING, G(teardown_agents_down), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the agents of Kafka Connect, to delete the password's file: {agents}; force leaves it",
		"The role is gone, so the password opens nothing; it is still ours to take out.", false},
	{180, "deleting", GOING, G(teardown_given_up), CDC_DELETED, NO_STEP, DO(SOFT_DELETE), NEVER,
		"deleted by force; left behind: {left_behind}",
		"All that could be reached is gone; the receipt says what could not.", false},
	{181, "deleting", GOING, G(teardown_abandoned), CDC_DELETED, NO_STEP, DO(SOFT_DELETE), NEVER,
		"everything was seen gone; what cannot be looked at once more, since its service is being deleted too: {left_behind}",
		"A service that goes may never answer again, and must not be kept by what is long gone.", false},
	{182, "deleting", GOING, G(teardown_settled), CDC_DELETED, NO_STEP, DO(SOFT_DELETE), NEVER,
		NULL, "Everything was seen absent again, long after the last mutation was sent.", false},
	{190, "deleting", GOING, G(always), STAY, NO_STEP, DO(NONE), ROUND,
		"everything is gone; watching until nothing can come back late",
		"A request that timed out may still take effect; a standby that is away may still have our line.", false},

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
	{310, "network", ON(RUNNING), G(peering_missing), STAY, NO_STEP, DO(CREATE_PEERING), NOW,
		"a network peering between source and sink is gone and is being created again", "Drift.", false},
	{312, "network", ON(RUNNING), G(peering_disabled), STAY, NO_STEP, DO(ENABLE_PEERING), NOW,
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
	{404, "plugin", ON(RUNNING), G(connect_down), STAY, NO_STEP, DO(NONE), BACKOFF,
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
	{418, "plugin", ON(RUNNING), G(plugin_to_install), STAY, NO_STEP, DO(INSTALL_PLUGIN), NOW,
		"installing the Debezium PostgreSQL plugin {plugin_wanted}, one worker at a time: {agents}",
		"A new version was set, or a worker came without.", false},

	/* Source: reachable, capable, tables, role, pg_hba.conf. */
	{500, "source", LIVE, G(source_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a first look at the source", "Its nodes have been asked and have not answered yet.", true},
	{502, "source", BUILD, G(source_down), PROVISION, SOURCE, DO(NONE), BACKOFF,
		"waiting for the source: {source_error}", "A transient fault never fails a pipeline.", false},
	{503, "source", ON(RUNNING), G(source_demoted), STAY, NO_STEP, DO(STOP_CONNECTOR), FAST,
		"the node of the source that the connector streams from is a standby now; stopping the connector until there is a primary: {source_error}",
		"Decoding goes on there through a promotion, beyond where it could be judged.", false},
	{504, "source", ON(RUNNING), G(source_down), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the source: {source_error}", "A transient fault never costs the status.", false},
	{510, "source", BUILD, G(capability_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a look at the settings of the source", "Version, wal_level and the database are not known yet.", true},
	{511, "source", ON(RUNNING), G(database_gone), STAY, NO_STEP, DO(NONE), ROUND,
		"the source is not ready for logical replication any more: {source_capability}",
		"The server answers, but its database cannot be looked into.", false},
	{512, "source", BUILD, G(source_not_capable), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for the source to be ready for logical replication: {source_capability}",
		"Only its owner can change this.", false},
	{514, "source", LIVE, G(secret_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a first look at the agents of Kafka Connect", "Whether they have the connector's password is not known yet.", true},
	{515, "source", BUILD, G(secret_out_of_reach), PROVISION, SOURCE, DO(NONE), BACKOFF,
		"waiting for the agents of Kafka Connect, which are handed the connector's password: {agents}",
		"A task may land on any worker, so every host needs it.", false},
	{516, "source", BUILD, G(secret_to_put), PROVISION, SOURCE, DO(PUT_SECRET), NOW,
		NULL, "Before the role has it and the configuration refers to it.", false},
	{517, "source", ON(RUNNING), G(secret_new_out_of_reach), STAY, NO_STEP, DO(NONE), BACKOFF,
		"waiting for the agents of Kafka Connect, which are handed the connector's password: {agents}",
		"The role keeps the former password until every host has the new one.", false},
	{518, "source", ON(RUNNING), G(secret_to_put), STAY, NO_STEP, DO(PUT_SECRET), NOW,
		"the connector's password is being handed to the agents of Kafka Connect: {agents}", "A new password, a new host, or drift.", false},
	{520, "source", BUILD, G(tables_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a look at the tables", "The tables of the filter have not been looked up yet.", true},
	{522, "source", BUILD, G(tables_missing), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for tables that do not exist yet: {tables}", "Goes on when they appear.", false},
	{524, "source", BUILD, G(tables_bad_kind), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for tables in place of what cannot be captured: {tables}",
		"Views, foreign tables and the like have no changes to decode.", false},
	{525, "source", BUILD, G(identity_to_set), PROVISION, SOURCE, DO(SET_IDENTITY), NOW,
		NULL, "no_key is full; what the tables had is remembered first.", false},
	{526, "source", BUILD, G(tables_without_identity), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for a replica identity of {tables}, whose UPDATE and DELETE PostgreSQL would refuse once published: {tables_fix}",
		"Nothing that we do may make a statement of the application fail.", false},
	{527, "source", BUILD, G(columns_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a look at the columns of the tables", "What is built cannot have other keys without losing the old ones.", true},
	{528, "source", BUILD, G(tables_keyed), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for tables that have no key: no_key is insert_only, which publishes neither UPDATE nor DELETE, and {tables} have one; capture these by a pipeline of their own, or choose no_key full",
		"A publication has the same operations for all of its tables.", false},
	{529, "source", BUILD, G(keys_inexact), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for keys that tell rows apart in Kafka: {columns}", "A delete of one row would be one of another, too.", false},
	{530, "source", BUILD, G(role_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a look at the connector role", "It has not been looked up yet.", true},
	{531, "source", BUILD, G(snapshot_unfit), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for tables of which a snapshot has the rows, and no others: {columns}", "It would be begun again without end, or have rows of which the stream says nothing.", false},
	{532, "source", BUILD, G(role_foreign), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for the name of the connector role: {role}; drop or rename it", "What is not ours is never touched.", false},
	{534, "source", BUILD, G(role_not_fitting), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for the connector role that this source is used with: {role}", "manage_role is false: its owner prepares it.", false},
	{536, "source", BUILD, G(role_to_make), PROVISION, SOURCE, DO(CREATE_ROLE), NOW,
		NULL, "LOGIN, REPLICATION, our password, SELECT on the tables.", false},
	{537, "source", ON(RUNNING), G(role_dropped), STAY, NO_STEP, DO(CREATE_ROLE), NOW,
		"the connector role was dropped and is being created again", "Drift.", false},
	{538, "source", ON(RUNNING), G(role_to_make), STAY, NO_STEP, DO(CREATE_ROLE), NOW,
		"the connector role is not as it should be and is being repaired: {role}", "Drift.", false},
	{540, "source", BUILD, G(hba_unseen), STAY, SOURCE, DO(NONE), FAST,
		"waiting for a look at pg_hba.conf", "It has not been read yet.", true},
	{542, "source", BUILD, G(hba_broken), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for pg_hba.conf to be without errors, which block every reload: {hba}", "The errors are the user's.", false},
	{544, "source", BUILD, G(hba_fought), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for our line in pg_hba.conf, which something else manages: {hba}", "We do not fight a manager such as Patroni.", false},
	{546, "source", BUILD, G(hba_unmanaged), PROVISION, SOURCE, DO(NONE), ROUND,
		"waiting for a line in pg_hba.conf that lets Kafka Connect in: {hba}", "manage_hba is false: its owner writes it.", false},
	{548, "source", BUILD, G(hba_to_write), PROVISION, SOURCE, DO(WRITE_HBA), NOW,
		NULL, "On every reachable node, checked before it is loaded.", false},
	{550, "source", ON(RUNNING), G(hba_to_write), STAY, NO_STEP, DO(WRITE_HBA), NOW,
		"our line in pg_hba.conf is missing or not loaded and is being written: {hba}", "Drift.", false},

	/*
	 * Failover: the history under the pipeline is another one.  The connector
	 * is stopped before anything is judged, and the verdict remembered before
	 * anything is done; the rules of the connector then start it again.
	 */
	{560, "failover", LIVE, G(move_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting to learn which history of the source this is", "Nothing is started on a history that is not known.", true},
	{562, "failover", LIVE, G(move_connector_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for a look at the connector", "It may still stream from the old primary.", true},
	{564, "failover", LIVE, G(move_dragged), STAY, CONNECTOR, DO(JUDGE_FAILOVER), NOW,
		"{failover}", "It streamed on before it was judged; that is forgotten once it is stopped, so it is written down first.", false},
	{566, "failover", LIVE, G(move_connector_works), STAY, CONNECTOR, DO(STOP_CONNECTOR), FAST,
		"{failover}; stopping the connector", "Judged is what stands still; its configuration is left alone meanwhile: Connect would take half a second longer.", false},
	{570, "failover", LIVE, G(move_tasks_left), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for the task of the stopped connector to end", "A task that ends stores its last offset.", false},
	{572, "failover", LIVE, G(move_offsets_hidden), STAY, CONNECTOR, DO(POST_STOPPED), NOW,
		"{failover}; making the connector, stopped, to read its offsets", "It was deleted meanwhile.", false},
	{574, "failover", LIVE, G(move_slot_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for a look at the replication slot", "Unknown is not absent.", true},
	{576, "failover", LIVE, G(move_walsender_stuck), STAY, CONNECTOR, DO(TERMINATE_WALSENDER), FAST,
		"{failover}; terminating the walsender that holds the replication slot",
		"The connector is stopped: what streams is somebody else, or a task that Connect has lost.", false},
	{578, "failover", LIVE, G(move_slot_held), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for the replication slot to be released", "Judged is what stands still.", false},
	{580, "failover", LIVE, G(move_offsets_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for a look at the connector's offsets", "How far Kafka is.", true},
	{582, "failover", LIVE, G(move_verdict_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for what is needed to judge it", "See cdc.failover_table.", true},
	{584, "failover", LIVE, G(move_to_judge), STAY, CONNECTOR, DO(JUDGE_FAILOVER), NOW,
		"{failover}", "The verdict is written down before it is carried out.", false},
	{586, "failover", LIVE, G(verdict_forgotten), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for the verdict", "Nothing is started without it.", true},
	{588, "failover", LIVE, G(rewind_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting to see the stored offset", "Nothing is started before it is known to be set back.", true},
	{590, "failover", LIVE, G(rewind_connector_works), STAY, CONNECTOR, DO(STOP_CONNECTOR), FAST,
		"{failover}; stopping the connector", "Somebody started it before its offset was set back.", false},
	{592, "failover", LIVE, G(rewind_tasks_left), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; waiting for the task of the stopped connector to end", "Only a stopped connector without tasks lets its offset be set.", false},
	{594, "failover", LIVE, G(rewind_offsets_hidden), STAY, CONNECTOR, DO(POST_STOPPED), NOW,
		"{failover}; making the connector, stopped, to set its offset back", "It was deleted meanwhile.", false},
	{596, "failover", LIVE, G(rewind_due), STAY, CONNECTOR, DO(PATCH_OFFSETS), NOW,
		"{failover}; setting the stored offset back", "PostgreSQL skips what lies below the offset in silence.", false},

	/*
	 * Publication: before slot and connector always, since what was committed
	 * before it existed cannot be decoded.  A gap is taken up before the
	 * publication that shows it is repaired.
	 */
	{600, "publication", BUILD, G(gap_to_repair), PROVISION, CONNECTOR, DO(BEGIN_DISCARD), NOW,
		"{gap}; a new snapshot is being taken", "The intent first: what is repaired below would hide the gap.", false},
	{602, "publication", ON(RUNNING), G(gap_to_repair), STAY, NO_STEP, DO(BEGIN_DISCARD), NOW,
		"{gap}; a new snapshot is being taken", "The intent first: what is repaired below would hide the gap.", false},
	{604, "publication", LIVE, G(gap_connector_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"{gap}; waiting for a look at the connector, before a new snapshot is taken",
		"Nothing that shows the gap is repaired before it is taken up.", true},
	{610, "publication", LIVE, G(publication_unseen), STAY, PUBLICATION, DO(NONE), FAST,
		"waiting for a look at the publication", "It, or the tables for it, have not been looked up yet.", true},
	{612, "publication", BUILD, G(publication_foreign), PROVISION, PUBLICATION, DO(NONE), ROUND,
		"waiting for the name of the publication: {publication}; drop or rename it", "What is not ours is never touched.", false},
	{613, "publication", BUILD, G(publication_unverified), PROVISION, PUBLICATION, DO(NONE), ROUND,
		"waiting for somebody to say whose the publication is: {publication}", "What cannot be verified is not touched, nor built upon.", false},
	{614, "publication", ON(RUNNING), G(publication_foreign), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for the name of the publication: {publication}; drop or rename it", "What is not ours is never touched.", false},
	{615, "publication", ON(RUNNING), G(publication_unverified_at_start), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for somebody to say whose the publication is, before the connector is started: {publication}",
		"What cannot be verified is not touched, nor built upon.", false},
	{616, "publication", ON(RUNNING), G(publication_identity_to_set), STAY, NO_STEP, DO(SET_IDENTITY), NOW,
		"tables without a replica identity are given REPLICA IDENTITY FULL, before they are published again: {tables}",
		"no_key is full; what the tables had is remembered first.", false},
	{617, "publication", ON(RUNNING), G(publication_without_identity), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for a replica identity of {tables}, before they are published again and the connector is started: {tables_fix}",
		"Nothing that we do may make a statement of the application fail.", false},
	{618, "publication", ON(RUNNING), G(publication_stuck), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for the tables of the publication, before the connector is started: {tables}",
		"What is committed before the publication exists cannot be decoded.", false},
	{620, "publication", BUILD, G(publication_absent), PROVISION, PUBLICATION, DO(CREATE_PUBLICATION), NOW,
		NULL, "Ours, with our mark; Debezium makes none.", false},
	{622, "publication", BUILD, G(publication_wrong), PROVISION, PUBLICATION, DO(ALTER_PUBLICATION), NOW,
		NULL, "Exactly the tables of the filter.", false},
	{624, "publication", ON(RUNNING), G(publication_absent), STAY, NO_STEP, DO(CREATE_PUBLICATION), NOW,
		"the publication was dropped and is being created again", "Drift.", false},
	{626, "publication", ON(RUNNING), G(publication_wrong), STAY, NO_STEP, DO(ALTER_PUBLICATION), NOW,
		"the publication is not as it should be and is being repaired: {publication}", "Drift.", false},

	/* Connector: is it known, is it ours, is Failed still true? */
	{700, "connector", LIVE, G(connector_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for a look at the connector", "It has not been looked up yet.", true},
	{702, "connector", BUILD, G(connector_foreign), PROVISION, CONNECTOR, DO(NONE), ROUND,
		"waiting for the name of the connector: {connector}; delete it", "What is not ours is never touched.", false},
	{703, "connector", BUILD, G(connector_unverified), PROVISION, CONNECTOR, DO(NONE), ROUND,
		"waiting for somebody to say whose the connector is: {connector}", "What cannot be verified is not touched.", false},
	{704, "connector", ON(RUNNING), G(connector_foreign), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for the name of the connector: {connector}; delete it", "What is not ours is never touched.", false},
	{705, "connector", ON(RUNNING), G(connector_unverified), STAY, NO_STEP, DO(NONE), ROUND,
		"nothing is done with the connector: {connector}", "What cannot be verified is not touched; it runs on as it is.", false},
	{706, "connector", LIVE, G(connector_state_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for the state of the connector", "A state that we do not know is not taken for one that we do.", true},
	{708, "connector", LIVE, G(slot_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for a look at the replication slot", "It has not been looked up yet.", true},
	{710, "connector", ON(FAILED), G(failure_coming_back), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for the restarted connector", "Whether the failure is cured shows when it runs.", true},
	{712, "connector", LIVE, G(failure_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting to judge the failure of the connector task: {failure}", "Whether a restart is due is not known yet.", true},
	{714, "connector", ON(FAILED), G(failure_of_snapshot_due), PROVISION, CONNECTOR, DO(BEGIN_DISCARD), NOW,
		NULL, "It failed in its snapshot: tried again from the beginning.", false},
	{716, "connector", ON(FAILED), G(failure_retry_due), STAY, CONNECTOR, DO(RESTART_CONNECTOR), FAST,
		"connector task failed: {failure}", "Failed heals by itself: tried again now and then.", false},
	{717, "connector", ON(FAILED), G(snapshot_given_up), STAY, CONNECTOR, DO(NONE), SLOW,
		"the snapshot does not come to its end: {snapshot}", "Tried again after a while, or when somebody asks.", false},
	{718, "connector", ON(FAILED), G(failure_stays), STAY, CONNECTOR, DO(NONE), SLOW,
		"connector task failed: {failure}", "The failure is still there.", false},
	{719, "connector", ON(PENDING) | ON(FAILED), G(always), PROVISION, CONNECTOR, DO(NONE), FAST,
		NULL, "What was waited for is there, what failed does not fail any more.", false},

	/*
	 * A snapshot is thrown away: stop, slot, offsets, then again.  With a slot
	 * that is there before it, Debezium's snapshot has a hole.
	 */
	{720, "connector", KEEP, G(discard_connector_works), STAY, CONNECTOR, DO(STOP_CONNECTOR), FAST,
		"a new snapshot will be taken: stopping the connector", "So that it releases the slot.", false},
	{722, "connector", KEEP, G(discard_tasks_left), STAY, CONNECTOR, DO(NONE), FAST,
		"a new snapshot will be taken: waiting for the task of the stopped connector to end", "Connect stops tasks after it has answered.", false},
	{724, "connector", KEEP, G(discard_offsets_hidden), STAY, CONNECTOR, DO(POST_STOPPED), NOW,
		"a new snapshot will be taken: making the connector, stopped, to reach its old offsets", "Old offsets would make Debezium skip the snapshot.", false},
	{726, "connector", KEEP, G(discard_walsender_stuck), STAY, CONNECTOR, DO(TERMINATE_WALSENDER), FAST,
		"a new snapshot will be taken: terminating the walsender that holds the old slot", "The connector is stopped and its walsender outlived the deadline.", false},
	{728, "connector", KEEP, G(discard_slot_held), STAY, CONNECTOR, DO(NONE), FAST,
		"a new snapshot will be taken: waiting for the old replication slot to be released", "A task that ends flushes its offsets first.", false},
	{730, "connector", KEEP, G(discard_slot_left), STAY, CONNECTOR, DO(DROP_SLOT), NOW,
		"a new snapshot will be taken: dropping the old replication slot", "Debezium makes a new one.", false},
	{732, "connector", KEEP, G(discard_offsets_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"a new snapshot will be taken: waiting for a look at the connector's offsets", "They must be seen gone.", true},
	{734, "connector", KEEP, G(discard_offsets_left), STAY, CONNECTOR, DO(DELETE_OFFSETS), NOW,
		"a new snapshot will be taken: deleting the connector's old offsets", "Old offsets would make Debezium skip the snapshot.", false},
	{736, "connector", KEEP, G(snapshot_given_up), CDC_FAILED, CONNECTOR, DO(NONE), SLOW,
		"the snapshot does not come to its end: {snapshot}", "Begun again and again, it only fills topics with the same rows.", false},
	{738, "connector", KEEP, G(snapshot_pausing), STAY, CONNECTOR, DO(NONE), FAST,
		"the snapshot was interrupted: {snapshot}", "Each one that is interrupted makes the pause before the next one longer.", false},

	/* What cannot be built upon is thrown away first. */
	{740, "connector", KEEP, G(offsets_orphaned), STAY, CONNECTOR, DO(BEGIN_DISCARD), NOW,
		"the replication slot is gone before the snapshot has finished; the snapshot is begun again",
		"Debezium refuses offsets without their slot.", false},
	{742, "connector", KEEP, G(snapshot_spoiled), STAY, CONNECTOR, DO(BEGIN_DISCARD), NOW,
		"the snapshot was interrupted and is begun again", "Its slot is not of the run that would finish it.", false},
	{744, "connector", KEEP, G(slot_left_over), STAY, CONNECTOR, DO(BEGIN_DISCARD), NOW,
		"a replication slot is left over from an interrupted snapshot, which is begun again",
		"A snapshot on a slot that exists loses rows.", false},

	/* A task is about to be started: is the way free? */
	{750, "connector", KEEP, G(slot_foreign), STAY, CONNECTOR, DO(NONE), ROUND,
		"waiting for the name of the replication slot: {slot}; drop it", "What is not ours is never touched.", false},
	{751, "connector", KEEP, G(slot_history_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting to learn whether the snapshot was interrupted", "An interrupted snapshot is never resumed.", true},
	{752, "connector", KEEP, G(older_writer_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for a look at other connectors on the same topics", "Two writers on a topic never overlap.", true},
	{754, "connector", KEEP, G(older_writer_present), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for connector {older_writer}, which is being deleted, to stop writing to the same topics",
		"Two writers on a topic never overlap.", false},
	{756, "connector", KEEP, G(turn_unseen), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for a look at what would hold up a new replication slot", "Not known yet.", true},
	{758, "connector", KEEP, G(no_free_slot), STAY, CONNECTOR, DO(NONE), ROUND,
		"waiting for a free replication slot and WAL sender on the source: {blocker}; drop unused slots or raise max_replication_slots and max_wal_senders",
		"The server would refuse the new slot.", false},
	{760, "connector", KEEP, G(turn_blocked), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for an open write transaction on the source, which would hold up the new replication slot: {blocker}",
		"A new slot waits for every transaction that writes.", false},
	{761, "connector", ON(PROVISIONING), G(connector_to_prepare), STAY, CONNECTOR, DO(PREPARE_CONNECTOR), NOW,
		NULL, "Connect checks the configuration while another slot is made.", false},
	{762, "connector", KEEP, G(turn_neighbour), STAY, CONNECTOR, DO(NONE), TURN,
		"waiting for another pipeline of the same source: {blocker}", "One new slot at a time for each source.", false},
	{764, "connector", KEEP, G(password_not_allowed), STAY, CONNECTOR, DO(NONE), ROUND,
		"waiting for a way to hand the password to Kafka Connect: register the sink with agents, or with \"plaintext_connector_password\": true",
		"A password in the configuration can be read by everyone who can read the configuration.", false},
	{765, "connector", KEEP, G(connector_to_point), STAY, CONNECTOR, DO(PUT_CONNECTOR), NOW,
		"{failover}; pointing the connector at the new primary", "The verdict is carried out.", false},
	{766, "connector", ON(PROVISIONING), G(connector_to_put), STAY, CONNECTOR, DO(PUT_CONNECTOR), NOW,
		NULL, "Created, or its configuration set as wanted; a stopped connector stays stopped.", false},
	{767, "connector", ON(RUNNING), G(connector_deleted), STAY, NO_STEP, DO(PUT_CONNECTOR), NOW,
		"the connector was deleted and is being created again", "Drift.", false},
	{768, "connector", ON(RUNNING), G(connector_to_put), STAY, NO_STEP, DO(PUT_CONNECTOR), NOW,
		"the connector's configuration was changed and is being set again: {connector}", "Drift.", false},
	{769, "connector", KEEP, G(connector_moved), STAY, CONNECTOR, DO(RESUME_CONNECTOR), FAST,
		"{failover}; resuming the connector", "The verdict is carried out.", false},
	{770, "connector", KEEP, G(discard_finished), STAY, CONNECTOR, DO(END_DISCARD), NOW,
		"a new snapshot will be taken: resuming the connector", "Slot and offsets are gone, the publication is there.", false},
	{771, "connector", ON(PROVISIONING), G(connector_prepared), STAY, CONNECTOR, DO(RESUME_CONNECTOR), FAST,
		NULL, "Prepared while another slot was made; its turn has come.", false},
	{772, "connector", KEEP, G(connector_held), STAY, CONNECTOR, DO(RESUME_CONNECTOR), FAST,
		"the connector was stopped or paused and is being resumed", "Drift, or a resume that was lost.", false},

	/* The task. */
	{780, "connector", KEEP, G(failure_exhausted), CDC_FAILED, CONNECTOR, DO(NONE), SLOW,
		"connector task failed: {failure}", "Restarts did not help, or cannot.", false},
	{782, "connector", KEEP, G(restart_waiting), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting to restart the connector task, which failed: {failure}", "Restarts come at growing intervals.", false},
	{784, "connector", KEEP, G(restart_due), STAY, CONNECTOR, DO(RESTART_CONNECTOR), FAST,
		"restarting the connector task, which failed: {failure}", "Connector and tasks, whatever FAILED.", false},
	{785, "connector", KEEP, G(slot_blocked), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for the connector to make its replication slot, which is held up: {blocker}",
		"The task does not run before it has its slot.", false},
	{786, "connector", KEEP, G(task_not_running), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for the connector and its task to run", "Connect assigns and starts tasks after it has answered.", false},

	/* RUNNING in Connect is not health: the slot must stream. */
	{790, "connector", KEEP, G(snapshot_only_unfinished), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for the snapshot to finish", "initial_only is done when its snapshot is.", false},
	{794, "connector", KEEP, G(slot_not_streaming), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for the snapshot to finish and the replication slot to stream",
		"The snapshot is under way, or the task is connecting.", false},
	{795, "connector", KEEP, G(move_unconfirmed), STAY, CONNECTOR, DO(NONE), FAST,
		"{failover}; streaming again, waiting for the first position that is confirmed",
		"A slot that streams is no proof yet: something must have gone through to Kafka.", false},
	{796, "connector", ON(PROVISIONING), G(whole), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		NULL, "Task RUNNING, slot streaming, snapshot in one piece.", false},

	/*
	 * Running: events flow.  What is reported here holds up nothing and is not
	 * ours to repair.
	 */
	{797, "running", ON(RUNNING), G(whole_identity_to_set), STAY, NO_STEP, DO(SET_IDENTITY), NOW,
		"PostgreSQL refuses UPDATE and DELETE on {tables}, which have no replica identity and are being given REPLICA IDENTITY FULL",
		"no_key is full; what the tables had is remembered first.", false},
	{798, "running", ON(RUNNING), G(whole_tables_without_identity), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"PostgreSQL refuses UPDATE and DELETE on {tables}, which have no replica identity: {tables_fix}",
		"A key was dropped, or a table or partition was made without one: the application is failing.", false},
	{799, "running", ON(RUNNING), G(whole_slot_wal_high), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the replication slot holds back {slot_wal} of WAL; it is given up at cdc_pipeline.max_slot_wal",
		"The connector falls behind, or Kafka does not take what it sends.", false},
	{800, "running", ON(RUNNING), G(whole_two_primaries), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"two nodes of the source claim to be the primary: {other_primary}; shut it down or make it a standby",
		"The higher timeline is followed; what is written to the other is lost.", false},
	{802, "running", ON(RUNNING), G(whole_standing_still), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the replication slot streams but has not moved: {moving}", "Heartbeats are due and confirm nothing.", false},
	{803, "running", ON(RUNNING), G(whole_standbys_awaited), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the source sends no changes until standbys have them that are not there: nobody uses {standby_slots}, which synchronized_standby_slots names; start them, or take them out of it",
		"One dead member of that list stops every failover slot.", false},
	{804, "running", ON(RUNNING), G(whole_tables_wrong), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"tables of the pipeline are not there any more: {tables}", "The others go on.", false},
	{805, "running", ON(RUNNING), G(whole_publication_unverified), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the publication would not be repaired: {publication}", "What cannot be verified is not touched; events flow.", false},
	{806, "running", ON(RUNNING), G(whole_role_wrong), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the connector role would not do for the next connection: {role}", "Not ours to repair.", false},
	{808, "running", ON(RUNNING), G(whole_hba_wrong), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"pg_hba.conf would not do for the next connection: {hba}", "Not ours to repair.", false},
	{809, "running", ON(RUNNING), G(whole_secret_stale), STAY, NO_STEP, DO(DELETE_SECRET), NOW,
		NULL, "The connector runs with the present password.", false},
	{810, "running", ON(RUNNING), G(whole_source_not_capable), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the source is not ready for logical replication any more: {source_capability}", "As it would be after its next restart.", false},
	{811, "running", ON(RUNNING), G(whole_plugin_waits), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"installing the Debezium PostgreSQL plugin {plugin_wanted}, one worker at a time: {agents}",
		"Events flow meanwhile.", false},
	{812, "running", ON(RUNNING), G(whole_plugin_missing), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the Debezium PostgreSQL plugin is missing on {plugin_workers}; install it there and restart the worker",
		"The task would fail when it moves there.", false},
	{814, "running", ON(RUNNING), G(whole_network_not_ready), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the network between source and sink is not ready: {network}", "It works for now.", false},
	{816, "running", ON(RUNNING), G(whole_network_out_of_reach), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"the SDN API cannot be asked about the network between source and sink: {network}", "Events flow; the next repair would not be possible.", false},
	{818, "running", ON(RUNNING), G(whole_agents_down), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"an agent of Kafka Connect does not answer: {agents}", "It would be needed for a new password, a new plugin or a delete.", false},
	{890, "running", ON(RUNNING), G(whole), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		NULL, "Healthy.", false},
	{990, "running", EVERY, G(always), STAY, CONNECTOR, DO(NONE), FAST,
		"waiting for what is not known yet about the snapshot", "The last rule takes everything, and only waits.", true},

	{0, NULL, 0, NULL, NULL, 0, NO_STEP, DO(NONE), NEVER, NULL, NULL, false}
};
