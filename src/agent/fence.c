/*
 * fence.c
 *	  See fence.h.
 */
#include "agent/fence.h"

#include <pthread.h>

#include "agent/files.h"
#include "common/json.h"
#include "common/mark.h"

#define FENCE_FILE "fence.json"
#define MAX_FENCE_BYTES (1024 * 1024)
#define MAX_INSTALLATIONS 1000	/* of which so many fit in the file */

/* Beside the numbers, which are as version 0.1 has them: no installation is named so. */
#define MARKS "/marks"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct json_object *epochs;	/* installation -> epoch; MARKS -> installation -> epoch and its mark */
static int	state = -1;

bool
agent_fence_init(int state_fd, char **error)
{
	char	   *words;

	state = state_fd;
	if (!agent_exists(state_fd, FENCE_FILE))
	{
		epochs = json_object_new_object();
		return true;
	}
	words = agent_read_file(state_fd, FENCE_FILE, MAX_FENCE_BYTES, error);
	if (words == NULL)
		return false;
	epochs = cdc_json_parse(words);
	pfree(words);
	if (!json_object_is_type(epochs, json_type_object))
	{
		*error = pstrdup(FENCE_FILE " in state_dir is damaged: it tells which control plane may act; remove it only when there is one");
		return false;
	}
	return true;
}

/* What is kept of an installation's mark, when it is that of the number beside it; NULL: none. */
static const char *
mark_of(const char *installation)
{
	struct json_object *mark = cdc_json_get(cdc_json_get(epochs, MARKS), installation);

	return cdc_json_int64(mark, "epoch", -1) == cdc_json_int64(epochs, installation, 0) ? cdc_json_string(mark, "mark") : NULL;
}

/* On disk before it counts; what was there comes back when that fails. */
static bool
keep(const char *installation, int64 epoch, const char *mark, char **error)
{
	struct json_object *before = NULL;
	struct json_object *marks = cdc_json_get(epochs, MARKS);
	const char *words;
	bool		ok;

	if (cdc_json_get(epochs, installation) == NULL && json_object_object_length(epochs) > MAX_INSTALLATIONS)
	{
		*error = psprintf("%d installations have changed something here, and more are not kept: remove those of old from " FENCE_FILE " in state_dir", MAX_INSTALLATIONS);
		return false;
	}
	json_object_deep_copy(epochs, &before, NULL);
	json_object_object_add(epochs, installation, json_object_new_int64(epoch));
	if (marks == NULL)
	{
		marks = json_object_new_object();
		json_object_object_add(epochs, MARKS, marks);
	}
	json_object_object_del(marks, installation);
	if (mark)
	{
		struct json_object *kept = json_object_new_object();

		json_object_object_add(kept, "epoch", json_object_new_int64(epoch));
		json_object_object_add(kept, "mark", json_object_new_string(mark));
		json_object_object_add(marks, installation, kept);
	}
	words = json_object_to_json_string_ext(epochs, JSON_C_TO_STRING_PLAIN);
	ok = agent_write_file(state, FENCE_FILE, words, strlen(words), 0600, error);
	if (ok)
		json_object_put(before);
	else
	{
		json_object_put(epochs);
		epochs = before;
	}
	return ok;
}

bool
agent_fence_pass(const char *installation, int64 epoch, const char *mark, int64 *known, char **error)
{
	const char *before;
	bool		ok = true;

	pthread_mutex_lock(&lock);
	*known = cdc_json_int64(epochs, installation, 0);
	before = mark_of(installation);
	if (epoch < *known)
		ok = false;
	else if (epoch == *known && before && mark && strncmp(mark, before, CDC_TIE_LEN) < 0)
		ok = false;
	else if (epoch > *known || (mark && (before == NULL || strncmp(mark, before, CDC_TIE_LEN) > 0)))
	{
		ok = keep(installation, epoch, mark, error);
		if (!ok)
			*known = 0;
	}
	pthread_mutex_unlock(&lock);
	return ok;
}

bool
agent_fence_adopt(const char *installation, int64 from, int64 epoch, const char *mark, int64 *known, char **error)
{
	bool		ok;

	pthread_mutex_lock(&lock);
	*known = cdc_json_int64(epochs, installation, 0);
	ok = *known == from;
	if (ok && !keep(installation, epoch, mark, error))
	{
		ok = false;
		*known = 0;
	}
	pthread_mutex_unlock(&lock);
	return ok;
}

int64
agent_fence_epoch(const char *installation, char **mark)
{
	int64		epoch;
	const char *words;

	pthread_mutex_lock(&lock);
	epoch = cdc_json_int64(epochs, installation, 0);
	words = mark_of(installation);
	*mark = words ? pstrdup(words) : NULL;
	pthread_mutex_unlock(&lock);
	return epoch;
}
