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
#include "common/help.h"
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
	const char *standard;		/* texts: the default, or NULL */
	const char *help;
} Setting;

#define TEXT(name, standard, help) {#name, SETTING_TEXT, offsetof(AgentConfig, name), false, 0, 0, 0, standard, help}
#define PATH(name, needed, standard, help) {#name, SETTING_PATH, offsetof(AgentConfig, name), needed, 0, 0, 0, standard, help}
#define LIST(name, help) {#name, SETTING_LIST, offsetof(AgentConfig, name), false, 0, 0, 0, NULL, help}
#define OBJECT(name, help) {#name, SETTING_OBJECT, offsetof(AgentConfig, name), false, 0, 0, 0, NULL, help}
#define NUMBER(name, missing, min, max, help) {#name, SETTING_INT, offsetof(AgentConfig, name), false, missing, min, max, NULL, help}
#define BYTES(name, missing, help) {#name, SETTING_BYTES, offsetof(AgentConfig, name), false, missing, 1024, INT64CONST(1) << 40, NULL, help}

static const Setting settings[] = {
	NUMBER(address_connections, 32, 1, 1000, "connections at a time from one address, or one IPv6 network of 64 bits"),
	LIST(allowed_urls, "what a plugin's URL, and each redirect, must begin with; without it: https://"),
	PATH(cgroup_dir, false, NULL, "directory of cgroups (version 2) that is delegated to the agent; without it the top of the hierarchy"),
	TEXT(connect_heap, "1g", "-Xmx of a Connect worker that is made"),
	PATH(connect_password_file, false, NULL, "file with the password for connect_url"),
	TEXT(connect_url, NULL, "REST interface of the Kafka Connect worker on this host"),
	TEXT(connect_user, NULL, "who asks there, when it asks for a password"),
	NUMBER(download_timeout, 600, 1, 86400, "seconds for fetching an archive"),
	LIST(fetch_command, "a program and its arguments that brings a version of PostgreSQL or Kafka which is not there"),
	NUMBER(fetch_timeout, 600, 1, 86400, "seconds for that"),
	PATH(java, false, "/usr/bin/java", "what runs Kafka and Connect"),
	PATH(kafka_dir, false, NULL, "has VERSION/ with Kafka's jars, or VERSION/libs/"),
	TEXT(kafka_heap, "512m", "-Xmx of a broker that is made"),
	OBJECT(limits, "what a service may take, by its plan: memory_mb, cpu_percent, processes"),
	TEXT(listen_address, "127.0.0.1", "IP address to listen on"),
	NUMBER(max_connections, 64, 8, 1000, "connections at a time"),
	BYTES(max_download_bytes, INT64CONST(256) * 1024 * 1024, "largest archive of a plugin"),
	NUMBER(max_entries, 10000, 1, 10000000, "most files and directories in it"),
	BYTES(max_extracted_bytes, INT64CONST(1024) * 1024 * 1024, "most bytes that it may unpack to"),
	NUMBER(network_interval, 60, 1, 86400, "seconds between two looks at the network of a service"),
	PATH(plugin_dir, false, NULL, "one of the worker's plugin.path"),
	NUMBER(port, 8085, 0, 65535, "port to listen on; 0: any free one, printed at the start"),
	PATH(postgresql_dir, false, NULL, "has MAJOR/bin/postgres, as /usr/lib/postgresql of Debian"),
	NUMBER(request_timeout, 30, 1, 3600, "seconds for waiting for a request, for its arrival, for the reading of its answer"),
	LIST(restart_command, "a program and its arguments that restarts the worker; without it nothing can be installed"),
	NUMBER(restart_timeout, 120, 1, 3600, "seconds for that"),
	PATH(sdn_credentials_file, false, NULL, "file with the credentials for sdn_url"),
	TEXT(sdn_url, NULL, "UpCloud's API, in which each service gets a private network"),
	PATH(secret_dir, false, NULL, "where connectors' passwords are put; nobody else has rights there"),
	PATH(secret_path, false, NULL, "the same directory as the worker sees it; without it secret_dir"),
	TEXT(service_addresses, "127.77.0.0/21", "IPv4 network of which services get their addresses"),
	TEXT(service_uids, NULL, "root: user ids for services, first-last; without it " DEFAULT_UIDS),
	TEXT(service_user, NULL, "root: the user of services that version 0.1 made"),
	PATH(services_dir, false, NULL, "makes the agent that of a host of services: a directory a service"),
	PATH(state_dir, false, NULL, "what the agent remembers; on the filesystem of plugin_dir and outside of it"),
	PATH(tls_certificate, false, NULL, "PEM file; without it the agent speaks plain HTTP"),
	PATH(tls_key, false, NULL, "PEM file"),
	PATH(token_file, true, NULL, "file with the token that requests carry, 16 to 512 characters; read again on SIGHUP"),
	NUMBER(worker_timeout, 120, 1, 3600, "seconds until the restarted worker lists the plugin"),
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
		else if (settings[i].standard)
			*(char **) ((char *) config + settings[i].offset) = pstrdup(settings[i].standard);
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

void
agent_config_help(void)
{
	size_t		i;

	printf("cdc_agent: installs plugins and keeps passwords beside a Kafka Connect worker, or makes services on a host\n\n"
		   "Usage: cdc_agent --config FILE\n\n"
		   "It does what cdc_pipeline asks for over HTTP, and decides nothing by itself. With services_dir it makes PostgreSQL and Kafka services on its own host, "
		   "without it it is the agent of one Kafka Connect worker, which needs connect_url, plugin_dir, secret_dir and state_dir.\n\n"
		   "Options:\n");
	cdc_help_row("--config FILE", NULL, "what the settings are: one JSON object");
	cdc_help_row("--help", NULL, "this text");
	cdc_help_row("--version", NULL, "which version this is");
	cdc_help_row("--launch, --restart", NULL, "what the agent starts services with, through itself; not for people");
	printf("\nSettings:\n");
	for (i = 0; i < lengthof(settings); i++)
	{
		const Setting *s = &settings[i];
		char	   *number = psprintf(INT64_FORMAT, s->missing);

		cdc_help_row(s->name, s->type == SETTING_INT || s->type == SETTING_BYTES ? number : s->standard ? s->standard : "(none)", s->help);
		pfree(number);
	}
	printf("\nSignals:\n");
	cdc_help_row("SIGTERM", NULL, "stops; a plugin that is being installed goes on at the next start");
	cdc_help_row("SIGHUP", NULL, "reads token_file again");
	printf("\nFiles:\n");
	cdc_help_row("/etc/cdc_agent/agent.json", NULL, "of cdc_agent.service, beside a Kafka Connect worker");
	cdc_help_row("/etc/cdc_agent/host.json", NULL, "of cdc_agent_host.service, on a host of services");
}
