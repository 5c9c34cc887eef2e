/*
 * state_table.h
 *	  The reconciler's rules: one declarative table, first match wins.
 *
 * Pure: a rule is a set of statuses, a guard (a named pure predicate over a
 * CdcSnapshot), and what follows: status, step, action, retry class and the
 * sentence that the user reads while the rule holds.  The table is dumped by
 * the view cdc.state_table and held by a golden test.
 */
#ifndef CDC_STATE_TABLE_H
#define CDC_STATE_TABLE_H

#include "reconciler/snapshot.h"

/*
 * Actions by name.  An action is one thing done outside, or CDC_ACT_NONE.
 * Only the executor carries actions out.  X(enum suffix, name, description).
 * end_discard forgets, before it resumes the connector (if there is one),
 * discarding, the gap and was_running.
 */
#define CDC_ACTION_LIST(X) \
	X(NONE, "none", "nothing to do now") \
	X(CREATE_PEERING, "create_peering", "create the network peering of a direction that has none") \
	X(ENABLE_PEERING, "enable_peering", "enable a network peering of ours that is disabled") \
	X(INSTALL_PLUGIN, "install_plugin", "let the agent of the next Connect worker install the plugin and restart it") \
	X(PUT_SECRET, "put_secret", "put the connector's password into a file on every Connect host") \
	X(DELETE_SECRET, "delete_secret", "delete files with passwords that are not used any more") \
	X(CREATE_ROLE, "create_role", "create or repair the connector role and its grants on the primary") \
	X(WRITE_HBA, "write_hba", "write our pg_hba lines on every reachable node, check, reload") \
	X(CREATE_PUBLICATION, "create_publication", "create the publication, with its mark") \
	X(ALTER_PUBLICATION, "alter_publication", "set the tables of the publication as wanted") \
	X(SET_IDENTITY, "set_identity", "set REPLICA IDENTITY FULL on tables that have none, and remember what they had") \
	X(PREPARE_CONNECTOR, "prepare_connector", "create the connector STOPPED: Connect checks it while another slot is made") \
	X(PUT_CONNECTOR, "put_connector", "PUT the connector configuration") \
	X(RESUME_CONNECTOR, "resume_connector", "resume a stopped or paused connector") \
	X(RESTART_CONNECTOR, "restart_connector", "restart what FAILED: connector and tasks") \
	X(JUDGE_FAILOVER, "judge_failover", "remember the verdict on a changed source before anything is done about it") \
	X(PATCH_OFFSETS, "patch_offsets", "set the stored offset back to where the histories part") \
	X(END_PAUSE, "end_pause", "remember that the pause is over: its slot would be given up") \
	X(BEGIN_DISCARD, "begin_discard", "remember that a new snapshot is due, stop the connector") \
	X(STOP_CONNECTOR, "stop_connector", "stop the connector: no tasks, slot released") \
	X(POST_STOPPED, "post_stopped", "create the absent connector STOPPED, to reach its offsets") \
	X(DELETE_OFFSETS, "delete_offsets", "delete the offsets of the stopped connector") \
	X(END_DISCARD, "end_discard", "the old snapshot is gone: resume the connector for a new one") \
	X(DELETE_CONNECTOR, "delete_connector", "delete the connector") \
	X(TERMINATE_WALSENDER, "terminate_walsender", "terminate the walsender that still holds the slot") \
	X(DROP_SLOT, "drop_slot", "drop the replication slot") \
	X(DROP_SHADOWS, "drop_shadows", "drop the replication slots on standbys") \
	X(DROP_PUBLICATION, "drop_publication", "drop the publication") \
	X(RESET_IDENTITY, "reset_identity", "set the replica identities back that we changed and nobody else needs") \
	X(REMOVE_HBA, "remove_hba", "take our pg_hba lines out on every reachable node") \
	X(DROP_ROLE, "drop_role", "revoke what was granted, drop the connector role") \
	X(SOFT_DELETE, "soft_delete", "all is gone or given up: the pipeline is not looked at again")

typedef enum CdcAction
{
#define X(id, name, descr) CDC_ACT_##id,
	CDC_ACTION_LIST(X)
#undef X
	CDC_NUM_ACTIONS
} CdcAction;

/* When a pipeline on which a rule fired is looked at again. */
typedef enum CdcRetry
{
	CDC_RETRY_NOW = 0,			/* as soon as the action's outcome is known */
	CDC_RETRY_FAST,				/* poll: something is expected within a second.
								 * With an action: its effect shows later than its
								 * answer, so it is not sent again within 2 s */
	CDC_RETRY_TURN,				/* when somebody else's turn may be over, which wakes
								 * whoever waits for it */
	CDC_RETRY_BACKOFF,			/* transient fault: backoff with jitter */
	CDC_RETRY_ROUND,			/* next health round */
	CDC_RETRY_SLOW,				/* Failed: every 60 s and on request */
	CDC_RETRY_NEVER				/* nothing more to do */
} CdcRetry;

/* Does the status stay what it was?  (status_to == CDC_STAY) */
#define CDC_STAY (-1)

typedef bool (*CdcGuard) (const CdcSnapshot *s);

typedef struct CdcRule
{
	int			id;				/* ascending, with gaps: cited in events */
	const char *section;		/* deleting, gate, network, plugin, source,
								 * failover, publication, connector, running */
	unsigned	statuses;		/* bit set of 1 << CdcStatus */
	CdcGuard	guard;
	const char *guard_name;
	int			status_to;		/* CdcStatus or CDC_STAY */
	CdcStep		step;
	CdcAction	action;
	CdcRetry	retry;
	const char *message;		/* error_message while the rule holds; NULL: none.
								 * {name} is replaced by a detail of the
								 * observation, see detail.h */
	const char *comment;		/* one sentence for readers of the table */
	bool		looking;		/* only waits for an observation: a Running or
								 * Failed pipeline shows what it showed before */
} CdcRule;

extern const CdcRule cdc_state_table[]; /* ends with id 0 */

/* Names for enums, for SQL and logs; never NULL but where said. */
extern const char *cdc_status_name(CdcStatus status);	/* "Pending" ... */
extern const char *cdc_step_name(CdcStep step); /* NULL for CDC_STEP_NONE */
extern const char *cdc_action_name(CdcAction action);
extern const char *cdc_action_description(CdcAction action);
extern const char *cdc_retry_name(CdcRetry retry);

/*
 * Is the table well formed?  Ids ascend, every guard and name is there,
 * sections come in order, every status is entered and left, every action is
 * used, every {name} in a message is a detail, the last rule takes every
 * status.  On a fault, *fault (static storage) says which.  Checked at worker
 * start in every build.  cdc_state_table_check_rules() is the same for a table
 * of the caller.
 */
extern bool cdc_state_table_check(const char **fault);
extern bool cdc_state_table_check_rules(const CdcRule *rules, const char **fault);

#endif							/* CDC_STATE_TABLE_H */
