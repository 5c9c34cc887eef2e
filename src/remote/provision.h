/*
 * provision.h
 *	  What a provider of servers is told, and what it says: values that no
 *	  provider's own words are in.  And the vocabulary of the provider local,
 *	  cdc_agent in provisioning mode.  No I/O, no state.
 *
 * Results are palloc'd in the current context.  Nothing here ereports on what a
 * peer sent.  docs/agent.md describes the agent's API, docs/providers.md what a
 * provider is.
 */
#ifndef CDC_REMOTE_PROVISION_H
#define CDC_REMOTE_PROVISION_H

#include "common/base.h"
#include "common/mark.h"
#include <json-c/json.h>

/* Who makes a service's servers. */
typedef enum CdcProviderKind
{
	CDC_PROVIDER_NONE = 0,		/* external, or of a name that is not known: nobody */
	CDC_PROVIDER_LOCAL
} CdcProviderKind;

typedef enum CdcProvidedState
{
	CDC_PROVIDED_UNKNOWN,		/* no news: what was known stays */
	CDC_PROVIDED_ABSENT,		/* there is no such service there */
	CDC_PROVIDED_MAKING,
	CDC_PROVIDED_RUNNING,
	CDC_PROVIDED_ERROR,			/* message says why; it is tried on there */
	CDC_PROVIDED_LEAVING
} CdcProvidedState;

/* What is ordered; strings are the caller's. */
typedef struct CdcOrder
{
	bool		kafka;			/* else PostgreSQL */
	const char *version;
	const char *zone;
	const char *plan;			/* whose limits it is held to, or NULL */
	int			nodes;
	bool		auto_failover;
	bool		connect;		/* with the addon kafka-connect */
	const char *database;
	const char *admin_user;
	const char *admin_password;
	const char *app_user;
	const char *app_password;
	const char *agent_token;
	const char *connect_user;	/* whom Kafka Connect is to let in, or NULL */
	const char *connect_password;
	struct json_object *cidrs;	/* array of texts, or NULL */
} CdcOrder;

/* What a provider says of a service. */
typedef struct CdcProvided
{
	CdcProvidedState state;
	char	   *message;		/* NULL, or one line without secrets */
	CdcProvidedState connect;	/* of the addon */
	char	   *connect_message;

	/*
	 * How to reach it, as members of a service's connection; "nodes" apart.
	 * NULL: not known yet.  json_object_put by the caller.
	 */
	struct json_object *connection;
	struct json_object *nodes;	/* [{"address","port"}], PostgreSQL */
	char	   *network_id;		/* UUID of its private network, or NULL */
	char	   *limits;			/* what it is held to, in words, or NULL: not known */
	bool		answered;		/* by an agent: fence is what it says */
	CdcMarkSaid fence;			/* what it keeps of our epoch */
} CdcProvided;

/* By the name in the service's row; NULL too is NONE. */
extern CdcProviderKind cdc_provider_kind(const char *name);

/* The body of PUT /v1/services/{id}; the caller wipes it. */
extern char *cdc_provision_order(const CdcOrder *order);

/* Reads an answer of the agent to a GET, PUT or DELETE of a service. */
extern CdcProvided cdc_provision_read(int status, const char *body);

#endif							/* CDC_REMOTE_PROVISION_H */
