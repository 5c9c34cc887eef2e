/*
 * forget.c
 *	  Services and pipelines leave the world: connections are closed, secrets
 *	  wiped, turns and queues left, memory freed.
 *
 * See world.h.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "worker/world/agenda.h"
#include "worker/world/asked.h"
#include "worker/world/index.h"
#include "worker/world/operation.h"
#include "worker/world/organization.h"
#include "worker/world/pair.h"
#include "worker/world/reload.h"
#include "worker/world/slot_starts.h"
#include "worker/world/tend.h"

void
cdc_world_remove_service(CdcService *service)
{
	const char *const secrets[] = {service->pg.admin_password, service->pg.connector_password, service->kafka.connect_password, service->pg.client_key,
		service->made.order.admin_password, service->made.order.app_password, service->made.order.agent_token};
	ListCell   *cell;
	int			i;

	cdc_index_leave_service(service);
	cdc_dirty_forget_service(service);
	cdc_tend_leave(service);
	cdc_network_leave(service);
	cdc_turn_close(&service->pg.hba_turn);
	cdc_turn_close(&service->pg.slot_turn);
	cdc_turn_close(&service->kafka.plugin_turn);
	for (i = 0; i < service->pg.nnodes; i++)
	{
		CdcNode    *node = &service->pg.nodes[i];

		if (node->admin)
			cdc_pg_close(node->admin);
		if (node->pinger)
			cdc_pg_close(node->pinger);
		if (node->history.conn)
			cdc_pg_close(node->history.conn);
		foreach(cell, node->databases)
			cdc_pg_close(((CdcNodeDb *) lfirst(cell))->conn);
	}
	foreach(cell, service->pg.databases)
	{
		CdcSourceDb *db = lfirst(cell);

		cdc_asked_close(db);
		if (db->conn)
			cdc_pg_close(db->conn);
		if (db->ddl)
			cdc_pg_close(db->ddl);
	}
	for (i = 0; i < (int) lengthof(service->pg.ddl_waiting); i++)
	{
		foreach(cell, service->pg.ddl_waiting[i])
			cdc_op_end(*(CdcOpRef *) lfirst(cell), CDC_OP_FAILED, "the service is gone");
	}
	cdc_agenda_no_batch(service);
	if (service->kafka.list)
		cdc_kc_list_free(service->kafka.list);
	for (i = 0; i < service->kafka.nagents; i++)
	{
		cdc_agent_state_free(service->kafka.agents[i].state);
		if (service->kafka.agents[i].token)
			explicit_bzero(service->kafka.agents[i].token, strlen(service->kafka.agents[i].token));
	}
	for (i = 0; i < (int) lengthof(secrets); i++)
	{
		if (secrets[i])
			explicit_bzero(unconstify(char *, secrets[i]), strlen(secrets[i]));
	}
	if (service->made.order.connect_password)
		explicit_bzero((char *) service->made.order.connect_password, strlen(service->made.order.connect_password));
	json_object_put(service->made.order.cidrs);
	cdc_peers_forget(service->id);
	MemoryContextDelete(service->context);
}

void
cdc_world_remove_pipeline(CdcPipeline *pipeline)
{
	cdc_op_forget(pipeline);
	cdc_turns_leave(pipeline);
	cdc_asked_leave(pipeline);
	cdc_slot_settled(pipeline, false);
	cdc_index_leave_pipeline(pipeline);
	cdc_dirty_forget_pipeline(pipeline);
	if (pipeline->wanted.options)
		json_object_put(pipeline->wanted.options);
	if (pipeline->secret.password)
		explicit_bzero(pipeline->secret.password, strlen(pipeline->secret.password));
	MemoryContextDelete(pipeline->context);
}

void
cdc_world_forget_rows(CdcWorld *world)
{
	CdcPipeline *p;
	CdcService *s;

	while ((p = cdc_next_pipeline(world, NULL)) != NULL)
		cdc_world_remove_pipeline(p);
	while ((s = cdc_next_service(world, NULL)) != NULL)
		cdc_world_remove_service(s);
	while (world->pairs != NIL)
		cdc_pair_forget(linitial(world->pairs));
	cdc_world_forget_organizations(world);
	cdc_reloads_forget(world);
}

void
cdc_world_clear(CdcWorld *world)
{
	cdc_world_forget_rows(world);
	cdc_world_forget_events(world);
	memset(&world->fence.highest, 0, sizeof(world->fence.highest));
	cdc_world_set_key(world, NULL);
}
