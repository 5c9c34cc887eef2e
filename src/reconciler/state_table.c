/*
 * state_table.c
 *	  The reconciler's rules.
 *
 * First match wins, so the order is the order of truth: what must hold first
 * stands first, and a rule may rely on everything above it.  Guards are in
 * guards.c, names and the check of the table in state_table_check.c.
 *
 * The world is looked at anew on every visit, so nothing here counts steps.
 * A few things cannot be seen again and are remembered by the worker instead
 * (docs/architecture.md calls them intents):
 *	 - discarding: a snapshot is being thrown away (begin_discard ... end_discard);
 *	 - was_running: the present snapshot ended and its slot streamed (a rule
 *	   with status_to Running fired; cleared by end_discard);
 *	 - failover: the verdict on a source whose history has changed, and the
 *	   history on which the pipeline streamed last;
 *	 - gap: events may be missing (from when it was seen until end_discard);
 *	 - the offsets of an absent connector;
 *	 - that the slot was absent before our connector was made: a slot carries no
 *	   mark;
 *	 - the password of the role, and that pg_hba.conf was reloaded;
 *	 - which tables were given REPLICA IDENTITY FULL, and what they had;
 *	 - which pause was ended by its limit, and which restart was carried out;
 *	 - when a mutation was last sent (settled, untouched).
 *
 * "STAY" keeps the status.  Rules of Pending, Provisioning and Failed say
 * Provisioning, which is how Failed heals; the same fact under Running is a
 * repair or a report and never costs the status.  A paused pipeline is kept right
 * like one that runs, but that no task is started; it is Running again when it is
 * seen to stream.
 */
#include <stddef.h>

#include "reconciler/guards.h"
#include "reconciler/state_table.h"

#define ON(status)	(1U << CDC_##status)
#define BUILD		(ON(PENDING) | ON(PROVISIONING) | ON(FAILED))
#define UP			(ON(RUNNING) | ON(PAUSED))
#define KEEP		(ON(PROVISIONING) | UP)
#define LIVE		(BUILD | UP)
#define GOING		ON(DELETING)
#define EVERY		(LIVE | GOING | ON(DELETED))

#define G(name)		cdc_guard_##name, #name

#define STAY		CDC_STAY
#define PROVISION	CDC_PROVISIONING

/* step, action, retry: one word each in the table below */
#define NO_STEP		CDC_STEP_NONE
#define NETWORK		CDC_STEP_ENSURE_NETWORK
#define PLUGIN		CDC_STEP_INSTALL_PLUGIN
#define SOURCE		CDC_STEP_PREPARE_SOURCE
#define PUBLICATION CDC_STEP_CREATE_PUBLICATION
#define CONNECTOR	CDC_STEP_CREATE_CONNECTOR
#define DO(action)	CDC_ACT_##action
#define NOW			CDC_RETRY_NOW
#define FAST		CDC_RETRY_FAST
#define TURN		CDC_RETRY_TURN
#define BACKOFF		CDC_RETRY_BACKOFF
#define ROUND		CDC_RETRY_ROUND
#define SLOW		CDC_RETRY_SLOW
#define NEVER		CDC_RETRY_NEVER

const CdcRule cdc_state_table[] =
{
#include "reconciler/rules_deleting.h"
#include "reconciler/rules_prepare.h"
#include "reconciler/rules_source.h"
#include "reconciler/rules_failover.h"
#include "reconciler/rules_publication.h"
#include "reconciler/rules_connector.h"
#include "reconciler/rules_running.h"

	{0, NULL, 0, NULL, NULL, 0, NO_STEP, DO(NONE), NEVER, NULL, NULL, false}
};
