/*
 * world_model.c
 *	  See world_model.h.
 *
 * Must not call decide() nor know any rule.
 */
#include <stddef.h>
#include <string.h>

#include "world_model.h"

static unsigned long long state;

void
random_seed(unsigned long seed)
{
	state = seed * 2654435761ULL + 88172645463325252ULL;
}

unsigned long long
random_state(void)
{
	return state;
}

void
random_resume(unsigned long long from)
{
	state = from;
}

int
random_below(int n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (int) ((state >> 33) % (unsigned) n);
}

bool
chance(int percent)
{
	return random_below(100) < percent;
}

#define FLAG(name, good) {#name, offsetof(CdcSnapshot, name), 0, false, good}
#define KNOWN(name, values, good) {#name, offsetof(CdcSnapshot, name), values, false, good}
#define SEEN(name, values, good) {#name, offsetof(CdcSnapshot, name), values, true, good}

const Field fields[] = {
	KNOWN(status, CDC_NUM_STATUSES, CDC_PROVISIONING),
	FLAG(want_deleted, 0), FLAG(force, 0), FLAG(want_paused, 0), FLAG(restart_wanted, 0), FLAG(source_leaving, 0), FLAG(sink_leaving, 0),
	FLAG(initial_only, 0), FLAG(all_tables, 0),
	FLAG(manage_role, 1), FLAG(gap_halt, 0), FLAG(sets_identity, 0), FLAG(identity_set, 0), FLAG(was_running, 0), FLAG(discarding, 0), FLAG(snapshot_unstored, 0),
	FLAG(untouched, 0), FLAG(allow_password, 1),
	FLAG(source_is_postgresql, 1), FLAG(sink_has_addon, 1), FLAG(same_region, 1),
	FLAG(source_running, 1), FLAG(sink_running, 1), FLAG(addon_running, 1),
	KNOWN(network_ids, CDC_NET_BOTH + 1, CDC_NET_BOTH),
	SEEN(peerings, CDC_PEERINGS_ACTIVE + 1, CDC_PEERINGS_ACTIVE), SEEN(connect_reachable, 3, CDC_YES),
	SEEN(plugin_present, 3, CDC_YES), SEEN(plugin_current, 3, CDC_YES),
	SEEN(agents, CDC_AGENTS_READY + 1, CDC_AGENTS_READY), SEEN(secret, CDC_SECRET_OK + 1, CDC_SECRET_OK),
	SEEN(secret_left, 3, CDC_NO),
	SEEN(source_reachable, 3, CDC_YES), SEEN(source_demoted, 3, CDC_NO),
	SEEN(source_capable, 3, CDC_YES), SEEN(role, CDC_OBJ_UNVERIFIED + 1, CDC_OBJ_OK),
	SEEN(tables, CDC_TABLES_OK + 1, CDC_TABLES_OK), SEEN(columns, CDC_COLUMNS_OK + 1, CDC_COLUMNS_OK), SEEN(hba, CDC_HBA_OK + 1, CDC_HBA_OK),
	SEEN(publication, CDC_OBJ_UNVERIFIED + 1, CDC_OBJ_OK), SEEN(connector, CDC_OBJ_UNVERIFIED + 1, CDC_OBJ_OK),
	SEEN(connector_state, CDC_CS_RESTARTING + 1, CDC_CS_RUNNING),
	SEEN(task_state, CDC_CS_RESTARTING + 1, CDC_CS_RUNNING),
	SEEN(restart, CDC_RESTART_EXHAUSTED + 1, CDC_RESTART_DUE), SEEN(refused, 3, CDC_NO),
	SEEN(slot, CDC_SLOT_STREAMING + 1, CDC_SLOT_STREAMING),
	SEEN(offsets, CDC_OFFSETS_STREAMING + 1, CDC_OFFSETS_STREAMING),
	SEEN(snapshot_interrupted, 3, CDC_NO), KNOWN(snapshot_again, CDC_RESTART_EXHAUSTED + 1, CDC_RESTART_DUE), SEEN(slot_turn, CDC_TURN_OK + 1, CDC_TURN_OK),
	SEEN(older_writer, CDC_WRITER_NONE + 1, CDC_WRITER_NONE), SEEN(stranger, 3, CDC_NO),
	KNOWN(gap, CDC_GAP_TABLE_AWAY + 1, CDC_GAP_NONE), SEEN(moving, 3, CDC_YES), SEEN(stream_breaks, 3, CDC_NO), SEEN(new_task, 3, CDC_NO),
	SEEN(move, CDC_MOVE_RESUMED + 1, CDC_MOVE_NONE), SEEN(verdict, CDC_VERDICT_NEVER + 1, CDC_VERDICT_RESUME),
	SEEN(offsets_ahead, 3, CDC_NO), SEEN(confirmed, 3, CDC_YES),
	SEEN(shadow_left, 3, CDC_NO), SEEN(slot_declared, 3, CDC_NO), SEEN(two_primaries, 3, CDC_NO), SEEN(slot_wal_high, 3, CDC_NO), SEEN(standbys_awaited, 3, CDC_NO),
	SEEN(pause_unsafe, 3, CDC_NO), SEEN(pause_wal, CDC_PAUSE_WAL_OVER + 1, CDC_PAUSE_WAL_LOW),
	SEEN(walsender_stuck, 3, CDC_NO), SEEN(hba_line_left, 3, CDC_YES),
	SEEN(unreachable_standby, 3, CDC_NO), SEEN(role_has_dependents, 3, CDC_NO),
	SEEN(role_disarmed, 3, CDC_NO), SEEN(settled, 3, CDC_YES),
};

const int	num_fields = (int) (sizeof(fields) / sizeof(fields[0]));

int
field_get(const CdcSnapshot *s, const Field *f)
{
	const char *at = (const char *) s + f->offset;

	return f->values == 0 ? *(const bool *) at : *(const int *) at;
}

void
field_set(CdcSnapshot *s, const Field *f, int value)
{
	char	   *at = (char *) s + f->offset;

	if (f->values == 0)
		*(bool *) at = value != 0;
	else
		*(int *) at = value;
}

void
snapshot_random(CdcSnapshot *s, int good)
{
	int			i;

	memset(s, 0, sizeof(*s));
	for (i = 0; i < num_fields; i++)
	{
		const Field *f = &fields[i];
		int			values = f->values == 0 ? 2 : f->values;

		field_set(s, f, chance(good) ? f->good : random_below(values));
	}
	s->status = (CdcStatus) random_below(CDC_NUM_STATUSES);
	if (chance(3))
	{
		/* what lasts one turn: a task that streams on before it is judged */
		s->was_running = true;
		s->initial_only = s->discarding = false;
		s->gap = CDC_GAP_NONE;
		s->move = CDC_MOVE_PENDING;
		s->verdict = CDC_VERDICT_RESNAPSHOT;
		s->slot = CDC_SLOT_STREAMING;
	}
	else if (chance(5))
	{
		/* ... and an offset that is about to be set back */
		s->was_running = true;
		s->initial_only = s->discarding = false;
		s->gap = CDC_GAP_NONE;
		s->move = CDC_MOVE_JUDGED;
		s->verdict = CDC_VERDICT_REWIND;
		s->offsets_ahead = CDC_YES;
	}
}

static bool
ours(CdcObject object)
{
	return object == CDC_OBJ_OK || object == CDC_OBJ_WRONG;
}

static bool
slot_ours(CdcSlot slot)
{
	return slot == CDC_SLOT_LOST || slot == CDC_SLOT_CREATING || slot == CDC_SLOT_INACTIVE ||
		slot == CDC_SLOT_ACTIVE || slot == CDC_SLOT_STREAMING;
}

static bool
slot_held(const World *w)
{
	return w->t.slot == CDC_SLOT_CREATING || w->t.slot == CDC_SLOT_ACTIVE || w->t.slot == CDC_SLOT_STREAMING;
}

static bool
task_lives(const World *w)
{
	return ours(w->t.connector) &&
		(w->t.task_state == CDC_CS_RUNNING || w->t.task_state == CDC_CS_PAUSED);
}

/* What is known of agents, made consistent with what they are. */
static void
world_agents_fit(World *w)
{
	CdcSnapshot *t = &w->t;

	if (t->agents == CDC_AGENTS_NONE)
	{
		t->secret = CDC_SECRET_OK;
		t->secret_left = CDC_NO;
	}
	if (t->agents == CDC_AGENTS_NONE || t->agents == CDC_AGENTS_UNSET)
		t->plugin_current = CDC_YES;
	if (t->secret == CDC_SECRET_PARTIAL && t->agents != CDC_AGENTS_DOWN)
		t->secret = CDC_SECRET_MISSING;
	if (t->agents != CDC_AGENTS_NONE && t->secret != CDC_SECRET_MISSING)
		t->secret_left = CDC_YES;
}

/*
 * A world: all known, then made consistent.
 */
void
world_random(World *w, int good)
{
	CdcSnapshot *t = &w->t;
	int			i;

	memset(w, 0, sizeof(*w));
	snapshot_random(t, good);
	for (i = 0; i < num_fields; i++)
	{
		const Field *f = &fields[i];

		while (field_get(t, f) == 0 && (f->observed || f->offset == offsetof(CdcSnapshot, network_ids)))
			field_set(t, f, random_below(f->values));
	}
	if (t->status == CDC_DELETED)
		t->status = CDC_PENDING;
	if (t->connector == CDC_OBJ_ABSENT)
		t->connector_state = t->task_state = CDC_CS_NONE;
	else if (t->connector_state == CDC_CS_PAUSED)
		t->task_state = CDC_CS_PAUSED;
	else if (t->connector_state == CDC_CS_STOPPED)
		t->task_state = chance(50) ? CDC_CS_NONE : CDC_CS_RUNNING;
	else if (t->task_state == CDC_CS_STOPPED || t->task_state == CDC_CS_PAUSED)
		t->task_state = CDC_CS_UNASSIGNED;
	if (t->role == CDC_OBJ_UNVERIFIED)
		t->role = CDC_OBJ_FOREIGN;	/* its mark has no epoch */
	if (!t->manage_role && t->role == CDC_OBJ_FOREIGN)
		t->role = CDC_OBJ_WRONG;
	t->sets_identity = chance(50);
	t->role_disarmed = CDC_NO;
	t->settled = CDC_NO;
	t->source_leaving = t->sink_leaving = false;
	t->walsender_stuck = CDC_NO;
	t->gap = CDC_GAP_NONE;
	t->move = CDC_MOVE_NONE;
	t->verdict = CDC_VERDICT_UNKNOWN;
	t->offsets_ahead = t->confirmed = CDC_NO;
	if ((t->status == CDC_RUNNING || t->status == CDC_PAUSED) && chance(70))
		t->was_running = true;
	if (t->slot == CDC_SLOT_CREATING)
	{
		/* Debezium makes one only where nothing is stored */
		t->was_running = false;
		t->offsets = CDC_OFFSETS_NONE;
	}
	if (t->was_running || t->slot == CDC_SLOT_STREAMING)
		t->offsets = CDC_OFFSETS_STREAMING;
	if (t->initial_only && t->was_running)
		t->discarding = false;
	world_agents_fit(w);
	w->doomed = chance(5);
	w->run = 1;
	w->slot_run = t->connector != CDC_OBJ_ABSENT && chance(70) ? 1 : 0;
	w->zombie = slot_held(w) && !task_lives(w) && chance(50);
	w->failures = random_below(6);
	w->incurable = chance(20);
	w->offsets_clean = t->connector == CDC_OBJ_ABSENT && t->offsets == CDC_OFFSETS_NONE && chance(70);
	if (t->untouched)
	{
		/* nothing was ever sent: nothing of ours is anywhere */
		t->status = CDC_PENDING;
		t->discarding = t->was_running = false;
		t->role = ours(t->role) && t->manage_role ? CDC_OBJ_ABSENT : t->role;
		t->publication = ours(t->publication) ? CDC_OBJ_ABSENT : t->publication;
		t->slot = slot_ours(t->slot) ? CDC_SLOT_ABSENT : t->slot;
		if (ours(t->connector))
		{
			t->connector = CDC_OBJ_ABSENT;
			t->connector_state = t->task_state = CDC_CS_NONE;
		}
		t->offsets = CDC_OFFSETS_NONE;
		t->hba_line_left = t->shadow_left = CDC_NO;
		t->identity_set = false;
		if (t->agents != CDC_AGENTS_NONE)
			t->secret = CDC_SECRET_MISSING;
		t->secret_left = CDC_NO;
		if (t->hba == CDC_HBA_OK || t->hba == CDC_HBA_NOT_LOADED)
			t->hba = CDC_HBA_MISSING;
		w->zombie = false;
	}
	if (t->was_running)
		w->hole = !t->initial_only && !slot_held(w) && t->slot != CDC_SLOT_INACTIVE;
	else
		w->hole = !t->initial_only &&
			((slot_ours(t->slot) && (w->slot_run != w->run || t->slot == CDC_SLOT_LOST)) ||
			 (t->slot == CDC_SLOT_ABSENT && t->offsets != CDC_OFFSETS_NONE));
}

static void
release_slot(World *w)
{
	if (slot_held(w) && !w->zombie)
		w->t.slot = w->t.slot == CDC_SLOT_CREATING ? CDC_SLOT_ABSENT : CDC_SLOT_INACTIVE;
}

static void
fail_task(World *w, bool incurable)
{
	w->t.task_state = CDC_CS_FAILED;
	w->failures++;
	w->since_failure = 0;
	w->incurable = incurable;
	if (!w->t.initial_only && chance(20))
		w->t.refused = CDC_YES;
	release_slot(w);
}

static void
task_will_start(World *w, CdcConnectState as)
{
	release_slot(w);
	w->t.connector_state = w->t.task_state = as;
	w->delay = 1 + random_below(3);
}

/* A walsender that no task of Connect knows holds on to the slot, whatever becomes of tasks. */
static void
slot_stays_with_zombie(World *w, CdcSlot before)
{
	if (w->zombie && (before == CDC_SLOT_CREATING || before == CDC_SLOT_ACTIVE || before == CDC_SLOT_STREAMING))
		w->t.slot = before;
}

/* After a step of effect.c: did the task fail in it? */
static bool
task_has_failed(World *w, CdcSlot before)
{
	slot_stays_with_zombie(w, before);
	if (w->t.task_state != CDC_CS_FAILED)
		return false;
	w->failures++;
	w->since_failure = 0;
	w->incurable = w->t.restart == CDC_RESTART_EXHAUSTED;
	return true;
}

static void
task_starts(World *w)
{
	CdcSnapshot *t = &w->t;
	CdcSnapshot before = *t;

	w->run++;
	w->delay = 1 + random_below(4);
	if (w->astray)
	{
		/* nobody is at home there: it tries again inside of the task */
		t->connector_state = t->task_state = CDC_CS_RUNNING;
		if (chance(20))
			fail_task(w, false);
		return;
	}
	if (w->ahead && t->was_running && t->offsets != CDC_OFFSETS_NONE)
	{
		/* what lies below the offset is skipped in silence */
		w->hole = true;
		w->ahead = false;
		if (t->move == CDC_MOVE_JUDGED)
			t->move = CDC_MOVE_PENDING;
	}
	if (t->move == CDC_MOVE_PENDING)
		w->dragged = true;
	if (w->doomed)
	{
		t->connector_state = CDC_CS_RUNNING;
		fail_task(w, false);
		return;
	}
	cdc_effect_task_starts(t);
	if (task_has_failed(w, before.slot) || t->initial_only)
		return;
	if (before.slot == CDC_SLOT_ABSENT)
	{
		w->slot_run = w->run;
		w->hole = false;
	}
	else if (t->offsets != CDC_OFFSETS_STREAMING)
		w->hole = true;
}

static void
task_goes_on(World *w)
{
	CdcSnapshot *t = &w->t;
	CdcSlot		before = t->slot;
	bool		slot_gone = !t->initial_only && t->slot != CDC_SLOT_INACTIVE && !slot_held(w);

	if (w->astray)
		return;
	if (w->delay > 0 && !slot_gone)
		w->delay--;
	else if (w->doomed && !slot_gone)
		fail_task(w, false);
	else
	{
		cdc_effect_task_goes_on(t);
		if (!t->initial_only && t->task_state == CDC_CS_RUNNING)
		{
			if (before == CDC_SLOT_ACTIVE)
				w->failures = 0;
		}
		else
			task_has_failed(w, before);
	}
}

/*
 * The source fails over: another node with another history, on which the slot
 * survived or did not; the offset may be beyond it.
 */
static void
fail_over(World *w)
{
	CdcSnapshot *t = &w->t;

	if (t->initial_only || t->discarding || t->gap != CDC_GAP_NONE || !slot_ours(t->slot))
	{
		if (slot_ours(t->slot) || t->slot == CDC_SLOT_ABSENT)
			t->slot = CDC_SLOT_ABSENT;
		w->hole = !t->initial_only && (w->hole || t->offsets != CDC_OFFSETS_NONE || t->was_running);
	}
	else if (t->was_running && !w->hole && t->slot != CDC_SLOT_LOST && chance(70))
	{
		t->slot = CDC_SLOT_INACTIVE;
		w->ahead = w->ahead || chance(50);
	}
	else
	{
		t->slot = chance(50) ? CDC_SLOT_ABSENT : CDC_SLOT_LOST;
		w->hole = true;
	}
	w->zombie = false;
	if (t->slot == CDC_SLOT_INACTIVE && chance(15))
	{
		/* somebody else holds it there */
		t->slot = CDC_SLOT_ACTIVE;
		w->zombie = true;
	}
	w->dragged = false;
	t->confirmed = CDC_NO;
	if (t->was_running && !t->initial_only && !t->discarding && t->gap == CDC_GAP_NONE)
		t->move = CDC_MOVE_PENDING;
	if (t->move == CDC_MOVE_PENDING && t->slot == CDC_SLOT_INACTIVE && t->connector == CDC_OBJ_OK && !w->astray &&
		t->connector_state == CDC_CS_RUNNING && t->task_state == CDC_CS_RUNNING && chance(15))
	{
		/* an address that moves: the task goes on at once, and skips in silence */
		t->slot = CDC_SLOT_STREAMING;
		w->hole = w->hole || w->ahead;
		w->ahead = false;
		w->dragged = true;
		return;
	}
	if (t->connector == CDC_OBJ_OK)
		t->connector = CDC_OBJ_WRONG;
	w->astray = ours(t->connector);
}

static bool apply(World *w, CdcAction action, bool heard);

void
world_tick(World *w)
{
	CdcSnapshot *t = &w->t;

	if (w->late_in > 0 && --w->late_in == 0)
		apply(w, w->late_action, false);
	w->quiet++;
	w->since_failure++;
	if (ours(t->connector))
	{
		if (t->connector_state == CDC_CS_STOPPED)
		{
			if (t->task_state == CDC_CS_NONE || chance(60))
			{
				t->task_state = CDC_CS_NONE;
				release_slot(w);
			}
		}
		else if (t->connector_state == CDC_CS_PAUSED)
			t->task_state = CDC_CS_PAUSED;
		else if (t->connector_state == CDC_CS_FAILED)
			release_slot(w);
		else if (t->task_state == CDC_CS_RUNNING)
		{
			t->connector_state = CDC_CS_RUNNING;
			task_goes_on(w);
		}
		else if (t->task_state != CDC_CS_FAILED && --w->delay <= 0)
			task_starts(w);
	}
	if (slot_held(w) && !task_lives(w))
	{
		release_slot(w);
		w->held++;
	}
	else
		w->held = 0;
	if ((t->peerings == CDC_PEERINGS_WAITING || t->peerings == CDC_PEERINGS_STUCK) && chance(60))
		t->peerings = CDC_PEERINGS_ACTIVE;
	if ((t->agents == CDC_AGENTS_BUSY || t->agents == CDC_AGENTS_FAILED) && --w->agent_delay <= 0)
	{
		if (w->restarting)
			t->connect_reachable = CDC_YES;
		w->restarting = false;
		/* installed on every worker; or not, and to be tried again */
		if (t->agents == CDC_AGENTS_FAILED || chance(80))
		{
			if (t->agents == CDC_AGENTS_BUSY)
				t->plugin_present = t->plugin_current = CDC_YES;
			t->agents = CDC_AGENTS_READY;
		}
		else
		{
			t->agents = CDC_AGENTS_FAILED;
			w->agent_delay = 3;
		}
	}
	if (w->quiet > 20 && t->older_writer == CDC_WRITER_PRESENT && chance(20))
		t->older_writer = CDC_WRITER_NONE;
}

/* What people do with their hands, at any moment. */
void
world_user_meddles(World *w)
{
	CdcSnapshot *t = &w->t;
	int			what = random_below(26);

	/* moments that are soon over are sought out */
	if (t->move == CDC_MOVE_JUDGED && chance(50))
		what = chance(25) ? 0 : 16;
	switch (what)
	{
		case 23:
			t->want_paused = !t->want_paused;
			break;
		case 24:
			t->restart_wanted = t->restart_wanted || t->status == CDC_RUNNING || t->status == CDC_FAILED;
			break;
		case 25:
			t->pause_unsafe = chance(30) ? CDC_YES : CDC_NO;
			t->pause_wal = CDC_PAUSE_WAL_LOW + random_below(CDC_PAUSE_WAL_OVER);
			break;
		case 20:
			/* wal_level is another one in the file, or the database is renamed */
			if (t->source_capable == CDC_YES)
			{
				t->source_capable = CDC_NO;
				w->seen_through = chance(70);
			}
			break;
		case 16:
			/* ... or starts it */
			if (ours(t->connector) && t->connector_state == CDC_CS_STOPPED && t->move != CDC_MOVE_NONE)
				task_will_start(w, CDC_CS_UNASSIGNED);
			break;
		case 14:
			fail_over(w);
			break;
		case 15:
			/* somebody points the connector at the new primary by hand */
			if (t->connector == CDC_OBJ_WRONG && w->astray)
			{
				w->astray = false;
				t->connector = CDC_OBJ_OK;
				if (t->connector_state != CDC_CS_STOPPED && t->connector_state != CDC_CS_PAUSED)
					task_will_start(w, CDC_CS_UNASSIGNED);
			}
			break;
		case 0:
			if (ours(t->connector))
			{
				release_slot(w);
				t->connector = CDC_OBJ_ABSENT;
				t->connector_state = t->task_state = CDC_CS_NONE;
			}
			break;
		case 1:
			if (ours(t->connector))
				t->connector = CDC_OBJ_WRONG;
			break;
		case 2:
			if (task_lives(w))
				t->connector_state = chance(50) ? CDC_CS_STOPPED : CDC_CS_PAUSED;
			break;
		case 3:
			if (slot_ours(t->slot) && !slot_held(w))
			{
				t->slot = CDC_SLOT_ABSENT;
				w->hole = !t->initial_only;
			}
			break;
		case 4:
			if (slot_ours(t->slot) && !slot_held(w))
			{
				t->slot = CDC_SLOT_LOST;
				w->hole = !t->initial_only;
			}
			break;
		case 5:
			/* before streaming began nobody can tell that it was away */
			if (ours(t->publication) && (t->was_running || !slot_ours(t->slot)))
				t->publication = chance(50) ? CDC_OBJ_ABSENT : CDC_OBJ_WRONG;
			break;
		case 6:
			if (ours(t->role) && t->manage_role)
				t->role = chance(50) ? CDC_OBJ_ABSENT : CDC_OBJ_WRONG;
			break;
		case 7:
			t->hba = CDC_HBA_MISSING + random_below(CDC_HBA_OK);
			break;
		case 8:
			if (task_lives(w))
				fail_task(w, false);
			break;
		case 9:
			if (task_lives(w))
				task_will_start(w, CDC_CS_UNASSIGNED);	/* a rebalance */
			break;
		case 10:
			t->tables = t->tables != CDC_TABLES_OK ? CDC_TABLES_OK :
				chance(50) ? CDC_TABLES_NO_IDENTITY : CDC_TABLES_MISSING;
			break;
		case 21:
			t->columns = CDC_COLUMNS_KEYS + random_below(CDC_COLUMNS_OK);
			break;
		case 11:
			t->connect_reachable = chance(70) ? CDC_YES : CDC_NO;
			break;
		case 12:
			t->source_reachable = chance(70) ? CDC_YES : CDC_NO;
			t->source_demoted = t->source_reachable == CDC_NO && chance(50) ? CDC_YES : CDC_NO;
			t->slot_declared = chance(10) ? CDC_YES : CDC_NO;
			break;
		case 13:
			t->peerings = CDC_PEERINGS_OUT_OF_REACH + random_below(CDC_PEERINGS_ACTIVE);
			break;
		case 17:
			if (t->agents != CDC_AGENTS_NONE)
				t->agents = chance(50) ? CDC_AGENTS_DOWN : CDC_AGENTS_READY;
			world_agents_fit(w);
			break;
		case 18:
			/* a file deleted by hand, a new host, or a new password that is due */
			if (t->agents != CDC_AGENTS_NONE)
				t->secret = CDC_SECRET_MISSING;
			break;
		case 19:
			if (t->agents != CDC_AGENTS_NONE && t->agents != CDC_AGENTS_UNSET)
				t->plugin_current = CDC_NO;
			break;
		default:
			t->slot_turn = CDC_TURN_NO_FREE_SLOT + random_below(CDC_TURN_OK);
			break;
	}
}

/* Everything that only people can cure is cured. */
void
world_user_repairs(World *w)
{
	CdcSnapshot *t = &w->t;

	t->source_is_postgresql = t->sink_has_addon = t->same_region = true;
	t->source_running = t->sink_running = t->addon_running = true;
	t->allow_password = true;
	t->network_ids = chance(50) ? CDC_NET_NONE : CDC_NET_BOTH;
	if (t->peerings == CDC_PEERINGS_OUT_OF_REACH || t->peerings == CDC_PEERINGS_BLOCKED)
		t->peerings = CDC_PEERINGS_ACTIVE;
	t->connect_reachable = t->plugin_present = CDC_YES;
	t->source_reachable = t->source_capable = CDC_YES;
	t->source_demoted = t->slot_declared = CDC_NO;
	w->seen_through = false;
	t->tables = CDC_TABLES_OK;
	t->columns = CDC_COLUMNS_OK;
	t->plugin_current = CDC_YES;
	if (t->agents != CDC_AGENTS_NONE)
		t->agents = CDC_AGENTS_READY;
	world_agents_fit(w);
	if (!t->manage_role)
		t->role = CDC_OBJ_OK;
	else if (t->role == CDC_OBJ_FOREIGN)
		t->role = CDC_OBJ_ABSENT;
	if (t->publication == CDC_OBJ_FOREIGN)
		t->publication = CDC_OBJ_ABSENT;
	/* adopted */
	if (t->publication == CDC_OBJ_UNVERIFIED)
		t->publication = CDC_OBJ_WRONG;
	if (t->connector == CDC_OBJ_UNVERIFIED)
		t->connector = CDC_OBJ_WRONG;
	if (t->connector == CDC_OBJ_FOREIGN)
	{
		t->connector = CDC_OBJ_ABSENT;
		t->connector_state = t->task_state = CDC_CS_NONE;
	}
	if (t->slot == CDC_SLOT_FOREIGN)
	{
		t->slot = CDC_SLOT_ABSENT;
		w->hole = !t->initial_only &&
			(w->hole || t->was_running || t->offsets != CDC_OFFSETS_NONE);
	}
	if (t->hba == CDC_HBA_BROKEN || t->hba == CDC_HBA_FOUGHT || t->hba == CDC_HBA_UNMANAGED)
		t->hba = CDC_HBA_OK;
	t->slot_turn = CDC_TURN_OK;
	t->older_writer = CDC_WRITER_NONE;
	t->moving = CDC_YES;
	t->unreachable_standby = CDC_NO;
	t->gap_halt = false;
	t->two_primaries = t->slot_wal_high = t->standbys_awaited = t->stream_breaks = t->new_task = t->stranger = t->refused = CDC_NO;
	t->want_paused = false;
	t->pause_unsafe = CDC_NO;
	t->pause_wal = CDC_PAUSE_WAL_LOW;
	w->doomed = false;
}

static CdcRestart
restart_of(const World *w)
{
	if (w->t.connector_state != CDC_CS_FAILED && w->t.task_state != CDC_CS_FAILED)
		return CDC_RESTART_UNKNOWN;
	if (w->incurable || w->failures > 4)
		return w->t.status == CDC_FAILED && w->since_failure > 3 ?
			CDC_RESTART_DUE : CDC_RESTART_EXHAUSTED;
	return w->since_failure > 1 ? CDC_RESTART_DUE : CDC_RESTART_WAIT;
}

/* As failover.c would say, when all is seen that it needs. */
static CdcVerdict
verdict_of(const World *w)
{
	const CdcSnapshot *t = &w->t;
	CdcVerdict	bad = t->gap_halt ? CDC_VERDICT_HALT : CDC_VERDICT_RESNAPSHOT;

	if (t->slot == CDC_SLOT_UNKNOWN || t->offsets == CDC_OFFSETS_UNKNOWN || (w->zombie && slot_held(w)))
		return CDC_VERDICT_UNKNOWN;
	if (w->dragged || slot_held(w) || t->offsets != CDC_OFFSETS_STREAMING || t->slot != CDC_SLOT_INACTIVE)
		return bad;
	return w->ahead ? CDC_VERDICT_REWIND : CDC_VERDICT_RESUME;
}

CdcSnapshot
world_observe(World *w, int noise)
{
	CdcSnapshot *t = &w->t;
	CdcSnapshot s;
	int			i;

	t->settled = w->quiet > 15 ? CDC_YES : CDC_NO;
	t->walsender_stuck = w->held > 2 ? CDC_YES : CDC_NO;
	t->restart = restart_of(w);
	/* the pause before another snapshot ends, also of what was given up */
	if (t->snapshot_again == CDC_RESTART_UNKNOWN || (t->snapshot_again == CDC_RESTART_WAIT && chance(40)) ||
		(t->snapshot_again == CDC_RESTART_EXHAUSTED && t->status == CDC_FAILED && chance(40)))
		t->snapshot_again = CDC_RESTART_DUE;
	t->snapshot_interrupted = !t->was_running && slot_ours(t->slot) && w->slot_run != w->run ?
		CDC_YES : CDC_NO;
	if (t->move == CDC_MOVE_PENDING)
		t->verdict = verdict_of(w);
	t->offsets_ahead = w->ahead ? CDC_YES : CDC_NO;
	if (t->source_reachable == CDC_YES && t->source_capable == CDC_YES &&
		t->was_running && !t->initial_only && t->gap == CDC_GAP_NONE && t->move != CDC_MOVE_PENDING)
	{
		if (t->slot == CDC_SLOT_ABSENT)
			t->gap = CDC_GAP_SLOT_GONE;
		else if (t->slot == CDC_SLOT_LOST)
			t->gap = CDC_GAP_SLOT_LOST;
		else if (t->publication == CDC_OBJ_ABSENT || t->publication == CDC_OBJ_WRONG)
			t->gap = CDC_GAP_PUBLICATION;
		w->hole = w->hole || t->gap != CDC_GAP_NONE;
	}

	s = *t;
	if (t->connector == CDC_OBJ_ABSENT)
		s.offsets_ahead = CDC_UNKNOWN;
	if (t->connector == CDC_OBJ_ABSENT)
		s.offsets = w->offsets_clean ? CDC_OFFSETS_NONE : CDC_OFFSETS_UNKNOWN;
	if (t->agents == CDC_AGENTS_DOWN)
		s.secret_left = CDC_UNKNOWN;
	if (s.settled != CDC_YES)
		s.source_leaving = s.sink_leaving = false;
	if (t->connect_reachable != CDC_YES)
	{
		s.plugin_present = s.plugin_current = CDC_UNKNOWN;
		s.connector = CDC_OBJ_UNKNOWN;
		s.connector_state = s.task_state = CDC_CS_UNKNOWN;
		s.restart = CDC_RESTART_UNKNOWN;
		s.offsets = CDC_OFFSETS_UNKNOWN;
		s.offsets_ahead = CDC_UNKNOWN;
		s.older_writer = CDC_WRITER_UNKNOWN;
		s.snapshot_interrupted = CDC_UNKNOWN;
	}
	if (t->source_reachable != CDC_YES || (t->source_capable != CDC_YES && !w->seen_through))
	{
		if (t->source_reachable != CDC_YES)
		{
			s.source_capable = CDC_UNKNOWN;
			s.hba = CDC_HBA_UNKNOWN;
			s.hba_line_left = s.shadow_left = CDC_UNKNOWN;
		}
		s.role = CDC_OBJ_UNKNOWN;
		s.tables = CDC_TABLES_UNKNOWN;
		s.columns = CDC_COLUMNS_UNKNOWN;
		s.publication = CDC_OBJ_UNKNOWN;
		s.slot = CDC_SLOT_UNKNOWN;
		s.pause_unsafe = CDC_UNKNOWN;
		s.pause_wal = CDC_PAUSE_WAL_UNKNOWN;
		s.confirmed = CDC_UNKNOWN;
		if (t->source_reachable != CDC_YES && (s.move == CDC_MOVE_PENDING || s.move == CDC_MOVE_NONE))
			s.move = CDC_MOVE_UNKNOWN;
		s.slot_turn = CDC_TURN_UNKNOWN;
		s.snapshot_interrupted = CDC_UNKNOWN;
		s.walsender_stuck = s.role_has_dependents = s.role_disarmed = CDC_UNKNOWN;
	}
	for (i = 0; noise > 0 && i < num_fields; i++)
	{
		if (fields[i].observed && chance(noise))
			field_set(&s, &fields[i], 0);
	}
	return s;
}

/*
 * What the peer does when the request reaches it, and what chance adds; false:
 * it refuses.
 */
static bool
apply(World *w, CdcAction action, bool heard)
{
	CdcSnapshot *t = &w->t;
	CdcSnapshot before = *t;

	/* one direction of the two: perhaps the other is missing still */
	if (action == CDC_ACT_CREATE_PEERING && chance(50))
		return true;
	if (!cdc_effects[action].done(t))
		return false;
	if (action == CDC_ACT_TERMINATE_WALSENDER)
		w->zombie = false;
	slot_stays_with_zombie(w, before.slot);
	if (t->connector_state != before.connector_state || t->task_state != before.task_state)
		w->delay = 1 + random_below(3);
	switch (action)
	{
		case CDC_ACT_INSTALL_PLUGIN:
			w->agent_delay = 1 + random_below(4);
			if (task_lives(w) && chance(50))
				task_will_start(w, CDC_CS_UNASSIGNED);
			if (chance(30))
			{
				w->restarting = true;
				t->connect_reachable = CDC_NO;
			}
			break;
		case CDC_ACT_PUT_SECRET:
			/* files of former passwords may be there, or those of the present one */
			t->secret = chance(50) ? CDC_SECRET_STALE : CDC_SECRET_OK;
			break;
		case CDC_ACT_PUT_CONNECTOR:
		case CDC_ACT_POST_STOPPED:
		case CDC_ACT_PREPARE_CONNECTOR:
			w->astray = false;
			break;
		case CDC_ACT_PATCH_OFFSETS:
			w->ahead = false;
			break;
		case CDC_ACT_DELETE_OFFSETS:
			w->ahead = false;
			w->offsets_clean = w->offsets_clean || heard;
			break;
		case CDC_ACT_DELETE_CONNECTOR:
			if (heard)
				w->offsets_clean = t->offsets == CDC_OFFSETS_NONE;
			break;
		case CDC_ACT_TERMINATE_WALSENDER:
			/* who still wants the slot comes back after some time */
			w->delay = 5;
			break;
		case CDC_ACT_DROP_SLOT:
			if (t->slot != before.slot)
				w->hole = !t->initial_only;
			break;
		default:
			break;
	}
	return true;
}

bool
world_act(World *w, CdcAction action, Ending ending)
{
	if (action == CDC_ACT_NONE || action == CDC_ACT_SOFT_DELETE)
		return true;
	cdc_effects[action].remembered(&w->t);
	if (action != CDC_ACT_CREATE_PEERING && action != CDC_ACT_ENABLE_PEERING)
		w->quiet = 0;
	if (action == CDC_ACT_JUDGE_FAILOVER && w->t.gap != CDC_GAP_NONE)
		w->hole = true;
	if (action == CDC_ACT_PUT_CONNECTOR || action == CDC_ACT_POST_STOPPED ||
		action == CDC_ACT_PREPARE_CONNECTOR ||
		action == CDC_ACT_RESUME_CONNECTOR || action == CDC_ACT_RESTART_CONNECTOR ||
		action == CDC_ACT_END_DISCARD)
		w->offsets_clean = false;
	switch (ending)
	{
		case END_DONE:
			return apply(w, action, true);
		case END_NOT_HEARD:
			return apply(w, action, false);
		case END_LATE:
			if (w->late_in == 0)
			{
				w->late_action = action;
				w->late_in = 1 + random_below(10);
			}
			return true;
		case END_NO_EFFECT:
			break;
	}
	return true;
}

const char *
world_leftover(const World *w)
{
	const CdcSnapshot *t = &w->t;

	if (ours(t->connector))
		return "connector";
	if (t->connector == CDC_OBJ_ABSENT && t->offsets != CDC_OFFSETS_NONE)
		return "offsets";
	if (slot_ours(t->slot))
		return "slot";
	if (t->shadow_left == CDC_YES)
		return "slot on a standby";
	if (ours(t->publication))
		return "publication";
	if (t->identity_set)
		return "replica identity";
	if (t->hba_line_left == CDC_YES)
		return "pg_hba line";
	if (t->secret_left == CDC_YES)
		return "password file";
	if (t->manage_role && ours(t->role) && t->role_disarmed != CDC_YES)
		return "role";
	return NULL;
}
