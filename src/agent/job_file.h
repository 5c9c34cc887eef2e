/*
 * job_file.h
 *	  A job as it is on disk, in state_dir: what was asked, how far it is.
 *
 * Takes no step of a job and knows no lock: the caller holds his.
 */
#ifndef CDC_AGENT_JOB_FILE_H
#define CDC_AGENT_JOB_FILE_H

#include "agent/request.h"

#include <json-c/json.h>

typedef enum AgentJobState
{
	JOB_CHECKING,
	JOB_DOWNLOADING,
	JOB_EXTRACTING,
	JOB_SWAPPING,
	JOB_RESTARTING,
	JOB_WAITING,
	JOB_RESTORING,
	JOB_DONE,
	JOB_FAILED
} AgentJobState;

/* Writers: job.c, job_file.c */
typedef struct AgentJob
{
	char		id[33];
	AgentCall	call;			/* AGENT_PUT_PLUGIN, AGENT_DELETE_PLUGIN, AGENT_RESTART_WORKER */
	char	   *plugin;			/* NULL: AGENT_RESTART_WORKER */
	char	   *url;			/* this and the next three: AGENT_PUT_PLUGIN */
	char	   *sha512;
	char	   *version;
	char	   *class;			/* NULL: any */
	AgentJobState state;
	char	   *error;
	int			starts;
	int64		started_at;		/* seconds since 1970 */
	int64		ended_at;		/* 0: not yet */
} AgentJob;

/* What a request asks for, to be freed by the caller; NULL: there are no random numbers. */
extern AgentJob *agent_job_new(const AgentRequest *request);

/* Is it the same that a request asks for? */
extern bool agent_job_is(const AgentJob *job, const AgentRequest *request);

/* NULL: nothing. */
extern void agent_job_free(AgentJob *job);

extern bool agent_job_ended(const AgentJob *job);
extern const char *agent_job_name(AgentCall call);
extern const char *agent_job_state_name(AgentJobState state);

/* For GET, and as its file has it; put by the caller. */
extern struct json_object *agent_job_to_object(const AgentJob *job);

/* Sets a member, where there is a text. */
extern void agent_job_add_text(struct json_object *object, const char *key, const char *words);

/* Writes its file; false with *error. */
extern bool agent_job_save(int state_fd, const AgentJob *job, char **error);

/* The job of the file, NULL when there is none; false with *error: it is damaged. */
extern bool agent_job_load(int state_fd, AgentJob **job, char **error);

#endif							/* CDC_AGENT_JOB_FILE_H */
