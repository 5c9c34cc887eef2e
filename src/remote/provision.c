/*
 * provision.c
 *	  See provision.h.
 */
#include "remote/provision.h"

#include "common/json.h"
#include "common/redact.h"
#include "common/text.h"
#include "remote/agent.h"

static void
add(struct json_object *object, const char *key, const char *words)
{
	if (words)
		json_object_object_add(object, key, json_object_new_string(words));
}

CdcProviderKind
cdc_provider_kind(const char *name)
{
	return name && strcmp(name, "local") == 0 ? CDC_PROVIDER_LOCAL : CDC_PROVIDER_NONE;
}

char *
cdc_provision_order(const CdcOrder *o)
{
	struct json_object *object = json_object_new_object();
	char	   *words;

	add(object, "type", o->kafka ? "kafka" : "postgresql");
	add(object, "version", o->version);
	add(object, "zone", o->zone);
	add(object, "plan", o->plan);
	json_object_object_add(object, "node_count", json_object_new_int(o->nodes));
	json_object_object_add(object, "auto_failover", json_object_new_boolean(o->auto_failover));
	json_object_object_add(object, "connect", json_object_new_boolean(o->connect));
	if (!o->kafka)
		add(object, "database", o->database);
	add(object, "admin_user", o->admin_user);
	add(object, "admin_password", o->admin_password);
	add(object, "app_user", o->app_user);
	add(object, "app_password", o->app_password);
	if (o->connect)
	{
		add(object, "agent_token", o->agent_token);
		add(object, "connect_user", o->connect_password ? o->connect_user : NULL);
		add(object, "connect_password", o->connect_user ? o->connect_password : NULL);
	}
	if (o->cidrs && json_object_array_length(o->cidrs) > 0)
		json_object_object_add(object, "allowed_cidrs", json_object_get(o->cidrs));
	words = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(object);
	return words;
}

static CdcProvidedState
state_of(const char *word)
{
	static const struct
	{
		const char *word;
		CdcProvidedState state;
	}			states[] = {{"provisioning", CDC_PROVIDED_MAKING}, {"running", CDC_PROVIDED_RUNNING},
		{"error", CDC_PROVIDED_ERROR}, {"deleting", CDC_PROVIDED_LEAVING}};
	size_t		i;

	for (i = 0; word && i < lengthof(states); i++)
	{
		if (strcmp(word, states[i].word) == 0)
			return states[i].state;
	}
	return CDC_PROVIDED_UNKNOWN;
}

static char *
message_of(struct json_object *object, const char *key)
{
	const char *words = cdc_json_string(object, key);

	return words ? cdc_redact_said(words, NULL, 0) : NULL;
}

/* An array of one text. */
static struct json_object *
list_of(const char *words)
{
	struct json_object *list = json_object_new_array();

	json_object_array_add(list, json_object_new_string(words));
	return list;
}

static void
read_kafka(CdcProvided *p, struct json_object *service)
{
	struct json_object *connect = cdc_json_get(service, "connect");
	const char *bootstrap = cdc_json_string(service, "bootstrap");
	const char *cidr = cdc_json_string(service, "connect_cidr");
	const char *url = cdc_json_string(connect, "url");
	const char *agent = cdc_json_string(connect, "agent_url");

	p->connect = state_of(cdc_json_string(connect, "state"));
	p->connect_message = message_of(connect, "message");
	if (bootstrap == NULL)
		return;
	p->connection = json_object_new_object();
	add(p->connection, "bootstrap", bootstrap);
	if (url && agent && cidr)
	{
		struct json_object *item = json_object_new_object();
		struct json_object *agents = json_object_new_array();

		add(item, "url", agent);
		json_object_array_add(agents, item);
		json_object_object_add(p->connection, "connect_urls", list_of(url));
		json_object_object_add(p->connection, "agents", agents);
		json_object_object_add(p->connection, "connect_cidrs", list_of(cidr));
	}
}

/* Addresses and ports alone; NULL when one of them is no such. */
static struct json_object *
read_nodes(struct json_object *service)
{
	struct json_object *sent = cdc_json_array(service, "nodes");
	struct json_object *nodes;
	size_t		n = sent ? json_object_array_length(sent) : 0;
	size_t		i;

	if (n == 0)
		return NULL;
	nodes = json_object_new_array();
	for (i = 0; i < n; i++)
	{
		struct json_object *node = json_object_array_get_idx(sent, i);
		struct json_object *kept = json_object_new_object();
		const char *address = cdc_json_string(node, "address");
		int64		port = cdc_json_int64(node, "port", 0);

		json_object_array_add(nodes, kept);
		if (address == NULL || port < 1 || port > 65535)
		{
			json_object_put(nodes);
			return NULL;
		}
		add(kept, "address", address);
		json_object_object_add(kept, "port", json_object_new_int((int) port));
	}
	return nodes;
}

CdcProvided
cdc_provision_read(int status, const char *body)
{
	CdcProvided p;
	struct json_object *object = cdc_json_parse(body);
	struct json_object *service = cdc_json_get(object, "service");
	const char *type = cdc_json_string(service, "type");
	const char *network = cdc_json_string(service, "network_id");

	memset(&p, 0, sizeof(p));
	if (object)
	{
		CdcMarkSaid said = cdc_agent_read_fence(object);

		p.answered = true;
		p.fence.epoch = said.epoch ? pstrdup(said.epoch) : NULL;
		p.fence.word = said.word ? pstrdup(said.word) : NULL;
	}
	if (status >= 200 && status < 300 && type)
	{
		p.state = state_of(cdc_json_string(service, "state"));
		p.message = message_of(service, "message");
		p.network_id = cdc_text_is_uuid(network) ? pstrdup(network) : NULL;
		p.limits = message_of(service, "limits");
		if (strcmp(type, "kafka") == 0)
			read_kafka(&p, service);
		else
			p.nodes = read_nodes(service);
	}
	else
	{
		char	   *said = message_of(object, "error");

		/* 404: it does not know it; 412: a higher epoch acts there, which says nothing of the service; other 4xx: it will not do that; 5xx: a fault of the host */
		p.state = said == NULL || status < 400 || status >= 600 || status == 412 ? CDC_PROVIDED_UNKNOWN :
			status == 404 ? CDC_PROVIDED_ABSENT : CDC_PROVIDED_ERROR;
		p.message = psprintf("the provisioning agent: HTTP %d%s%s", status, said ? ": " : "", said ? said : "");
	}
	json_object_put(object);
	return p;
}
