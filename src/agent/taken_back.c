/*
 * taken_back.c
 *	  See taken_back.h.
 */
#include "agent/taken_back.h"

#include <time.h>

#include "agent/files.h"
#include "common/json.h"

#define DELETED_FILE "deleted.json"
#define DELETED_SECONDS (24 * 60 * 60)
#define MAX_DELETED (16 * 1024 * 1024)

static struct json_object *taken_back;	/* id -> seconds since 1970 */
static int	services_fd = -1;

bool
agent_taken_back_init(int dir_fd, char **error)
{
	char	   *words;

	services_fd = dir_fd;
	taken_back = json_object_new_object();
	if (!agent_exists(services_fd, DELETED_FILE))
		return true;
	words = agent_read_file(services_fd, DELETED_FILE, MAX_DELETED, error);
	if (words == NULL)
		return false;
	json_object_put(taken_back);
	taken_back = cdc_json_parse(words);
	pfree(words);
	if (json_object_is_type(taken_back, json_type_object))
		return true;
	*error = pstrdup(DELETED_FILE " in services_dir is damaged: remove it when no order can be under way");
	return false;
}

bool
agent_taken_back_note(const char *id, char **error)
{
	struct json_object *kept;
	const char *words;
	int64		now = (int64) time(NULL);

	if (cdc_json_get(taken_back, id))
		return true;
	kept = json_object_new_object();
	{
		json_object_object_foreach(taken_back, key, value)
		{
			if (json_object_get_int64(value) > now - DELETED_SECONDS)
				json_object_object_add(kept, key, json_object_get(value));
		}
	}
	json_object_object_add(kept, id, json_object_new_int64(now));
	words = json_object_to_json_string_ext(kept, JSON_C_TO_STRING_PLAIN);
	if (!agent_write_file(services_fd, DELETED_FILE, words, strlen(words), 0600, error))
	{
		json_object_put(kept);
		return false;
	}
	json_object_put(taken_back);
	taken_back = kept;
	return true;
}

bool
agent_taken_back_has(const char *id)
{
	return cdc_json_get(taken_back, id) != NULL;
}
