/*
 * config.c
 *	  See config.h.
 */
#include "agent/config.h"

#include "agent/files.h"
#include "common/json.h"

#define MAX_CONFIG_BYTES (1024 * 1024)

typedef enum SettingType
{
	SETTING_TEXT,
	SETTING_PATH,				/* absolute */
	SETTING_LIST,				/* of texts, NULL at the end */
	SETTING_INT,
	SETTING_BYTES
} SettingType;

typedef struct Setting
{
	const char *name;
	SettingType type;
	size_t		offset;
	bool		needed;
	int64		missing;		/* numbers: the default */
	int64		min;
	int64		max;
} Setting;

#define TEXT(name, needed) {#name, SETTING_TEXT, offsetof(AgentConfig, name), needed, 0, 0, 0}
#define PATH(name, needed) {#name, SETTING_PATH, offsetof(AgentConfig, name), needed, 0, 0, 0}
#define LIST(name) {#name, SETTING_LIST, offsetof(AgentConfig, name), false, 0, 0, 0}
#define NUMBER(name, missing, min, max) {#name, SETTING_INT, offsetof(AgentConfig, name), false, missing, min, max}
#define BYTES(name, missing) {#name, SETTING_BYTES, offsetof(AgentConfig, name), false, missing, 1024, INT64CONST(1) << 40}

static const Setting settings[] = {
	LIST(allowed_urls),
	PATH(connect_password_file, false),
	TEXT(connect_url, true),
	TEXT(connect_user, false),
	NUMBER(download_timeout, 600, 1, 86400),
	TEXT(listen_address, false),
	BYTES(max_download_bytes, INT64CONST(256) * 1024 * 1024),
	NUMBER(max_entries, 10000, 1, 10000000),
	BYTES(max_extracted_bytes, INT64CONST(1024) * 1024 * 1024),
	PATH(plugin_dir, true),
	NUMBER(port, 8085, 0, 65535),
	NUMBER(request_timeout, 30, 1, 3600),
	LIST(restart_command),
	NUMBER(restart_timeout, 120, 1, 3600),
	PATH(secret_dir, true),
	PATH(secret_path, false),
	PATH(state_dir, true),
	PATH(tls_certificate, false),
	PATH(tls_key, false),
	PATH(token_file, true),
	NUMBER(worker_timeout, 120, 1, 3600),
};

static const Setting *
find(const char *name)
{
	size_t		i;

	for (i = 0; i < lengthof(settings); i++)
	{
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

static char **
read_list(struct json_object *value, int *n)
{
	char	  **list;
	int			i;

	if (!json_object_is_type(value, json_type_array))
		return NULL;
	*n = (int) json_object_array_length(value);
	list = palloc0(sizeof(char *) * (*n + 1));
	for (i = 0; i < *n; i++)
	{
		struct json_object *item = json_object_array_get_idx(value, i);

		if (!json_object_is_type(item, json_type_string) || json_object_get_string_len(item) == 0)
			return NULL;
		list[i] = pstrdup(json_object_get_string(item));
	}
	return list;
}

/* One value into its place; what is wrong with it, or NULL. */
static const char *
take(AgentConfig *config, const Setting *setting, struct json_object *value)
{
	char	   *where = (char *) config + setting->offset;
	int64		number;
	int			n;

	switch (setting->type)
	{
		case SETTING_TEXT:
		case SETTING_PATH:
			if (!json_object_is_type(value, json_type_string) || json_object_get_string_len(value) == 0)
				return "must be a text that is not empty";
			if (setting->type == SETTING_PATH && json_object_get_string(value)[0] != '/')
				return "must be an absolute path";
			*(char **) where = pstrdup(json_object_get_string(value));
			return NULL;
		case SETTING_LIST:
			*(char ***) where = read_list(value, &n);
			if (*(char ***) where == NULL)
				return "must be a list of texts";
			if (setting->offset == offsetof(AgentConfig, allowed_urls))
				config->nallowed = n;
			return NULL;
		case SETTING_INT:
		case SETTING_BYTES:
			if (!json_object_is_type(value, json_type_int))
				return "must be a whole number";
			number = json_object_get_int64(value);
			if (number < setting->min || number > setting->max)
				return "is out of range";
			if (setting->type == SETTING_INT)
				*(int *) where = (int) number;
			else
				*(int64 *) where = number;
			return NULL;
	}
	return NULL;
}

static char *
whole_fault(AgentConfig *config)
{
	size_t		i;

	for (i = 0; i < lengthof(settings); i++)
	{
		if (settings[i].needed && *(char **) ((char *) config + settings[i].offset) == NULL)
			return psprintf("\"%s\" is missing", settings[i].name);
	}
	if ((config->tls_certificate == NULL) != (config->tls_key == NULL))
		return pstrdup("tls_certificate and tls_key go together");
	if (config->restart_command && config->restart_command[0] == NULL)
		return pstrdup("\"restart_command\" is empty");
	return NULL;
}

AgentConfig *
agent_config_load(const char *path, char **error)
{
	AgentConfig *config = palloc0(sizeof(AgentConfig));
	char	   *words = agent_read_file(AT_FDCWD, path, MAX_CONFIG_BYTES, error);
	struct json_object *object;
	size_t		i;

	if (words == NULL)
		return NULL;
	object = cdc_json_parse(words);
	if (!json_object_is_type(object, json_type_object))
	{
		json_object_put(object);
		*error = psprintf("%s is not one JSON object", path);
		return NULL;
	}
	for (i = 0; i < lengthof(settings); i++)
	{
		if (settings[i].type == SETTING_INT)
			*(int *) ((char *) config + settings[i].offset) = (int) settings[i].missing;
		else if (settings[i].type == SETTING_BYTES)
			*(int64 *) ((char *) config + settings[i].offset) = settings[i].missing;
	}
	*error = NULL;
	{
		json_object_object_foreach(object, key, value)
		{
			const Setting *setting = find(key);
			const char *fault = setting ? take(config, setting, value) : "is no setting of the agent";

			if (fault && *error == NULL)
				*error = psprintf("%s: \"%s\" %s", path, key, fault);
		}
	}
	json_object_put(object);
	if (*error == NULL)
	{
		char	   *fault = whole_fault(config);

		if (fault)
			*error = psprintf("%s: %s", path, fault);
	}
	if (*error)
		return NULL;
	if (config->listen_address == NULL)
		config->listen_address = pstrdup("127.0.0.1");
	if (config->secret_path == NULL)
		config->secret_path = config->secret_dir;
	if (config->allowed_urls == NULL)
	{
		config->allowed_urls = palloc0(sizeof(char *) * 2);
		config->allowed_urls[0] = pstrdup("https://");
		config->nallowed = 1;
	}
	return config;
}
