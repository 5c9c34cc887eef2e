/*
 * shadow.c
 *	  The table by which standbys are kept ready.
 *
 * See shadow.h.  The rules are asked in order until a final one matches: the
 * first with a reason says what is missing, the first with an action says what
 * is done now.
 */
#include "reconciler/shadow.h"

#include <stdio.h>
#include <string.h>

#define GUARD(name, expression) \
	static bool \
	name(const CdcStandbyFacts *f) \
	{ \
		(void) f; \
		return (expression); \
	}

static bool
is_behind(const CdcStandbyFacts *f)
{
	return f->primary_known && f->slot_lsn < f->primary_lsn;
}

static bool
is_spared(const CdcStandbyFacts *f)
{
	return f->native && f->patroni_spares;
}

GUARD(leaving_slot, f->leaving && f->reachable && !f->other_cluster && f->in_recovery &&
	  f->slot_exists && f->slot_ours && f->slot_fits && !f->slot_synced && !f->slot_active && !f->slot_declared)
GUARD(leaving, f->leaving)
GUARD(not_reachable, !f->reachable)
GUARD(other_cluster, f->other_cluster)
GUARD(claims_primary, !f->in_recovery)
GUARD(not_wanted, !f->wanted)
GUARD(unread, !f->conf_known)
GUARD(too_old_version, f->version < 160000 && !(f->slot_exists && f->slot_kept))
GUARD(decodes_not, !f->decodes)
GUARD(not_following, !f->follows)
GUARD(hba_missing, !f->hba_ready)
GUARD(sync_in_the_way, f->native && f->slot_exists && !f->slot_synced && f->slot_ours && !f->slot_active)
GUARD(native_unsynced, f->native && !f->syncs_slots)
GUARD(native_no_dbname, f->native && f->has_dbname == CDC_NO)
GUARD(no_feedback, !f->feedback)
GUARD(no_physical_slot, !f->has_primary_slot)
GUARD(not_streaming, !f->streams)
GUARD(patroni_unread, f->patroni_keeps == CDC_UNKNOWN && !is_spared(f))
GUARD(patroni_drops, f->patroni_keeps == CDC_NO && !is_spared(f))
GUARD(native_stalls, f->native && f->sync_missing)
GUARD(native_absent, f->native && !f->slot_exists)
GUARD(native_lost, f->native && f->slot_lost)
GUARD(native_unfinished, f->native && (f->slot_temporary || !f->slot_synced))
GUARD(native_ready, f->native)
GUARD(slot_foreign, f->slot_exists && (!f->slot_ours || !f->slot_fits || f->slot_temporary))
GUARD(slot_busy, f->slot_exists && f->slot_active)
GUARD(slot_lost, f->slot_exists && f->slot_lost)
GUARD(slot_watched, f->slot_exists && f->slot_watched)
GUARD(slot_stale, f->slot_exists && f->slot_stale)
GUARD(slot_too_old, f->slot_exists && f->slot_too_old && !f->slot_kept)
GUARD(primary_unseen, !f->primary_known)
GUARD(no_free_slot, !f->slot_exists && !f->free_slot)
GUARD(slot_blocked, !f->slot_exists && f->blocked)
GUARD(slot_absent, !f->slot_exists)
GUARD(slot_ahead, f->slot_lsn > f->primary_lsn)
GUARD(slot_kept, f->slot_kept)
GUARD(slot_far_behind, is_behind(f) && f->primary_lsn - f->slot_lsn >= f->step)
GUARD(slot_long_behind, is_behind(f) && f->quiet_long)

#define G(name)		name, #name
#define DO(action)	CDC_SHADOW_##action

const CdcStandbyRule cdc_standby_table[] =
{
	{10, G(leaving_slot), DO(DROP), true, "the pipeline is being deleted or begun again", NULL,
		"A slot that nobody will stream from holds back WAL."},
	{12, G(leaving), DO(NONE), true, "the pipeline is being deleted or begun again", NULL,
		"Nothing is prepared for it."},
	{20, G(not_reachable), DO(NONE), true, "it does not answer: {error}", NULL,
		"Nothing is known of its slots; they are looked at when it is back."},
	{22, G(other_cluster), DO(NONE), true, "it belongs to another cluster (system identifier)", NULL,
		"It is never followed."},
	{24, G(claims_primary), DO(NONE), true, "it claims to be a primary too: shut it down, or make it a standby again", NULL,
		"What is written to it is lost."},
	{26, G(not_wanted), DO(NONE), true, "the pipeline does not stream yet", NULL,
		"There is no position to prepare a slot for."},
	{28, G(unread), DO(NONE), true, "its settings cannot be read", NULL,
		"The administrator needs pg_monitor there."},
	{30, G(too_old_version), DO(NONE), true, "PostgreSQL 16 or later is needed for a slot on a standby; after a failover a new slot is made and a new snapshot taken", NULL,
		"No slot can survive there."},
	{31, G(decodes_not), DO(NONE), true, "wal_level is not logical there: it can have no slot of the pipeline, and after a failover could stream nothing",
		"ALTER SYSTEM SET wal_level = logical; -- on the standby, and restart it",
		"Logical decoding on a standby needs it on both sides."},
	{32, G(not_following), DO(NONE), true, "it does not follow the primary's timeline yet", NULL,
		"Its slots are looked at when it does."},

	/* What does not hold up the making of a slot, but readiness. */
	{34, G(hba_missing), DO(NONE), false, "pg_hba.conf has no loaded line for the pipeline there", NULL,
		"Kafka Connect could not log in after a failover."},
	{40, G(sync_in_the_way), DO(DROP), true, "a slot of this name is in the way of slot synchronization and is being dropped", NULL,
		"Beside it the server would sync no slot at all, the user's own included."},
	{42, G(native_unsynced), DO(NONE), false, "sync_replication_slots is off there",
		"ALTER SYSTEM SET sync_replication_slots = on; SELECT pg_reload_conf(); -- on the standby",
		"The primary's slot is a failover slot: the server copies it, when it is told to."},
	{44, G(native_no_dbname), DO(NONE), false, "primary_conninfo names no database, without which the server syncs no slot",
		"ALTER SYSTEM SET primary_conninfo = '... dbname=postgres'; SELECT pg_reload_conf(); -- on the standby, the rest as it is",
		"The slot sync worker connects to it."},
	{46, G(no_feedback), DO(NONE), false, "hot_standby_feedback is off there: one VACUUM of a catalog on the primary invalidates the slot",
		"ALTER SYSTEM SET hot_standby_feedback = on; SELECT pg_reload_conf(); -- on the standby",
		"Decoding needs catalog rows as they were."},
	{48, G(no_physical_slot), DO(NONE), false, "it streams without a physical slot: whenever it is away, the primary removes what its slot needs",
		"SELECT pg_create_physical_replication_slot('{physical}'); -- on the primary\n"
		"ALTER SYSTEM SET primary_slot_name = '{physical}'; SELECT pg_reload_conf(); -- on the standby",
		"The feedback of a standby counts only while it is connected, or through its slot."},
	{50, G(not_streaming), DO(NONE), false, "it does not stream from its primary", NULL,
		"What it lacks would be lost."},
	{51, G(patroni_unread), DO(NONE), false, "Patroni runs it, and whether it drops the slot cannot be read from its configuration", NULL,
		"Only a superuser may read patroni.dynamic.json in its data directory; that Patroni is 4.1.0 or later, which leaves failover slots alone, shows in its sessions."},
	{52, G(native_stalls), DO(NONE), false, "as a primary it would wait for standby slots that it does not have: {names}",
		"ALTER SYSTEM SET synchronized_standby_slots = ''; SELECT pg_reload_conf(); -- on the standby",
		"Decoding would stand still for ever while Kafka Connect says RUNNING."},
	{53, G(patroni_drops), DO(NONE), false, "Patroni runs it, and drops the slot whenever it loads its list of slots: add to its configuration (patronictl edit-config) ignore_slots: [{type: logical, plugin: pgoutput, database: {database}}]", NULL,
		"At each start of the server or of Patroni, a demotion, the end of a pause; on the primary too, which costs a gap. A failover slot is dropped before Patroni 4.1.0 alone."},
	{54, G(native_absent), DO(NUDGE), true, "the server has not synced the slot yet",
		"SELECT pg_reload_conf(); -- on the standby: wakes its slot sync worker, which sleeps up to 30 s",
		"Up to 30 s after it was made."},
	{56, G(native_lost), DO(NONE), true, "the synced slot was invalidated: {error}", NULL,
		"The server makes it anew."},
	{58, G(native_unfinished), DO(NUDGE), true, "the server has not finished syncing the slot",
		"SELECT pg_reload_conf(); -- on the standby: wakes its slot sync worker, which sleeps up to 30 s",
		"A temporary slot does not survive a promotion. The primary's slot moves on where running transactions are logged: every 15 s, unless it is nudged."},
	{59, G(native_ready), DO(NONE), true, NULL, NULL, "Synced, not temporary, not invalidated."},

	/* Shadow slots. */
	{60, G(slot_foreign), DO(NONE), true, "a replication slot named {slot} exists there that the pipeline did not make",
		"SELECT pg_drop_replication_slot('{slot}'); -- on the standby, if nothing needs it",
		"What is not ours is never touched."},
	{61, G(slot_busy), DO(NONE), true, "the slot there is in use", NULL, "By us, as a rule: it is being moved."},
	{62, G(slot_lost), DO(DROP), true, "the slot there was invalidated and is made again: {error}", NULL,
		"It cannot be mended."},
	{63, G(slot_watched), DO(NONE), true, "a slot of this name is there that we did not make; whether Patroni keeps it there is being watched", NULL,
		"A slot that is declared in Patroni's configuration is copied and moved by it; one that nobody moves is a leftover."},
	{64, G(slot_stale), DO(DROP), true, "the slot there is from before the node's present history and is made again", NULL,
		"A former primary came back with its old slot."},
	{66, G(slot_too_old), DO(DROP), true, "the slot there held back more WAL than cdc_pipeline.max_slot_wal and is made again", NULL,
		"No slot of ours fills a disk."},
	{68, G(primary_unseen), DO(NONE), true, "the slot on the primary has not been seen yet", NULL,
		"Its position is needed."},
	{70, G(no_free_slot), DO(NONE), true, "no replication slot is free there",
		"ALTER SYSTEM SET max_replication_slots = ...; -- on the standby, higher, and restart it",
		"The slot cannot be made."},
	{71, G(slot_blocked), DO(MAKE), true, "the slot there is being made, which waits for an open write transaction on the primary: {error}", NULL,
		"A new slot waits for every transaction that writes."},
	{72, G(slot_absent), DO(MAKE), true, "the slot there is being made", NULL, "With a nudge on the primary, which must log its running transactions."},
	{74, G(slot_ahead), DO(NONE), true, "the slot there begins ahead of the primary's and is good when that has passed it", NULL,
		"What lies between is not decoded from it."},
	{75, G(slot_kept), DO(NONE), true, NULL, NULL, "Somebody else moves it, behind the primary's: as good as ours."},
	{76, G(slot_far_behind), DO(ADVANCE), true, NULL, NULL, "Paced by WAL, not by time: moving reads all of it."},
	{78, G(slot_long_behind), DO(ADVANCE), true, NULL, NULL, "On a quiet source too it must not hold back catalog rows for ever."},
	{0, NULL, NULL, DO(NONE), true, NULL, NULL, NULL}
};

CdcStandbyDecision
cdc_standby_decide(const CdcStandbyFacts *facts)
{
	CdcStandbyDecision d = {CDC_SHADOW_NONE, NULL};
	const CdcStandbyRule *rule;

	for (rule = cdc_standby_table; rule->id != 0; rule++)
	{
		if (!rule->guard(facts))
			continue;
		if (d.missing == NULL && rule->missing != NULL)
			d.missing = rule;
		/* a nudge helps only where nothing else holds it up */
		if (d.action == CDC_SHADOW_NONE && (rule->action != CDC_SHADOW_NUDGE || d.missing == rule))
			d.action = rule->action;
		if (rule->final)
			break;
	}
	return d;
}

const char *
cdc_shadow_action_name(CdcShadowAction action)
{
	static const char *const names[] = {"none", "make", "advance", "drop", "nudge"};

	return (unsigned) action < sizeof(names) / sizeof(names[0]) ? names[action] : "unknown";
}

uint64_t
cdc_shadow_target(const CdcStandbyFacts *f)
{
	if (!is_behind(f))
		return f->slot_lsn;
	return f->primary_lsn - f->slot_lsn > CDC_SHADOW_STEP_MAX ? f->slot_lsn + CDC_SHADOW_STEP_MAX : f->primary_lsn;
}

void
cdc_standby_expand(char *buf, size_t size, const char *words, const CdcStandbyWords *what)
{
	static const char *const names[] = {"{error}", "{slot}", "{names}", "{physical}", "{database}"};
	const char *values[5];
	size_t		used = 0;

	values[0] = what->error;
	values[1] = what->slot;
	values[2] = what->names;
	values[3] = what->physical;
	values[4] = what->database;
	buf[0] = '\0';
	while (*words != '\0' && used + 1 < size)
	{
		int			i;

		for (i = 0; i < 5; i++)
		{
			if (strncmp(words, names[i], strlen(names[i])) == 0)
				break;
		}
		if (i < 5)
		{
			int			n = snprintf(buf + used, size - used, "%s", values[i] ? values[i] : "not known yet");

			used += n > 0 && (size_t) n < size - used ? (size_t) n : size - used - 1;
			words += strlen(names[i]);
		}
		else
		{
			buf[used++] = *words++;
			buf[used] = '\0';
		}
	}
}
