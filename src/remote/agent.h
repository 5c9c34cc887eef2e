/*
 * agent.h
 *	  The vocabulary of cdc_agent's API: build a request, read an answer.  No
 *	  I/O, no state.
 *
 * Results are palloc'd in the current context.  Nothing here ereports on what
 * a peer sent.  docs/agent.md describes the API.
 */
#ifndef CDC_REMOTE_AGENT_H
#define CDC_REMOTE_AGENT_H

#include "common/base.h"
#include "common/mark.h"
#include <json-c/json.h>

/* The name under which an agent installs Debezium's connector. */
#define CDC_AGENT_PLUGIN "debezium-connector-postgres"

typedef enum CdcAgentJob
{
	CDC_AGENT_JOB_NONE,			/* never one */
	CDC_AGENT_JOB_RUNNING,
	CDC_AGENT_JOB_DONE,
	CDC_AGENT_JOB_FAILED
} CdcAgentJob;

/* GET /v1/state; strings are the body's. */
typedef struct CdcAgentState
{
	struct json_object *body;	/* owns the strings; cdc_agent_state_free */
	const char *secret_path;	/* the secrets' directory as the worker sees it */
	CdcMarkSaid fence;			/* the highest epoch there of our installation, as it says it */
	CdcAgentJob job;
	const char *job_id;
	const char *job_state;		/* "extracting" */
	const char *job_sha512;		/* of an install, else NULL */
	const char *job_version;
	const char *job_error;
	int			nsecrets;
	struct json_object *secrets;	/* names, sorted */
} CdcAgentState;

/*
 * What an answer says that the agent keeps of our epoch; texts are the object's.  0 is
 * none, and so is its absence, as in 0.1.  What is not a number is as JSON has it, and
 * is then no epoch.
 */
extern CdcMarkSaid cdc_agent_read_fence(struct json_object *object);

/* NULL when the body is not what an agent sends. */
extern CdcAgentState *cdc_agent_parse_state(const char *body);
extern void cdc_agent_state_free(CdcAgentState *state);
extern bool cdc_agent_has_secret(const CdcAgentState *state, const char *name);

/*
 * Names of the files of this connector, certificates too, but those to keep, as
 * a list of strings.
 */
extern int	cdc_agent_secrets_of(const CdcAgentState *state, const char *connector_name,
								 const char *const *keep, int nkeep, const char ***names);

/* The names of a connector's password, and of the CA's certificate with this hash (hexadecimal). */
extern char *cdc_agent_secret_name(const char *connector_name, int generation);
extern char *cdc_agent_certificate_name(const char *connector_name, const char *hash);

/*
 * base + path, in which %s stands for name, and who asks; epoch 0: a look.  mark:
 * of the epoch on this agent, or NULL.
 */
extern char *cdc_agent_url(const char *base, const char *path, const char *name,
						   const char *installation, int64 epoch, const char *mark);

/* Bodies of PUT /v1/plugins/{name}, of PUT /v1/fence (from: the epoch there, as it was said), and of PUT /v1/secrets/{name} and /v1/certificates/{name}. */
extern char *cdc_agent_install_body(const char *url, const char *sha512, const char *version);
extern char *cdc_agent_fence_body(const char *from);
extern char *cdc_agent_secret_body(const char *value);

/* What an answer to a change means. */
typedef enum CdcAgentMeaning
{
	CDC_AGENT_DONE,				/* 2xx */
	CDC_AGENT_BUSY,				/* 409: another job is under way */
	CDC_AGENT_FENCED,			/* 412: a higher epoch acts there */
	CDC_AGENT_REFUSED,			/* other 4xx: message says what */
	CDC_AGENT_MAYBE				/* 5xx or nonsense: it may have taken effect */
} CdcAgentMeaning;

/*
 * *message: what it said, one line in which neither the secrets that it was sent
 * nor what looks like one is left; NULL when DONE.
 */
extern CdcAgentMeaning cdc_agent_meaning(int status, const char *body, const char *const *secrets, int nsecrets, char **message);

/* Does a 403 with this body refuse our token the right to it?  Unless it is the agent's own, which says what it refuses. */
extern bool cdc_agent_forbids(const char *body);

#endif							/* CDC_REMOTE_AGENT_H */
