/*
 * decide_cases.c
 *	  See decide_cases.h: every rule by the worlds that it is for.
 *
 * A case starts from a world where all is well and changes what it says.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "decide_cases.h"

#define MAX_CASES 1000

static Case cases[MAX_CASES];
static int	ncases;

/* All is well, and the pipeline is in this status. */
static CdcSnapshot
well(CdcStatus status)
{
	CdcSnapshot s;

	memset(&s, 0, sizeof(s));
	s.status = status;
	s.want_deleted = status == CDC_DELETING || status == CDC_DELETED;
	s.manage_role = s.allow_password = true;
	s.was_running = status == CDC_RUNNING || status == CDC_PAUSED;
	s.source_is_postgresql = s.sink_has_addon = s.same_region = true;
	s.source_running = s.sink_running = s.addon_running = true;
	s.network_ids = CDC_NET_BOTH;
	s.peerings = CDC_PEERINGS_ACTIVE;
	s.connect_reachable = s.plugin_present = s.plugin_current = CDC_YES;
	s.agents = CDC_AGENTS_READY;
	s.secret = CDC_SECRET_OK;
	s.secret_left = CDC_YES;
	s.source_reachable = s.source_capable = s.moving = CDC_YES;
	s.role = s.publication = s.connector = CDC_OBJ_OK;
	s.tables = CDC_TABLES_OK;
	s.columns = CDC_COLUMNS_OK;
	s.hba = CDC_HBA_OK;
	s.connector_state = s.task_state = CDC_CS_RUNNING;
	s.slot = CDC_SLOT_STREAMING;
	s.offsets = CDC_OFFSETS_STREAMING;
	s.snapshot_interrupted = CDC_NO;
	s.snapshot_again = CDC_RESTART_DUE;
	s.slot_turn = CDC_TURN_OK;
	s.older_writer = CDC_WRITER_NONE;
	s.walsender_stuck = s.unreachable_standby = CDC_NO;
	s.role_has_dependents = s.role_disarmed = s.settled = CDC_NO;
	s.hba_line_left = CDC_YES;
	s.move = CDC_MOVE_NONE;
	s.shadow_left = s.offsets_ahead = s.confirmed = s.two_primaries = s.slot_wal_high = s.standbys_awaited = s.stream_breaks = s.new_task = s.stranger = s.refused = s.pause_unsafe = CDC_NO;
	s.pause_wal = CDC_PAUSE_WAL_LOW;
	s.want_paused = status == CDC_PAUSED;
	return s;
}

/* The connector is stopped, and the slot free. */
static void
stop(CdcSnapshot *s)
{
	s->connector_state = CDC_CS_STOPPED;
	s->task_state = CDC_CS_NONE;
	s->slot = CDC_SLOT_INACTIVE;
}

/* There is no connector, and no slot. */
static void
no_connector(CdcSnapshot *s)
{
	s->connector = CDC_OBJ_ABSENT;
	s->connector_state = s->task_state = CDC_CS_NONE;
	s->slot = CDC_SLOT_ABSENT;
	s->offsets = CDC_OFFSETS_NONE;
}

/* The task failed. */
static void
fail(CdcSnapshot *s, CdcRestart restart)
{
	s->task_state = CDC_CS_FAILED;
	s->restart = restart;
	s->slot = CDC_SLOT_INACTIVE;
}

/* The source failed over; the task still tries its old primary. */
static void
moved(CdcSnapshot *s, CdcVerdict verdict)
{
	s->move = CDC_MOVE_PENDING;
	s->verdict = verdict;
	s->slot = CDC_SLOT_INACTIVE;
	s->connector = CDC_OBJ_WRONG;
}

/* ... is judged, and the connector is stopped and points at the new primary. */
static void
judged(CdcSnapshot *s, CdcVerdict verdict)
{
	stop(s);
	s->move = CDC_MOVE_JUDGED;
	s->verdict = verdict;
	s->offsets_ahead = CDC_YES;
}

/* Deleting, and all but what a case is about is gone. */
static void
all_gone(CdcSnapshot *s)
{
	no_connector(s);
	s->role = s->publication = CDC_OBJ_ABSENT;
	s->hba_line_left = s->secret_left = CDC_NO;
}

static void
add(int id, const CdcSnapshot *s, const char *what)
{
	if (ncases == MAX_CASES)
		abort();
	cases[ncases].rule = id;
	cases[ncases].s = *s;
	cases[ncases].what = what;
	cases[ncases].again = strncmp(what, "the same ", 9) == 0;
	ncases++;
}

#define CASE(id, status, change) \
	do { \
		CdcSnapshot s = well(CDC_##status); \
		change; \
		add(id, &s, #change); \
	} while (0)

/* What is paused, or to be, and what is to be restarted. */
static void
paused_cases(void)
{
	CASE(100, PAUSED, stop(&s); s.want_deleted = true);
	CASE(209, PAUSED, stop(&s); s.want_paused = s.was_running = false);
	CASE(209, PAUSED, stop(&s); s.want_paused = false; s.discarding = true);
	CASE(209, PAUSED, stop(&s); s.discarding = true; s.pause_unsafe = CDC_YES);
	CASE(504, PAUSED, stop(&s); s.source_reachable = CDC_NO);
	CASE(538, PAUSED, stop(&s); s.role = CDC_OBJ_WRONG);
	CASE(550, PAUSED, stop(&s); s.hba = CDC_HBA_MISSING);
	CASE(602, PAUSED, stop(&s); s.gap = CDC_GAP_PUBLICATION);
	CASE(707, PAUSED, stop(&s); s.slot = CDC_SLOT_ACTIVE; s.walsender_stuck = CDC_YES);
	CASE(707, RUNNING, s.restart_wanted = true; stop(&s); s.slot = CDC_SLOT_STREAMING; s.walsender_stuck = CDC_YES);
	CASE(709, FAILED, fail(&s, CDC_RESTART_DUE); s.want_paused = true);
	CASE(709, FAILED, stop(&s); s.want_paused = true; s.was_running = true);
	CASE(709, FAILED, no_connector(&s); s.want_paused = s.discarding = true; s.snapshot_again = CDC_RESTART_EXHAUSTED);
	CASE(701, RUNNING, s.restart_wanted = true);
	CASE(701, FAILED, fail(&s, CDC_RESTART_EXHAUSTED); s.restart_wanted = true);
	CASE(796, PROVISIONING, s.restart_wanted = true);
	CASE(713, RUNNING, s.connector_state = CDC_CS_STOPPED);
	CASE(713, RUNNING, stop(&s); s.restart_wanted = true; s.slot = CDC_SLOT_ACTIVE);
	CASE(772, RUNNING, stop(&s); s.restart_wanted = true);
	CASE(772, RUNNING, stop(&s); s.slot = CDC_SLOT_ACTIVE);
	CASE(772, PROVISIONING, s.connector_state = CDC_CS_STOPPED);
	CASE(735, RUNNING, s.want_paused = s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE);
	CASE(735, PROVISIONING, s.want_paused = s.discarding = true; no_connector(&s));
	CASE(739, RUNNING, s.want_paused = true; s.pause_unsafe = CDC_UNKNOWN);
	CASE(741, RUNNING, s.want_paused = true);
	CASE(741, RUNNING, s.want_paused = s.restart_wanted = true);
	CASE(741, RUNNING, s.want_paused = true; s.connector_state = s.task_state = CDC_CS_PAUSED);
	CASE(741, PROVISIONING, s.want_paused = true; fail(&s, CDC_RESTART_WAIT));
	CASE(796, PROVISIONING, s.want_paused = true);
	CASE(794, PROVISIONING, s.want_paused = true; s.slot = CDC_SLOT_ACTIVE);
	CASE(743, RUNNING, s.want_paused = true; s.connector_state = CDC_CS_STOPPED);
	CASE(743, RUNNING, s.want_paused = true; stop(&s); s.slot = CDC_SLOT_STREAMING);
	CASE(745, PAUSED, no_connector(&s); s.slot = CDC_SLOT_INACTIVE; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(746, PAUSED, stop(&s); s.pause_wal = CDC_PAUSE_WAL_OVER);
	CASE(747, PAUSED, stop(&s); s.pause_wal = CDC_PAUSE_WAL_HIGH);
	CASE(749, PAUSED, stop(&s); s.pause_unsafe = CDC_UNKNOWN);
	CASE(749, RUNNING, stop(&s); s.want_paused = true);
	CASE(749, PROVISIONING, stop(&s); s.want_paused = true; s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.connector = CDC_OBJ_WRONG);
	CASE(749, PROVISIONING, no_connector(&s); s.want_paused = true);
	CASE(749, PAUSED, no_connector(&s); s.slot = CDC_SLOT_INACTIVE; s.offsets = CDC_OFFSETS_UNKNOWN; s.allow_password = false);
	CASE(749, PAUSED, stop(&s); s.connector = CDC_OBJ_WRONG; s.allow_password = false);
	CASE(749, PROVISIONING, stop(&s); s.want_paused = true; s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.pause_wal = CDC_PAUSE_WAL_OVER);
	CASE(749, PROVISIONING, stop(&s); s.want_paused = true; s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.pause_wal = CDC_PAUSE_WAL_HIGH);
	CASE(768, PAUSED, stop(&s); s.connector = CDC_OBJ_WRONG);
	CASE(772, PAUSED, stop(&s); s.want_paused = false);
	CASE(772, PAUSED, stop(&s); s.pause_unsafe = CDC_YES);
	CASE(792, PAUSED, s.want_paused = false; s.slot = CDC_SLOT_ACTIVE);
	CASE(796, PAUSED, s.want_paused = false);
	CASE(813, RUNNING, s.want_paused = true; s.pause_unsafe = CDC_YES);
	CASE(890, RUNNING, s.pause_unsafe = CDC_YES);
}

static void
deleting_cases(void)
{
	CASE(100, PENDING, s.want_deleted = true);
	CASE(100, PROVISIONING, s.want_deleted = true);
	CASE(100, RUNNING, s.want_deleted = true);
	CASE(100, FAILED, s.want_deleted = true);
	CASE(102, DELETING, s.want_deleted = false);
	CASE(104, DELETED, s.settled = CDC_YES);
	CASE(110, DELETING, s.connect_reachable = CDC_UNKNOWN);
	CASE(112, DELETING, s.connect_reachable = CDC_NO);
	CASE(120, DELETING, s.connector = CDC_OBJ_UNKNOWN);
	CASE(120, DELETING, s.task_state = CDC_CS_UNKNOWN);
	CASE(121, DELETING, s.connector = CDC_OBJ_UNVERIFIED);
	CASE(121, DELETING, all_gone(&s); s.connector = CDC_OBJ_UNVERIFIED; s.settled = CDC_YES);
	CASE(122, DELETING, s.connector_state = CDC_CS_RUNNING);
	CASE(122, DELETING, fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(124, DELETING, s.connector_state = CDC_CS_STOPPED);
	CASE(130, DELETING, stop(&s); s.source_reachable = CDC_UNKNOWN);
	CASE(132, DELETING, stop(&s); s.source_reachable = CDC_NO);
	CASE(134, DELETING, stop(&s); s.source_capable = CDC_NO; s.slot = CDC_SLOT_UNKNOWN);
	CASE(140, DELETING, stop(&s); s.slot = CDC_SLOT_UNKNOWN);
	CASE(141, DELETING, s.connector = CDC_OBJ_FOREIGN);
	CASE(141, DELETING, s.connector = CDC_OBJ_UNVERIFIED; s.force = true);
	CASE(141, DELETING, s.connect_reachable = CDC_NO; s.force = true);
	CASE(142, DELETING, stop(&s); s.slot = CDC_SLOT_ACTIVE; s.walsender_stuck = CDC_YES);
	CASE(144, DELETING, stop(&s); s.slot = CDC_SLOT_ACTIVE);
	CASE(150, DELETING, stop(&s); s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(152, DELETING, stop(&s));
	CASE(152, DELETING, stop(&s); s.source_reachable = CDC_NO; s.force = true);
	CASE(138, DELETING, stop(&s); s.connector = CDC_OBJ_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.slot = CDC_SLOT_INACTIVE; s.slot_declared = CDC_YES);
	CASE(181, DELETING, all_gone(&s); s.source_capable = CDC_NO; s.slot = CDC_SLOT_UNKNOWN; s.slot_declared = CDC_YES; s.settled = CDC_YES; s.source_leaving = true);
	CASE(138, DELETING, stop(&s); s.connector = CDC_OBJ_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.slot = CDC_SLOT_ABSENT; s.shadow_left = CDC_YES; s.slot_declared = CDC_YES);
	CASE(160, DELETING, stop(&s); s.connector = CDC_OBJ_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.slot = CDC_SLOT_INACTIVE; s.slot_declared = CDC_YES; s.force = true);
	CASE(154, DELETING, stop(&s); s.offsets = CDC_OFFSETS_NONE);
	CASE(156, DELETING, no_connector(&s); s.offsets = CDC_OFFSETS_UNKNOWN; s.plugin_present = CDC_NO);
	CASE(181, DELETING, all_gone(&s); s.offsets = CDC_OFFSETS_UNKNOWN; s.plugin_present = CDC_NO; s.connect_reachable = CDC_NO; s.sink_leaving = true);
	CASE(158, DELETING, no_connector(&s); s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(160, DELETING, no_connector(&s); s.slot = CDC_SLOT_INACTIVE);
	CASE(160, DELETING, no_connector(&s); s.slot = CDC_SLOT_LOST);
	CASE(161, DELETING, no_connector(&s); s.shadow_left = CDC_UNKNOWN);
	CASE(163, DELETING, no_connector(&s); s.shadow_left = CDC_YES);
	CASE(164, DELETING, no_connector(&s); s.publication = CDC_OBJ_UNVERIFIED);
	CASE(164, DELETING, all_gone(&s); s.publication = CDC_OBJ_UNVERIFIED; s.source_leaving = true; s.role = CDC_OBJ_UNKNOWN);
	CASE(164, DELETING, all_gone(&s); s.publication = CDC_OBJ_UNVERIFIED; s.source_leaving = true; s.role = CDC_OBJ_UNKNOWN; s.source_capable = CDC_NO; s.manage_role = false);
	CASE(181, DELETING, all_gone(&s); s.publication = CDC_OBJ_UNVERIFIED; s.source_leaving = true; s.role = CDC_OBJ_UNKNOWN; s.source_capable = CDC_NO);
	CASE(180, DELETING, all_gone(&s); s.publication = CDC_OBJ_UNVERIFIED; s.force = true);
	CASE(180, DELETING, all_gone(&s); s.connector = CDC_OBJ_UNVERIFIED; s.force = true);
	CASE(180, DELETING, all_gone(&s); s.publication = CDC_OBJ_UNVERIFIED; s.force = true; s.connect_reachable = CDC_NO; s.untouched = false);
	CASE(165, DELETING, no_connector(&s); s.publication = CDC_OBJ_UNKNOWN);
	CASE(166, DELETING, no_connector(&s));
	CASE(166, DELETING, no_connector(&s); s.slot = CDC_SLOT_FOREIGN);
	CASE(167, DELETING, all_gone(&s); s.identity_set = true; s.hba_line_left = CDC_UNKNOWN);
	CASE(168, DELETING, all_gone(&s); s.hba_line_left = CDC_UNKNOWN);
	CASE(169, DELETING, all_gone(&s); s.hba_line_left = CDC_YES);
	CASE(170, DELETING, all_gone(&s); s.role = CDC_OBJ_UNKNOWN);
	CASE(172, DELETING, all_gone(&s); s.role = CDC_OBJ_OK; s.role_has_dependents = CDC_YES);
	CASE(174, DELETING, all_gone(&s); s.role = CDC_OBJ_WRONG);
	CASE(175, DELETING, all_gone(&s); s.secret_left = CDC_UNKNOWN; s.agents = CDC_AGENTS_UNKNOWN);
	CASE(176, DELETING, all_gone(&s); s.secret_left = CDC_YES);
	CASE(178, DELETING, all_gone(&s); s.secret_left = CDC_UNKNOWN; s.agents = CDC_AGENTS_DOWN);
	CASE(180, DELETING, all_gone(&s); s.secret_left = CDC_UNKNOWN; s.agents = CDC_AGENTS_DOWN; s.force = true);
	CASE(182, DELETING, all_gone(&s); s.secret_left = CDC_UNKNOWN; s.agents = CDC_AGENTS_DOWN; s.untouched = true);
	CASE(180, DELETING, all_gone(&s); s.source_reachable = CDC_NO; s.force = true);
	CASE(180, DELETING, all_gone(&s); s.connect_reachable = CDC_NO; s.force = true);
	CASE(180, DELETING, all_gone(&s); s.offsets = CDC_OFFSETS_UNKNOWN; s.force = true);
	CASE(181, DELETING, all_gone(&s); s.source_reachable = CDC_NO; s.settled = CDC_YES; s.source_leaving = true);
	CASE(181, DELETING, all_gone(&s); s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN; s.source_leaving = true);
	CASE(181, DELETING, all_gone(&s); s.connect_reachable = CDC_NO; s.sink_leaving = true);
	CASE(181, DELETING, all_gone(&s); s.secret_left = CDC_UNKNOWN; s.agents = CDC_AGENTS_DOWN; s.sink_leaving = true);
	CASE(132, DELETING, all_gone(&s); s.source_reachable = CDC_NO; s.settled = CDC_YES; s.sink_leaving = true);
	CASE(112, DELETING, all_gone(&s); s.connect_reachable = CDC_NO; s.settled = CDC_YES; s.source_leaving = true);
	CASE(160, DELETING, all_gone(&s); s.slot = CDC_SLOT_INACTIVE; s.connect_reachable = CDC_NO; s.sink_leaving = true);
	CASE(182, DELETING, all_gone(&s); s.unreachable_standby = CDC_YES; s.settled = CDC_YES; s.source_leaving = true);
	CASE(182, DELETING, all_gone(&s); s.settled = CDC_YES);
	CASE(182, DELETING, all_gone(&s); s.role = CDC_OBJ_FOREIGN; s.publication = CDC_OBJ_FOREIGN; s.settled = CDC_YES);
	CASE(182, DELETING, all_gone(&s); s.role = CDC_OBJ_OK; s.manage_role = false; s.settled = CDC_YES);
	CASE(182, DELETING, all_gone(&s); s.role = CDC_OBJ_WRONG; s.role_has_dependents = CDC_YES; s.role_disarmed = CDC_YES; s.settled = CDC_YES);
	CASE(182, DELETING, all_gone(&s); s.source_reachable = CDC_NO; s.untouched = true);
	CASE(182, DELETING, all_gone(&s); s.source_is_postgresql = false; s.source_reachable = CDC_UNKNOWN; s.settled = CDC_YES);
	CASE(190, DELETING, all_gone(&s));
	CASE(190, DELETING, all_gone(&s); s.settled = CDC_YES; s.unreachable_standby = CDC_YES);
	CASE(190, DELETING, all_gone(&s); s.settled = CDC_YES; s.unreachable_standby = CDC_UNKNOWN);
}

static void
gate_cases(void)
{
	CASE(200, PENDING, s.source_is_postgresql = false; s.sink_has_addon = false);
	CASE(202, PROVISIONING, s.sink_has_addon = false);
	CASE(204, FAILED, s.same_region = false);
	CASE(206, PENDING, s.network_ids = CDC_NET_ONE_SIDE);
	CASE(890, RUNNING, s.source_is_postgresql = false; s.same_region = false; s.source_running = false);
	CASE(208, RUNNING, s.gap = CDC_GAP_SLOT_GONE; s.gap_halt = true);
	CASE(208, FAILED, s.was_running = true; s.gap = CDC_GAP_PUBLICATION; s.gap_halt = true);
	CASE(210, PENDING, s.source_running = false);
	CASE(210, FAILED, s.sink_running = false);
	CASE(210, PROVISIONING, s.addon_running = false);
	CASE(300, PENDING, s.peerings = CDC_PEERINGS_UNKNOWN);
	CASE(302, PENDING, s.peerings = CDC_PEERINGS_OUT_OF_REACH);
	CASE(304, FAILED, s.peerings = CDC_PEERINGS_BLOCKED);
	CASE(306, PENDING, s.peerings = CDC_PEERINGS_MISSING; s.connect_reachable = s.source_reachable = CDC_NO);
	CASE(308, PROVISIONING, s.peerings = CDC_PEERINGS_DISABLED);
	CASE(310, RUNNING, s.peerings = CDC_PEERINGS_MISSING; s.source_reachable = CDC_NO);
	CASE(312, RUNNING, s.peerings = CDC_PEERINGS_DISABLED);
	CASE(314, PROVISIONING, s.peerings = CDC_PEERINGS_STUCK);
	CASE(316, PROVISIONING, s.peerings = CDC_PEERINGS_WAITING);
	CASE(796, PROVISIONING, s.network_ids = CDC_NET_NONE; s.peerings = CDC_PEERINGS_MISSING);
	CASE(784, RUNNING, s.peerings = CDC_PEERINGS_BLOCKED; fail(&s, CDC_RESTART_DUE));
	CASE(400, PENDING, s.connect_reachable = CDC_UNKNOWN);
	CASE(400, RUNNING, s.connect_reachable = CDC_UNKNOWN);
	CASE(402, PROVISIONING, s.connect_reachable = CDC_NO);
	CASE(402, FAILED, s.connect_reachable = CDC_NO);
	CASE(404, RUNNING, s.connect_reachable = CDC_NO);
	CASE(406, PROVISIONING, s.plugin_present = CDC_UNKNOWN);
	CASE(401, PROVISIONING, s.connect_reachable = CDC_NO; s.agents = CDC_AGENTS_BUSY);
	CASE(407, PROVISIONING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_UNKNOWN);
	CASE(408, PROVISIONING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_NONE);
	CASE(409, PROVISIONING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_UNSET);
	CASE(410, PENDING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_DOWN);
	CASE(412, FAILED, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_FAILED);
	CASE(414, PROVISIONING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_BUSY);
	CASE(416, PROVISIONING, s.plugin_present = CDC_NO);
	CASE(416, PENDING, s.plugin_current = CDC_NO);
	CASE(418, RUNNING, s.plugin_current = CDC_NO);
	CASE(418, RUNNING, s.plugin_present = CDC_NO);
	CASE(796, PROVISIONING, s.plugin_current = CDC_NO; s.agents = CDC_AGENTS_BUSY);
	CASE(796, PROVISIONING, s.plugin_current = CDC_UNKNOWN);
}

static void
source_cases(void)
{
	CASE(500, PROVISIONING, s.source_reachable = CDC_UNKNOWN);
	CASE(502, PROVISIONING, s.source_reachable = CDC_NO);
	CASE(503, RUNNING, s.source_reachable = CDC_NO; s.source_demoted = CDC_YES);
	CASE(503, RUNNING, s.source_reachable = CDC_NO; s.source_demoted = CDC_YES; fail(&s, CDC_RESTART_DUE));
	CASE(504, RUNNING, stop(&s); s.source_reachable = CDC_NO; s.source_demoted = CDC_YES);
	CASE(504, RUNNING, s.source_reachable = CDC_NO; s.source_demoted = CDC_YES; s.initial_only = true);
	CASE(504, RUNNING, s.source_reachable = CDC_NO; fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(510, PROVISIONING, s.source_capable = CDC_UNKNOWN);
	CASE(512, PROVISIONING, s.source_capable = CDC_NO);
	CASE(514, PENDING, s.secret = CDC_SECRET_UNKNOWN; s.agents = CDC_AGENTS_UNKNOWN);
	CASE(514, RUNNING, s.secret = CDC_SECRET_UNKNOWN);
	CASE(515, PROVISIONING, s.secret = CDC_SECRET_MISSING; s.agents = CDC_AGENTS_DOWN);
	CASE(515, PROVISIONING, s.secret = CDC_SECRET_PARTIAL; s.agents = CDC_AGENTS_DOWN);
	CASE(516, PROVISIONING, s.secret = CDC_SECRET_MISSING);
	CASE(517, RUNNING, s.secret = CDC_SECRET_MISSING; s.agents = CDC_AGENTS_DOWN);
	CASE(518, RUNNING, s.secret = CDC_SECRET_MISSING; s.agents = CDC_AGENTS_BUSY);
	CASE(818, RUNNING, s.secret = CDC_SECRET_PARTIAL; s.agents = CDC_AGENTS_DOWN);
	CASE(520, PROVISIONING, s.tables = CDC_TABLES_UNKNOWN);
	CASE(522, PROVISIONING, s.tables = CDC_TABLES_MISSING);
	CASE(524, PROVISIONING, s.tables = CDC_TABLES_BAD_KIND);
	CASE(525, PROVISIONING, s.tables = CDC_TABLES_NO_IDENTITY; s.sets_identity = true);
	CASE(526, PROVISIONING, s.tables = CDC_TABLES_NO_IDENTITY);
	CASE(527, PROVISIONING, s.columns = CDC_COLUMNS_UNKNOWN; no_connector(&s));
	CASE(529, PROVISIONING, s.columns = CDC_COLUMNS_KEYS; no_connector(&s));
	CASE(796, PROVISIONING, s.columns = CDC_COLUMNS_KEYS);
	CASE(890, RUNNING, s.columns = CDC_COLUMNS_KEYS);
	CASE(531, PROVISIONING, s.columns = CDC_COLUMNS_SNAPSHOT; no_connector(&s));
	CASE(796, PROVISIONING, s.columns = CDC_COLUMNS_SNAPSHOT);
	CASE(796, PROVISIONING, s.columns = CDC_COLUMNS_UNKNOWN);
	CASE(530, PROVISIONING, s.role = CDC_OBJ_UNKNOWN);
	CASE(532, PROVISIONING, s.role = CDC_OBJ_FOREIGN);
	CASE(532, PROVISIONING, s.role = CDC_OBJ_UNVERIFIED);
	CASE(807, RUNNING, s.stranger = CDC_YES);
	CASE(806, RUNNING, s.role = CDC_OBJ_UNVERIFIED);
	CASE(534, PROVISIONING, s.role = CDC_OBJ_ABSENT; s.manage_role = false);
	CASE(536, PENDING, s.role = CDC_OBJ_ABSENT);
	CASE(536, FAILED, s.role = CDC_OBJ_WRONG; fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(537, RUNNING, s.role = CDC_OBJ_ABSENT);
	CASE(538, RUNNING, s.role = CDC_OBJ_WRONG);
	CASE(540, PROVISIONING, s.hba = CDC_HBA_UNKNOWN);
	CASE(542, PROVISIONING, s.hba = CDC_HBA_BROKEN);
	CASE(544, PROVISIONING, s.hba = CDC_HBA_FOUGHT);
	CASE(546, PROVISIONING, s.hba = CDC_HBA_UNMANAGED);
	CASE(548, PROVISIONING, s.hba = CDC_HBA_NOT_LOADED);
	CASE(550, RUNNING, s.hba = CDC_HBA_MISSING);
	CASE(560, RUNNING, s.move = CDC_MOVE_UNKNOWN);
	CASE(560, FAILED, s.was_running = true; s.move = CDC_MOVE_UNKNOWN);
	CASE(796, PROVISIONING, s.move = CDC_MOVE_PENDING);
	CASE(562, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); s.connector = CDC_OBJ_UNKNOWN);
	CASE(562, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); s.task_state = CDC_CS_UNKNOWN);
	CASE(564, RUNNING, moved(&s, CDC_VERDICT_RESNAPSHOT); s.slot = CDC_SLOT_STREAMING);
	CASE(564, RUNNING, moved(&s, CDC_VERDICT_HALT); s.slot = CDC_SLOT_ACTIVE);
	CASE(566, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN));
	CASE(566, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(566, FAILED, s.was_running = true; moved(&s, CDC_VERDICT_UNKNOWN));
	CASE(704, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); s.connector = CDC_OBJ_FOREIGN);
	CASE(570, RUNNING, moved(&s, CDC_VERDICT_RESUME); s.connector_state = CDC_CS_STOPPED; s.connector = CDC_OBJ_OK);
	CASE(570, RUNNING, moved(&s, CDC_VERDICT_RESUME); s.connector_state = CDC_CS_STOPPED; s.allow_password = false);
	CASE(572, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); no_connector(&s); s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(574, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); stop(&s); s.connector = CDC_OBJ_OK; s.slot = CDC_SLOT_UNKNOWN);
	CASE(576, RUNNING, moved(&s, CDC_VERDICT_RESUME); stop(&s); s.connector = CDC_OBJ_OK; s.slot = CDC_SLOT_ACTIVE; s.walsender_stuck = CDC_YES);
	CASE(578, RUNNING, moved(&s, CDC_VERDICT_RESUME); stop(&s); s.connector = CDC_OBJ_OK; s.slot = CDC_SLOT_ACTIVE);
	CASE(580, RUNNING, moved(&s, CDC_VERDICT_RESUME); stop(&s); s.connector = CDC_OBJ_OK; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(582, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); stop(&s); s.connector = CDC_OBJ_OK);
	CASE(582, RUNNING, moved(&s, CDC_VERDICT_NEVER); stop(&s); s.connector = CDC_OBJ_OK);
	CASE(584, RUNNING, moved(&s, CDC_VERDICT_RESUME); stop(&s); s.connector = CDC_OBJ_OK);
	CASE(584, RUNNING, moved(&s, CDC_VERDICT_RESNAPSHOT); stop(&s); s.connector = CDC_OBJ_OK; s.slot = CDC_SLOT_ABSENT);
	CASE(586, RUNNING, judged(&s, CDC_VERDICT_UNKNOWN));
	CASE(588, RUNNING, judged(&s, CDC_VERDICT_REWIND); s.offsets_ahead = CDC_UNKNOWN);
	CASE(588, RUNNING, judged(&s, CDC_VERDICT_REWIND); s.connector = CDC_OBJ_UNKNOWN);
	CASE(590, RUNNING, judged(&s, CDC_VERDICT_REWIND); s.connector_state = CDC_CS_RUNNING);
	CASE(592, RUNNING, judged(&s, CDC_VERDICT_REWIND); s.task_state = CDC_CS_RUNNING);
	CASE(594, RUNNING, judged(&s, CDC_VERDICT_REWIND); no_connector(&s); s.slot = CDC_SLOT_INACTIVE; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(596, RUNNING, judged(&s, CDC_VERDICT_REWIND));
	CASE(719, FAILED, judged(&s, CDC_VERDICT_REWIND); s.connector = CDC_OBJ_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.task_state = CDC_CS_FAILED; s.restart = CDC_RESTART_EXHAUSTED);
	CASE(769, RUNNING, judged(&s, CDC_VERDICT_REWIND); s.offsets_ahead = CDC_NO);
	CASE(769, RUNNING, judged(&s, CDC_VERDICT_RESUME));
	CASE(769, RUNNING, judged(&s, CDC_VERDICT_RESUME); s.move = CDC_MOVE_RESUMED);
	CASE(765, RUNNING, judged(&s, CDC_VERDICT_RESUME); s.connector = CDC_OBJ_WRONG);
	CASE(793, RUNNING, s.move = CDC_MOVE_RESUMED);
	CASE(793, RUNNING, s.move = CDC_MOVE_RESUMED; s.snapshot_unstored = true);
	CASE(795, PROVISIONING, s.was_running = true; s.move = CDC_MOVE_RESUMED);
	CASE(787, RUNNING, s.move = CDC_MOVE_RESUMED; s.moving = CDC_NO);
	CASE(788, RUNNING, s.snapshot_unstored = true);
	CASE(796, PROVISIONING, s.snapshot_unstored = true);
	CASE(772, RUNNING, s.snapshot_unstored = true; stop(&s));
	CASE(890, RUNNING, s.move = CDC_MOVE_RESUMED; s.confirmed = CDC_YES);
	CASE(602, RUNNING, s.gap = CDC_GAP_FAILOVER; s.move = CDC_MOVE_NONE);
	CASE(600, FAILED, s.was_running = true; s.gap = CDC_GAP_SLOT_GONE);
	CASE(602, RUNNING, s.gap = CDC_GAP_PUBLICATION; s.publication = CDC_OBJ_ABSENT);
	CASE(602, RUNNING, s.slot = CDC_SLOT_LOST);
	CASE(604, RUNNING, s.gap = CDC_GAP_PUBLICATION; s.connector = CDC_OBJ_UNKNOWN);
	CASE(804, RUNNING, s.gap = CDC_GAP_PUBLICATION; s.publication = CDC_OBJ_WRONG; s.tables = CDC_TABLES_MISSING);
	CASE(610, PROVISIONING, s.publication = CDC_OBJ_UNKNOWN);
	CASE(610, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_UNKNOWN);
	CASE(612, PROVISIONING, s.publication = CDC_OBJ_FOREIGN);
	CASE(613, PROVISIONING, s.publication = CDC_OBJ_UNVERIFIED);
	CASE(615, RUNNING, s.publication = CDC_OBJ_UNVERIFIED; s.discarding = true);
	CASE(615, RUNNING, s.publication = CDC_OBJ_UNVERIFIED; no_connector(&s));
	CASE(614, RUNNING, s.publication = CDC_OBJ_FOREIGN);
	CASE(618, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_MISSING; s.discarding = true);
	CASE(618, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_MISSING; s.connector = CDC_OBJ_ABSENT);
	CASE(620, PROVISIONING, s.publication = CDC_OBJ_ABSENT);
	CASE(622, PROVISIONING, s.publication = CDC_OBJ_WRONG);
	CASE(624, RUNNING, s.publication = CDC_OBJ_ABSENT);
	CASE(626, RUNNING, s.publication = CDC_OBJ_WRONG);
}

static void
connector_cases(void)
{
	CASE(700, PROVISIONING, s.connector = CDC_OBJ_UNKNOWN);
	CASE(702, PROVISIONING, s.connector = CDC_OBJ_FOREIGN);
	CASE(703, PROVISIONING, s.connector = CDC_OBJ_UNVERIFIED);
	CASE(704, RUNNING, s.connector = CDC_OBJ_FOREIGN);
	CASE(705, RUNNING, s.connector = CDC_OBJ_UNVERIFIED);
	CASE(705, RUNNING, moved(&s, CDC_VERDICT_UNKNOWN); s.connector = CDC_OBJ_UNVERIFIED);
	CASE(706, RUNNING, s.connector_state = CDC_CS_UNKNOWN);
	CASE(708, RUNNING, s.slot = CDC_SLOT_UNKNOWN);
	CASE(710, FAILED, s.task_state = CDC_CS_RESTARTING);
	CASE(712, PROVISIONING, fail(&s, CDC_RESTART_UNKNOWN));
	CASE(714, FAILED, fail(&s, CDC_RESTART_DUE); s.snapshot_interrupted = CDC_YES);
	CASE(716, FAILED, fail(&s, CDC_RESTART_DUE));
	CASE(716, FAILED, fail(&s, CDC_RESTART_DUE); s.was_running = true; s.snapshot_interrupted = CDC_UNKNOWN);
	CASE(718, FAILED, fail(&s, CDC_RESTART_DUE); s.snapshot_interrupted = CDC_UNKNOWN);
	CASE(718, FAILED, fail(&s, CDC_RESTART_DUE); s.older_writer = CDC_WRITER_PRESENT);
	CASE(718, FAILED, fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(718, FAILED, fail(&s, CDC_RESTART_WAIT));
	CASE(719, FAILED, s.slot = CDC_SLOT_ACTIVE);
	CASE(719, PENDING, no_connector(&s));
	CASE(720, PROVISIONING, s.discarding = true);
	CASE(722, PROVISIONING, s.discarding = true; s.connector_state = CDC_CS_STOPPED);
	CASE(724, RUNNING, s.discarding = true; no_connector(&s); s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(726, RUNNING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ACTIVE; s.walsender_stuck = CDC_YES);
	CASE(728, RUNNING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_STREAMING);
	CASE(730, RUNNING, s.discarding = true; stop(&s));
	CASE(732, RUNNING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(734, RUNNING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT);
	CASE(740, PROVISIONING, fail(&s, CDC_RESTART_EXHAUSTED); s.slot = CDC_SLOT_ABSENT);
	CASE(742, PROVISIONING, s.snapshot_interrupted = CDC_YES);
	CASE(742, PROVISIONING, fail(&s, CDC_RESTART_DUE); s.slot = CDC_SLOT_LOST);
	CASE(744, PROVISIONING, no_connector(&s); s.slot = CDC_SLOT_INACTIVE);
	CASE(767, RUNNING, no_connector(&s); s.slot = CDC_SLOT_INACTIVE; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(750, PROVISIONING, no_connector(&s); s.slot = CDC_SLOT_FOREIGN);
	CASE(751, PROVISIONING, stop(&s); s.snapshot_interrupted = CDC_UNKNOWN);
	CASE(752, PROVISIONING, no_connector(&s); s.older_writer = CDC_WRITER_UNKNOWN);
	CASE(754, PROVISIONING, no_connector(&s); s.older_writer = CDC_WRITER_PRESENT);
	CASE(756, PROVISIONING, no_connector(&s); s.slot_turn = CDC_TURN_UNKNOWN);
	CASE(758, PROVISIONING, no_connector(&s); s.slot_turn = CDC_TURN_NO_FREE_SLOT);
	CASE(760, PROVISIONING, no_connector(&s); s.slot_turn = CDC_TURN_BLOCKED);
	CASE(761, PROVISIONING, no_connector(&s); s.slot_turn = CDC_TURN_NEIGHBOUR);
	CASE(762, PROVISIONING, stop(&s); s.slot = CDC_SLOT_ABSENT; s.slot_turn = CDC_TURN_NEIGHBOUR);
	CASE(762, PROVISIONING, no_connector(&s); s.slot_turn = CDC_TURN_SOON);
	CASE(764, PROVISIONING, no_connector(&s); s.allow_password = false);
	CASE(766, PROVISIONING, no_connector(&s));
	CASE(766, PROVISIONING, s.connector = CDC_OBJ_WRONG; fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(767, RUNNING, s.connector = CDC_OBJ_ABSENT; s.slot = CDC_SLOT_INACTIVE);
	CASE(768, RUNNING, s.connector = CDC_OBJ_WRONG);
	CASE(768, RUNNING, s.connector = CDC_OBJ_WRONG; s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE);
	CASE(717, FAILED, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.snapshot_again = CDC_RESTART_EXHAUSTED);
	CASE(736, PROVISIONING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.snapshot_again = CDC_RESTART_EXHAUSTED);
	CASE(738, PROVISIONING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.snapshot_again = CDC_RESTART_WAIT);
	CASE(770, RUNNING, s.discarding = true; stop(&s); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE);
	CASE(770, PROVISIONING, s.discarding = true; no_connector(&s));
	CASE(771, PROVISIONING, stop(&s); s.slot = CDC_SLOT_ABSENT);
	CASE(772, RUNNING, stop(&s));
	CASE(772, PROVISIONING, s.connector_state = CDC_CS_PAUSED; s.task_state = CDC_CS_PAUSED);
	CASE(780, RUNNING, fail(&s, CDC_RESTART_EXHAUSTED));
	CASE(780, PROVISIONING, fail(&s, CDC_RESTART_EXHAUSTED); s.snapshot_interrupted = CDC_YES);
	CASE(782, RUNNING, fail(&s, CDC_RESTART_WAIT));
	CASE(784, PROVISIONING, fail(&s, CDC_RESTART_DUE));
	CASE(785, PROVISIONING, s.slot = CDC_SLOT_ABSENT; s.slot_turn = CDC_TURN_BLOCKED);
	CASE(785, PROVISIONING, s.task_state = CDC_CS_NONE; s.slot = CDC_SLOT_CREATING; s.slot_turn = CDC_TURN_BLOCKED);
	CASE(786, PROVISIONING, s.task_state = CDC_CS_NONE; s.slot = CDC_SLOT_CREATING; s.slot_turn = CDC_TURN_NEIGHBOUR);
	CASE(786, PROVISIONING, s.task_state = CDC_CS_NONE);
	CASE(786, RUNNING, s.connector_state = CDC_CS_UNASSIGNED; s.task_state = CDC_CS_UNASSIGNED);
	CASE(790, PROVISIONING, s.initial_only = true; s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_SNAPSHOT);
	CASE(794, PROVISIONING, s.slot = CDC_SLOT_INACTIVE);
	CASE(755, PROVISIONING, no_connector(&s); s.stranger = CDC_YES);
	CASE(755, PROVISIONING, stop(&s); s.stranger = CDC_YES);
	CASE(772, RUNNING, stop(&s); s.stranger = CDC_YES);
	CASE(791, PROVISIONING, s.slot = CDC_SLOT_INACTIVE; s.stranger = CDC_YES);
	CASE(791, RUNNING, s.slot = CDC_SLOT_INACTIVE; s.stranger = CDC_YES);
	CASE(796, PROVISIONING, s.initial_only = true; s.slot = CDC_SLOT_ABSENT; s.stranger = CDC_YES);
	CASE(711, FAILED, s.refused = CDC_YES);
	CASE(711, FAILED, s.refused = CDC_YES; s.was_running = true; s.slot = CDC_SLOT_INACTIVE);
	CASE(719, FAILED, s.refused = CDC_YES; s.initial_only = true; s.slot = CDC_SLOT_ABSENT);
	CASE(789, PROVISIONING, s.refused = CDC_YES);
	CASE(890, RUNNING, s.refused = CDC_YES);
	CASE(792, RUNNING, s.slot = CDC_SLOT_ACTIVE);
	CASE(792, RUNNING, s.slot = CDC_SLOT_INACTIVE);
	CASE(792, RUNNING, s.stream_breaks = CDC_YES);
	CASE(794, RUNNING, s.slot = CDC_SLOT_ACTIVE; s.move = CDC_MOVE_RESUMED);
	CASE(796, PROVISIONING, s.stream_breaks = CDC_YES);
	CASE(890, RUNNING, s.initial_only = true; s.stream_breaks = CDC_YES);
	CASE(795, RUNNING, s.stream_breaks = CDC_YES; s.move = CDC_MOVE_RESUMED);
	CASE(796, PROVISIONING, s.moving = CDC_UNKNOWN);
	CASE(796, PROVISIONING, s.initial_only = true; s.slot = CDC_SLOT_ABSENT);
}

/* What a case above says with one more fact in the way. */
static void
crossed_cases(void)
{
	CASE(511, RUNNING, s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN; s.slot = CDC_SLOT_UNKNOWN);
	CASE(810, RUNNING, s.source_capable = CDC_NO; s.manage_role = false; s.role = CDC_OBJ_UNKNOWN);
	CASE(792, RUNNING, s.gap_halt = true; s.slot = CDC_SLOT_LOST; s.source_capable = CDC_NO);
	CASE(504, RUNNING, s.gap_halt = true; s.slot = CDC_SLOT_LOST; s.source_reachable = CDC_NO);
	CASE(208, RUNNING, s.gap_halt = true; s.slot = CDC_SLOT_LOST);
	CASE(782, RUNNING, s.connector_state = CDC_CS_FAILED; s.restart = CDC_RESTART_WAIT);
	CASE(784, RUNNING, s.connector_state = CDC_CS_FAILED; s.restart = CDC_RESTART_DUE);
	CASE(752, PROVISIONING, fail(&s, CDC_RESTART_DUE); s.older_writer = CDC_WRITER_UNKNOWN);
	CASE(754, PROVISIONING, fail(&s, CDC_RESTART_DUE); s.older_writer = CDC_WRITER_PRESENT);
	CASE(758, PROVISIONING, fail(&s, CDC_RESTART_DUE); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.slot_turn = CDC_TURN_NO_FREE_SLOT);
	CASE(762, PROVISIONING, fail(&s, CDC_RESTART_DUE); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.slot_turn = CDC_TURN_NEIGHBOUR);
	CASE(618, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_MISSING; fail(&s, CDC_RESTART_DUE));
	CASE(618, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_MISSING; stop(&s));
	CASE(617, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; s.discarding = true);
	CASE(616, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; s.discarding = true; s.sets_identity = true);
	CASE(617, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; fail(&s, CDC_RESTART_DUE));
	CASE(616, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; fail(&s, CDC_RESTART_DUE); s.sets_identity = true);
	CASE(616, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; stop(&s); s.sets_identity = true);
	CASE(617, RUNNING, s.publication = CDC_OBJ_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; stop(&s));
	CASE(798, RUNNING, s.publication = CDC_OBJ_WRONG; s.tables = CDC_TABLES_NO_IDENTITY);
	CASE(797, RUNNING, s.publication = CDC_OBJ_WRONG; s.tables = CDC_TABLES_NO_IDENTITY; s.sets_identity = true);
	CASE(756, PROVISIONING, fail(&s, CDC_RESTART_DUE); s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_NONE; s.slot_turn = CDC_TURN_UNKNOWN);
	CASE(144, DELETING, s.untouched = true; s.connect_reachable = CDC_UNKNOWN; s.sink_running = false; s.connector = CDC_OBJ_UNVERIFIED);
	CASE(180, DELETING, all_gone(&s); s.force = true; s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN; s.role = CDC_OBJ_OK; s.role_has_dependents = CDC_YES);
	CASE(180, DELETING, all_gone(&s); s.force = true; s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN; s.hba_line_left = CDC_UNKNOWN);
	CASE(180, DELETING, all_gone(&s); s.force = true; s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN; s.shadow_left = CDC_UNKNOWN);
	CASE(180, DELETING, all_gone(&s); s.force = true; s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN; s.shadow_left = CDC_YES);
	CASE(180, DELETING, all_gone(&s); s.force = true; s.source_reachable = CDC_NO; s.role = CDC_OBJ_OK; s.role_has_dependents = CDC_YES);
	CASE(180, DELETING, all_gone(&s); s.force = true; s.source_reachable = CDC_NO; s.slot = CDC_SLOT_ACTIVE; s.walsender_stuck = CDC_YES);
	CASE(160, DELETING, stop(&s); s.force = true; s.connect_reachable = CDC_NO; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(141, DELETING, s.connector = CDC_OBJ_FOREIGN; s.source_capable = CDC_NO; s.role = CDC_OBJ_UNKNOWN; s.manage_role = false);
	CASE(134, DELETING, s.connector = CDC_OBJ_FOREIGN; s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN);
	CASE(180, DELETING, s.connector = CDC_OBJ_FOREIGN; s.force = true; s.secret_left = CDC_NO; s.source_capable = CDC_NO; s.publication = CDC_OBJ_UNKNOWN);
	CASE(134, DELETING, s.connector = CDC_OBJ_FOREIGN; s.source_capable = CDC_NO; s.role = CDC_OBJ_UNKNOWN);
	CASE(110, DELETING, s.untouched = true; s.connect_reachable = CDC_UNKNOWN);
	CASE(130, DELETING, all_gone(&s); s.untouched = true; s.source_reachable = CDC_UNKNOWN);
	CASE(182, DELETING, all_gone(&s); s.untouched = true; s.source_reachable = CDC_UNKNOWN; s.source_running = false);
	CASE(182, DELETING, all_gone(&s); s.untouched = true; s.connect_reachable = CDC_UNKNOWN; s.sink_running = false);
	CASE(182, DELETING, all_gone(&s); s.untouched = true; s.connect_reachable = CDC_UNKNOWN; s.addon_running = false);
}

static void
running_cases(void)
{
	CASE(799, RUNNING, s.slot_wal_high = CDC_YES);
	CASE(800, RUNNING, s.two_primaries = CDC_YES);
	CASE(802, RUNNING, s.moving = CDC_NO);
	CASE(801, RUNNING, s.moving = CDC_NO; s.new_task = CDC_YES);
	CASE(803, RUNNING, s.moving = CDC_NO; s.new_task = CDC_YES; s.standbys_awaited = CDC_YES);
	CASE(890, RUNNING, s.new_task = CDC_YES);
	CASE(890, RUNNING, s.initial_only = true; s.moving = CDC_NO; s.new_task = CDC_YES);
	CASE(803, RUNNING, s.moving = CDC_NO; s.standbys_awaited = CDC_YES);
	CASE(890, RUNNING, s.initial_only = true; s.standbys_awaited = CDC_YES);
	CASE(798, RUNNING, s.tables = CDC_TABLES_NO_IDENTITY; s.slot_wal_high = CDC_YES);
	CASE(797, RUNNING, s.tables = CDC_TABLES_NO_IDENTITY; s.slot_wal_high = CDC_YES; s.sets_identity = true);
	CASE(804, RUNNING, s.tables = CDC_TABLES_MISSING);
	CASE(805, RUNNING, s.publication = CDC_OBJ_UNVERIFIED);
	CASE(806, RUNNING, s.role = CDC_OBJ_WRONG; s.manage_role = false);
	CASE(808, RUNNING, s.hba = CDC_HBA_BROKEN);
	CASE(810, RUNNING, s.source_capable = CDC_NO);
	CASE(814, RUNNING, s.peerings = CDC_PEERINGS_BLOCKED);
	CASE(814, RUNNING, s.peerings = CDC_PEERINGS_STUCK);
	CASE(816, RUNNING, s.peerings = CDC_PEERINGS_OUT_OF_REACH);
	CASE(890, RUNNING, s.peerings = CDC_PEERINGS_UNKNOWN);
	CASE(809, RUNNING, s.secret = CDC_SECRET_STALE);
	CASE(811, RUNNING, s.plugin_current = CDC_NO; s.agents = CDC_AGENTS_BUSY);
	CASE(811, RUNNING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_FAILED);
	CASE(812, RUNNING, s.plugin_present = CDC_NO; s.agents = CDC_AGENTS_NONE);
	CASE(818, RUNNING, s.agents = CDC_AGENTS_DOWN);
	CASE(890, RUNNING, s.tables = CDC_TABLES_UNKNOWN; s.hba = CDC_HBA_UNKNOWN);
	CASE(890, RUNNING, s.initial_only = true; s.slot = CDC_SLOT_ABSENT; s.offsets = CDC_OFFSETS_UNKNOWN);
	CASE(798, RUNNING, s.initial_only = true; s.slot = CDC_SLOT_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY);
	CASE(797, RUNNING, s.initial_only = true; s.slot = CDC_SLOT_ABSENT; s.tables = CDC_TABLES_NO_IDENTITY; s.sets_identity = true);
	CASE(990, RUNNING, s.was_running = false; s.snapshot_interrupted = CDC_UNKNOWN; s.tables = CDC_TABLES_NO_IDENTITY);
	CASE(990, RUNNING, s.was_running = false; s.snapshot_interrupted = CDC_UNKNOWN; s.tables = CDC_TABLES_NO_IDENTITY; s.sets_identity = true);
	CASE(990, RUNNING, s.was_running = false; s.initial_only = true; s.offsets = CDC_OFFSETS_UNKNOWN; s.tables = CDC_TABLES_NO_IDENTITY);
	CASE(990, RUNNING, s.was_running = false; s.initial_only = true; s.offsets = CDC_OFFSETS_UNKNOWN; s.tables = CDC_TABLES_NO_IDENTITY; s.sets_identity = true);
	CASE(990, PROVISIONING, s.snapshot_interrupted = CDC_UNKNOWN);
	CASE(990, PROVISIONING, s.initial_only = true; s.offsets = CDC_OFFSETS_UNKNOWN);
}

/* A source that is not what it should be is torn down all the same, as long as it can be looked into. */
static void
deleting_where_not_capable(void)
{
	int			n = ncases;
	int			i;

	for (i = 0; i < n; i++)
	{
		CdcSnapshot s = cases[i].s;

		if (cases[i].rule < 140 || cases[i].rule > 176 || s.source_reachable != CDC_YES || s.source_capable != CDC_YES ||
			s.slot == CDC_SLOT_UNKNOWN || s.publication == CDC_OBJ_UNKNOWN || s.role == CDC_OBJ_UNKNOWN)
			continue;
		s.source_capable = CDC_NO;
		add(cases[i].rule, &s, "the same where the source is not capable any more");
		if ((cases[i].rule >= 170 && cases[i].rule <= 174) || s.force || s.untouched)
			continue;
		s.role = CDC_OBJ_UNKNOWN;
		s.manage_role = false;
		add(cases[i].rule, &s, "the same where the role is not ours and was not seen");
		s.manage_role = true;
		add(134, &s, "the same where our role was not seen");
	}
}

/* ... and of one that streams after a new snapshot, which was in one piece. */
static void
running_anew(void)
{
	int			n = ncases;
	int			i;

	for (i = 0; i < n; i++)
	{
		CdcSnapshot s = cases[i].s;

		if (cases[i].rule < 797 || cases[i].rule == 801 || cases[i].rule == 990 || s.status != CDC_RUNNING || s.initial_only || s.move != CDC_MOVE_NONE)
			continue;
		s.was_running = false;
		add(cases[i].rule, &s, "the same after a new snapshot");
		s.snapshot_interrupted = CDC_YES;
		add(742, &s, "the same after one that was interrupted");
		s.snapshot_interrupted = CDC_UNKNOWN;
		add(990, &s, "the same after one of which that is not known");
	}
}

/*
 * Under force a database that cannot be looked into, whatever of it was not
 * seen, is the same as a source that does not answer.
 */
static void
deleting_where_closed(void)
{
	int			n = ncases;
	int			i;

	for (i = 0; i < n; i++)
	{
		CdcSnapshot s = cases[i].s;
		int			id;

		if (cases[i].again || cases[i].rule < 140 || cases[i].rule > 180 || s.untouched)
			continue;
		s.force = s.manage_role = true;
		s.source_reachable = CDC_NO;
		id = cdc_decide(&s).rule->id;
		s.source_reachable = CDC_YES;
		s.source_capable = CDC_NO;
		s.slot = CDC_SLOT_UNKNOWN;
		add(id, &s, "the same by force where the slot was not seen");
		s.slot = cases[i].s.slot;
		s.publication = CDC_OBJ_UNKNOWN;
		add(id, &s, "the same by force where the publication was not seen");
		s.publication = cases[i].s.publication;
		s.role = CDC_OBJ_UNKNOWN;
		add(id, &s, "the same by force where the role was not seen");
	}
}

/* What is said of a pipeline that streams is said of a finished snapshot, too. */
static void
running_without_slot(void)
{
	int			n = ncases;
	int			i;

	for (i = 0; i < n; i++)
	{
		CdcSnapshot s = cases[i].s;

		if (cases[i].rule < 797 || cases[i].rule == 799 || cases[i].rule == 801 || cases[i].rule == 802 || cases[i].rule == 803 || cases[i].rule == 990 || s.status != CDC_RUNNING || s.initial_only)
			continue;
		s.initial_only = true;
		s.slot = CDC_SLOT_ABSENT;
		s.offsets = CDC_OFFSETS_UNKNOWN;
		add(cases[i].rule, &s, "the same of a finished initial_only");
		s.was_running = false;
		s.offsets = CDC_OFFSETS_STREAMING;
		add(cases[i].rule, &s, "the same of one that has just finished");
		s.offsets = CDC_OFFSETS_SNAPSHOT;
		add(790, &s, "the same of one that has not finished");
		s.offsets = CDC_OFFSETS_UNKNOWN;
		add(990, &s, "the same of one of which that is not known");
	}
}

const Case *
decide_cases(int *n)
{
	if (ncases == 0)
	{
		paused_cases();
		deleting_cases();
		gate_cases();
		source_cases();
		connector_cases();
		running_cases();
		crossed_cases();
		deleting_where_not_capable();
		deleting_where_closed();
		running_without_slot();
		running_anew();
	}
	*n = ncases;
	return cases;
}
