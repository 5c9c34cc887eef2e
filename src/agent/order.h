/*
 * order.h
 *	  What a control plane orders of the agent in provisioning mode: one service.
 *
 * Pure: no I/O, no state.  docs/agent.md has the members.
 */
#ifndef CDC_AGENT_ORDER_H
#define CDC_AGENT_ORDER_H

#include "common/base.h"

#include <json-c/json.h>

#define AGENT_MAX_NODES 2

typedef struct AgentOrder
{
	struct json_object *json;	/* as sent; holds every text below */
	bool		kafka;			/* else PostgreSQL */
	const char *version;
	const char *zone;			/* of its private network, or NULL */
	const char *plan;			/* whose limits it is held to, or NULL */
	int			nodes;
	bool		auto_failover;
	bool		connect;		/* Kafka: with Kafka Connect */
	const char *database;		/* PostgreSQL: owned by app_user */
	const char *admin_user;
	const char *admin_password;
	const char *app_user;
	const char *app_password;
	const char *connect_user;	/* whom Kafka Connect lets in, or NULL: everybody */
	const char *connect_password;
	const char *agent_token;	/* of the agent beside Kafka Connect, or NULL */
	struct json_object *cidrs;	/* networks that users come from, or NULL: all */
} AgentOrder;

/*
 * Reads an order; takes a reference of object.  False, *error (palloc'd) saying
 * which member and why, without quoting a secret.
 */
extern bool agent_order_read(AgentOrder *order, struct json_object *object, char **error);

/* Drops the reference. */
extern void agent_order_free(AgentOrder *order);

/* May b follow a?  NULL: yes, else the member that cannot be changed. */
extern const char *agent_order_conflict(const AgentOrder *a, const AgentOrder *b);

#endif							/* CDC_AGENT_ORDER_H */
