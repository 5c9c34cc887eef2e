/*
 * config.h
 *	  The agent's configuration file: read once at the start.
 *
 * Knows names, types and limits of the settings (docs/agent.md has a line for
 * each).  Opens nothing but the file itself.
 */
#ifndef CDC_AGENT_CONFIG_H
#define CDC_AGENT_CONFIG_H

#include "common/base.h"

#include <sys/types.h>

#include <json-c/json.h>

typedef struct AgentConfig
{
	char	   *listen_address; /* default 127.0.0.1 */
	int			port;			/* 0: any free one, printed at the start */
	char	   *tls_certificate;	/* PEM files; both or none */
	char	   *tls_key;
	int			max_connections;	/* at a time */
	int			address_connections;	/* of these from one address */
	char	   *token_file;
	char	   *plugin_dir;		/* one of the worker's plugin.path */
	char	   *state_dir;		/* on the same filesystem as plugin_dir */
	char	   *secret_dir;		/* what the worker's DirectoryConfigProvider may read */
	char	   *secret_path;	/* the same, as the worker sees it */
	char	  **restart_command;	/* argv, NULL at the end; NULL: none */
	char	   *connect_url;	/* REST interface of the worker on this host */
	char	   *connect_user;
	char	   *connect_password_file;
	int			nallowed;
	char	  **allowed_urls;	/* prefixes of the URLs to install from */
	int64		max_download_bytes;
	int64		max_extracted_bytes;
	int			max_entries;
	int			download_timeout;	/* seconds, all four */
	int			restart_timeout;
	int			worker_timeout; /* from the restart until it lists the plugin */
	int			request_timeout;
	/* provisioning mode: services_dir is set, and plugin_dir is not */
	char	   *services_dir;
	char	   *service_uids;	/* root: user ids for services, "first-last" */
	uint32		uid_first;
	uint32		uid_count;		/* 0: the agent is not root, all run as its user */
	char	   *service_user;	/* root: of services made before each had its own; or NULL */
	uid_t		service_uid;	/* of service_user, else the agent's own */
	gid_t		service_gid;
	struct json_object *limits; /* plan -> limits, or NULL; see limits.h */
	char	   *cgroup_dir;		/* where cgroups of services are made, or NULL: see limits.h */
	char	   *service_addresses;	/* IPv4 network that services get addresses of */
	uint32		address_first;	/* the network's address, host order ... */
	uint32		address_count;	/* ... and how many it has */
	char	   *sdn_url;		/* of the API that makes private networks, or NULL */
	char	   *sdn_credentials_file;
	int			network_interval;	/* seconds between two looks at a service's network */
	char	   *postgresql_dir; /* has MAJOR/bin/postgres */
	char	   *kafka_dir;		/* has VERSION/ with the jars */
	char	  **fetch_command;	/* argv, NULL at the end; NULL: none.  Run with a
								 * type and a version that is not there */
	int			fetch_timeout;	/* seconds */
	char	   *java;			/* default /usr/bin/java */
	char	   *kafka_heap;		/* -Xmx of a broker, default 512m */
	char	   *connect_heap;	/* -Xmx of a Connect worker, default 1g */
	char	   *program;		/* the agent's own path */
} AgentConfig;

/*
 * Reads path.  NULL, with *error palloc'd, when it cannot be read, is no JSON
 * object, has an unknown key or a value of the wrong type, or lacks what has no
 * default.  The result lives as long as the process.
 */
extern AgentConfig *agent_config_load(const char *path, char **error);

/* Prints what --help says, which is also the manual page: see common/help.h. */
extern void agent_config_help(void);

#endif							/* CDC_AGENT_CONFIG_H */
