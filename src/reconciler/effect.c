/*
 * effect.c
 *	  See effect.h.
 *
 * Owns the table of effects.  Written from the facts about PostgreSQL, Connect
 * and Debezium: must not call decide() nor know a rule.
 */
#include "reconciler/effect.h"

static bool
ours(CdcObject object)
{
	return object == CDC_OBJ_OK || object == CDC_OBJ_WRONG;
}

static bool
slot_held(const CdcSnapshot *s)
{
	return s->slot == CDC_SLOT_CREATING || s->slot == CDC_SLOT_ACTIVE || s->slot == CDC_SLOT_STREAMING;
}

static bool
slot_ours(const CdcSnapshot *s)
{
	return slot_held(s) || s->slot == CDC_SLOT_INACTIVE || s->slot == CDC_SLOT_LOST;
}

static bool
stopped(const CdcSnapshot *s)
{
	return ours(s->connector) && s->connector_state == CDC_CS_STOPPED && s->task_state == CDC_CS_NONE;
}

static bool
held(const CdcSnapshot *s)
{
	return s->connector_state == CDC_CS_STOPPED || s->connector_state == CDC_CS_PAUSED;
}

/* No slot, so none that another run made. */
static void
slot_goes(CdcSnapshot *s)
{
	s->slot = CDC_SLOT_ABSENT;
	s->snapshot_interrupted = CDC_NO;
}

/* The task's connection ends; a slot that is not consistent yet goes with it. */
static void
release_slot(CdcSnapshot *s)
{
	if (s->slot == CDC_SLOT_CREATING)
		slot_goes(s);
	else if (slot_held(s))
		s->slot = CDC_SLOT_INACTIVE;
}

/* Connect will start a task: until then it says this. */
static void
task_will_start(CdcSnapshot *s, CdcConnectState as)
{
	release_slot(s);
	s->connector_state = s->task_state = as;
	s->restart = CDC_RESTART_UNKNOWN;
}

static void
task_fails(CdcSnapshot *s, CdcRestart restart)
{
	release_slot(s);
	s->task_state = CDC_CS_FAILED;
	s->restart = restart;
}

/* An absent connector is there now, and its offsets can be seen: they are taken for what was before. */
static void
connector_appears(CdcSnapshot *s)
{
	s->connector = CDC_OBJ_OK;
	if (s->offsets == CDC_OFFSETS_UNKNOWN)
		s->offsets = s->was_running || s->discarding || s->want_deleted ? CDC_OFFSETS_STREAMING : CDC_OFFSETS_NONE;
	if (s->offsets_ahead == CDC_UNKNOWN)
		s->offsets_ahead = s->move == CDC_MOVE_JUDGED && s->verdict == CDC_VERDICT_REWIND ? CDC_YES : CDC_NO;
}

/*
 * What is remembered before an action is sent.
 */

/* Nothing of the pipeline's own: nothing is sent, or what outlives it. */
static void
not_counted(CdcSnapshot *s)
{
	(void) s;
}

/* Something of ours may be outside from now on, and absence has to settle anew. */
static void
sent(CdcSnapshot *s)
{
	s->untouched = false;
	s->settled = CDC_NO;
}

/* A task will stream from the offset that was judged. */
static void
sent_as_judged(CdcSnapshot *s)
{
	sent(s);
	if (s->move == CDC_MOVE_JUDGED)
		s->move = CDC_MOVE_RESUMED;
}

static void
identity_remembered(CdcSnapshot *s)
{
	sent(s);
	s->identity_set = true;
}

static void
verdict_remembered(CdcSnapshot *s)
{
	sent(s);
	if (s->verdict == CDC_VERDICT_RESUME || s->verdict == CDC_VERDICT_REWIND)
	{
		s->move = CDC_MOVE_JUDGED;
		return;
	}
	s->move = CDC_MOVE_NONE;
	s->gap = CDC_GAP_FAILOVER;
}

static void
discard_remembered(CdcSnapshot *s)
{
	sent(s);
	s->discarding = true;
	s->snapshot_again = CDC_RESTART_WAIT;
}

static void
snapshot_forgotten(CdcSnapshot *s)
{
	sent(s);
	s->discarding = s->was_running = false;
	s->gap = CDC_GAP_NONE;
	s->move = CDC_MOVE_NONE;
}

/*
 * What the peers do.
 */

/* Where nothing but one thing becomes so. */
#define DONE(name, so) \
	static bool \
	name(CdcSnapshot *s) \
	{ \
		so; \
		return true; \
	}

DONE(publication_made, s->publication = CDC_OBJ_OK)
DONE(publication_dropped, s->publication = CDC_OBJ_ABSENT)
DONE(shadows_dropped, s->shadow_left = CDC_NO)
DONE(identity_set, s->tables = CDC_TABLES_OK)
DONE(identity_reset, s->identity_set = false)

static bool
nothing(CdcSnapshot *s)
{
	(void) s;
	return true;
}

/* A snapshot does not count directions: it is taken for the last that was missing. */
static bool
peering_created(CdcSnapshot *s)
{
	if (s->peerings == CDC_PEERINGS_MISSING)
		s->peerings = CDC_PEERINGS_WAITING;
	return true;
}

static bool
peering_enabled(CdcSnapshot *s)
{
	if (s->peerings == CDC_PEERINGS_DISABLED)
		s->peerings = CDC_PEERINGS_WAITING;
	return true;
}

static bool
plugin_begun(CdcSnapshot *s)
{
	if (s->agents != CDC_AGENTS_READY)
		return false;
	s->agents = CDC_AGENTS_BUSY;
	return true;
}

/* Beside files of a former password, if there are any. */
static bool
secret_put(CdcSnapshot *s)
{
	if (s->agents < CDC_AGENTS_BUSY)
		return false;
	s->secret = s->secret_left == CDC_YES ? CDC_SECRET_STALE : CDC_SECRET_OK;
	s->secret_left = CDC_YES;
	return true;
}

/* Deleting: all of them; else the former ones. */
static bool
secret_deleted(CdcSnapshot *s)
{
	if (s->agents < CDC_AGENTS_BUSY)
		return false;
	if (s->status == CDC_DELETING)
	{
		s->secret = CDC_SECRET_MISSING;
		s->secret_left = CDC_NO;
	}
	else if (s->secret == CDC_SECRET_STALE)
		s->secret = CDC_SECRET_OK;
	return true;
}

static bool
role_created(CdcSnapshot *s)
{
	s->role = CDC_OBJ_OK;
	s->role_disarmed = CDC_NO;
	return true;
}

static bool
hba_written(CdcSnapshot *s)
{
	s->hba = CDC_HBA_OK;
	s->hba_line_left = CDC_YES;
	return true;
}

static bool
connector_made_stopped(CdcSnapshot *s)
{
	if (s->connector != CDC_OBJ_ABSENT)
		return false;
	connector_appears(s);
	s->connector_state = CDC_CS_STOPPED;
	s->task_state = CDC_CS_NONE;
	return true;
}

/* A new configuration starts the tasks anew; what is stopped or paused stays so. */
static bool
connector_put(CdcSnapshot *s)
{
	if (!ours(s->connector))
	{
		connector_appears(s);
		task_will_start(s, CDC_CS_NONE);
	}
	else if (s->connector == CDC_OBJ_WRONG && !held(s))
		task_will_start(s, s->connector_state == CDC_CS_RUNNING ? CDC_CS_UNASSIGNED : CDC_CS_NONE);
	s->connector = CDC_OBJ_OK;
	return true;
}

static bool
connector_resumed(CdcSnapshot *s)
{
	if (!ours(s->connector))
		return false;
	if (held(s))
		task_will_start(s, CDC_CS_UNASSIGNED);
	return true;
}

static bool
connector_restarted(CdcSnapshot *s)
{
	if (!ours(s->connector))
		return false;
	if (s->connector_state == CDC_CS_FAILED || s->task_state == CDC_CS_FAILED)
		task_will_start(s, CDC_CS_RESTARTING);
	return true;
}

/* Connect answers at once, its tasks end later. */
static bool
connector_stopped(CdcSnapshot *s)
{
	if (ours(s->connector))
		s->connector_state = CDC_CS_STOPPED;
	return true;
}

static bool
offsets_patched(CdcSnapshot *s)
{
	if (!stopped(s))
		return false;
	s->offsets_ahead = CDC_NO;
	return true;
}

static bool
offsets_deleted(CdcSnapshot *s)
{
	if (!stopped(s))
		return false;
	s->offsets = CDC_OFFSETS_NONE;
	s->offsets_ahead = CDC_NO;
	return true;
}

static bool
discard_ended(CdcSnapshot *s)
{
	if (ours(s->connector) && s->connector_state == CDC_CS_STOPPED)
		task_will_start(s, CDC_CS_UNASSIGNED);
	return true;
}

static bool
connector_deleted(CdcSnapshot *s)
{
	release_slot(s);
	s->connector = CDC_OBJ_ABSENT;
	s->connector_state = s->task_state = CDC_CS_NONE;
	return true;
}

static bool
walsender_terminated(CdcSnapshot *s)
{
	release_slot(s);
	s->walsender_stuck = CDC_NO;
	return true;
}

static bool
slot_dropped(CdcSnapshot *s)
{
	if (slot_held(s))
		return false;
	if (slot_ours(s))
		slot_goes(s);
	return true;
}

static bool
hba_removed(CdcSnapshot *s)
{
	s->hba_line_left = CDC_NO;
	s->hba = CDC_HBA_MISSING;
	return true;
}

/* What others depend on is disarmed and stays. */
static bool
role_dropped(CdcSnapshot *s)
{
	if (s->role_has_dependents == CDC_YES)
	{
		s->role = CDC_OBJ_WRONG;
		s->role_disarmed = CDC_YES;
	}
	else
		s->role = CDC_OBJ_ABSENT;
	return true;
}

/* A peering belongs to two networks, not to the pipeline. */
const CdcEffect cdc_effects[CDC_NUM_ACTIONS] = {
	[CDC_ACT_NONE] = {not_counted, nothing},
	[CDC_ACT_CREATE_PEERING] = {not_counted, peering_created},
	[CDC_ACT_ENABLE_PEERING] = {not_counted, peering_enabled},
	[CDC_ACT_INSTALL_PLUGIN] = {sent, plugin_begun},
	[CDC_ACT_PUT_SECRET] = {sent, secret_put},
	[CDC_ACT_DELETE_SECRET] = {sent, secret_deleted},
	[CDC_ACT_CREATE_ROLE] = {sent, role_created},
	[CDC_ACT_WRITE_HBA] = {sent, hba_written},
	[CDC_ACT_CREATE_PUBLICATION] = {sent, publication_made},
	[CDC_ACT_ALTER_PUBLICATION] = {sent, publication_made},
	[CDC_ACT_SET_IDENTITY] = {identity_remembered, identity_set},
	[CDC_ACT_PREPARE_CONNECTOR] = {sent, connector_made_stopped},
	[CDC_ACT_PUT_CONNECTOR] = {sent_as_judged, connector_put},
	[CDC_ACT_RESUME_CONNECTOR] = {sent_as_judged, connector_resumed},
	[CDC_ACT_RESTART_CONNECTOR] = {sent_as_judged, connector_restarted},
	[CDC_ACT_JUDGE_FAILOVER] = {verdict_remembered, nothing},
	[CDC_ACT_PATCH_OFFSETS] = {sent, offsets_patched},
	[CDC_ACT_BEGIN_DISCARD] = {discard_remembered, connector_stopped},
	[CDC_ACT_STOP_CONNECTOR] = {sent, connector_stopped},
	[CDC_ACT_POST_STOPPED] = {sent, connector_made_stopped},
	[CDC_ACT_DELETE_OFFSETS] = {sent, offsets_deleted},
	[CDC_ACT_END_DISCARD] = {snapshot_forgotten, discard_ended},
	[CDC_ACT_DELETE_CONNECTOR] = {sent, connector_deleted},
	[CDC_ACT_TERMINATE_WALSENDER] = {sent, walsender_terminated},
	[CDC_ACT_DROP_SLOT] = {sent, slot_dropped},
	[CDC_ACT_DROP_SHADOWS] = {sent, shadows_dropped},
	[CDC_ACT_DROP_PUBLICATION] = {sent, publication_dropped},
	[CDC_ACT_RESET_IDENTITY] = {sent, identity_reset},
	[CDC_ACT_REMOVE_HBA] = {sent, hba_removed},
	[CDC_ACT_DROP_ROLE] = {sent, role_dropped},
	[CDC_ACT_SOFT_DELETE] = {not_counted, nothing},
};

bool
cdc_effect(const CdcEffect *effects, const CdcSnapshot *s, CdcAction action, CdcSnapshot *after)
{
	*after = *s;
	effects[action].remembered(after);
	return effects[action].done(after);
}

void
cdc_effect_decided(CdcSnapshot *s, const CdcDecision *d)
{
	s->status = d->status;
	if (d->rule->status_to == CDC_RUNNING)
	{
		s->was_running = true;
		s->move = CDC_MOVE_NONE;
	}
}

void
cdc_effect_task_starts(CdcSnapshot *s)
{
	s->connector_state = s->task_state = CDC_CS_RUNNING;
	/* another run than the one that made the slot */
	if (!s->was_running && slot_ours(s))
		s->snapshot_interrupted = CDC_YES;
	if (s->role != CDC_OBJ_OK || s->publication == CDC_OBJ_ABSENT || s->hba == CDC_HBA_MISSING)
		task_fails(s, CDC_RESTART_DUE);
	else if (s->initial_only)
		return;
	else if (s->slot == CDC_SLOT_FOREIGN || s->slot == CDC_SLOT_LOST)
		task_fails(s, CDC_RESTART_DUE);
	else if (s->slot == CDC_SLOT_ABSENT && s->offsets != CDC_OFFSETS_NONE)
		task_fails(s, CDC_RESTART_EXHAUSTED);
	else if (s->slot == CDC_SLOT_ABSENT)
	{
		s->slot = CDC_SLOT_CREATING;
		s->snapshot_interrupted = CDC_NO;
	}
	else if (s->offsets != CDC_OFFSETS_STREAMING)
	{
		/* a snapshot on a slot that is there already */
		s->offsets = CDC_OFFSETS_SNAPSHOT;
	}
}

bool
cdc_effect_task_goes_on(CdcSnapshot *s)
{
	if (s->initial_only)
	{
		if (s->offsets == CDC_OFFSETS_STREAMING)
			return false;
		s->offsets = CDC_OFFSETS_STREAMING;
	}
	else if (s->slot != CDC_SLOT_INACTIVE && !slot_held(s))
		task_fails(s, s->slot == CDC_SLOT_ABSENT ? CDC_RESTART_EXHAUSTED : CDC_RESTART_DUE);
	else if (s->slot == CDC_SLOT_CREATING)
	{
		s->slot = CDC_SLOT_INACTIVE;
		s->offsets = CDC_OFFSETS_SNAPSHOT;
	}
	else if (s->slot == CDC_SLOT_INACTIVE)
		s->slot = CDC_SLOT_ACTIVE;
	else if (s->slot == CDC_SLOT_ACTIVE)
	{
		s->slot = CDC_SLOT_STREAMING;
		s->offsets = CDC_OFFSETS_STREAMING;
	}
	else if ((s->move == CDC_MOVE_RESUMED || s->move == CDC_MOVE_JUDGED) && s->confirmed != CDC_YES)
		s->confirmed = CDC_YES;
	else
		return false;
	return true;
}

/* Connector and task: what Connect does next without being asked. */
static bool
connect_goes_on(CdcSnapshot *s)
{
	bool		failed = s->connector_state == CDC_CS_FAILED || s->task_state == CDC_CS_FAILED;

	if (!ours(s->connector) || s->connector_state == CDC_CS_UNKNOWN || s->task_state == CDC_CS_UNKNOWN || stopped(s))
		return false;
	if (s->connector_state == CDC_CS_STOPPED)
		s->task_state = CDC_CS_NONE;
	else if (s->connector_state == CDC_CS_PAUSED)
	{
		if (s->task_state == CDC_CS_PAUSED)
			return false;
		s->task_state = CDC_CS_PAUSED;
	}
	else if (failed)
	{
		/* the time of a restart comes, also for what is Failed */
		if (s->restart != CDC_RESTART_WAIT && !(s->restart == CDC_RESTART_EXHAUSTED && s->status == CDC_FAILED))
			return false;
		s->restart = CDC_RESTART_DUE;
	}
	else if (s->task_state != CDC_CS_RUNNING)
		cdc_effect_task_starts(s);
	else if (s->connector_state != CDC_CS_RUNNING)
		s->connector_state = CDC_CS_RUNNING;
	else
		return cdc_effect_task_goes_on(s);
	return true;
}

/* The walsender of a task that is no more ends, unless it is known not to. */
static bool
walsender_ends(CdcSnapshot *s)
{
	if (!slot_held(s) || s->walsender_stuck == CDC_YES ||
		!(s->connector == CDC_OBJ_ABSENT ||
		  (ours(s->connector) && s->connector_state != CDC_CS_UNKNOWN && s->task_state != CDC_CS_UNKNOWN &&
		   s->task_state != CDC_CS_RUNNING && s->task_state != CDC_CS_PAUSED)))
		return false;
	release_slot(s);
	return true;
}

/* Agents, and the plugin that they install. */
static bool
agents_finish(CdcSnapshot *s)
{
	if (s->agents == CDC_AGENTS_BUSY)
		s->plugin_present = s->plugin_current = CDC_YES;
	else if (s->agents != CDC_AGENTS_FAILED)
		return false;
	s->agents = CDC_AGENTS_READY;
	return true;
}

/* The cloud, neighbours, old transactions, connectors that are being deleted, and the pause before another snapshot. */
static bool
others_give_way(CdcSnapshot *s)
{
	bool		network = s->peerings == CDC_PEERINGS_WAITING || s->peerings == CDC_PEERINGS_STUCK;
	bool		turn = s->slot_turn == CDC_TURN_BLOCKED || s->slot_turn == CDC_TURN_NEIGHBOUR ||
		s->slot_turn == CDC_TURN_SOON;
	bool		writer = s->older_writer == CDC_WRITER_PRESENT;
	bool		pause = s->discarding && (s->snapshot_again == CDC_RESTART_WAIT || (s->snapshot_again == CDC_RESTART_EXHAUSTED && s->status == CDC_FAILED));

	if (network)
		s->peerings = CDC_PEERINGS_ACTIVE;
	s->slot_turn = turn ? CDC_TURN_OK : s->slot_turn;
	s->older_writer = writer ? CDC_WRITER_NONE : s->older_writer;
	s->snapshot_again = pause ? CDC_RESTART_DUE : s->snapshot_again;
	return network || turn || writer || pause;
}

/* What stands still can be judged; of what failover.c looks at the slot and the offsets are here. */
static bool
verdict_comes(CdcSnapshot *s)
{
	if (s->move != CDC_MOVE_PENDING || s->verdict != CDC_VERDICT_UNKNOWN || slot_held(s) ||
		s->slot == CDC_SLOT_UNKNOWN || s->offsets == CDC_OFFSETS_UNKNOWN)
		return false;
	if (s->slot == CDC_SLOT_INACTIVE && s->offsets == CDC_OFFSETS_STREAMING)
		s->verdict = s->offsets_ahead == CDC_YES ? CDC_VERDICT_REWIND : CDC_VERDICT_RESUME;
	else
		s->verdict = s->gap_halt ? CDC_VERDICT_HALT : CDC_VERDICT_RESNAPSHOT;
	return true;
}

bool
cdc_effect_awaited(CdcSnapshot *s)
{
	bool		came = connect_goes_on(s);

	came = walsender_ends(s) || came;
	came = agents_finish(s) || came;
	came = others_give_way(s) || came;
	came = verdict_comes(s) || came;
	if (!came && s->settled == CDC_NO && s->status == CDC_DELETING)
	{
		s->settled = CDC_YES;
		came = true;
	}
	return came;
}
