/*
 * decide_rules.c
 *	  See decide_rules.h.
 *
 * Written from the design (sections 2, 4 and 6), not from the table.
 */
#include <stddef.h>

#include "decide_rules.h"
#include "world_model.h"

static bool
ours(CdcObject object)
{
	return object == CDC_OBJ_OK || object == CDC_OBJ_WRONG;
}

/* Or left where it is, by force: nobody can say whose it is. */
static bool
gone(const CdcSnapshot *s, CdcObject object)
{
	return object == CDC_OBJ_ABSENT || object == CDC_OBJ_FOREIGN || (object == CDC_OBJ_UNVERIFIED && s->force);
}

static bool
stopped(const CdcSnapshot *s)
{
	return s->connector_state == CDC_CS_STOPPED && s->task_state == CDC_CS_NONE;
}

static bool
failed(const CdcSnapshot *s)
{
	return s->connector_state == CDC_CS_FAILED || s->task_state == CDC_CS_FAILED;
}

/* What streams; only that is moved by a failover. */
static bool
streams(const CdcSnapshot *s)
{
	return s->was_running && !s->initial_only && !s->discarding && s->gap == CDC_GAP_NONE;
}

/* It is kept right as it is, whatever the tables say of what it is made of. */
static bool
up(const CdcSnapshot *s)
{
	return s->status == CDC_RUNNING || s->status == CDC_PAUSED;
}

/* What is asked to stand still, and may: but for a first snapshot that is under way. */
static bool
stands_still(const CdcSnapshot *s)
{
	return s->want_paused && s->pause_unsafe != CDC_YES &&
		(s->was_running || s->discarding || failed(s) || s->connector == CDC_OBJ_ABSENT || s->connector_state == CDC_CS_STOPPED);
}

/* Where an action goes: its peer must have answered. */
static const char *
reach_fault(const CdcSnapshot *s, CdcAction action)
{
	switch (action)
	{
		case CDC_ACT_CREATE_ROLE:
		case CDC_ACT_WRITE_HBA:
		case CDC_ACT_CREATE_PUBLICATION:
		case CDC_ACT_ALTER_PUBLICATION:
		case CDC_ACT_SET_IDENTITY:
		case CDC_ACT_RESET_IDENTITY:
		case CDC_ACT_TERMINATE_WALSENDER:
		case CDC_ACT_DROP_SLOT:
		case CDC_ACT_DROP_SHADOWS:
		case CDC_ACT_DROP_PUBLICATION:
		case CDC_ACT_REMOVE_HBA:
		case CDC_ACT_DROP_ROLE:
			return s->source_reachable == CDC_YES ? NULL : "an action on a source that does not answer";
		case CDC_ACT_CREATE_PEERING:
		case CDC_ACT_ENABLE_PEERING:
			return s->peerings != CDC_PEERINGS_UNKNOWN && s->peerings != CDC_PEERINGS_OUT_OF_REACH ?
				NULL : "an action on an SDN API that does not answer";
		case CDC_ACT_INSTALL_PLUGIN:
			return s->agents == CDC_AGENTS_READY ? NULL : "a plugin is installed by agents that are not ready";
		case CDC_ACT_PUT_SECRET:
			return s->agents >= CDC_AGENTS_BUSY ? NULL : "a password for an agent that does not answer";
		case CDC_ACT_DELETE_SECRET:
			/* a file that was seen is on an agent that answers */
			return s->agents >= CDC_AGENTS_BUSY || s->secret_left == CDC_YES ? NULL :
				"a file is deleted by an agent that does not answer";
		case CDC_ACT_NONE:
		case CDC_ACT_END_PAUSE:
		case CDC_ACT_JUDGE_FAILOVER:
		case CDC_ACT_SOFT_DELETE:
		case CDC_NUM_ACTIONS:
			return NULL;
		default:
			return s->connect_reachable == CDC_YES ? NULL : "an action on a Connect that does not answer";
	}
}

static bool
slot_held(const CdcSnapshot *s)
{
	return s->slot == CDC_SLOT_CREATING || s->slot == CDC_SLOT_ACTIVE || s->slot == CDC_SLOT_STREAMING;
}

/* A task may start: no second writer, the publication first, the slot's turn. */
static const char *
start_fault(const CdcSnapshot *s)
{
	if (s->older_writer != CDC_WRITER_NONE)
		return "a task is started beside another writer";
	if (s->slot == CDC_SLOT_UNKNOWN)
		return "a task is started without knowing the slot";
	if (s->slot == CDC_SLOT_ABSENT && s->slot_turn != CDC_TURN_OK)
		return "a slot would be made out of turn";
	if (s->slot == CDC_SLOT_FOREIGN && !s->initial_only)
		return "a task is started on a foreign slot";
	/* a table that was dropped takes the others not down */
	if (s->publication == CDC_OBJ_UNVERIFIED ? !up(s) || s->discarding || s->connector == CDC_OBJ_ABSENT :
		s->publication != CDC_OBJ_OK &&
		!(s->publication == CDC_OBJ_WRONG && up(s) && !s->discarding &&
		  s->tables != CDC_TABLES_OK))
		return "a task is started before the publication";
	if (s->source_reachable != CDC_YES)
		return "a task is started without its source";
	if (streams(s) && s->move == CDC_MOVE_PENDING)
		return "a task is started before the failover is judged";
	if (streams(s) && s->move == CDC_MOVE_JUDGED && s->verdict == CDC_VERDICT_REWIND && s->offsets_ahead != CDC_NO &&
		s->offsets != CDC_OFFSETS_NONE)
		return "a task is started on an offset that is to be set back";
	return NULL;
}

/* What is PUT refers to a file that must be on every Connect host. */
static const char *
config_fault(const CdcSnapshot *s)
{
	if (!s->allow_password)
		return "a password goes where it may not";
	if (s->secret == CDC_SECRET_UNKNOWN || s->secret == CDC_SECRET_MISSING ||
		(s->secret == CDC_SECRET_PARTIAL && !up(s)))
		return "a configuration refers to a file that is not known to be there";
	return NULL;
}

/* What the thing acted on must look like. */
static const char *
object_fault(const CdcSnapshot *s, CdcAction action)
{
	bool		deleting = s->status == CDC_DELETING && s->want_deleted;
	const char *fault;

	switch (action)
	{
		case CDC_ACT_CREATE_PEERING:
			return s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_MISSING && !deleting ?
				NULL : "create_peering";
		case CDC_ACT_ENABLE_PEERING:
			return s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_DISABLED && !deleting ?
				NULL : "enable_peering";
		case CDC_ACT_INSTALL_PLUGIN:
			return !deleting && !s->discarding && (s->plugin_present == CDC_NO || s->plugin_current == CDC_NO) ?
				NULL : "install_plugin";
		case CDC_ACT_PUT_SECRET:
			return !deleting && s->secret == CDC_SECRET_MISSING ? NULL : "put_secret";
		case CDC_ACT_DELETE_SECRET:
			if (!deleting)
				return s->secret == CDC_SECRET_STALE && s->status == CDC_RUNNING && s->connector == CDC_OBJ_OK &&
					s->connector_state == CDC_CS_RUNNING && s->task_state == CDC_CS_RUNNING ?
					NULL : "a former password is deleted before the present one is in use";
			if (s->sink_has_addon && s->connect_reachable == CDC_YES && ours(s->connector))
				return "a password is deleted under its connector";
			return s->secret_left == CDC_YES ? NULL : "delete_secret";
		case CDC_ACT_CREATE_ROLE:
			return s->manage_role && (s->role == CDC_OBJ_ABSENT || s->role == CDC_OBJ_WRONG) &&
				!deleting ? NULL : "create_role";
		case CDC_ACT_WRITE_HBA:
			return (s->hba == CDC_HBA_MISSING || s->hba == CDC_HBA_NOT_LOADED) && !deleting ?
				NULL : "write_hba";
		case CDC_ACT_CREATE_PUBLICATION:
		case CDC_ACT_ALTER_PUBLICATION:
			if (deleting || s->publication !=
				(action == CDC_ACT_CREATE_PUBLICATION ? CDC_OBJ_ABSENT : CDC_OBJ_WRONG))
				return "create or alter publication";
			if (s->tables != CDC_TABLES_OK)
				return "a publication over tables that do not fit";
			if (s->was_running && !s->initial_only && !s->discarding &&
				s->gap == CDC_GAP_PUBLICATION && s->connector != CDC_OBJ_UNKNOWN &&
				s->connector != CDC_OBJ_FOREIGN && s->connector != CDC_OBJ_UNVERIFIED)
				return "a repair hides a gap";
			return NULL;
		case CDC_ACT_SET_IDENTITY:
			return !deleting && s->sets_identity && s->tables == CDC_TABLES_NO_IDENTITY ? NULL : "set_identity";
		case CDC_ACT_RESET_IDENTITY:
			if (ours(s->publication))
				return "a replica identity is taken from what is published";
			return deleting && s->identity_set ? NULL : "reset_identity";
		case CDC_ACT_PUT_CONNECTOR:
			if (s->connector != CDC_OBJ_ABSENT && s->connector != CDC_OBJ_WRONG)
				return "put_connector";
			if (config_fault(s) != NULL)
				return config_fault(s);
			if (deleting)
				return "put_connector while deleting";
			if (stands_still(s) && s->connector_state != CDC_CS_STOPPED)
				return "a connector is made while paused";
			return start_fault(s);
		case CDC_ACT_PREPARE_CONNECTOR:
			if (s->connector != CDC_OBJ_ABSENT || s->discarding || deleting)
				return "prepare_connector";
			if (config_fault(s) != NULL)
				return config_fault(s);
			return s->slot == CDC_SLOT_ABSENT && s->slot_turn == CDC_TURN_NEIGHBOUR ? NULL :
				"a connector is prepared although its turn has come";
		case CDC_ACT_RESUME_CONNECTOR:
			if (!ours(s->connector) || s->discarding || deleting ||
				(s->connector_state != CDC_CS_STOPPED && s->connector_state != CDC_CS_PAUSED))
				return "resume_connector";
			if (stands_still(s))
				return "a task is started while paused";
			if (!s->was_running && s->slot != CDC_SLOT_ABSENT && s->slot != CDC_SLOT_FOREIGN &&
				s->snapshot_interrupted == CDC_YES)
				return "an interrupted snapshot is resumed";
			return start_fault(s);
		case CDC_ACT_RESTART_CONNECTOR:
			if (!ours(s->connector) || s->discarding || deleting)
				return "restart_connector";
			/* one that runs: when nothing comes through it */
			if (failed(s) ? s->restart != CDC_RESTART_DUE : !s->was_running || s->moving != CDC_NO || s->new_task != CDC_YES)
				return "restart_connector, and it does no harm to wait";
			if (stands_still(s))
				return "a task is restarted while paused";
			if (!s->was_running && s->slot != CDC_SLOT_ABSENT && s->slot != CDC_SLOT_FOREIGN &&
				s->snapshot_interrupted == CDC_YES)
				return "an interrupted snapshot is restarted";
			return start_fault(s);
		case CDC_ACT_BEGIN_DISCARD:
			if (s->discarding || deleting)
				return "begin_discard";
			if (s->connector != CDC_OBJ_ABSENT && !ours(s->connector))
				return "begin_discard of what is not ours";
			if (s->was_running && s->gap_halt)
				return "begin_discard against on_gap halt";
			return NULL;
		case CDC_ACT_END_DISCARD:
			if (!s->discarding || deleting)
				return "end_discard";
			if (stands_still(s))
				return "a snapshot is begun while paused";
			if (s->slot != CDC_SLOT_ABSENT && !(s->slot == CDC_SLOT_FOREIGN && s->initial_only))
				return "end_discard with the old slot";
			if (s->offsets != CDC_OFFSETS_NONE)
				return "end_discard with old offsets";
			if (s->connector != CDC_OBJ_ABSENT && !(s->connector == CDC_OBJ_OK && stopped(s)))
				return "end_discard with a connector at work or wrong";
			fault = start_fault(s);
			return fault;
		case CDC_ACT_STOP_CONNECTOR:
			return ours(s->connector) && (s->discarding || deleting || (stands_still(s) && s->pause_unsafe == CDC_NO) ||
										  (s->restart_wanted && !s->want_paused && (s->was_running || failed(s))) ||
										  (streams(s) && (s->move == CDC_MOVE_PENDING ||
														  (s->source_reachable == CDC_NO && s->source_demoted == CDC_YES) ||
														  (s->move == CDC_MOVE_NONE && s->snapshot_unstored && s->status == CDC_RUNNING &&
														   s->slot == CDC_SLOT_STREAMING) ||
														  (s->move == CDC_MOVE_JUDGED && s->verdict == CDC_VERDICT_REWIND &&
														   s->offsets_ahead == CDC_YES)))) &&
				s->connector_state != CDC_CS_STOPPED && s->connector_state != CDC_CS_UNKNOWN ?
				NULL : "stop_connector";
		case CDC_ACT_JUDGE_FAILOVER:
			if (deleting || !streams(s) || s->move != CDC_MOVE_PENDING)
				return "judge_failover";
			if (!ours(s->connector) && s->connector != CDC_OBJ_ABSENT)
				return "a failover is judged without its connector";
			if (s->verdict == CDC_VERDICT_UNKNOWN || s->verdict == CDC_VERDICT_NEVER)
				return "a failover is judged without a verdict";
			if (s->verdict == CDC_VERDICT_RESNAPSHOT || s->verdict == CDC_VERDICT_HALT)
				return NULL;
			return (stopped(s) || s->connector == CDC_OBJ_ABSENT) && !slot_held(s) && s->offsets != CDC_OFFSETS_UNKNOWN ?
				NULL : "a failover is judged while something moves";
		case CDC_ACT_PATCH_OFFSETS:
			return !deleting && streams(s) && s->move == CDC_MOVE_JUDGED && s->verdict == CDC_VERDICT_REWIND &&
				s->offsets_ahead == CDC_YES && ours(s->connector) && stopped(s) ? NULL : "patch_offsets";
		case CDC_ACT_POST_STOPPED:
			return s->connector == CDC_OBJ_ABSENT &&
				(s->discarding || deleting || (s->was_running && stands_still(s)) ||
				 (streams(s) && (s->move == CDC_MOVE_PENDING || s->move == CDC_MOVE_JUDGED))) ? NULL : "post_stopped";
		case CDC_ACT_END_PAUSE:
			return !deleting && s->want_paused && s->was_running && s->pause_wal == CDC_PAUSE_WAL_OVER ? NULL : "end_pause";
		case CDC_ACT_DELETE_OFFSETS:
			if (!s->discarding && !deleting)
				return "offsets are deleted for no reason";
			if (!ours(s->connector) || !stopped(s))
				return "offsets are deleted under a connector at work";
			if (s->source_reachable == CDC_YES && s->source_is_postgresql && !s->untouched &&
				!((s->force || s->source_leaving) && s->source_capable == CDC_NO) && slot_held(s))
				return "offsets are deleted under a walsender";
			return s->offsets == CDC_OFFSETS_SNAPSHOT || s->offsets == CDC_OFFSETS_STREAMING ?
				NULL : "delete_offsets";
		case CDC_ACT_DELETE_CONNECTOR:
			return deleting && ours(s->connector) && stopped(s) && s->offsets == CDC_OFFSETS_NONE ?
				NULL : "delete_connector";
		case CDC_ACT_TERMINATE_WALSENDER:
			if (deleting && (s->connector == CDC_OBJ_FOREIGN || (s->connector == CDC_OBJ_UNVERIFIED && s->force) || !s->sink_has_addon ||
							 (s->connect_reachable == CDC_NO && (s->force || s->sink_leaving || s->untouched))))
				return slot_held(s) ?
					NULL : "terminate_walsender";
			return (s->discarding || deleting || (streams(s) && s->move == CDC_MOVE_PENDING) ||
					(s->was_running && stopped(s) && ours(s->connector) && (s->want_paused || s->restart_wanted))) && s->walsender_stuck == CDC_YES &&
				slot_held(s) ?
				NULL : "terminate_walsender";
		case CDC_ACT_DROP_SLOT:
			if (!s->discarding && !deleting)
				return "a slot is dropped for no reason";
			if (ours(s->connector) && s->connect_reachable == CDC_YES && s->sink_has_addon &&
				!s->untouched && !stopped(s))
				return "a slot is dropped under a connector at work";
			return s->slot == CDC_SLOT_INACTIVE || s->slot == CDC_SLOT_LOST ? NULL : "drop_slot";
		case CDC_ACT_DROP_SHADOWS:
			return deleting && s->shadow_left == CDC_YES ? NULL : "drop_shadows";
		case CDC_ACT_DROP_PUBLICATION:
			return deleting && ours(s->publication) ? NULL : "drop_publication";
		case CDC_ACT_REMOVE_HBA:
			return deleting && s->hba_line_left == CDC_YES ? NULL : "remove_hba";
		case CDC_ACT_DROP_ROLE:
			if (s->hba_line_left != CDC_NO || !gone(s, s->publication) ||
				(s->slot != CDC_SLOT_ABSENT && s->slot != CDC_SLOT_FOREIGN))
				return "the role is dropped before what needs it";
			return deleting && s->manage_role && ours(s->role) ? NULL : "drop_role";
		default:
			return NULL;
	}
}

/* Nothing of ours is left, or it may be left. */
static const char *
soft_delete_fault(const CdcSnapshot *s)
{
	bool		source_gone = gone(s, s->publication) &&
		(s->slot == CDC_SLOT_ABSENT || s->slot == CDC_SLOT_FOREIGN) &&
		s->hba_line_left == CDC_NO && s->shadow_left == CDC_NO && !s->identity_set &&
		(!s->manage_role || gone(s, s->role) || s->role == CDC_OBJ_UNVERIFIED ||
		 (s->role_disarmed == CDC_YES && s->role_has_dependents == CDC_YES));
	bool		connect_gone = s->connector == CDC_OBJ_FOREIGN || (s->connector == CDC_OBJ_UNVERIFIED && s->force) ||
		(s->connector == CDC_OBJ_ABSENT && (s->offsets == CDC_OFFSETS_NONE || s->untouched));

	if (s->status != CDC_DELETING || !s->want_deleted)
		return "soft_delete of a pipeline that is wanted";
	if (s->sink_has_addon && !connect_gone && !s->untouched &&
		!(s->force && (s->connect_reachable == CDC_NO || s->connector == CDC_OBJ_ABSENT)) &&
		!(s->sink_leaving && s->connect_reachable == CDC_NO))
		return "soft_delete with something left on Connect";
	if (s->source_is_postgresql && !source_gone && !s->untouched &&
		!((s->force || s->source_leaving) && (s->source_reachable == CDC_NO || s->source_capable == CDC_NO)))
		return "soft_delete with something left on the source";
	if (s->secret_left != CDC_NO && !s->untouched && !((s->force || s->sink_leaving) && s->agents == CDC_AGENTS_DOWN))
		return "soft_delete with a password's file left";
	if (s->settled != CDC_YES && !s->untouched && !s->force && !s->source_leaving && !s->sink_leaving)
		return "soft_delete before it has settled";
	return NULL;
}

static const char *
failed_fault(const CdcSnapshot *s)
{
	if (s->was_running && s->gap_halt && !s->initial_only &&
		(s->gap != CDC_GAP_NONE || s->slot == CDC_SLOT_LOST))
		return NULL;
	if (!up(s) &&
		(!s->source_is_postgresql || !s->sink_has_addon || !s->same_region ||
		 s->network_ids == CDC_NET_ONE_SIDE))
		return NULL;
	if (s->connect_reachable != CDC_YES || s->source_reachable != CDC_YES)
		return "Failed for a peer that does not answer";
	if (s->connector == CDC_OBJ_OK && failed(s) && s->restart == CDC_RESTART_EXHAUSTED)
		return NULL;
	if (s->discarding && s->snapshot_again == CDC_RESTART_EXHAUSTED)
		return NULL;
	return "Failed for no reason";
}

const char *
decision_fault(const CdcSnapshot *s, const CdcDecision *d)
{
	const char *fault = reach_fault(s, d->action);

	if (fault == NULL)
		fault = object_fault(s, d->action);
	if (fault != NULL)
		return fault;
	if (d->action == CDC_ACT_POST_STOPPED && s->offsets == CDC_OFFSETS_NONE)
		return "a connector is made to reach offsets that are not there";
	if (s->status != CDC_DELETING && s->status != CDC_DELETED &&
		s->want_deleted != (d->status == CDC_DELETING))
		return "Deleting comes with the wish to delete, and at once";
	if (s->status == CDC_DELETED && (d->status != CDC_DELETED || d->action != CDC_ACT_NONE))
		return "Deleted is the end";
	if (s->status == CDC_DELETING && d->status != CDC_DELETING && d->status != CDC_DELETED &&
		s->want_deleted)
		return "Deleting is left";
	if (d->status == CDC_DELETED && s->status != CDC_DELETED)
		return d->action == CDC_ACT_SOFT_DELETE ? soft_delete_fault(s) : "Deleted without soft_delete";
	if (s->status == CDC_RUNNING && d->status != CDC_RUNNING && d->status != CDC_FAILED &&
		d->status != CDC_DELETING && d->status != CDC_PAUSED)
		return "Running is left for something else than Failed";
	if (s->status == CDC_PAUSED && d->status == CDC_PROVISIONING && s->was_running && !s->discarding)
		return "what has run is built once more";
	if (d->rule->status_to == CDC_PAUSED && !(stands_still(s) && (stopped(s) || s->connector == CDC_OBJ_ABSENT)))
		return "Paused without being asked to, or at work";
	if (d->rule->status_to == CDC_RUNNING && stands_still(s) && s->pause_unsafe == CDC_NO && s->was_running)
		return "Running although it is to be paused";
	if (d->status == CDC_FAILED && s->status != CDC_FAILED && failed_fault(s) != NULL)
		return failed_fault(s);
	if (d->status == CDC_PENDING && s->status != CDC_PENDING &&
		s->source_running && s->sink_running && s->addon_running)
		return "Pending for no reason";
	if (d->rule->status_to == CDC_RUNNING && streams(s) &&
		(s->move == CDC_MOVE_UNKNOWN || s->move == CDC_MOVE_PENDING ||
		 (s->move != CDC_MOVE_NONE && s->confirmed != CDC_YES)))
		return "Running before a failover is over";
	if (d->rule->status_to == CDC_RUNNING &&
		!(s->connector == CDC_OBJ_OK && s->connector_state == CDC_CS_RUNNING &&
		  s->task_state == CDC_CS_RUNNING && !s->discarding &&
		  (s->publication == CDC_OBJ_OK ||
		   (up(s) && (s->tables != CDC_TABLES_OK || s->publication == CDC_OBJ_UNVERIFIED))) &&
		  s->connect_reachable == CDC_YES && s->source_reachable == CDC_YES &&
		  (s->initial_only ? s->was_running || s->offsets == CDC_OFFSETS_STREAMING :
		   s->slot == CDC_SLOT_STREAMING && (s->was_running || s->snapshot_interrupted == CDC_NO))))
		return "Running without being whole";
	if (d->status == CDC_RUNNING && s->status == CDC_PROVISIONING &&
		(s->role != CDC_OBJ_OK || s->hba != CDC_HBA_OK || s->plugin_present != CDC_YES ||
		 (s->secret != CDC_SECRET_OK && s->secret != CDC_SECRET_STALE)))
		return "Running with something missing";
	if (d->status == CDC_RUNNING && s->status == CDC_PROVISIONING &&
		s->network_ids == CDC_NET_BOTH && s->peerings != CDC_PEERINGS_ACTIVE)
		return "Running without a network";
	if (d->unchanged && (d->action != CDC_ACT_NONE || d->status != s->status))
		return "unchanged with a change";
	if ((d->status == CDC_PROVISIONING) != (d->step != CDC_STEP_NONE) && d->status != CDC_FAILED)
		return "a step outside of building, or building without a step";
	if (d->action == CDC_ACT_NONE && d->rule->message == NULL && d->status == s->status &&
		d->status != CDC_RUNNING && d->status != CDC_DELETED && d->rule->status_to != CDC_PAUSED)
		return "waiting without saying for what";
	return NULL;
}

const char *
decision_fault_in_ignorance(const CdcSnapshot *s, const CdcDecision *d, const char **field)
{
	int			i;

	for (i = 0; i < num_fields; i++)
	{
		CdcSnapshot t = *s;
		int			v;

		if (!fields[i].observed || field_get(s, &fields[i]) != 0)
			continue;
		for (v = 1; v < fields[i].values; v++)
		{
			const char *fault;

			field_set(&t, &fields[i], v);
			fault = reach_fault(&t, d->action);
			if (fault == NULL)
				fault = object_fault(&t, d->action);
			if (fault == NULL && d->action == CDC_ACT_SOFT_DELETE)
				fault = soft_delete_fault(&t);
			if (fault != NULL)
			{
				*field = fields[i].name;
				return fault;
			}
		}
	}
	return NULL;
}
