/*
 * rules_publication.h
 *	  Rules of the section publication.
 *
 * The publication, and gaps, which it may show.
 * Included by state_table.c alone, inside of the table, which explains their
 * words and their order.  Nothing but rules.
 */
/* *INDENT-OFF* */
	/*
	 * Publication: before slot and connector always, since what was committed
	 * before it existed cannot be decoded.  A gap is taken up before the
	 * publication that shows it is repaired.
	 */
	{600, "publication", BUILD, G(gap_to_repair), PROVISION, CONNECTOR, DO(BEGIN_DISCARD), NOW,
		"{gap}; a new snapshot is being taken", "The intent first: what is repaired below would hide the gap.", false},
	{602, "publication", UP, G(gap_to_repair), STAY, NO_STEP, DO(BEGIN_DISCARD), NOW,
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
	{614, "publication", UP, G(publication_foreign), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for the name of the publication: {publication}; drop or rename it", "What is not ours is never touched.", false},
	{615, "publication", UP, G(publication_unverified_at_start), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for somebody to say whose the publication is, before the connector is started: {publication}",
		"What cannot be verified is not touched, nor built upon.", false},
	{616, "publication", UP, G(publication_identity_to_set), STAY, NO_STEP, DO(SET_IDENTITY), NOW,
		"tables without a replica identity are given REPLICA IDENTITY FULL, before they are published again: {tables}",
		"no_key is full; what the tables had is remembered first.", false},
	{617, "publication", UP, G(publication_without_identity), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for a replica identity of {tables}, before they are published again and the connector is started: {tables_fix}",
		"Nothing that we do may make a statement of the application fail.", false},
	{618, "publication", UP, G(publication_stuck), STAY, NO_STEP, DO(NONE), ROUND,
		"waiting for the tables of the publication, before the connector is started: {tables}",
		"What is committed before the publication exists cannot be decoded.", false},
	{620, "publication", BUILD, G(publication_absent), PROVISION, PUBLICATION, DO(CREATE_PUBLICATION), NOW,
		NULL, "Ours, with our mark; Debezium makes none.", false},
	{622, "publication", BUILD, G(publication_wrong), PROVISION, PUBLICATION, DO(ALTER_PUBLICATION), NOW,
		NULL, "Exactly the tables of the filter.", false},
	{624, "publication", UP, G(publication_absent), STAY, NO_STEP, DO(CREATE_PUBLICATION), NOW,
		"the publication was dropped and is being created again", "Drift.", false},
	{626, "publication", UP, G(publication_wrong), STAY, NO_STEP, DO(ALTER_PUBLICATION), NOW,
		"the publication is not as it should be and is being repaired: {publication}", "Drift.", false},
/* *INDENT-ON* */
