/*
 * job.c
 *	  See job.h.
 */
#include "agent/job.h"

#include <pthread.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "agent/download.h"
#include "agent/files.h"
#include "agent/job_file.h"
#include "agent/plugin_dir.h"
#include "agent/worker_control.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#define POLL_FIRST_MS 50
#define POLL_MAX_MS 500

/* A job that a killed agent begins again and again is given up. */
#define MAX_STARTS 5

static const AgentConfig *config;
static int	state_fd = -1;
static int	lock_fd = -1;		/* stays open: state_dir is locked as long as the agent runs */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static AgentJob *job;			/* guarded by lock; replaced only when it has ended */
static AgentJob *running;		/* guarded by lock; the thread's, also for a moment after it has ended */

/*
 * To the next state, on disk before anything is done in it.  A state that cannot
 * be written (a full disk) is no reason to stop half way: what is on disk then
 * is an earlier one, from which a killed agent begins.
 */
static void
enter(AgentJob *j, AgentJobState state, const char *why)
{
	char	   *fault = NULL;
	char	   *before = NULL;

	pthread_mutex_lock(&lock);
	j->state = state;
	if (why)
	{
		before = j->error;
		j->error = palloc(AGENT_MAX_WORDS);
		cdc_text_line(j->error, AGENT_MAX_WORDS, why);
	}
	if (agent_job_ended(j))
		j->ended_at = (int64) time(NULL);
	if (!agent_job_save(state_fd, j, &fault))
		fprintf(stderr, "cdc_agent: %s\n", fault);
	fprintf(stderr, "cdc_agent: %s %s: %s%s%s\n", agent_job_name(j->call), j->plugin ? j->plugin : "worker",
			agent_job_state_name(state), why ? ": " : "", why ? why : "");
	pthread_mutex_unlock(&lock);
	pg_free(before);			/* why may be it */
	pg_free(fault);
}

/* What is begun and cannot be had: undone if anything was done, and told. */
static void
give_up(AgentJob *j, const char *why)
{
	char	   *fault = NULL;

	if (j->state >= JOB_SWAPPING)
	{
		enter(j, JOB_RESTORING, why);
		return;
	}
	if (j->plugin)
		agent_plugin_clean(j->plugin, &fault);	/* room first: the state must be written */
	enter(j, JOB_FAILED, why);
	pg_free(fault);
}

/* Until the worker answers and lists what is wanted, or the deadline. */
static bool
wait_for_worker(const char *class, const char *version, char **error)
{
	int64		end = cdc_clock_ms() + config->worker_timeout * INT64CONST(1000);
	long		pause = POLL_FIRST_MS;

	for (;;)
	{
		AgentWorkerLook look;

		agent_worker_look(config, class, version, &look);
		if (look.lists)
			return true;
		if (cdc_clock_ms() >= end)
		{
			*error = look.answers ?
				psprintf("the worker came back and does not list %s %s", class, version ? version : "") :
				psprintf("the worker has not come back within %d s (worker_timeout): %s", config->worker_timeout,
						 look.error ? look.error : "no answer");
			return false;
		}
		if (look.error)
			pfree(look.error);
		cdc_clock_pause(pause);
		pause = Min(pause * 2, POLL_MAX_MS);
	}
}

static void
do_checking(AgentJob *j)
{
	struct json_object *manifest = agent_plugin_manifest(j->plugin);
	const char *sha512 = cdc_json_string(manifest, "sha512");
	AgentWorkerLook look = {false, false, NULL};

	if (sha512 && strcmp(sha512, j->sha512) == 0)
		agent_worker_look(config, j->class, j->version, &look);
	pg_free(look.error);
	json_object_put(manifest);
	enter(j, look.lists ? JOB_DONE : JOB_DOWNLOADING, NULL);
}

static struct json_object *
manifest_of(const AgentJob *j)
{
	struct json_object *manifest = json_object_new_object();

	agent_job_add_text(manifest, "job", j->id);
	agent_job_add_text(manifest, "version", j->version);
	agent_job_add_text(manifest, "sha512", j->sha512);
	agent_job_add_text(manifest, "url", j->url);
	json_object_object_add(manifest, "installed_at", json_object_new_int64((int64) time(NULL)));
	return manifest;
}

/* Both in one: the download's descriptor is what was checked. */
static void
do_fetching(AgentJob *j)
{
	char	   *error = NULL;
	int			fd = agent_plugin_open_download(&error);
	bool		ok = fd >= 0 && agent_download(config, j->url, j->sha512, fd, &error);

	if (ok)
	{
		struct json_object *manifest = manifest_of(j);

		enter(j, JOB_EXTRACTING, NULL);
		ok = agent_plugin_make_ready(config, j->plugin, fd, manifest, &error);
		json_object_put(manifest);
	}
	if (fd >= 0)
		close(fd);
	if (ok)
		enter(j, JOB_SWAPPING, NULL);
	else
		give_up(j, error);
	pg_free(error);
}

static void
do_swapping(AgentJob *j)
{
	char	   *error = NULL;
	bool		ok;

	if (j->call == AGENT_DELETE_PLUGIN)
		ok = agent_plugin_take_out(j->plugin, &error);
	else
		ok = agent_plugin_is_of(j->plugin, j->id) || agent_plugin_swap_in(j->plugin, &error);
	if (ok)
		enter(j, JOB_RESTARTING, NULL);
	else
		give_up(j, error);
	pg_free(error);
}

static void
do_restarting(AgentJob *j)
{
	char	   *error = NULL;

	if (agent_worker_restart(config, state_fd, &error))
		enter(j, JOB_WAITING, NULL);
	else
		give_up(j, error);
	pg_free(error);
}

static void
do_waiting(AgentJob *j)
{
	char	   *error = NULL;

	if (!wait_for_worker(j->class, j->version, &error))
		give_up(j, error);
	else
	{
		if (j->plugin && !agent_plugin_clean(j->plugin, &error))
			fprintf(stderr, "cdc_agent: %s\n", error);
		enter(j, JOB_DONE, NULL);
	}
	pg_free(error);
}

/* The former plugin back, the worker restarted with it. */
static void
do_restoring(AgentJob *j)
{
	char	   *error = NULL;
	char	   *more = NULL;
	const char *words = j->error ? j->error : "unknown fault";

	if (j->plugin && !agent_plugin_restore(j->plugin, j->id, j->call == AGENT_DELETE_PLUGIN, &error))
		more = psprintf("%s; the former plugin could not be put back: %s", words, error);
	else
	{
		if (j->call == AGENT_RESTART_WORKER)
			;
		else if (!agent_worker_restart(config, state_fd, &error) || !wait_for_worker(NULL, NULL, &error))
			more = psprintf("%s; the former plugin is back in place, but the worker: %s", words, error);
		else
			more = psprintf("%s; the former plugin is back in use", words);
		pg_free(error);
		error = NULL;
		if (j->plugin)
			agent_plugin_clean(j->plugin, &error);
	}
	enter(j, JOB_FAILED, more ? more : words);
	pg_free(more);
	pg_free(error);
}

static void
run(AgentJob *j)
{
	char	   *fault = NULL;

	pthread_mutex_lock(&lock);
	j->starts++;
	if (!agent_job_save(state_fd, j, &fault))
		fprintf(stderr, "cdc_agent: %s\n", fault);
	pthread_mutex_unlock(&lock);
	if (j->starts > MAX_STARTS && j->state != JOB_RESTORING)
		give_up(j, "the agent ended in the middle of it too often");
	while (!agent_job_ended(j))
	{
		switch (j->state)
		{
			case JOB_CHECKING:
				do_checking(j);
				break;
			case JOB_DOWNLOADING:
			case JOB_EXTRACTING:
				do_fetching(j);
				break;
			case JOB_SWAPPING:
				do_swapping(j);
				break;
			case JOB_RESTARTING:
				do_restarting(j);
				break;
			case JOB_WAITING:
				do_waiting(j);
				break;
			case JOB_RESTORING:
				do_restoring(j);
				break;
			case JOB_DONE:
			case JOB_FAILED:
				break;
		}
	}
}

static void *
work(void *arg)
{
	(void) arg;
	for (;;)
	{
		AgentJob   *mine;

		pthread_mutex_lock(&lock);
		while (job == NULL || agent_job_ended(job))
			pthread_cond_wait(&changed, &lock);
		mine = running = job;
		pthread_mutex_unlock(&lock);
		run(mine);
		pthread_mutex_lock(&lock);
		running = NULL;
		/* another one has taken its place as soon as it had ended */
		if (job != mine)
			agent_job_free(mine);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

bool
agent_job_init(const AgentConfig *c, char **error)
{
	pthread_t	thread;

	config = c;
	state_fd = agent_open_dir(AT_FDCWD, config->state_dir, 0700, false, error);
	if (state_fd < 0 || !agent_is_own_dir(state_fd, "state_dir", config->state_dir, error))
		return false;
	lock_fd = openat(state_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (lock_fd < 0 || flock(lock_fd, LOCK_EX | LOCK_NB) != 0)
	{
		*error = psprintf("another agent uses state_dir \"%s\": %m", config->state_dir);
		return false;
	}
	agent_remove_leftovers(state_fd, 0);
	if (!agent_plugin_init(config, state_fd, error) || !agent_job_load(state_fd, &job, error))
		return false;
	if (pthread_create(&thread, NULL, work, NULL) != 0)
	{
		*error = pstrdup("no thread for jobs");
		return false;
	}
	pthread_detach(thread);
	return true;
}

int
agent_job_state_dir(void)
{
	return state_fd;
}

AgentAsk
agent_job_ask(const AgentRequest *r, char **error)
{
	AgentAsk	result = AGENT_ASK_STARTED;
	AgentJob   *j;

	if (r->call == AGENT_PUT_PLUGIN && (*error = agent_download_fault(config, r->url)) != NULL)
		return AGENT_ASK_FAULT;
	if (config->restart_command == NULL)
	{
		*error = pstrdup("the agent's configuration has no restart_command");
		return AGENT_ASK_FAULT;
	}
	pthread_mutex_lock(&lock);
	if (job && !agent_job_ended(job))
		result = agent_job_is(job, r) ? AGENT_ASK_STARTED : AGENT_ASK_BUSY;
	else
	{
		j = agent_job_new(r);
		if (j == NULL || !agent_job_save(state_fd, j, error))
		{
			agent_job_free(j);
			if (*error == NULL)
				*error = pstrdup("no random numbers");
			result = AGENT_ASK_FAULT;
		}
		else
		{
			if (job != running)
				agent_job_free(job);
			job = j;
			pthread_cond_signal(&changed);
		}
	}
	pthread_mutex_unlock(&lock);
	return result;
}

struct json_object *
agent_job_object(void)
{
	struct json_object *object;

	pthread_mutex_lock(&lock);
	object = job ? agent_job_to_object(job) : NULL;
	pthread_mutex_unlock(&lock);
	return object;
}

struct json_object *
agent_job_plugins(char **error)
{
	return agent_plugin_list(error);
}
