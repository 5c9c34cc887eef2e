/*
 * guards.c
 *	  The predicates that the rules are made of.
 *
 * See guards.h.  Must not look at the status, and must not take UNKNOWN for an
 * answer: compare with the values that are meant, never with "not NO".
 */
#include "reconciler/guards.h"

#define GUARD(name, expression) \
	bool \
	cdc_guard_##name(const CdcSnapshot *s) \
	{ \
		return (expression); \
	}

#define FACT(name, expression) \
	static bool \
	name(const CdcSnapshot *s) \
	{ \
		return (expression); \
	}

/*
 * Facts: the words in which the guards are said.
 */

/* Connector and task. */
FACT(connector_ours, s->connector == CDC_OBJ_OK || s->connector == CDC_OBJ_WRONG)
FACT(connector_may_be_ours, s->connector != CDC_OBJ_FOREIGN && s->connector != CDC_OBJ_UNVERIFIED)
FACT(has_failed, s->connector_state == CDC_CS_FAILED || s->task_state == CDC_CS_FAILED)
FACT(is_running, s->connector_state == CDC_CS_RUNNING && s->task_state == CDC_CS_RUNNING)
FACT(is_held, s->connector_state == CDC_CS_STOPPED || s->connector_state == CDC_CS_PAUSED)
FACT(is_stopped, s->connector_state == CDC_CS_STOPPED && s->task_state == CDC_CS_NONE)
FACT(connector_works, connector_ours(s) && s->connector_state != CDC_CS_UNKNOWN &&
	 s->connector_state != CDC_CS_STOPPED)
FACT(tasks_left, connector_ours(s) && s->connector_state == CDC_CS_STOPPED &&
	 s->task_state != CDC_CS_NONE)
FACT(state_unseen, connector_ours(s) &&
	 (s->connector_state == CDC_CS_UNKNOWN || s->task_state == CDC_CS_UNKNOWN))

/* Slot. */
FACT(slot_held, s->slot == CDC_SLOT_CREATING || s->slot == CDC_SLOT_ACTIVE ||
	 s->slot == CDC_SLOT_STREAMING)
FACT(slot_idle, s->slot == CDC_SLOT_INACTIVE || s->slot == CDC_SLOT_LOST)

/* Offsets. */
FACT(offsets_left, s->offsets == CDC_OFFSETS_SNAPSHOT || s->offsets == CDC_OFFSETS_STREAMING)
FACT(offsets_hidden, s->connector == CDC_OBJ_ABSENT && s->offsets != CDC_OFFSETS_NONE)

/* Tables that a publication can be made of without breaking the user's writes. */
FACT(tables_fit, s->tables == CDC_TABLES_OK)
FACT(tables_wrong, s->tables == CDC_TABLES_MISSING || s->tables == CDC_TABLES_BAD_KIND)
FACT(is_new, !s->was_running && s->connector == CDC_OBJ_ABSENT)
FACT(publication_off, s->publication == CDC_OBJ_ABSENT || s->publication == CDC_OBJ_WRONG)

/*
 * Failover.  Only what streams can be moved: a snapshot is taken again
 * anyhow, and what is thrown away needs no verdict.
 */
FACT(streams, s->was_running && !s->initial_only && !s->discarding && s->gap == CDC_GAP_NONE)
FACT(pending, streams(s) && s->move == CDC_MOVE_PENDING && connector_may_be_ours(s))
FACT(judged, streams(s) && s->move == CDC_MOVE_JUDGED && connector_may_be_ours(s))
FACT(moving_on, streams(s) && (s->move == CDC_MOVE_JUDGED || s->move == CDC_MOVE_RESUMED))
FACT(rewinding, judged(s) && s->verdict == CDC_VERDICT_REWIND && s->offsets_ahead != CDC_NO)

/*
 * A gap: streaming was under way, and events may be missing.  A finished
 * initial_only asks for no slot and no publication.  What has moved is judged
 * before it is called a gap.
 */
FACT(gap_seen, s->was_running && !s->initial_only && !s->discarding &&
	 !(s->gap == CDC_GAP_NONE && (s->move == CDC_MOVE_UNKNOWN || s->move == CDC_MOVE_PENDING)) &&
	 (s->gap != CDC_GAP_NONE ||
	  (s->source_reachable == CDC_YES && s->source_capable == CDC_YES && s->slot == CDC_SLOT_LOST)))

/* The publication is narrower because the user dropped a table: no gap. */
FACT(gap_is_missing_table, s->gap == CDC_GAP_PUBLICATION && tables_wrong(s))

/* A snapshot that cannot be trusted: its slot is not of the run that took it. */
FACT(spoiled, !s->was_running && !s->discarding &&
	 (s->snapshot_interrupted == CDC_YES || s->slot == CDC_SLOT_LOST))

/*
 * Offsets without a slot: Debezium refuses to start ("no longer available on
 * the server"), and no restart cures it.
 */
FACT(orphaned, !s->was_running && !s->discarding && !s->initial_only &&
	 s->connector == CDC_OBJ_OK && has_failed(s) &&
	 s->slot == CDC_SLOT_ABSENT && offsets_left(s))

/* Something FAILED that only a restart may cure; what is stopped is resumed instead. */
FACT(failing, s->connector == CDC_OBJ_OK && has_failed(s) && !is_held(s) &&
	 !s->discarding && !orphaned(s))

/* The next action starts a task, or would: these need the start conditions. */
FACT(starts_task, s->discarding || s->connector == CDC_OBJ_ABSENT ||
	 s->connector == CDC_OBJ_WRONG || is_held(s) ||
	 (has_failed(s) && s->restart == CDC_RESTART_DUE))
FACT(stuck, publication_off(s) &&
	 (s->discarding || (s->publication == CDC_OBJ_ABSENT && starts_task(s))))
FACT(makes_slot, starts_task(s) && s->slot == CDC_SLOT_ABSENT)
FACT(history_unseen, !s->was_running && !s->discarding &&
	 (slot_held(s) || slot_idle(s)) && s->snapshot_interrupted == CDC_UNKNOWN)
FACT(may_start, !history_unseen(s) && s->older_writer == CDC_WRITER_NONE &&
	 (s->slot == CDC_SLOT_ABSENT ? s->slot_turn == CDC_TURN_OK :
	  s->slot != CDC_SLOT_UNKNOWN && (s->slot != CDC_SLOT_FOREIGN || s->initial_only)))

/* While a snapshot is thrown away, the connector is put right but not made. */
FACT(puts_config, s->connector == CDC_OBJ_WRONG ||
	 (s->connector == CDC_OBJ_ABSENT && !s->discarding))

FACT(snapshot_only_finished, s->was_running || s->offsets == CDC_OFFSETS_STREAMING)

/*
 * A pause: no task is started, and what runs is stopped; but for a first snapshot
 * that is under way, since it would have to be thrown away.  Not where the slot would be
 * dropped meanwhile.
 */
FACT(pauses, s->want_paused && s->pause_unsafe != CDC_YES)
FACT(is_pausing, pauses(s) && connector_may_be_ours(s) &&
	 (s->was_running || s->discarding || s->connector == CDC_OBJ_ABSENT ||
	  s->connector_state == CDC_CS_STOPPED || has_failed(s)))
FACT(is_paused, is_pausing(s) && !s->discarding &&
	 (s->connector == CDC_OBJ_ABSENT ||
	  (is_stopped(s) && (s->connector == CDC_OBJ_OK || !s->was_running || !s->allow_password))))

/* A restart that is asked for, of what has run or has failed. */
FACT(restarting, s->restart_wanted && !s->want_paused && !s->discarding && (s->was_running || has_failed(s)))

/*
 * Whole: events flow, and what was snapshotted before them has no hole.
 */
FACT(whole, s->connector == CDC_OBJ_OK && is_running(s) && !s->discarding &&
	 (s->initial_only ? snapshot_only_finished(s) :
	  s->slot == CDC_SLOT_STREAMING &&
	  (s->was_running || s->snapshot_interrupted == CDC_NO)))

FACT(unconfirmed, whole(s) && moving_on(s) && s->confirmed != CDC_YES)

/*
 * Reach, for deleting.  A side is needed unless nothing of ours can be there:
 * the service is of the wrong kind, or it cannot be looked at and nothing was
 * ever sent.  A side is open when it is needed and can be looked at.
 */
FACT(database_closed, s->source_reachable == CDC_YES && s->source_capable == CDC_NO &&
	 (s->slot == CDC_SLOT_UNKNOWN || s->publication == CDC_OBJ_UNKNOWN ||
	  (s->manage_role && s->role == CDC_OBJ_UNKNOWN)))
FACT(connect_needed, s->sink_has_addon &&
	 !(s->untouched &&
	   (s->connect_reachable == CDC_NO ||
		(s->connect_reachable == CDC_UNKNOWN && !(s->sink_running && s->addon_running)))))
FACT(source_needed, s->source_is_postgresql &&
	 !(s->untouched &&
	   (s->source_reachable == CDC_NO || database_closed(s) ||
		(s->source_reachable == CDC_UNKNOWN && !s->source_running))))
FACT(connect_open, connect_needed(s) && s->connect_reachable == CDC_YES)
FACT(source_open, source_needed(s) && s->source_reachable == CDC_YES && !database_closed(s))

FACT(connect_out_of_reach, connect_needed(s) && s->connect_reachable == CDC_NO)
FACT(source_out_of_reach, source_needed(s) &&
	 (s->source_reachable == CDC_NO || database_closed(s)))

/*
 * What cannot be looked at is given up by force; and where it was seen empty,
 * nothing that was sent can take effect any more and its service goes as well,
 * since it may never answer again.
 */
FACT(connect_given_up, s->force || s->sink_leaving)
FACT(source_given_up, s->force || s->source_leaving)

/* Offsets that nobody can name without the connector; untouched: there are none. */
FACT(teardown_hidden, connect_open(s) && !s->untouched && offsets_hidden(s))

/* The agents of the Connect hosts. */
FACT(agents_answer, s->agents >= CDC_AGENTS_BUSY)
FACT(plugin_missing, !s->discarding && s->plugin_present == CDC_NO)
FACT(plugin_due, !s->discarding &&
	 (s->plugin_present == CDC_NO ||
	  (s->plugin_present == CDC_YES && s->plugin_current == CDC_NO)))
FACT(secret_hidden, !s->untouched && s->secret_left == CDC_UNKNOWN)
FACT(secret_out_of_reach, secret_hidden(s) && s->agents == CDC_AGENTS_DOWN)
FACT(secret_gone, s->untouched || s->secret_left == CDC_NO ||
	 (connect_given_up(s) && secret_out_of_reach(s)))

/* What has our names, and is left where it is unless somebody adopts it. */
FACT(unverified_left, (connect_open(s) && s->connector == CDC_OBJ_UNVERIFIED) ||
	 (source_open(s) && s->publication == CDC_OBJ_UNVERIFIED))

FACT(role_ours, s->manage_role && (s->role == CDC_OBJ_OK || s->role == CDC_OBJ_WRONG))

/*
 * Deleting.
 */
GUARD(delete_wanted, s->want_deleted)
GUARD(delete_taken_back, !s->want_deleted)

GUARD(teardown_connect_unseen, connect_needed(s) && s->connect_reachable == CDC_UNKNOWN)
GUARD(teardown_connect_down, connect_out_of_reach(s) && !connect_given_up(s))
GUARD(teardown_connector_unseen, connect_open(s) &&
	  (s->connector == CDC_OBJ_UNKNOWN || state_unseen(s)))
GUARD(teardown_connector_unverified, connect_open(s) && s->connector == CDC_OBJ_UNVERIFIED && !s->force)
GUARD(teardown_connector_works, connect_open(s) && connector_works(s))
GUARD(teardown_tasks_left, connect_open(s) && tasks_left(s))

GUARD(teardown_source_unseen, source_needed(s) && s->source_reachable == CDC_UNKNOWN)
GUARD(teardown_source_down, source_needed(s) && s->source_reachable == CDC_NO &&
	  !source_given_up(s))
GUARD(teardown_database_closed, source_needed(s) && database_closed(s) && !source_given_up(s))
GUARD(teardown_slot_unseen, source_open(s) && s->slot == CDC_SLOT_UNKNOWN)
/* No connector of ours can be stopped: nothing releases the slot by itself. */
GUARD(teardown_slot_usurped, source_open(s) && slot_held(s) &&
	  (!s->sink_has_addon || s->connect_reachable == CDC_NO ||
	   s->connector == CDC_OBJ_FOREIGN || (s->connector == CDC_OBJ_UNVERIFIED && s->force)))
GUARD(teardown_walsender_stuck, source_open(s) && slot_held(s) && s->walsender_stuck == CDC_YES)
GUARD(teardown_slot_held, source_open(s) && slot_held(s))

GUARD(teardown_offsets_unseen, connect_open(s) && connector_ours(s) &&
	  s->offsets == CDC_OFFSETS_UNKNOWN)
GUARD(teardown_offsets_left, connect_open(s) && connector_ours(s) && is_stopped(s) &&
	  offsets_left(s))
GUARD(teardown_connector_left, connect_open(s) && connector_ours(s) && is_stopped(s) &&
	  s->offsets == CDC_OFFSETS_NONE)
GUARD(teardown_offsets_out_of_reach, teardown_hidden(s) && !s->force &&
	  s->plugin_present == CDC_NO)
GUARD(teardown_offsets_hidden, teardown_hidden(s) && !s->force)

GUARD(teardown_slot_declared, source_open(s) && s->slot_declared == CDC_YES && !s->force)
GUARD(teardown_slot_left, source_open(s) && slot_idle(s))
GUARD(teardown_shadow_unseen, source_open(s) && s->shadow_left == CDC_UNKNOWN)
GUARD(teardown_shadow_left, source_open(s) && s->shadow_left == CDC_YES)
GUARD(teardown_publication_unseen, source_open(s) && s->publication == CDC_OBJ_UNKNOWN)
GUARD(teardown_publication_unverified, source_open(s) && s->publication == CDC_OBJ_UNVERIFIED &&
	  !s->force)
GUARD(teardown_publication_left, source_open(s) &&
	  (s->publication == CDC_OBJ_OK || s->publication == CDC_OBJ_WRONG))
GUARD(teardown_identity_left, source_open(s) && s->identity_set)
GUARD(teardown_hba_unseen, source_open(s) && s->hba_line_left == CDC_UNKNOWN)
GUARD(teardown_hba_left, source_open(s) && s->hba_line_left == CDC_YES)
GUARD(teardown_role_unseen, source_open(s) && s->manage_role && s->role == CDC_OBJ_UNKNOWN)
GUARD(teardown_role_needed, source_open(s) && role_ours(s) &&
	  s->role_has_dependents == CDC_YES && s->role_disarmed != CDC_YES)
GUARD(teardown_role_left, source_open(s) && role_ours(s) &&
	  s->role_has_dependents != CDC_YES)

GUARD(teardown_agents_unseen, secret_hidden(s) && s->agents != CDC_AGENTS_DOWN)
GUARD(teardown_agents_down, secret_out_of_reach(s) && !connect_given_up(s))
GUARD(teardown_secret_left, !s->untouched && s->secret_left == CDC_YES)

GUARD(teardown_given_up, s->want_deleted && s->force &&
	  (connect_out_of_reach(s) || source_out_of_reach(s) || teardown_hidden(s) ||
	   secret_out_of_reach(s) || unverified_left(s)))
GUARD(teardown_abandoned, s->want_deleted &&
	  ((s->sink_leaving && (connect_out_of_reach(s) || secret_out_of_reach(s))) ||
	   (s->source_leaving && source_out_of_reach(s))))
GUARD(teardown_settled, s->want_deleted &&
	  (s->untouched || s->settled == CDC_YES) &&
	  (!source_needed(s) || s->untouched || source_given_up(s) ||
	   s->unreachable_standby == CDC_NO) &&
	  secret_gone(s))

/*
 * Gate.
 */
GUARD(source_not_postgresql, !s->source_is_postgresql)
GUARD(addon_not_enabled, !s->sink_has_addon)
GUARD(region_differs, !s->same_region)
GUARD(network_one_sided, s->network_ids == CDC_NET_ONE_SIDE)
GUARD(gap_halts, gap_seen(s) && s->gap_halt && !gap_is_missing_table(s))
GUARD(pause_over_unbuilt, !pauses(s) && (!s->was_running || s->discarding))
GUARD(service_not_running, !s->source_running || !s->sink_running || !s->addon_running)

/*
 * Network and plugin.
 */
GUARD(network_unseen, s->network_ids == CDC_NET_UNKNOWN ||
	  (s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_UNKNOWN))
GUARD(network_out_of_reach, s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_OUT_OF_REACH)
GUARD(network_blocked, s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_BLOCKED)
GUARD(peering_missing, s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_MISSING)
GUARD(peering_disabled, s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_DISABLED)
GUARD(network_waiting, s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_WAITING)
GUARD(network_stuck, s->network_ids == CDC_NET_BOTH && s->peerings == CDC_PEERINGS_STUCK)
GUARD(connect_unseen, s->connect_reachable == CDC_UNKNOWN)
GUARD(connect_restarting, s->connect_reachable == CDC_NO && s->agents == CDC_AGENTS_BUSY)
GUARD(connect_down, s->connect_reachable == CDC_NO)
GUARD(plugin_unseen, !s->discarding && s->plugin_present == CDC_UNKNOWN)
GUARD(agents_unseen, plugin_missing(s) && s->agents == CDC_AGENTS_UNKNOWN)
GUARD(plugin_by_hand, plugin_missing(s) && s->agents == CDC_AGENTS_NONE)
GUARD(plugin_unset, plugin_missing(s) && s->agents == CDC_AGENTS_UNSET)
GUARD(plugin_agents_down, plugin_missing(s) && s->agents == CDC_AGENTS_DOWN)
GUARD(plugin_failed, plugin_missing(s) && s->agents == CDC_AGENTS_FAILED)
GUARD(plugin_installing, plugin_missing(s) && s->agents == CDC_AGENTS_BUSY)
GUARD(plugin_to_install, plugin_due(s) && s->agents == CDC_AGENTS_READY)

/*
 * Source.
 */
GUARD(source_unseen, s->source_reachable == CDC_UNKNOWN)
GUARD(source_down, s->source_reachable == CDC_NO)
GUARD(source_demoted, s->source_reachable == CDC_NO && s->source_demoted == CDC_YES && streams(s) &&
	  connector_works(s))
GUARD(capability_unseen, s->source_capable == CDC_UNKNOWN)
GUARD(database_gone, database_closed(s))
GUARD(source_not_capable, s->source_capable == CDC_NO)
/* While a pipeline is built every agent must have the file, once it has run those that answer. */
GUARD(secret_unseen, s->secret == CDC_SECRET_UNKNOWN ||
	  (s->secret == CDC_SECRET_MISSING && s->agents <= CDC_AGENTS_NONE))
GUARD(secret_out_of_reach, s->secret == CDC_SECRET_PARTIAL ||
	  (s->secret == CDC_SECRET_MISSING && s->agents == CDC_AGENTS_DOWN))
GUARD(secret_new_out_of_reach, s->secret == CDC_SECRET_MISSING && s->agents == CDC_AGENTS_DOWN)
GUARD(secret_to_put, s->secret == CDC_SECRET_MISSING && agents_answer(s))
GUARD(tables_unseen, s->tables == CDC_TABLES_UNKNOWN)
GUARD(tables_missing, s->tables == CDC_TABLES_MISSING)
GUARD(tables_bad_kind, s->tables == CDC_TABLES_BAD_KIND)
GUARD(identity_to_set, s->tables == CDC_TABLES_NO_IDENTITY && s->sets_identity)
GUARD(tables_without_identity, s->tables == CDC_TABLES_NO_IDENTITY)
/* What was built is not taken down for its columns. */
GUARD(columns_unseen, is_new(s) && s->columns == CDC_COLUMNS_UNKNOWN)
GUARD(keys_inexact, is_new(s) && s->columns == CDC_COLUMNS_KEYS)
GUARD(snapshot_unfit, is_new(s) && s->columns == CDC_COLUMNS_SNAPSHOT)
GUARD(role_unseen, s->role == CDC_OBJ_UNKNOWN)
GUARD(role_foreign, s->role == CDC_OBJ_FOREIGN || s->role == CDC_OBJ_UNVERIFIED)
GUARD(role_not_fitting, !s->manage_role &&
	  (s->role == CDC_OBJ_ABSENT || s->role == CDC_OBJ_WRONG))
GUARD(role_dropped, s->manage_role && s->role == CDC_OBJ_ABSENT)
GUARD(role_to_make, s->manage_role &&
	  (s->role == CDC_OBJ_ABSENT || s->role == CDC_OBJ_WRONG))
GUARD(hba_unseen, s->hba == CDC_HBA_UNKNOWN)
GUARD(hba_broken, s->hba == CDC_HBA_BROKEN)
GUARD(hba_fought, s->hba == CDC_HBA_FOUGHT)
GUARD(hba_unmanaged, s->hba == CDC_HBA_UNMANAGED)
GUARD(hba_to_write, s->hba == CDC_HBA_MISSING || s->hba == CDC_HBA_NOT_LOADED)

/*
 * Failover: stop first, judge what stands still, remember the verdict, then
 * carry it out.  What is resumed is the business of the connector's rules.
 */
GUARD(move_unseen, streams(s) && s->move == CDC_MOVE_UNKNOWN)
GUARD(move_connector_unseen, pending(s) && (s->connector == CDC_OBJ_UNKNOWN || state_unseen(s)))
GUARD(move_dragged, pending(s) && connector_works(s) && slot_held(s) &&
	  (s->verdict == CDC_VERDICT_RESNAPSHOT || s->verdict == CDC_VERDICT_HALT))
GUARD(move_connector_works, pending(s) && connector_works(s))
GUARD(move_tasks_left, pending(s) && tasks_left(s))
GUARD(move_offsets_hidden, pending(s) && offsets_hidden(s))
GUARD(move_slot_unseen, pending(s) && s->slot == CDC_SLOT_UNKNOWN)
GUARD(move_walsender_stuck, pending(s) && slot_held(s) && s->walsender_stuck == CDC_YES)
GUARD(move_slot_held, pending(s) && slot_held(s))
GUARD(move_offsets_unseen, pending(s) && s->offsets == CDC_OFFSETS_UNKNOWN)
GUARD(move_verdict_unseen, pending(s) && (s->verdict == CDC_VERDICT_UNKNOWN || s->verdict == CDC_VERDICT_NEVER))
GUARD(move_to_judge, pending(s))
GUARD(verdict_forgotten, judged(s) && s->verdict == CDC_VERDICT_UNKNOWN)
GUARD(rewind_unseen, rewinding(s) && (s->connector == CDC_OBJ_UNKNOWN || state_unseen(s) ||
									  (s->connector != CDC_OBJ_ABSENT && s->offsets_ahead == CDC_UNKNOWN)))
GUARD(rewind_connector_works, rewinding(s) && connector_works(s))
GUARD(rewind_tasks_left, rewinding(s) && tasks_left(s))
GUARD(rewind_offsets_hidden, rewinding(s) && offsets_hidden(s))
GUARD(rewind_due, rewinding(s) && is_stopped(s) && s->offsets_ahead == CDC_YES)

/*
 * Publication.
 */
GUARD(gap_to_repair, gap_seen(s) && !gap_is_missing_table(s) &&
	  (s->connector == CDC_OBJ_ABSENT || connector_ours(s)))
GUARD(gap_connector_unseen, gap_seen(s) && !gap_is_missing_table(s) &&
	  s->connector == CDC_OBJ_UNKNOWN)
GUARD(publication_unseen, s->publication == CDC_OBJ_UNKNOWN ||
	  (publication_off(s) && s->tables == CDC_TABLES_UNKNOWN))
GUARD(publication_foreign, s->publication == CDC_OBJ_FOREIGN)
GUARD(publication_unverified, s->publication == CDC_OBJ_UNVERIFIED)
GUARD(publication_unverified_at_start, s->publication == CDC_OBJ_UNVERIFIED &&
	  (s->discarding || s->connector == CDC_OBJ_ABSENT))
GUARD(publication_stuck, stuck(s) && !tables_fit(s))
GUARD(publication_identity_to_set, stuck(s) && s->tables == CDC_TABLES_NO_IDENTITY && s->sets_identity)
GUARD(publication_without_identity, stuck(s) && s->tables == CDC_TABLES_NO_IDENTITY)
GUARD(publication_absent, s->publication == CDC_OBJ_ABSENT && tables_fit(s))
GUARD(publication_wrong, s->publication == CDC_OBJ_WRONG && tables_fit(s))

/*
 * Connector.
 */
GUARD(connector_unseen, s->connector == CDC_OBJ_UNKNOWN)
GUARD(connector_foreign, s->connector == CDC_OBJ_FOREIGN)
GUARD(connector_unverified, s->connector == CDC_OBJ_UNVERIFIED)
GUARD(connector_state_unseen, state_unseen(s))
GUARD(stopped_walsender_stuck, s->was_running && !s->discarding && (pauses(s) || s->restart_wanted) &&
	  connector_ours(s) && is_stopped(s) && slot_held(s) && s->walsender_stuck == CDC_YES)
GUARD(slot_unseen, s->slot == CDC_SLOT_UNKNOWN)

GUARD(pausing, is_pausing(s))
GUARD(restart_connector_works, restarting(s) && connector_works(s))
/* Also one that somebody else stopped: its task ends first. */
GUARD(restart_waits, s->was_running && !s->want_paused && !s->discarding &&
	  (tasks_left(s) || (s->restart_wanted && connector_ours(s) && is_stopped(s) && slot_held(s))))
GUARD(failure_coming_back, s->connector == CDC_OBJ_OK && !s->discarding && !has_failed(s) &&
	  !is_held(s) && !is_running(s))
GUARD(failure_unproven, !s->initial_only && s->connector == CDC_OBJ_OK && is_running(s) && !s->discarding && s->refused == CDC_YES &&
	  !spoiled(s) && !history_unseen(s))
GUARD(failure_unseen, failing(s) && s->restart == CDC_RESTART_UNKNOWN)
GUARD(failure_of_snapshot_due, failing(s) && s->restart == CDC_RESTART_DUE && spoiled(s))
GUARD(failure_retry_due, failing(s) && s->restart == CDC_RESTART_DUE && may_start(s))
GUARD(failure_stays, failing(s))

GUARD(discard_connector_works, s->discarding && connector_works(s))
GUARD(discard_tasks_left, s->discarding && tasks_left(s))
GUARD(discard_offsets_hidden, s->discarding && offsets_hidden(s))
GUARD(discard_walsender_stuck, s->discarding && slot_held(s) && s->walsender_stuck == CDC_YES)
GUARD(discard_slot_held, s->discarding && slot_held(s))
GUARD(discard_slot_left, s->discarding && slot_idle(s))
GUARD(discard_offsets_unseen, s->discarding && connector_ours(s) &&
	  s->offsets == CDC_OFFSETS_UNKNOWN)
GUARD(discard_offsets_left, s->discarding && connector_ours(s) && is_stopped(s) &&
	  offsets_left(s))

GUARD(pause_discarded, is_pausing(s) && s->discarding)
GUARD(pause_unseen, is_pausing(s) && !s->discarding && connector_works(s) && s->pause_unsafe == CDC_UNKNOWN)
GUARD(pause_connector_works, is_pausing(s) && !s->discarding && connector_works(s))
GUARD(pause_waits, is_pausing(s) && !s->discarding &&
	  (tasks_left(s) || (s->was_running && connector_ours(s) && is_stopped(s) && slot_held(s))))
GUARD(pause_connector_missing, is_pausing(s) && s->pause_unsafe == CDC_NO && s->was_running && offsets_hidden(s) && s->allow_password)
GUARD(pause_at_limit, is_paused(s) && s->was_running && s->pause_wal == CDC_PAUSE_WAL_OVER)
GUARD(paused_wal_high, is_paused(s) && s->was_running && s->pause_wal == CDC_PAUSE_WAL_HIGH)
GUARD(paused, is_paused(s))

GUARD(snapshot_given_up, s->discarding && s->snapshot_again == CDC_RESTART_EXHAUSTED)
GUARD(snapshot_pausing, s->discarding && s->snapshot_again == CDC_RESTART_WAIT)
GUARD(offsets_orphaned, orphaned(s))
GUARD(snapshot_spoiled, spoiled(s) && (!failing(s) || s->restart == CDC_RESTART_DUE))
GUARD(slot_left_over, !s->was_running && !s->discarding && s->connector == CDC_OBJ_ABSENT &&
	  (slot_held(s) || slot_idle(s)))

GUARD(slot_foreign, s->slot == CDC_SLOT_FOREIGN && !s->initial_only)
GUARD(slot_history_unseen, starts_task(s) && history_unseen(s))
GUARD(older_writer_unseen, starts_task(s) && s->older_writer == CDC_WRITER_UNKNOWN)
GUARD(older_writer_present, starts_task(s) && s->older_writer == CDC_WRITER_PRESENT)
GUARD(stranger_first, starts_task(s) && !s->was_running && s->stranger == CDC_YES)
GUARD(turn_unseen, makes_slot(s) && s->slot_turn == CDC_TURN_UNKNOWN)
GUARD(no_free_slot, makes_slot(s) && s->slot_turn == CDC_TURN_NO_FREE_SLOT)
GUARD(turn_blocked, makes_slot(s) && s->slot_turn == CDC_TURN_BLOCKED)
GUARD(connector_to_prepare, makes_slot(s) && s->connector == CDC_OBJ_ABSENT && !s->discarding &&
	  s->slot_turn == CDC_TURN_NEIGHBOUR && s->allow_password)
GUARD(turn_neighbour, makes_slot(s) &&
	  (s->slot_turn == CDC_TURN_NEIGHBOUR || s->slot_turn == CDC_TURN_SOON))
GUARD(password_not_allowed, puts_config(s) && !s->allow_password)
GUARD(connector_to_point, puts_config(s) && s->connector == CDC_OBJ_WRONG && moving_on(s))
GUARD(connector_deleted, puts_config(s) && s->connector == CDC_OBJ_ABSENT)
GUARD(connector_to_put, puts_config(s))
GUARD(discard_finished, s->discarding)
GUARD(connector_prepared, is_stopped(s) && s->slot == CDC_SLOT_ABSENT && !s->was_running)
GUARD(connector_moved, is_held(s) && moving_on(s))
GUARD(connector_held, is_held(s))
GUARD(failure_exhausted, failing(s) && s->restart == CDC_RESTART_EXHAUSTED)
GUARD(restart_waiting, failing(s) && s->restart == CDC_RESTART_WAIT)
GUARD(restart_due, failing(s) && s->restart == CDC_RESTART_DUE)
GUARD(slot_blocked, (s->slot == CDC_SLOT_CREATING && s->slot_turn == CDC_TURN_BLOCKED) ||
	  (!s->initial_only && s->slot == CDC_SLOT_ABSENT &&
	   (s->slot_turn == CDC_TURN_BLOCKED || s->slot_turn == CDC_TURN_NO_FREE_SLOT)))
GUARD(task_not_running, !is_running(s))

GUARD(snapshot_only_unfinished, s->initial_only && !snapshot_only_finished(s) &&
	  s->offsets != CDC_OFFSETS_UNKNOWN)
GUARD(stranger_in_the_way, s->stranger == CDC_YES && !s->initial_only && s->slot != CDC_SLOT_STREAMING)
GUARD(stream_broken, s->was_running && !s->initial_only && !moving_on(s) &&
	  (s->slot != CDC_SLOT_STREAMING || s->stream_breaks == CDC_YES))
GUARD(slot_not_streaming, !s->initial_only && s->slot != CDC_SLOT_STREAMING)
GUARD(move_unconfirmed_long, unconfirmed(s) && s->moving == CDC_NO)
GUARD(snapshot_unstored, whole(s) && streams(s) && s->move == CDC_MOVE_NONE && s->snapshot_unstored)
GUARD(move_settling, unconfirmed(s) && s->stream_breaks != CDC_YES)
GUARD(move_unconfirmed, unconfirmed(s))
GUARD(whole_refused, whole(s) && !s->initial_only && s->refused == CDC_YES)
GUARD(whole, whole(s))

/*
 * Running: what is reported although events flow.
 */
GUARD(whole_slot_wal_high, whole(s) && !s->initial_only && s->slot_wal_high == CDC_YES)
GUARD(whole_two_primaries, whole(s) && s->two_primaries == CDC_YES)
GUARD(whole_new_task, whole(s) && s->was_running && may_start(s) && !s->initial_only && s->moving == CDC_NO && s->new_task == CDC_YES &&
	  s->standbys_awaited != CDC_YES)
GUARD(whole_pause_unsafe, whole(s) && s->want_paused && s->pause_unsafe == CDC_YES)
GUARD(whole_standing_still, whole(s) && !s->initial_only && s->moving == CDC_NO &&
	  s->standbys_awaited != CDC_YES)
GUARD(whole_standbys_awaited, whole(s) && !s->initial_only && s->standbys_awaited == CDC_YES)
GUARD(whole_identity_to_set, whole(s) && s->tables == CDC_TABLES_NO_IDENTITY && s->sets_identity)
GUARD(whole_tables_without_identity, whole(s) && s->tables == CDC_TABLES_NO_IDENTITY)
GUARD(whole_tables_wrong, whole(s) && tables_wrong(s))
GUARD(whole_publication_unverified, whole(s) && s->publication == CDC_OBJ_UNVERIFIED)
GUARD(whole_stranger, whole(s) && s->stranger == CDC_YES)
GUARD(whole_role_wrong, whole(s) &&
	  (s->role == CDC_OBJ_FOREIGN || s->role == CDC_OBJ_UNVERIFIED || s->role == CDC_OBJ_ABSENT ||
	   s->role == CDC_OBJ_WRONG))
GUARD(whole_hba_wrong, whole(s) &&
	  (s->hba == CDC_HBA_BROKEN || s->hba == CDC_HBA_FOUGHT || s->hba == CDC_HBA_UNMANAGED))
GUARD(whole_source_not_capable, whole(s) && s->source_capable == CDC_NO)
GUARD(whole_secret_stale, whole(s) && s->secret == CDC_SECRET_STALE && agents_answer(s))
GUARD(whole_plugin_waits, whole(s) && plugin_due(s) &&
	  (s->agents == CDC_AGENTS_BUSY || s->agents == CDC_AGENTS_DOWN || s->agents == CDC_AGENTS_FAILED))
GUARD(whole_plugin_missing, whole(s) && s->plugin_present == CDC_NO)
GUARD(whole_agents_down, whole(s) && s->agents == CDC_AGENTS_DOWN)
GUARD(whole_network_not_ready, whole(s) && s->network_ids == CDC_NET_BOTH &&
	  (s->peerings == CDC_PEERINGS_BLOCKED || s->peerings == CDC_PEERINGS_WAITING ||
	   s->peerings == CDC_PEERINGS_STUCK))
GUARD(whole_network_out_of_reach, whole(s) && s->network_ids == CDC_NET_BOTH &&
	  s->peerings == CDC_PEERINGS_OUT_OF_REACH)

bool
cdc_guard_always(const CdcSnapshot *s)
{
	(void) s;
	return true;
}
