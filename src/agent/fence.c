/*
 * fence.c
 *	  See fence.h.
 */
#include "agent/fence.h"

#include <pthread.h>

#include "agent/files.h"
#include "common/json.h"

#define FENCE_FILE "fence.json"
#define MAX_FENCE_BYTES (1024 * 1024)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct json_object *epochs;	/* installation -> epoch */
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

bool
agent_fence_pass(const char *installation, int64 epoch, int64 *known, char **error)
{
	bool		ok = true;

	pthread_mutex_lock(&lock);
	*known = cdc_json_int64(epochs, installation, 0);
	if (epoch < *known)
		ok = false;
	else if (epoch > *known)
	{
		const char *words;

		json_object_object_add(epochs, installation, json_object_new_int64(epoch));
		words = json_object_to_json_string_ext(epochs, JSON_C_TO_STRING_PLAIN);
		ok = agent_write_file(state, FENCE_FILE, words, strlen(words), 0600, error);
		if (!ok)
		{
			json_object_object_add(epochs, installation, json_object_new_int64(*known));
			*known = 0;
		}
	}
	pthread_mutex_unlock(&lock);
	return ok;
}

int64
agent_fence_epoch(const char *installation)
{
	int64		epoch;

	pthread_mutex_lock(&lock);
	epoch = cdc_json_int64(epochs, installation, 0);
	pthread_mutex_unlock(&lock);
	return epoch;
}
