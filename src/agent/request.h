/*
 * request.h
 *	  From a method, a path and a body to a request whose every part is checked.
 *
 * Pure: no I/O, no state; what is not understood is refused here, so that
 * nothing else has to look at what a client sent.
 */
#ifndef CDC_AGENT_REQUEST_H
#define CDC_AGENT_REQUEST_H

#include "common/base.h"

#include <json-c/json.h>

#define AGENT_MAX_BODY		(64 * 1024)
#define AGENT_MAX_NAME		128
#define AGENT_MAX_SECRET	4096
#define AGENT_MAX_WORDS		1000	/* of an error in an answer */
#define AGENT_MAX_CERTIFICATE	(32 * 1024)

typedef enum AgentCall
{
	AGENT_GET_STATE,			/* GET /v1/state */
	AGENT_GET_PLUGINS,			/* GET /v1/plugins */
	AGENT_PUT_PLUGIN,			/* PUT /v1/plugins/{name} */
	AGENT_DELETE_PLUGIN,		/* DELETE /v1/plugins/{name} */
	AGENT_GET_JOB,				/* GET /v1/job */
	AGENT_GET_WORKER,			/* GET /v1/worker */
	AGENT_RESTART_WORKER,		/* POST /v1/worker/restart */
	AGENT_GET_SECRETS,			/* GET /v1/secrets */
	AGENT_PUT_SECRET,			/* PUT /v1/secrets/{name} */
	AGENT_DELETE_SECRET,		/* DELETE /v1/secrets/{name} */
	AGENT_PUT_CERTIFICATE,		/* PUT /v1/certificates/{name} */
	AGENT_PUT_FENCE,			/* PUT /v1/fence, in either mode */
	/* provisioning mode */
	AGENT_GET_SERVICES,			/* GET /v1/services */
	AGENT_GET_SERVICE,			/* GET /v1/services/{id} */
	AGENT_PUT_SERVICE,			/* PUT /v1/services/{id} */
	AGENT_DELETE_SERVICE		/* DELETE /v1/services/{id} */
} AgentCall;

typedef struct AgentRequest
{
	AgentCall	call;
	char		name[AGENT_MAX_NAME + 1];	/* of the plugin, secret or service */
	char	   *installation;	/* of the control plane, NULL: none said */
	int64		epoch;			/* with installation */
	char	   *mark;			/* of that epoch, NULL: none said */
	/* AGENT_PUT_FENCE */
	int64		from;			/* the epoch that is to be replaced */
	/* AGENT_PUT_PLUGIN */
	char	   *url;
	char	   *sha512;			/* 128 lower case digits */
	char	   *version;
	char	   *class;			/* that the worker must list, or NULL */
	/* AGENT_PUT_SECRET, AGENT_PUT_CERTIFICATE */
	char	   *value;			/* wiped by agent_request_wipe */
	/* AGENT_PUT_SERVICE */
	struct json_object *order;	/* some JSON object, not looked at yet */
} AgentRequest;

/* Is it a call of provisioning mode? */
extern bool agent_request_is_provision(const AgentRequest *request);

/* Does the call change anything?  Then a lower epoch is refused. */
extern bool agent_request_changes(const AgentRequest *request);

/*
 * Reads a request; installation, epoch, mark (texts of the query string) and body may
 * be NULL, length is the body's.  0, or the HTTP status to refuse it with and
 * *error (palloc'd) saying why, without quoting a secret.
 */
extern int	agent_request_read(AgentRequest *request, const char *method, const char *path,
							   const char *installation, const char *epoch, const char *mark,
							   const char *body, size_t length, char **error);

/* Frees what agent_request_read allocated, the secret's bytes overwritten. */
extern void agent_request_wipe(AgentRequest *request);

#endif							/* CDC_AGENT_REQUEST_H */
