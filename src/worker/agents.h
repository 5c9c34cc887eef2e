/*
 * agents.h
 *	  The agents of a sink: one on each Connect host, looked at together, used
 *	  by all pipelines of the sink.
 *
 * observe/agents.c asks, assess/agents.c reads, execute/agents.c changes.  Agent
 * n speaks for the worker of connect_urls[n].
 */
#ifndef CDC_AGENTS_H
#define CDC_AGENTS_H

#include "worker/world/world.h"

/* How often a sink is looked at while its workers are restarted one by one (ms). */
#define CDC_ROLL_MS 200

/* observe/agents.c: was every agent looked at since then?  Starts the looks. */
extern bool cdc_agents_fresh(const CdcService *sink, int64 since);
extern void cdc_agents_look(CdcService *sink);

/* Fills credentials, CA and timeouts of a request to an agent. */
extern void cdc_agents_auth(const CdcService *sink, const CdcAgent *agent, CdcHttpRequest *request);

/* assess/agents.c: the agents' part of a snapshot and its details. */
extern void cdc_assess_agents(CdcPipeline *pipeline, CdcSnapshot *snapshot);

/* Is what is known of them not enough for this pipeline? */
extern bool cdc_agents_needed(const CdcPipeline *pipeline);

/* Does a worker that answered lack the plugin, at its wanted version?  Its number, or -1. */
extern int	cdc_agents_target(const CdcService *sink);

/* Is a new password due, which has not been made yet? */
extern bool cdc_password_due(const CdcPipeline *pipeline);

/* The name of the password's file; the directory that the workers know, or NULL. */
extern char *cdc_agents_secret_name(const CdcPipeline *pipeline);
extern const char *cdc_agents_secret_path(const CdcService *sink);

/* execute/agents.c: INSTALL_PLUGIN, PUT_SECRET, DELETE_SECRET; started as execute.h says. */
extern void cdc_agents_execute(CdcOp *op);

/* Has nobody asked for an installation since the agents were looked at? */
extern bool cdc_agents_unchanged(const CdcService *sink);

#endif							/* CDC_AGENTS_H */
