/*
 * snapshot.h
 *	  What the reconciler knows of one pipeline and its world at one moment.
 *
 * A CdcSnapshot is a value: the worker fills it from the store and from what
 * it observed, decide() reads it and nothing else.  It holds no clock (what
 * depends on time is a flag that the worker computed), no pointer to a
 * connection, no secret.  Plain C99: nothing here needs PostgreSQL.
 *
 * Every enum has 0 = UNKNOWN: "not observed yet, or the peer did not answer".
 * A rule may never treat UNKNOWN as an answer.
 */
#ifndef CDC_SNAPSHOT_H
#define CDC_SNAPSHOT_H

#include <stdbool.h>

typedef enum CdcTri
{
	CDC_UNKNOWN = 0,
	CDC_NO,
	CDC_YES
} CdcTri;

/* The five statuses of the product page, the pause, and the end. */
typedef enum CdcStatus
{
	CDC_PENDING = 0,
	CDC_PROVISIONING,
	CDC_RUNNING,
	CDC_PAUSED,
	CDC_FAILED,
	CDC_DELETING,
	CDC_DELETED
} CdcStatus;

#define CDC_NUM_STATUSES 7

/* provision_step: a report of where the pipeline is, not a program counter. */
typedef enum CdcStep
{
	CDC_STEP_NONE = 0,
	CDC_STEP_ENSURE_NETWORK,
	CDC_STEP_INSTALL_PLUGIN,
	CDC_STEP_PREPARE_SOURCE,
	CDC_STEP_CREATE_PUBLICATION,
	CDC_STEP_CREATE_CONNECTOR
} CdcStep;

/* Wiring of the two private networks (networks present in the services). */
typedef enum CdcNetworkIds
{
	CDC_NET_UNKNOWN = 0,
	CDC_NET_NONE,				/* no network_id on either side */
	CDC_NET_ONE_SIDE,			/* on one side only: a user error */
	CDC_NET_BOTH
} CdcNetworkIds;

/* The two peerings, one a direction, between the networks of source and sink. */
typedef enum CdcPeerings
{
	CDC_PEERINGS_UNKNOWN = 0,
	CDC_PEERINGS_OUT_OF_REACH,	/* the SDN API does not answer, or refuses us */
	CDC_PEERINGS_BLOCKED,		/* only people can change it: the detail says what */
	CDC_PEERINGS_MISSING,		/* a direction does not exist and can be made */
	CDC_PEERINGS_DISABLED,		/* a direction that is ours is disabled */
	CDC_PEERINGS_WAITING,		/* both are there, the cloud is at work */
	CDC_PEERINGS_STUCK,			/* ... for too long */
	CDC_PEERINGS_ACTIVE			/* both active, or nothing to wire */
} CdcPeerings;

/* An object of the source that is ours by our tables and by our mark. */
typedef enum CdcObject
{
	CDC_OBJ_UNKNOWN = 0,
	CDC_OBJ_ABSENT,
	CDC_OBJ_FOREIGN,			/* of our name, without our mark: never touched */
	CDC_OBJ_WRONG,				/* ours, but not as wanted */
	CDC_OBJ_OK,
	CDC_OBJ_UNVERIFIED			/* of our name and with our id, but under a mark that
								 * cannot be verified: not touched until it is
								 * adopted; of a role as foreign */
} CdcObject;

typedef enum CdcTables
{
	CDC_TABLES_UNKNOWN = 0,
	CDC_TABLES_MISSING,			/* a table of the filter does not exist */
	CDC_TABLES_BAD_KIND,		/* a view or such */
	CDC_TABLES_NO_IDENTITY,		/* some have no replica identity: published, they
								 * refuse UPDATE and DELETE */
	CDC_TABLES_OK
} CdcTables;

/* What Kafka would lack, or have too much of, for what the columns of the tables are. */
typedef enum CdcColumns
{
	CDC_COLUMNS_UNKNOWN = 0,
	CDC_COLUMNS_KEYS,			/* two rows could have one key */
	CDC_COLUMNS_SNAPSHOT,		/* a snapshot would fail, or have rows of others */
	CDC_COLUMNS_OK
} CdcColumns;

/* The managed pg_hba block, over all reachable nodes. */
typedef enum CdcHba
{
	CDC_HBA_UNKNOWN = 0,
	CDC_HBA_MISSING,			/* our line is missing on a reachable node */
	CDC_HBA_NOT_LOADED,			/* line there, reload not known to have happened */
	CDC_HBA_BROKEN,				/* the file has errors of the user: no reload works */
	CDC_HBA_FOUGHT,				/* vanished twice within minutes: a manager owns it */
	CDC_HBA_UNMANAGED,			/* manage_hba=false and no rule lets Connect in */
	CDC_HBA_OK
} CdcHba;

/* State of a connector or of its task, in Connect's words. */
typedef enum CdcConnectState
{
	CDC_CS_UNKNOWN = 0,
	CDC_CS_NONE,				/* no status / no task */
	CDC_CS_UNASSIGNED,
	CDC_CS_RUNNING,
	CDC_CS_PAUSED,
	CDC_CS_STOPPED,				/* connector only */
	CDC_CS_FAILED,
	CDC_CS_RESTARTING
} CdcConnectState;

/* What is to be done about a FAILED connector or task, by time and trace. */
typedef enum CdcRestart
{
	CDC_RESTART_UNKNOWN = 0,
	CDC_RESTART_WAIT,			/* a restart is planned, its time has not come */
	CDC_RESTART_DUE,			/* restart now */
	CDC_RESTART_EXHAUSTED		/* fifth failure in 10 minutes, or incurable */
} CdcRestart;

typedef enum CdcSlot
{
	CDC_SLOT_UNKNOWN = 0,
	CDC_SLOT_ABSENT,
	CDC_SLOT_FOREIGN,			/* of our name: other database or plugin, or
								 * there before the pipeline was */
	CDC_SLOT_LOST,				/* invalidated by the server */
	CDC_SLOT_CREATING,			/* Debezium waits for it: it is not consistent yet */
	CDC_SLOT_INACTIVE,
	CDC_SLOT_ACTIVE,			/* held by a walsender that does not stream yet */
	CDC_SLOT_STREAMING
} CdcSlot;

typedef enum CdcOffsets
{
	CDC_OFFSETS_UNKNOWN = 0,
	CDC_OFFSETS_NONE,
	CDC_OFFSETS_SNAPSHOT,		/* a snapshot was begun and has not finished */
	CDC_OFFSETS_STREAMING		/* snapshot finished (or none wanted) */
} CdcOffsets;

/* What keeps a new slot from being created now (design: one at a time). */
typedef enum CdcSlotTurn
{
	CDC_TURN_UNKNOWN = 0,
	CDC_TURN_NO_FREE_SLOT,		/* max_replication_slots or max_wal_senders used up */
	CDC_TURN_BLOCKED,			/* an old write transaction: named in the detail */
	CDC_TURN_NEIGHBOUR,			/* another pipeline is creating its slot */
	CDC_TURN_SOON,				/* the same, and its snapshot takes but a moment */
	CDC_TURN_OK
} CdcSlotTurn;

/* The connector's writers on our topics other than our own connector. */
typedef enum CdcOlderWriter
{
	CDC_WRITER_UNKNOWN = 0,
	CDC_WRITER_PRESENT,			/* a connector being deleted still has tasks */
	CDC_WRITER_NONE
} CdcOlderWriter;

/*
 * The agents of the sink, one on each Connect host, and whether they may install
 * the plugin on the next worker now.  Every value from BUSY on: all answer.
 */
typedef enum CdcAgents
{
	CDC_AGENTS_UNKNOWN = 0,
	CDC_AGENTS_NONE,			/* the sink was registered without */
	CDC_AGENTS_DOWN,			/* one of them does not answer */
	CDC_AGENTS_BUSY,			/* one works, or a restarted worker's tasks do not
								 * run again yet */
	CDC_AGENTS_FAILED,			/* the last try failed, the next is not due */
	CDC_AGENTS_UNSET,			/* no URL and SHA-512 to install from */
	CDC_AGENTS_READY
} CdcAgents;

/* The file with the connector's password, over all agents. */
typedef enum CdcSecret
{
	CDC_SECRET_UNKNOWN = 0,
	CDC_SECRET_MISSING,			/* an agent is known to lack the present one, or a
								 * new password is due */
	CDC_SECRET_PARTIAL,			/* on every agent that answers; others do not */
	CDC_SECRET_STALE,			/* on every agent, and files of former ones */
	CDC_SECRET_OK				/* on every agent; without agents: nothing to do */
} CdcSecret;

/* Why events may be missing from Kafka although everything looks healthy. */
typedef enum CdcGap
{
	CDC_GAP_NONE = 0,
	CDC_GAP_SLOT_GONE,			/* streamed before, slot absent now */
	CDC_GAP_SLOT_LOST,			/* streamed before, slot invalidated */
	CDC_GAP_PUBLICATION,		/* publication was gone or narrower while streaming */
	CDC_GAP_SNAPSHOT,			/* the task was started anew before it was stored
								 * that the snapshot had finished: it took another
								 * one, on a slot that was there */
	CDC_GAP_FAILOVER,			/* judged: failover.c says why */
	CDC_GAP_SLOT_WAL,			/* the slot held back more WAL than it may */
	CDC_GAP_UNLOGGED,			/* a table that was unlogged is not any more */
	CDC_GAP_CONNECTOR,			/* it ran with a configuration that captures
								 * something else */
	CDC_GAP_TABLE_AWAY			/* a table had another name while the task was
								 * started, which goes by names */
} CdcGap;

/* Is the history under the pipeline still the one that it streamed? */
typedef enum CdcMove
{
	CDC_MOVE_UNKNOWN = 0,		/* the source was not looked at */
	CDC_MOVE_NONE,
	CDC_MOVE_PENDING,			/* no (a failover, a restored source, a foreign
								 * hand on the slot), and it is not judged yet */
	CDC_MOVE_JUDGED,			/* the verdict is remembered, not carried out */
	CDC_MOVE_RESUMED			/* carried out, streaming is not proven yet */
} CdcMove;

/* What failover.c says about it. */
typedef enum CdcVerdict
{
	CDC_VERDICT_UNKNOWN = 0,
	CDC_VERDICT_RESUME,			/* go on from the stored offset */
	CDC_VERDICT_REWIND,			/* set the stored offset back first */
	CDC_VERDICT_RESNAPSHOT,		/* new slot, new snapshot: a gap */
	CDC_VERDICT_HALT,			/* the same, and the user wants to decide */
	CDC_VERDICT_NEVER			/* another cluster: it is not followed */
} CdcVerdict;

/* The WAL that the slot of a paused pipeline keeps, and the smallest of its limits. */
typedef enum CdcPauseWal
{
	CDC_PAUSE_WAL_UNKNOWN = 0,
	CDC_PAUSE_WAL_LOW,			/* or there is no limit */
	CDC_PAUSE_WAL_HIGH,			/* beyond three quarters, which is told */
	CDC_PAUSE_WAL_OVER			/* the same, and options.pause_limit is resume */
} CdcPauseWal;

typedef struct CdcSnapshot
{
	/* what the tables say */
	CdcStatus	status;
	bool		want_deleted;	/* desired_state is deleted */
	bool		force;			/* delete: give up on what cannot be reached */
	bool		want_paused;	/* cdc.pause_pipeline(), not ended by its limit since */
	bool		restart_wanted; /* cdc.restart_pipeline(): the task was not started
								 * since */
	bool		source_leaving; /* deleting: all of ours was seen absent, that has
								 * settled, and the service is being deleted too */
	bool		sink_leaving;	/* the same of the sink */
	bool		initial_only;	/* snapshot_mode initial_only */
	bool		all_tables;		/* empty filter */
	bool		manage_role;
	bool		gap_halt;		/* options.on_gap = halt (default: resnapshot) */
	bool		sets_identity;	/* options.no_key = full (default: wait) */
	bool		identity_set;	/* intent: tables were given REPLICA IDENTITY FULL,
								 * which is to be taken back */
	bool		was_running;	/* was seen whole since its present snapshot began:
								 * set when a rule with status_to CDC_RUNNING
								 * fires, cleared by the action end_discard */
	bool		discarding;		/* intent: an interrupted or gapped snapshot is
								 * being thrown away */
	bool		untouched;		/* no mutation was ever sent outside (intents are
								 * committed before effects, so nothing of ours
								 * can exist) */
	bool		allow_password; /* the password may reach Connect: agent, or
								 * plaintext_connector_password */

	/* gate: services, all known from the tables */
	bool		source_is_postgresql;
	bool		sink_has_addon; /* kafka service with addon kafka-connect asked for */
	bool		same_region;
	bool		source_running;
	bool		sink_running;
	bool		addon_running;
	CdcNetworkIds network_ids;

	/* observed */
	CdcPeerings peerings;
	CdcTri		connect_reachable;	/* the Connect cluster answered this round */
	CdcTri		plugin_present; /* on every worker */
	CdcTri		plugin_current; /* at the wanted version on every worker; YES when
								 * none can be installed by us */
	CdcAgents	agents;
	CdcSecret	secret;
	CdcTri		source_reachable;	/* a primary was found and answered */
	CdcTri		source_demoted; /* there is no primary, and the node that was
								 * streamed from answers as a standby */
	CdcTri		source_capable; /* version, wal_level=logical, database exists */
	CdcObject	role;			/* manage_role false: OK when the given role fits,
								 * WRONG or ABSENT otherwise, never FOREIGN */
	CdcTables	tables;
	CdcColumns	columns;
	CdcHba		hba;
	CdcObject	publication;
	CdcObject	connector;		/* config as wanted: OK; by hand edited: WRONG */
	CdcConnectState connector_state;
	CdcConnectState task_state;
	CdcRestart	restart;		/* meaningful when something is FAILED */
	CdcTri		refused;		/* Kafka refused a record, and nothing was
								 * confirmed since */
	CdcSlot		slot;
	CdcOffsets	offsets;		/* of an absent connector: NONE when remembered as
								 * deleted or when none was ever PUT, else
								 * UNKNOWN */
	CdcTri		snapshot_interrupted;	/* the run that made the slot is not the
										 * one that finished (or takes) the
										 * snapshot; NO when none is wanted.
										 * Needed until was_running */
	bool		snapshot_unstored;	/* it took long, streaming has begun, and Connect has not stored
									 * that it has finished; once, after that its offsets were read */
	CdcRestart	snapshot_again; /* of one that is thrown away: may the next begin? Always known.
								 * WAIT after one that was interrupted, EXHAUSTED
								 * after the fifth in a row */
	CdcSlotTurn slot_turn;
	CdcOlderWriter older_writer;
	CdcTri		stranger;		/* a connector of somebody else on the same Connect
								 * has the pipeline's topic.prefix */
	CdcGap		gap;			/* remembered from when it was seen until
								 * end_discard; NONE unless was_running */
	CdcTri		moving;			/* confirmed_flush_lsn moves; NO after three
								 * rounds without */
	CdcTri		stream_breaks;	/* walsenders end one after the other, while
								 * Connect calls the task RUNNING */
	CdcTri		new_task;		/* it does not move, what waits was read at the
								 * source, and Kafka answers: a task that is
								 * started anew may help */

	/* failover; means nothing unless was_running, without initial_only */
	CdcMove		move;
	CdcVerdict	verdict;		/* of PENDING as judged now, of JUDGED as remembered */
	CdcTri		offsets_ahead;	/* REWIND: the stored offset is still beyond the
								 * verdict's position */
	CdcTri		confirmed;		/* RESUMED: the slot has moved since */
	CdcTri		two_primaries;	/* another node claims to be primary too */
	CdcTri		standbys_awaited;	/* the server sends nothing to the slot until
									 * standbys confirm that are not there */
	CdcTri		slot_wal_high;	/* the slot holds back nearly what it may */

	/* pause */
	CdcTri		pause_unsafe;	/* an HA manager would drop the slot of a connector
								 * that is stopped */
	CdcPauseWal pause_wal;

	/* deleting */
	CdcTri		secret_left;	/* a file of ours is on an agent; UNKNOWN while one
								 * that may have it does not answer */
	CdcTri		walsender_stuck;	/* slot still active past the deadline */
	CdcTri		hba_line_left;	/* our line is still on a reachable node */
	CdcTri		shadow_left;	/* a slot of ours is on a reachable standby */
	CdcTri		slot_declared;	/* an HA manager's configuration has the slot,
								 * and would make it again */
	CdcTri		unreachable_standby;	/* a standby could not be looked at */
	CdcTri		role_has_dependents;	/* cannot be dropped: others depend on it */
	CdcTri		role_disarmed;	/* NOLOGIN NOREPLICATION, our grants revoked: what
								 * drop_role leaves of a role with dependents */
	CdcTri		settled;		/* absence seen again >= 120 s after the last
								 * mutation was sent (design rule 12) */
} CdcSnapshot;

#endif							/* CDC_SNAPSHOT_H */
