/*
 * config.c
 *	  See config.h.
 */
#include "agent/config.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/limits.h"
#include "common/connect_path.h"
#include "common/json.h"

#define MAX_CONFIG_BYTES (1024 * 1024)

/* above those of people and systemd's dynamic users, below those of containers */
#define DEFAULT_UIDS "70000-70999"
#define MIN_UID 1000
#define MAX_UID 2000000000
#define MAX_UIDS 65536

typedef enum SettingType
{
	SETTING_TEXT,
	SETTING_PATH,				/* absolute */
	SETTING_LIST,				/* of texts, NULL at the end */
	SETTING_OBJECT,				/* read by whom it is for */
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
#define OBJECT(name) {#name, SETTING_OBJECT, offsetof(AgentConfig, name), false, 0, 0, 0}
#define NUMBER(name, missing, min, max) {#name, SETTING_INT, offsetof(AgentConfig, name), false, missing, min, max}
#define BYTES(name, missing) {#name, SETTING_BYTES, offsetof(AgentConfig, name), false, missing, 1024, INT64CONST(1) << 40}

static const Setting settings[] = {
	NUMBER(address_connections, 32, 1, 1000),
	LIST(allowed_urls),
	PATH(cgroup_dir, false),
	TEXT(connect_heap, false),
	PATH(connect_password_file, false),
	TEXT(connect_url, false),
	TEXT(connect_user, false),
	NUMBER(download_timeout, 600, 1, 86400),
	LIST(fetch_command),
	NUMBER(fetch_timeout, 600, 1, 86400),
	PATH(java, false),
	PATH(kafka_dir, false),
	TEXT(kafka_heap, false),
	OBJECT(limits),
	TEXT(listen_address, false),
	NUMBER(max_connections, 64, 8, 1000),
	BYTES(max_download_bytes, INT64CONST(256) * 1024 * 1024),
	NUMBER(max_entries, 10000, 1, 10000000),
	BYTES(max_extracted_bytes, INT64CONST(1024) * 1024 * 1024),
	NUMBER(network_interval, 60, 1, 86400),
	PATH(plugin_dir, false),
	NUMBER(port, 8085, 0, 65535),
	PATH(postgresql_dir, false),
	NUMBER(request_timeout, 30, 1, 3600),
	LIST(restart_command),
	NUMBER(restart_timeout, 120, 1, 3600),
	PATH(sdn_credentials_file, false),
	TEXT(sdn_url, false),
	PATH(secret_dir, false),
	PATH(secret_path, false),
	TEXT(service_addresses, false),
	TEXT(service_uids, false),
	TEXT(service_user, false),
	PATH(services_dir, false),
	PATH(state_dir, false),
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
		case SETTING_OBJECT:
			if (!json_object_is_type(value, json_type_object))
				return "must be an object";
			*(struct json_object **) where = json_object_get(value);
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

/* An IPv4 network of 8 to 65536 addresses. */
static bool
read_addresses(AgentConfig *config)
{
	char		words[32];
	char	   *slash;
	struct in_addr parsed;
	int			bits;

	strlcpy(words, config->service_addresses, sizeof(words));
	slash = strchr(words, '/');
	if (slash == NULL)
		return false;
	*slash = '\0';
	bits = atoi(slash + 1);
	if (inet_pton(AF_INET, words, &parsed) != 1 || bits < 16 || bits > 29)
		return false;
	config->address_count = (uint32) 1 << (32 - bits);
	config->address_first = ntohl(parsed.s_addr) & ~(config->address_count - 1);
	return true;
}

/* User ids for services, as root: neither people's nor the system's. */
static char *
read_users(AgentConfig *config)
{
	struct passwd *user;
	unsigned	first;
	unsigned	last;
	int			end = 0;

	config->service_uid = geteuid();
	config->service_gid = getegid();
	if (config->service_user)
	{
		/* cppcheck-suppress getpwnamCalled; there are no threads yet */
		user = getpwnam(config->service_user);
		if (user == NULL || user->pw_uid == 0 || (geteuid() != 0 && user->pw_uid != geteuid()))
			return psprintf("\"service_user\" %s", user == NULL ? "does not exist" : user->pw_uid == 0 ? "may not be root" : "is another user, which only root can become");
		config->service_uid = user->pw_uid;
		config->service_gid = user->pw_gid;
	}
	if (geteuid() != 0)
		return config->service_uids ? pstrdup("\"service_uids\" is for an agent that is root: another one runs all services as its own user") : NULL;
	if (config->service_uids == NULL)
		config->service_uids = pstrdup(DEFAULT_UIDS);
	if (sscanf(config->service_uids, "%u-%u%n", &first, &last, &end) != 2 || config->service_uids[end] != '\0' ||
		first < MIN_UID || last < first || last - first >= MAX_UIDS || last > MAX_UID)
		return psprintf("\"service_uids\" must be a range of at most %d user ids from %d on, such as " DEFAULT_UIDS, MAX_UIDS, MIN_UID);
	config->uid_first = first;
	config->uid_count = last - first + 1;
	if (config->service_user && config->service_uid - first < config->uid_count)
		return pstrdup("\"service_user\" has an id out of \"service_uids\"");
	return NULL;
}

/* The settings of provisioning mode; not for an agent beside a worker. */
static char *
provision_fault(AgentConfig *config)
{
	char		path[MAXPGPATH];
	ssize_t		n = readlink("/proc/self/exe", path, sizeof(path) - 1);
	char	   *why;

	if (config->plugin_dir || config->secret_dir || config->state_dir || config->connect_url || config->restart_command)
		return pstrdup("with \"services_dir\" the agent makes services, and is beside no worker: leave plugin_dir, state_dir, secret_dir, connect_url and restart_command out");
	if (config->postgresql_dir == NULL && config->kafka_dir == NULL)
		return pstrdup("\"postgresql_dir\" or \"kafka_dir\" is needed with services_dir");
	/* it gets into properties and connection strings */
	if (config->services_dir[strspn(config->services_dir, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._+-")] != '\0')
		return pstrdup("\"services_dir\" must be made of letters, digits and /._+-");
	if (config->service_addresses == NULL)
		config->service_addresses = pstrdup("127.77.0.0/21");
	if (!read_addresses(config))
		return pstrdup("\"service_addresses\" must be an IPv4 network of 16 to 29 bits, such as 127.77.0.0/21");
	if ((config->sdn_url == NULL) != (config->sdn_credentials_file == NULL))
		return pstrdup("sdn_url and sdn_credentials_file go together");
	if (config->sdn_url && strncmp(config->sdn_url, "http://", 7) != 0 && strncmp(config->sdn_url, "https://", 8) != 0)
		return pstrdup("\"sdn_url\" must begin with http:// or https://");
	why = read_users(config);
	if (why)
		return why;
	why = agent_limits_fault(config);
	if (why)
		return why;
	if (n <= 0)
		return psprintf("the agent's own path is not known: %m");
	path[n] = '\0';
	config->program = pstrdup(path);
	if (config->java == NULL)
		config->java = pstrdup("/usr/bin/java");
	if (config->kafka_heap == NULL)
		config->kafka_heap = pstrdup("512m");
	if (config->connect_heap == NULL)
		config->connect_heap = pstrdup("1g");
	return NULL;
}

/* A directory that is named as it is: what the control plane compares with what it was before. */
static char *
secret_path_fault(const char *name, const char *path)
{
	char	   *fault = cdc_connect_path_fault(path);
	const char *p;

	if (fault)
		return psprintf("\"%s\" %s: it stands in the configuration of connectors", name, fault);
	for (p = path; p != NULL; p = strchr(p + 1, '/'))
	{
		size_t		length = strcspn(p + 1, "/");

		if ((length == 0 && (p[1] == '/' || path[1] == '\0')) || (length == 1 && p[1] == '.'))
			return psprintf("\"%s\" must name a directory as it is, without \".\" and double slashes", name);
	}
	return NULL;
}

static char *
whole_fault(AgentConfig *config)
{
	static const char *const beside[] = {"connect_url", "plugin_dir", "secret_dir", "state_dir"};
	size_t		i;

	for (i = 0; i < lengthof(settings); i++)
	{
		if (settings[i].needed && *(char **) ((char *) config + settings[i].offset) == NULL)
			return psprintf("\"%s\" is missing", settings[i].name);
	}
	for (i = 0; config->services_dir == NULL && i < lengthof(beside); i++)
	{
		const Setting *setting = find(beside[i]);

		if (setting == NULL || *(char **) ((char *) config + setting->offset) == NULL)
			return psprintf("\"%s\" is missing", beside[i]);
	}
	if ((config->tls_certificate == NULL) != (config->tls_key == NULL))
		return pstrdup("tls_certificate and tls_key go together");
	if (config->restart_command && config->restart_command[0] == NULL)
		return pstrdup("\"restart_command\" is empty");
	if (config->address_connections > config->max_connections)
		return pstrdup("\"address_connections\" is more than \"max_connections\"");
	if (config->secret_dir)
	{
		char	   *fault = config->secret_path ? secret_path_fault("secret_path", config->secret_path) : secret_path_fault("secret_dir", config->secret_dir);

		if (fault)
			return fault;
	}
	return config->services_dir ? provision_fault(config) : NULL;
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
	pfree(words);
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
