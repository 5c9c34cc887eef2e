/*
 * connection_keys_kafka.c
 *	  The keys of a Kafka service's connection: Kafka Connect, its hosts' agents.
 *
 * See connection_keys.h.  No I/O, no state.
 */
#include "remote/connection_keys.h"

#include <ctype.h>
#include <string.h>

#include "common/cidr.h"
#include "common/json.h"
#include "common/quote.h"
#include "remote/connect_value.h"

#define CONNECTS_ANEW "the worker connects anew"

/* host:port, several with commas between. */
static bool
rule_bootstrap(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);
	const char *p = words;
	bool		fine = true;

	while (fine)
	{
		size_t		length = strcspn(p, ",");
		const char *colon = memrchr(p, ':', length);
		size_t		digits = colon ? strspn(colon + 1, "0123456789") : 0;

		fine = colon && colon > p && digits >= 1 && digits <= 5 && colon + 1 + digits == p + length &&
			strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.[]:-") >= length;
		if (p[length] == '\0')
			break;
		p += length + 1;
	}
	if (fine)
		return true;
	return cdc_fault(fault, "bootstrap must be host:port, or several with commas between", psprintf("It was %s.", cdc_shown(words)), "Give \"bootstrap\": \"10.0.1.7:9093\".");
}

static bool
rule_connect_urls(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	size_t		i;

	for (i = 0; i < json_object_array_length(value); i++)
	{
		struct json_object *url = json_object_array_get_idx(value, i);
		const char *words = json_object_get_string(url);

		if (!json_object_is_type(url, json_type_string) || !cdc_is_base_url(words))
			return cdc_fault(fault, "a Connect URL must be http://host:port or https://host:port",
							 psprintf("It was %s.", words == NULL ? "null" : strchr(words, '@') ? "one with credentials" : cdc_shown(words)),
							 "Credentials go into \"connect_user\" and \"connect_password\".");
	}
	return true;
}

static bool
rule_connect_cidrs(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	size_t		i;

	for (i = 0; i < json_object_array_length(value); i++)
	{
		struct json_object *cidr = json_object_array_get_idx(value, i);

		if (!json_object_is_type(cidr, json_type_string) || cdc_cidr_normal(json_object_get_string(cidr)) == NULL)
			return cdc_fault(fault, "an entry of connect_cidrs is no network",
							 psprintf("It was %s.", cidr ? cdc_shown(json_object_get_string(cidr)) : "null"),
							 "Give for example \"10.0.1.0/24\", without bits to the right of the mask.");
	}
	return true;
}

/* A token goes into a header: one word of ASCII. */
static bool
is_token(const char *words)
{
	const char *p;

	for (p = words; *p; p++)
	{
		if (*p <= ' ' || *p > '~')
			return false;
	}
	return p > words;
}

static bool
rule_agents(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	static const char *const members[] = {"url", "token", NULL};
	size_t		i;

	for (i = 0; i < json_object_array_length(value); i++)
	{
		struct json_object *agent = json_object_array_get_idx(value, i);
		const char *url = cdc_json_string(agent, "url");
		const char *token = cdc_json_string(agent, "token");

		if (url == NULL || !cdc_is_base_url(url) || (!stored && (token == NULL || token[0] == '\0')) || cdc_has_others(agent, members))
			return cdc_fault(fault, "an agent must be {\"url\": \"https://host:port\", \"token\": \"...\"}", "url or token is missing or of another form.",
							 "One agent runs on each Kafka Connect host.");
		if (!stored && !is_token(token))
			return cdc_fault(fault, "the token of an agent must be one word of printable ASCII characters",
							 "It has a blank, a line end, a control character or a character beyond ASCII.", "Look for what was copied along with it.");
	}
	return true;
}

static bool
rule_addons(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	size_t		i;

	for (i = 0; i < json_object_array_length(value); i++)
	{
		struct json_object *addon = json_object_array_get_idx(value, i);

		if (!json_object_is_type(addon, json_type_string) || strcmp(json_object_get_string(addon), "kafka-connect") != 0)
			return cdc_fault(fault, "unknown addon", psprintf("It was %s.", addon ? cdc_shown(json_object_get_string(addon)) : "null"),
							 "The only addon is \"kafka-connect\".");
	}
	return true;
}

static bool
rule_connect_ca_path(const char *key, struct json_object *value, bool stored, CdcFault *fault)
{
	const char *words = json_object_get_string(value);
	char	   *why = cdc_connect_path_fault(words);

	if (why == NULL)
		return true;
	return cdc_fault(fault, "connect_ca_path must be the path of a file on the Connect hosts", why, "Give for example \"/etc/ssl/certs/source-ca.pem\".");
}

static int
length_of(struct json_object *connection, const char *key)
{
	struct json_object *array = cdc_json_array(connection, key);

	return array ? (int) json_object_array_length(array) : 0;
}

/* Is the host of a Connect URL an address? */
static bool
is_address(const char *url)
{
	const char *host = strstr(url, "://") + 3;
	size_t		length = strspn(host, "0123456789.");

	return length > 0 && strchr(":/", host[length]) != NULL;
}

static bool
whole(struct json_object *connection, bool ranges_learned, CdcFault *fault)
{
	struct json_object *urls = cdc_json_array(connection, "connect_urls");
	int			nurls = length_of(connection, "connect_urls");
	int			nagents = length_of(connection, "agents");
	bool		has_connect = length_of(connection, "addons") > 0;
	const char *network = cdc_json_string(connection, "network_id");
	int			i;

	if (has_connect && nurls == 0)
		return cdc_fault(fault, "a Kafka service with the addon kafka-connect needs connect_urls", "connection.connect_urls is empty or missing.",
						 "Give \"connect_urls\": [\"http://10.0.1.7:8083\"], one for each worker.");
	if (nagents != 0 && nagents != nurls)
		return cdc_fault(fault, "agents and connect_urls must be of one length", psprintf("There are %d agents and %d Connect URLs.", nagents, nurls),
						 "Give one agent for each worker, in the same order, or none.");

	/* of a service with a network, where an SDN API can be asked, its ranges are learned */
	if (!has_connect || length_of(connection, "connect_cidrs") > 0 || (network != NULL && ranges_learned))
		return true;
	for (i = 0; i < nurls; i++)
	{
		if (!is_address(json_object_get_string(json_object_array_get_idx(urls, i))))
			return cdc_fault(fault, "connect_cidrs is needed when a Connect URL has a host name", "pg_hba.conf of the source needs the addresses that Connect comes from.",
							 "Give \"connect_cidrs\": [\"10.0.1.0/24\"].");
	}
	return true;
}

static const CdcConnectionKey keys[] = {
	{.key = "addons", .type = json_type_array, .rule = "\"kafka-connect\" or nothing", .check = rule_addons, .kept = CDC_KEPT_COLUMN,
		.on_change = "Kafka Connect is looked at, or not any more"},
	{.key = "agents", .type = json_type_array, .rule = "{\"url\", \"token\"} of each of connect_urls, the token one word of printable ASCII", .check = rule_agents,
		.inner_secret = "token", .inner_name = "url", .inner_purpose = "agent_token/%d", .directs = "agent_token pipelines",
		.on_change = "the agents are looked at, and given the pipelines' passwords"},
	{.key = "bootstrap", .type = json_type_string, .rule = "host:port, several with commas between", .check = rule_bootstrap, .on_change = "nothing"},
	{.key = "ca", .type = json_type_string, .rule = "a certificate, PEM text", .check = cdc_rule_certificate,
		.directs = "connect_password agent_token pipelines", .on_change = CONNECTS_ANEW},
	{.key = "connect_ca_path", .type = json_type_string, .rule = "a path on the Connect hosts", .check = rule_connect_ca_path, .set_by = CDC_BY_SUPERUSER,
		.on_change = "the connectors are configured anew"},
	{.key = "connect_cidrs", .type = json_type_array, .rule = "networks, without bits to the right of the mask", .check = rule_connect_cidrs,
		.on_change = "the lines in pg_hba.conf of its sources are written anew"},
	{.key = "connect_password", .type = json_type_string, .rule = "one line of printable characters", .check = cdc_rule_secret,
		.kept = CDC_KEPT_SECRET, .on_change = CONNECTS_ANEW},
	{.key = "connect_urls", .type = json_type_array, .rule = "http://host:port or https://host:port of each worker", .check = rule_connect_urls,
		.directs = "connect_password pipelines", .on_change = CONNECTS_ANEW},
	{.key = "connect_user", .type = json_type_string, .rule = "a login's name, 1 to 63 bytes on one line", .check = cdc_rule_login,
		.on_change = CONNECTS_ANEW},
	{.key = "network_id", .type = json_type_string, .rule = "a UUID", .check = cdc_rule_uuid, .kept = CDC_KEPT_COLUMN,
		.directs = "connect_password agent_token pipelines", .on_change = "its pipelines' networks are joined anew"},
	{.key = "pipelines_by", .type = json_type_string, .rule = "member or admin", .check = cdc_rule_pipelines_by, .set_by = CDC_BY_ADMIN,
		.on_change = "who may make pipelines to it; those that are there stay"},
	{.key = "plaintext_connector_password", .type = json_type_boolean, .rule = "true or false", .directs = "pipelines",
		.on_change = "the connectors are configured anew"},
	{.key = "users", .type = json_type_array, .rule = "{\"username\", \"password\"} of each, each once", .check = cdc_rule_users,
		.inner_secret = "password", .inner_name = "username", .inner_purpose = "user_password/%s", .on_change = "nothing"},
	{.key = NULL}
};

const CdcConnectionPeer cdc_connection_kafka = {"kafka", keys, whole};
