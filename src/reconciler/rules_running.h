/*
 * rules_running.h
 *	  Rules of the section running.
 *
 * What is told of a pipeline whose events flow; the last rule.
 * Included by state_table.c alone, inside of the table, which explains their
 * words and their order.  Nothing but rules.
 */
/* *INDENT-OFF* */
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
	{801, "running", ON(RUNNING), G(whole_new_task), STAY, NO_STEP, DO(RESTART_CONNECTOR), FAST,
		"the replication slot streams but has not moved: {moving}; the connector's task is started anew, which makes a topic again that was deleted",
		"Its producer asks for a topic that is gone for ever.", false},
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
	{807, "running", ON(RUNNING), G(whole_stranger), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"connector {stranger}, which is somebody else's, writes to topics of the same prefix on this Kafka Connect: delete it",
		"Consumers get the changes of both, with the same keys.", false},
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
	{813, "running", ON(RUNNING), G(whole_pause_unsafe), CDC_RUNNING, NO_STEP, DO(NONE), ROUND,
		"not paused: {pause_unsafe}", "A stopped connector's slot would be dropped, and with it what was committed since.", false},
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
/* *INDENT-ON* */
