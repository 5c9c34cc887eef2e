/*
 * connection_keys_postgresql.c
 *	  The keys of a PostgreSQL service's connection.
 *
 * See connection_keys.h.  No I/O, no state.
 */
#include "remote/connection_keys.h"

#include <string.h>

#include "common/json.h"

#define DEFAULT_PORT 5432
#define CREDENTIALS "admin_password connector_password client_key pipelines"
#define CONNECTS_ANEW "the worker connects anew"
#define IN_USE "the roles and lines of its pipelines would be left behind, or others be needed"

/* The names of an object's members; their values may be secrets. */
static char *
names_of(struct json_object *object)
{
	struct json_object_iterator it = json_object_iter_begin(object);
	struct json_object_iterator end = json_object_iter_end(object);
	StringInfoData names;

	initStringInfo(&names);
	for (; !json_object_iter_equal(&it, &end); json_object_iter_next(&it))
		appendStringInfo(&names, "%s%s", names.len ? ", " : "", json_object_iter_peek_name(&it));
	return names.data;
}

static bool
rule_nodes(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	static const char *const members[] = {"address", "port", NULL};
	int			n = (int) json_object_array_length(value);
	int			i;
	int			j;

	for (i = 0; i < n; i++)
	{
		struct json_object *node = json_object_array_get_idx(value, i);
		const char *address = cdc_json_string(node, "address");
		struct json_object *port = NULL;
		int64		number = DEFAULT_PORT;

		if (!json_object_is_type(node, json_type_object))
			return cdc_fault(fault, "a node must be {\"address\": \"...\", \"port\": 1 to 65535}",
							 psprintf("It was of JSON type %s.", json_type_to_name(json_object_get_type(node))),
							 "Give both and nothing else; port may be absent: 5432.");
		if (json_object_object_get_ex(node, "port", &port) && json_object_is_type(port, json_type_string))
			return cdc_fault(fault, "a node's port must be a number", psprintf("It was %s in quotes.", cdc_shown(json_object_get_string(port))),
							 "Write it without quotes: \"port\": 5432.");
		if (port)
			number = json_object_is_type(port, json_type_int) ? json_object_get_int64(port) : 0;
		if (address == NULL || address[0] == '\0' || number < 1 || number > 65535 || cdc_has_others(node, members))
			return cdc_fault(fault, "a node must be {\"address\": \"...\", \"port\": 1 to 65535}", psprintf("It has: %s.", names_of(node)),
							 "Give both and nothing else; port may be absent: 5432.");
		if (address[strspn(address, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")] != '\0')
			return cdc_fault(fault, "a node's address must be a host name or an IPv4 address", psprintf("It was %s.", cdc_shown(address)),
							 "Debezium takes no other characters in database.hostname.");
		for (j = 0; j < i; j++)
		{
			struct json_object *other = json_object_array_get_idx(value, j);

			if (strcmp(address, cdc_json_string(other, "address")) == 0 && number == cdc_json_int64(other, "port", DEFAULT_PORT))
				return cdc_fault(fault, "a node is named twice", psprintf("There are %d nodes.", n), "Name each server once.");
		}
	}
	return true;
}

static bool
rule_sslmode(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	static const char *const modes[] = {"disable", "allow", "prefer", "require", "verify-ca", "verify-full"};
	int			i;

	for (i = 0; i < (int) lengthof(modes); i++)
	{
		if (strcmp(json_object_get_string(value), modes[i]) == 0)
			return true;
	}
	return cdc_fault(fault, "unknown sslmode", psprintf("It was %s.", cdc_shown(json_object_get_string(value))),
					 "Use disable, allow, prefer, require, verify-ca or verify-full.");
}

static bool
whole(struct json_object *connection, bool ranges_learned, CdcFault *fault)
{
	struct json_object *nodes = cdc_json_array(connection, "nodes");
	struct json_object *users = cdc_json_array(connection, "users");
	struct json_object *manage_role = cdc_json_get(connection, "manage_role");
	const char *admin_user = cdc_json_string(connection, "admin_user");
	bool		has_user = cdc_json_string(connection, "connector_user") != NULL;
	bool		has_password = cdc_json_string(connection, "connector_password") != NULL;
	bool		has_cert = cdc_json_string(connection, "client_cert") != NULL;
	int			i;

	if (nodes == NULL || json_object_array_length(nodes) == 0)
		return cdc_fault(fault, "a PostgreSQL service needs at least one node", "connection.nodes is empty or missing.",
						 "Give \"nodes\": [{\"address\": \"10.0.0.5\", \"port\": 5432}], every server of the cluster, standbys too.");
	if (admin_user == NULL)
		return cdc_fault(fault, "a PostgreSQL service needs an admin_user", "connection.admin_user is missing.",
						 "Name a superuser of the source, with \"admin_password\".");
	if (manage_role == NULL || json_object_get_boolean(manage_role))
	{
		if (has_user || has_password)
			return cdc_fault(fault, "connector_user and connector_password are for \"manage_role\": false", "Every pipeline of this source is given a role of its own.",
							 "Add \"manage_role\": false, or leave them out.");
	}
	else if (!has_user || !has_password)
		return cdc_fault(fault, "with \"manage_role\": false the role of the connectors must be given", "connector_user or connector_password is missing.",
						 "Give \"connector_user\", a role with LOGIN, REPLICATION and SELECT on the tables, and \"connector_password\".");
	if (has_user && cdc_json_string(connection, "connector_user")[0] == '/')
		return cdc_fault(fault, "connector_user cannot begin with a slash", "PostgreSQL 16 and later read such a name in pg_hba.conf as a regular expression.",
						 "Rename the role.");
	if (has_cert != (cdc_json_string(connection, "client_key") != NULL))
		return cdc_fault(fault, "client_cert and client_key belong together", has_cert ? "client_key is missing." : "client_cert is missing.",
						 "Give both, or neither.");
	for (i = 0; users && i < (int) json_object_array_length(users); i++)
	{
		const char *name = cdc_json_string(json_object_array_get_idx(users, i), "username");

		if (name && strcmp(name, admin_user) == 0)
			return cdc_fault(fault, "a user is named twice", "The names in users, and admin_user, must differ.", "Name each login once.");
	}
	return true;
}

static const CdcConnectionKey keys[] = {
	{.key = "admin_password", .type = json_type_string, .rule = "one line of printable characters", .check = cdc_rule_secret,
		.kept = CDC_KEPT_SECRET, .on_change = CONNECTS_ANEW},
	{.key = "admin_user", .type = json_type_string, .rule = "a role's name, 1 to 63 bytes on one line", .check = cdc_rule_login,
		.on_change = CONNECTS_ANEW},
	{.key = "ca", .type = json_type_string, .rule = "a certificate, PEM text", .check = cdc_rule_certificate,
		.directs = CREDENTIALS, .on_change = CONNECTS_ANEW},
	{.key = "client_cert", .type = json_type_string, .rule = "a certificate, PEM text, with client_key", .check = cdc_rule_certificate,
		.on_change = CONNECTS_ANEW},
	{.key = "client_key", .type = json_type_string, .rule = "its private key, PEM text without a passphrase", .check = cdc_rule_private_key,
		.kept = CDC_KEPT_SECRET, .on_change = CONNECTS_ANEW},
	{.key = "connector_password", .in_use = IN_USE, .type = json_type_string, .rule = "one line of printable characters, with manage_role false alone", .check = cdc_rule_secret,
		.kept = CDC_KEPT_SECRET, .on_change = "refused while a pipeline uses the service"},
	{.key = "connector_user", .in_use = IN_USE, .type = json_type_string, .rule = "a role's name, 1 to 63 bytes on one line, with manage_role false alone", .check = cdc_rule_login,
		.on_change = "refused while a pipeline uses the service"},
	{.key = "database", .type = json_type_string, .rule = "one line of printable characters", .check = cdc_rule_one_line,
		.on_change = CONNECTS_ANEW},
	{.key = "manage_hba", .type = json_type_boolean, .rule = "true or false", .in_use = IN_USE, .on_change = "refused while a pipeline uses the service"},
	{.key = "manage_role", .type = json_type_boolean, .rule = "true or false", .in_use = IN_USE, .on_change = "refused while a pipeline uses the service"},
	{.key = "metadata_server", .type = json_type_boolean, .rule = "true or false", .set_by = CDC_BY_SUPERUSER,
		.on_change = "the metadata's own server may be captured, or not any more"},
	{.key = "network_id", .type = json_type_string, .rule = "a UUID", .check = cdc_rule_uuid, .kept = CDC_KEPT_COLUMN,
		.directs = CREDENTIALS, .on_change = "its pipelines' networks are joined anew"},
	{.key = "nodes", .type = json_type_array, .rule = "{\"address\", \"port\"} of each server, host names or IPv4 addresses, each once", .check = rule_nodes, .kept = CDC_KEPT_COLUMN,
		.directs = CREDENTIALS, .on_change = "new ones are looked at and prepared, missing ones not looked at any more"},
	{.key = "password_in_tls", .type = json_type_boolean, .rule = "true or false",
		.directs = CREDENTIALS, .on_change = CONNECTS_ANEW},
	{.key = "pipelines_by", .type = json_type_string, .rule = "member or admin", .check = cdc_rule_pipelines_by, .set_by = CDC_BY_ADMIN,
		.on_change = "who may make pipelines from it; those that are there stay"},
	{.key = "sslmode", .type = json_type_string, .rule = "disable, allow, prefer, require, verify-ca or verify-full", .check = rule_sslmode,
		.directs = CREDENTIALS, .on_change = CONNECTS_ANEW ", the connectors are configured anew"},
	{.key = "users", .type = json_type_array, .rule = "{\"username\", \"password\"} of each, each once", .check = cdc_rule_users,
		.inner_secret = "password", .inner_name = "username", .inner_purpose = "user_password/%s", .on_change = "nothing"},
	{.key = NULL}
};

const CdcConnectionPeer cdc_connection_postgresql = {"postgresql", keys, whole};
