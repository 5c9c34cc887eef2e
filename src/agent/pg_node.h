/*
 * pg_node.h
 *	  A node of a PostgreSQL service: how its directory is made, and how its
 *	  server is started.
 *
 * Node n is node-n in the service's directory, complete from the rename that puts
 * it there.  Which node is the primary is the caller's to know.
 */
#ifndef CDC_AGENT_PG_NODE_H
#define CDC_AGENT_PG_NODE_H

#include "agent/service.h"

/* "node-0", more behind it; the same with the service's directory before it. */
extern void agent_pg_node_name(char *name, size_t size, int node, const char *more);
extern void agent_pg_node_path(char *path, size_t size, const AgentService *service, int node, const char *more);

/* A program of the ordered version; false with *error naming it. */
extern bool agent_pg_find_bin(AgentService *service, const char *program, char *path, size_t size, char **error);

/* The first node: initdb beside, its files, then into place.  False with *error. */
extern bool agent_pg_make_primary(AgentService *service, int node, char **error);

/* A standby: a copy of the primary beside, then into place.  False with *error. */
extern bool agent_pg_make_standby(AgentService *service, int node, char **error);

/* Starts its server.  Returns ms, as agent_service_start() and agent_service_fault() do. */
extern int	agent_pg_start_node(AgentService *service, int node);

#endif							/* CDC_AGENT_PG_NODE_H */
