/*
 * job.c
 *	  See job.h.
 */
#include "agent/job.h"

#include <pthread.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "agent/download.h"
#include "agent/files.h"
#include "agent/plugin_dir.h"
#include "agent/worker_control.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/text.h"

#define JOB_FILE "job.json"
#define MAX_JOB_BYTES 65536
#define POLL_FIRST_MS 50
#define POLL_MAX_MS 500

/* A job that a killed agent begins again and again is given up. */
#define MAX_STARTS 5

typedef enum JobState
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
} JobState;

static const char *const state_names[] = {
	"checking", "downloading", "extracting", "swapping", "restarting", "waiting", "restoring", "done", "failed"
};

typedef struct Job
{
	char		id[33];
	AgentCall	call;			/* AGENT_PUT_PLUGIN, AGENT_DELETE_PLUGIN, AGENT_RESTART_WORKER */
	char	   *plugin;			/* NULL: AGENT_RESTART_WORKER */
	char	   *url;			/* this and the next three: AGENT_PUT_PLUGIN */
	char	   *sha512;
	char	   *version;
	char	   *class;			/* NULL: any */
	JobState	state;
	char	   *error;
	int			starts;
	int64		started_at;		/* seconds since 1970 */
	int64		ended_at;		/* 0: not yet */
} Job;

static const AgentConfig *config;
static int	state_fd = -1;
static int	lock_fd = -1;		/* stays open: state_dir is locked as long as the agent runs */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static Job *job;				/* guarded by lock; replaced only when it has ended */
static Job *running;			/* guarded by lock; the thread's, also for a moment after it has ended */

static bool
has_ended(const Job *j)
{
	return j->state == JOB_DONE || j->state == JOB_FAILED;
}

static void
add_text(struct json_object *object, const char *key, const char *words)
{
	if (words)
		json_object_object_add(object, key, json_object_new_string(words));
}

static const char *
call_name(AgentCall call)
{
	return call == AGENT_PUT_PLUGIN ? "install" : call == AGENT_DELETE_PLUGIN ? "remove" : "restart";
}

/* The lock is held. */
static struct json_object *
to_object(const Job *j)
{
	struct json_object *object = json_object_new_object();

	add_text(object, "id", j->id);
	add_text(object, "kind", call_name(j->call));
	add_text(object, "plugin", j->plugin);
	add_text(object, "url", j->url);
	add_text(object, "sha512", j->sha512);
	add_text(object, "version", j->version);
	add_text(object, "class", j->class);
	add_text(object, "state", state_names[j->state]);
	add_text(object, "error", j->error);
	json_object_object_add(object, "starts", json_object_new_int(j->starts));
	json_object_object_add(object, "started_at", json_object_new_int64(j->started_at));
	if (j->ended_at)
		json_object_object_add(object, "ended_at", json_object_new_int64(j->ended_at));
	return object;
}

static char *
copy(const char *words)
{
	return words ? pstrdup(words) : NULL;
}

/* NULL: nothing. */
static void
free_job(Job *j)
{
	if (j == NULL)
		return;
	pg_free(j->plugin);
	pg_free(j->url);
	pg_free(j->sha512);
	pg_free(j->version);
	pg_free(j->class);
	pg_free(j->error);
	pg_free(j);
}

/* A job file, or NULL when it is none of ours. */
static Job *
from_object(struct json_object *object)
{
	const char *id = cdc_json_string(object, "id");
	const char *kind = cdc_json_string(object, "kind");
	const char *state = cdc_json_string(object, "state");
	Job		   *j = palloc0(sizeof(Job));
	int			i;

	if (id == NULL || strlen(id) >= sizeof(j->id) || kind == NULL || state == NULL)
		return NULL;
	strlcpy(j->id, id, sizeof(j->id));
	j->call = strcmp(kind, "install") == 0 ? AGENT_PUT_PLUGIN :
		strcmp(kind, "remove") == 0 ? AGENT_DELETE_PLUGIN : AGENT_RESTART_WORKER;
	j->plugin = copy(cdc_json_string(object, "plugin"));
	j->url = copy(cdc_json_string(object, "url"));
	j->sha512 = copy(cdc_json_string(object, "sha512"));
	j->version = copy(cdc_json_string(object, "version"));
	j->class = copy(cdc_json_string(object, "class"));
	j->error = copy(cdc_json_string(object, "error"));
	j->starts = (int) cdc_json_int64(object, "starts", 0);
	j->started_at = cdc_json_int64(object, "started_at", 0);
	j->ended_at = cdc_json_int64(object, "ended_at", 0);
	if ((j->call != AGENT_RESTART_WORKER && j->plugin == NULL) ||
		(j->call == AGENT_PUT_PLUGIN && (j->url == NULL || j->sha512 == NULL || j->version == NULL)))
		return NULL;
	for (i = 0; i < (int) lengthof(state_names); i++)
	{
		if (strcmp(state, state_names[i]) == 0)
		{
			j->state = (JobState) i;
			return j;
		}
	}
	return NULL;
}

static bool
save(const Job *j, char **error)
{
	struct json_object *object = to_object(j);
	const char *words = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN);
	bool		ok = agent_write_file(state_fd, JOB_FILE, words, strlen(words), 0600, error);

	json_object_put(object);
	return ok;
}

static bool
load(char **error)
{
	char	   *words;
	struct json_object *object;

	if (!agent_exists(state_fd, JOB_FILE))
		return true;
	words = agent_read_file(state_fd, JOB_FILE, MAX_JOB_BYTES, error);
	if (words == NULL)
		return false;
	object = cdc_json_parse(words);
	pfree(words);
	job = from_object(object);
	json_object_put(object);
	if (job == NULL)
		*error = psprintf("%s in state_dir is damaged; look into plugin_dir, then remove it", JOB_FILE);
	return job != NULL;
}

/*
 * To the next state, on disk before anything is done in it.  A state that cannot
 * be written (a full disk) is no reason to stop half way: what is on disk then
 * is an earlier one, from which a killed agent begins.
 */
static void
enter(Job *j, JobState state, const char *why)
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
	if (has_ended(j))
		j->ended_at = (int64) time(NULL);
	if (!save(j, &fault))
		fprintf(stderr, "cdc_agent: %s\n", fault);
	fprintf(stderr, "cdc_agent: %s %s: %s%s%s\n", call_name(j->call), j->plugin ? j->plugin : "worker",
			state_names[state], why ? ": " : "", why ? why : "");
	pthread_mutex_unlock(&lock);
	pg_free(before);			/* why may be it */
	pg_free(fault);
}

/* What is begun and cannot be had: undone if anything was done, and told. */
static void
give_up(Job *j, const char *why)
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

static void
pause_ms(long ms)
{
	struct timespec ts = {ms / 1000, (ms % 1000) * 1000000};

	nanosleep(&ts, NULL);
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
		pause_ms(pause);
		pause = Min(pause * 2, POLL_MAX_MS);
	}
}

static void
do_checking(Job *j)
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
manifest_of(const Job *j)
{
	struct json_object *manifest = json_object_new_object();

	add_text(manifest, "job", j->id);
	add_text(manifest, "version", j->version);
	add_text(manifest, "sha512", j->sha512);
	add_text(manifest, "url", j->url);
	json_object_object_add(manifest, "installed_at", json_object_new_int64((int64) time(NULL)));
	return manifest;
}

/* Both in one: the download's descriptor is what was checked. */
static void
do_fetching(Job *j)
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
do_swapping(Job *j)
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
do_restarting(Job *j)
{
	char	   *error = NULL;

	if (agent_worker_restart(config, state_fd, &error))
		enter(j, JOB_WAITING, NULL);
	else
		give_up(j, error);
	pg_free(error);
}

static void
do_waiting(Job *j)
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
do_restoring(Job *j)
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
run(Job *j)
{
	char	   *fault = NULL;

	pthread_mutex_lock(&lock);
	j->starts++;
	if (!save(j, &fault))
		fprintf(stderr, "cdc_agent: %s\n", fault);
	pthread_mutex_unlock(&lock);
	if (j->starts > MAX_STARTS && j->state != JOB_RESTORING)
		give_up(j, "the agent ended in the middle of it too often");
	while (!has_ended(j))
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
		Job		   *mine;

		pthread_mutex_lock(&lock);
		while (job == NULL || has_ended(job))
			pthread_cond_wait(&changed, &lock);
		mine = running = job;
		pthread_mutex_unlock(&lock);
		run(mine);
		pthread_mutex_lock(&lock);
		running = NULL;
		/* another one has taken its place as soon as it had ended */
		if (job != mine)
			free_job(mine);
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
	agent_remove_leftovers(state_fd);
	if (!agent_plugin_init(config, state_fd, error) || !load(error))
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

static bool
same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
is_same(const Job *j, const AgentRequest *r)
{
	return j->call == r->call &&
		(r->call == AGENT_RESTART_WORKER || strcmp(j->plugin, r->name) == 0) &&
		(r->call != AGENT_PUT_PLUGIN || (same(j->sha512, r->sha512) && same(j->version, r->version)));
}

static Job *
new_job(const AgentRequest *r)
{
	Job		   *j = palloc0(sizeof(Job));
	unsigned char noise[16];
	int			i;

	if (getrandom(noise, sizeof(noise), 0) != sizeof(noise))
		return NULL;
	for (i = 0; i < (int) sizeof(noise); i++)
		snprintf(j->id + 2 * i, 3, "%02x", noise[i]);
	j->call = r->call;
	j->plugin = r->call == AGENT_RESTART_WORKER ? NULL : pstrdup(r->name);
	j->url = copy(r->url);
	j->sha512 = copy(r->sha512);
	j->version = copy(r->version);
	j->class = copy(r->class);
	j->state = r->call == AGENT_PUT_PLUGIN ? JOB_CHECKING :
		r->call == AGENT_DELETE_PLUGIN ? JOB_SWAPPING : JOB_RESTARTING;
	j->started_at = (int64) time(NULL);
	return j;
}

AgentAsk
agent_job_ask(const AgentRequest *r, char **error)
{
	AgentAsk	result = AGENT_ASK_STARTED;
	Job		   *j;

	if (r->call == AGENT_PUT_PLUGIN && (*error = agent_download_fault(config, r->url)) != NULL)
		return AGENT_ASK_FAULT;
	if (config->restart_command == NULL)
	{
		*error = pstrdup("the agent's configuration has no restart_command");
		return AGENT_ASK_FAULT;
	}
	pthread_mutex_lock(&lock);
	if (job && !has_ended(job))
		result = is_same(job, r) ? AGENT_ASK_STARTED : AGENT_ASK_BUSY;
	else
	{
		j = new_job(r);
		if (j == NULL || !save(j, error))
		{
			free_job(j);
			if (*error == NULL)
				*error = pstrdup("no random numbers");
			result = AGENT_ASK_FAULT;
		}
		else
		{
			if (job != running)
				free_job(job);
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
	object = job ? to_object(job) : NULL;
	pthread_mutex_unlock(&lock);
	return object;
}

struct json_object *
agent_job_plugins(char **error)
{
	return agent_plugin_list(error);
}
