/*
 * guards.h
 *	  The predicates that the rules are made of.
 *
 * A guard is a pure question about one CdcSnapshot.  It is true only for what
 * was seen: an UNKNOWN field makes a guard true in the ..._unseen guards alone,
 * whose rules do nothing but wait.  Guards do not look at the status (that is
 * the rule's bit set), and rely on the order of the rules: what an earlier
 * rule takes is not asked again.
 */
#ifndef CDC_GUARDS_H
#define CDC_GUARDS_H

#include "reconciler/snapshot.h"

#define CDC_GUARD_LIST(X) \
	/* deleting */ \
	X(delete_wanted) X(delete_taken_back) \
	X(teardown_connect_unseen) X(teardown_connect_down) \
	X(teardown_connector_unseen) X(teardown_connector_unverified) X(teardown_connector_works) X(teardown_tasks_left) \
	X(teardown_source_unseen) X(teardown_source_down) X(teardown_database_closed) \
	X(teardown_slot_unseen) X(teardown_slot_usurped) X(teardown_walsender_stuck) \
	X(teardown_slot_held) \
	X(teardown_offsets_unseen) X(teardown_offsets_left) X(teardown_connector_left) \
	X(teardown_offsets_out_of_reach) X(teardown_offsets_hidden) \
	X(teardown_slot_declared) X(teardown_slot_left) X(teardown_shadow_unseen) X(teardown_shadow_left) \
	X(teardown_publication_unseen) X(teardown_publication_unverified) X(teardown_publication_left) \
	X(teardown_identity_left) X(teardown_hba_unseen) X(teardown_hba_left) \
	X(teardown_role_unseen) X(teardown_role_needed) X(teardown_role_left) \
	X(teardown_agents_unseen) X(teardown_agents_down) X(teardown_secret_left) \
	X(teardown_given_up) X(teardown_abandoned) X(teardown_settled) \
	/* gate */ \
	X(source_not_postgresql) X(addon_not_enabled) X(region_differs) \
	X(network_one_sided) X(gap_halts) X(pause_over_unbuilt) X(service_not_running) \
	/* network, plugin */ \
	X(network_unseen) X(network_out_of_reach) X(network_blocked) X(peering_missing) X(peering_disabled) \
	X(network_waiting) X(network_stuck) \
	X(connect_unseen) X(connect_restarting) X(connect_down) X(plugin_unseen) \
	X(agents_unseen) X(plugin_by_hand) X(plugin_unset) X(plugin_agents_down) X(plugin_failed) \
	X(plugin_installing) X(plugin_to_install) \
	/* source */ \
	X(source_unseen) X(source_demoted) X(source_down) X(capability_unseen) X(database_gone) X(source_not_capable) \
	X(secret_unseen) X(secret_out_of_reach) X(secret_new_out_of_reach) X(secret_to_put) \
	X(tables_unseen) X(tables_missing) X(tables_bad_kind) X(identity_to_set) X(tables_without_identity) X(columns_unseen) X(keys_inexact) X(snapshot_unfit) \
	X(role_unseen) X(role_foreign) X(role_not_fitting) X(role_dropped) X(role_to_make) \
	X(hba_unseen) X(hba_broken) X(hba_fought) X(hba_unmanaged) X(hba_to_write) \
	/* failover */ \
	X(move_unseen) X(move_connector_unseen) X(move_dragged) X(move_connector_works) X(move_tasks_left) \
	X(move_offsets_hidden) X(move_slot_unseen) X(move_walsender_stuck) X(move_slot_held) X(move_offsets_unseen) \
	X(move_verdict_unseen) X(move_to_judge) X(verdict_forgotten) X(rewind_unseen) X(rewind_connector_works) \
	X(rewind_tasks_left) X(rewind_offsets_hidden) X(rewind_due) \
	/* publication */ \
	X(gap_to_repair) X(gap_connector_unseen) X(publication_unseen) X(publication_foreign) X(publication_unverified) X(publication_unverified_at_start) X(publication_stuck) X(publication_identity_to_set) X(publication_without_identity) \
	X(publication_absent) X(publication_wrong) \
	/* connector */ \
	X(connector_unseen) X(connector_foreign) X(connector_unverified) X(connector_state_unseen) X(slot_unseen) \
	X(stopped_walsender_stuck) X(pausing) X(restart_connector_works) X(restart_waits) \
	X(failure_coming_back) X(failure_unproven) X(failure_unseen) X(failure_of_snapshot_due) \
	X(failure_retry_due) X(failure_stays) \
	X(discard_connector_works) X(discard_tasks_left) X(discard_offsets_hidden) \
	X(discard_walsender_stuck) X(discard_slot_held) X(discard_slot_left) \
	X(discard_offsets_unseen) X(discard_offsets_left) X(snapshot_given_up) X(snapshot_pausing) \
	X(pause_discarded) X(pause_unseen) X(pause_connector_works) X(pause_waits) X(pause_connector_missing) \
	X(pause_at_limit) X(paused_wal_high) X(paused) \
	X(offsets_orphaned) X(snapshot_spoiled) X(slot_left_over) X(slot_foreign) \
	X(slot_history_unseen) X(older_writer_unseen) X(older_writer_present) \
	X(stranger_first) X(turn_unseen) X(no_free_slot) X(turn_blocked) X(connector_to_prepare) X(turn_neighbour) \
	X(password_not_allowed) X(connector_to_point) X(connector_deleted) X(connector_to_put) X(discard_finished) \
	X(connector_prepared) X(connector_moved) X(connector_held) \
	X(failure_exhausted) X(restart_waiting) X(restart_due) X(task_not_running) \
	X(snapshot_only_unfinished) X(slot_blocked) X(move_unconfirmed_long) X(move_settling) X(snapshot_unstored) X(stranger_in_the_way) X(stream_broken) X(slot_not_streaming) X(move_unconfirmed) X(whole_refused) X(whole) \
	/* running */ \
	X(whole_slot_wal_high) X(whole_two_primaries) X(whole_new_task) X(whole_pause_unsafe) X(whole_standing_still) X(whole_standbys_awaited) X(whole_identity_to_set) X(whole_tables_without_identity) X(whole_tables_wrong) \
	X(whole_publication_unverified) X(whole_stranger) X(whole_role_wrong) X(whole_hba_wrong) X(whole_source_not_capable) \
	X(whole_secret_stale) X(whole_plugin_waits) X(whole_plugin_missing) X(whole_network_not_ready) \
	X(whole_network_out_of_reach) X(whole_agents_down) \
	X(always)

#define X(name) extern bool cdc_guard_##name(const CdcSnapshot *s);
CDC_GUARD_LIST(X)
#undef X

#endif							/* CDC_GUARDS_H */
