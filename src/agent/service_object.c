/*
 * service_object.c
 *	  A service as the API shows it.
 *
 * See service.h and docs/agent.md.  Reads what its thread has said, under the
 * service's lock; looks at nothing.
 */
#include "agent/service.h"

#include "common/json.h"

static const char *
state_name(AgentServiceState state)
{
	switch (state)
	{
		case AGENT_SERVICE_CHECKING:
			return "checking";
		case AGENT_SERVICE_PROVISIONING:
			return "provisioning";
		case AGENT_SERVICE_RUNNING:
			return "running";
		case AGENT_SERVICE_ERROR:
			return "error";
		case AGENT_SERVICE_DELETING:
			return "deleting";
	}
	return "checking";
}

static void
add_words(struct json_object *object, const char *key, const char *words)
{
	json_object_object_add(object, key, words && words[0] ? json_object_new_string(words) : NULL);
}

static void
add_kafka(struct json_object *object, const AgentService *s)
{
	struct json_object *connect;
	char		words[128];

	if (s->naddresses > 0)
	{
		snprintf(words, sizeof(words), "%s:9093", s->addresses[0]);
		add_words(object, "bootstrap", words);
		/* what comes from a loopback address comes from 127.0.0.1 */
		snprintf(words, sizeof(words), strncmp(s->addresses[0], "127.", 4) == 0 ? "127.0.0.0/8" : "%s/32", s->addresses[0]);
		add_words(object, "connect_cidr", words);
	}
	if (!s->order.connect)
		return;
	connect = json_object_new_object();
	add_words(connect, "state", state_name(s->said.connect));
	add_words(connect, "message", s->said.connect_message);
	if (s->naddresses > 0)
	{
		snprintf(words, sizeof(words), "http://%s:8083", s->addresses[0]);
		add_words(connect, "url", words);
		snprintf(words, sizeof(words), "http://%s:8085", s->addresses[0]);
		add_words(connect, "agent_url", words);
	}
	json_object_object_add(object, "connect", connect);
}

static void
add_nodes(struct json_object *object, const AgentService *s)
{
	struct json_object *nodes = json_object_new_array();
	int			i;

	for (i = 0; i < s->naddresses; i++)
	{
		const AgentSaidNode *n = &s->said.nodes[i];
		struct json_object *node = json_object_new_object();

		add_words(node, "address", s->addresses[i]);
		json_object_object_add(node, "port", json_object_new_int(5432));
		add_words(node, "role", n->primary ? "primary" : "standby");
		add_words(node, "state", !n->lives ? "down" : !n->answers ? "starting" : n->primary || n->streams ? "running" : "not streaming");
		json_object_array_add(nodes, node);
	}
	json_object_object_add(object, "nodes", nodes);
	json_object_object_add(object, "failovers", json_object_new_int(s->said.failovers));
}

struct json_object *
agent_service_object(AgentService *s)
{
	struct json_object *object = json_object_new_object();

	pthread_mutex_lock(&s->lock);
	add_words(object, "id", s->id);
	if (s->damaged)
	{
		add_words(object, "state", state_name(s->said.state));
		add_words(object, "message", s->said.message);
		pthread_mutex_unlock(&s->lock);
		return object;
	}
	add_words(object, "type", s->order.kafka ? "kafka" : "postgresql");
	add_words(object, "state", state_name(s->said.state));
	add_words(object, "message", s->said.message);
	add_words(object, "network_id", s->network);
	add_words(object, "limits", s->said.limits);
	add_words(object, "version", s->said.version[0] ? s->said.version : s->order.version);
	if (s->order.kafka)
		add_kafka(object, s);
	else
		add_nodes(object, s);
	pthread_mutex_unlock(&s->lock);
	return object;
}
