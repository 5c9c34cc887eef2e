/*
 * rules_failover.h
 *	  Rules of the section failover.
 *
 * What follows when the source has another history.
 * Included by state_table.c alone, inside of the table, which explains their
 * words and their order.  Nothing but rules.
 */
/* *INDENT-OFF* */
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
/* *INDENT-ON* */
