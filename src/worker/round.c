/*
 * round.c
 *	  What is due by its time: a health round of all, pipelines whose visit was
 *	  planned, rows that are to be written.
 *
 * See visit.h.  Finds and readies; visits nothing itself.
 */
#include "postgres.h"

#include "extension/cdc_shmem.h"
#include "extension/settings.h"
#include "worker/execute/execute.h"
#include "worker/observe/observe.h"
#include "worker/visit_parts.h"
#include "worker/world/agenda.h"
#include "worker/world/checked.h"
#include "worker/world/facts.h"
#include "worker/world/index.h"
#include "worker/world/organization.h"
#include "worker/world/plan.h"
#include "worker/world/reload.h"
#include "worker/world/tend.h"

/* Events that nothing waits for are written together, within this time. */
#define EVENTS_MS 25

void
cdc_visit_reloaded(CdcWorld *world)
{
	/* a shorter interval holds from now on, not from the next round on */
	cdc_agenda_round_by(world, cdc_loop_now() + cdc_health_interval);
	/* the key file may be another one, or be there at last */
	if (cdc_world_lacks_secret(world))
		cdc_agenda_read_all(world);
}

/* A pipeline in a round that begins now; asked: somebody waits for it. */
static void
look_anew(CdcPipeline *p, int64 now, bool asked)
{
	p->plan.asked = p->plan.asked || asked;
	if (p->doing.op)
	{
		cdc_check_passed_over(p);
		return;
	}
	/* what the former round asked is not answered yet: were it outdated, rounds that overtake each other would end none */
	if (p->plan.round_due && p->look.waiting && !asked)
		return;
	cdc_plan_since(p, CDC_ANEW_SOURCE | CDC_ANEW_CONNECT | CDC_ANEW_NETWORK, now);
	cdc_check_wanted(p);
	if (p->kept.status == CDC_RUNNING)
		p->plan.rounds_running++;
	if (p->plan.attempts == 0 || asked)
	{
		cdc_plan_at(p, 0);
		cdc_world_ready(p);
	}
}

/*
 * A round: every service and every pipeline is looked at, all at once.
 */
static void
begin_round(CdcWorld *world)
{
	CdcService *s;
	CdcPipeline *p;
	int64		now = cdc_loop_now();
	bool		asked = cdc_agenda_round_begins(world, now + cdc_health_interval);

	cdc_world_rounds_begun(world);
	cdc_reloads_tidy(world, now);
	cdc_shmem_begin_round();
	cdc_each_service(s, world)
	{
		cdc_checks_begin(s);
		cdc_observe_service(s);
		cdc_tend(s, CDC_TEND_LOOKS);
	}
	cdc_network_round(world);
	cdc_provider_round(world);
	cdc_each_pipeline(p, world)
		look_anew(p, now, asked);
}

/* A round of one organization: what is its own, and what asking for costs nobody else. */
static void
begin_round_of(CdcWorld *world, const CdcOrganization *organization, int64 now, bool asked)
{
	CdcService *s;
	CdcPipeline *p;

	cdc_each_service(s, world)
	{
		if (strcmp(s->organization_id, organization->id) != 0)
			continue;
		if (asked)
			cdc_peers_retry(s->id, now);
		cdc_observe_service(s);
		cdc_network_look(s);
		cdc_each_of_source(p, s)
			look_anew(p, now, asked);
	}
}

void
cdc_visit_due(CdcWorld *world)
{
	const CdcOrganization *organization;
	CdcPipeline *p;
	int64		now = cdc_loop_now();
	bool		asked;

	if (!world->acting)
		return;
	cdc_visit_ended(world);
	cdc_visit_standbys(world);
	if (now >= world->next_round)
		begin_round(world);
	while ((organization = cdc_world_begin_round(world, now, &asked)) != NULL)
		begin_round_of(world, organization, now, asked);
	cdc_observe_paced(world);
	cdc_network_due(world);
	cdc_provider_due(world);
	cdc_agents_due(world);
	cdc_turns_due(world, now);
	while ((p = cdc_plan_next_due(world, now)) != NULL)
	{
		if (!p->look.waiting && cdc_pace_awaits_slot(p) && cdc_observe_source_watch(p))
		{
			cdc_turns_visited(p, true);
			cdc_plan_at(p, cdc_pace_next_poll(p));
			continue;
		}
		if (!p->look.waiting)
			cdc_pace_look_again(p, now);
		cdc_world_ready(p);
	}
}

int64
cdc_visit_next(CdcWorld *world)
{
	const int64 dues[] = {
		world->events ? world->events_since + EVENTS_MS : 0,
		world->held_events ? world->held_events_at : 0,
		world->work_again_at,
		cdc_dirty_next(world),
		cdc_observe_next(world),
		cdc_network_next(world),
		cdc_tend_next(world),
		cdc_turns_next(world),
		cdc_world_round_due(world),
		cdc_reload_next(world),
		cdc_plan_next(world)
	};
	int64		next = world->next_round;
	size_t		i;

	if (!world->acting)
		return 0;
	for (i = 0; i < lengthof(dues); i++)
	{
		if (dues[i] != 0 && dues[i] < next)
			next = dues[i];
	}
	return next;
}

bool
cdc_visit_dirty(CdcWorld *world)
{
	int64		now = cdc_loop_now();

	return cdc_dirty_due(world, now) || (cdc_reload_next(world) != 0 && now >= cdc_reload_next(world)) || !dlist_is_empty(&world->starting) ||
		(world->events && now >= world->events_since + EVENTS_MS) ||
		(world->held_events && now >= world->held_events_at) || (world->work_again_at && now >= world->work_again_at);
}
