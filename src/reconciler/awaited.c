/*
 * awaited.c
 *	  What comes by itself, after an action or without one: see effect.h.
 *
 * Owns what Connect, Debezium, agents and others do without being asked.  Written
 * from the facts about them: must not call decide() nor know a rule.
 */
#include "reconciler/effect.h"
#include "reconciler/effect_words.h"

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
	else if (s->refused == CDC_YES)
		s->refused = CDC_NO;
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
	bool		stranger = s->stranger == CDC_YES;
	bool		pause = s->discarding && (s->snapshot_again == CDC_RESTART_WAIT || (s->snapshot_again == CDC_RESTART_EXHAUSTED && s->status == CDC_FAILED));

	if (network)
		s->peerings = CDC_PEERINGS_ACTIVE;
	s->slot_turn = turn ? CDC_TURN_OK : s->slot_turn;
	s->older_writer = writer ? CDC_WRITER_NONE : s->older_writer;
	s->stranger = stranger ? CDC_NO : s->stranger;
	s->snapshot_again = pause ? CDC_RESTART_DUE : s->snapshot_again;
	return network || turn || writer || stranger || pause;
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
