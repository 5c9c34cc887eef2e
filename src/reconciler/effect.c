/*
 * effect.c
 *	  See effect.h.
 *
 * Owns the table of effects; what then comes by itself is in awaited.c.  Written
 * from the facts about PostgreSQL, Connect and Debezium: must not call decide()
 * nor know a rule.
 */
#include "reconciler/effect.h"
#include "reconciler/effect_words.h"

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

/* ... anew: that is what a restart asks for. */
static void
sent_anew(CdcSnapshot *s)
{
	sent_as_judged(s);
	s->restart_wanted = false;
}

/* One that is made has a new task; of one that is stopped it is not known yet. */
static void
put_remembered(CdcSnapshot *s)
{
	sent_as_judged(s);
	s->restart_wanted = s->restart_wanted && s->connector != CDC_OBJ_ABSENT;
}

static void
pause_ended(CdcSnapshot *s)
{
	sent(s);
	s->want_paused = false;
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
	s->restart_wanted = false;
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
	/* one that runs is started anew when what it does leads nowhere */
	if (s->connector_state == CDC_CS_FAILED || s->task_state == CDC_CS_FAILED || s->new_task == CDC_YES)
		task_will_start(s, CDC_CS_RESTARTING);
	s->new_task = CDC_NO;
	return true;
}

/* Connect answers at once, its tasks end later; a task that ends in good order stores its offsets. */
static bool
connector_stopped(CdcSnapshot *s)
{
	if (ours(s->connector))
		s->connector_state = CDC_CS_STOPPED;
	s->snapshot_unstored = false;
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
	[CDC_ACT_PUT_CONNECTOR] = {put_remembered, connector_put},
	[CDC_ACT_RESUME_CONNECTOR] = {sent_anew, connector_resumed},
	[CDC_ACT_RESTART_CONNECTOR] = {sent_as_judged, connector_restarted},
	[CDC_ACT_JUDGE_FAILOVER] = {verdict_remembered, nothing},
	[CDC_ACT_PATCH_OFFSETS] = {sent, offsets_patched},
	[CDC_ACT_END_PAUSE] = {pause_ended, nothing},
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
