/*
 * order.c
 *	  See order.h.
 */
#include "agent/order.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "common/json.h"

typedef enum MemberType
{
	MEMBER_WORD,				/* letters, digits, dots, hyphens, underscores */
	MEMBER_PASSWORD,			/* one line, at least 8 characters of those that need no quoting anywhere */
	MEMBER_COUNT,
	MEMBER_FLAG,
	MEMBER_CIDRS
} MemberType;

typedef struct Member
{
	const char *name;
	MemberType	type;
	bool		needed;
	bool		changeable;
	size_t		offset;
} Member;

static const Member members[] = {
	{"type", MEMBER_WORD, true, false, 0},
	{"version", MEMBER_WORD, true, false, offsetof(AgentOrder, version)},
	{"zone", MEMBER_WORD, false, true, offsetof(AgentOrder, zone)},
	{"plan", MEMBER_WORD, false, true, offsetof(AgentOrder, plan)},
	{"node_count", MEMBER_COUNT, false, false, 0},
	{"auto_failover", MEMBER_FLAG, false, true, offsetof(AgentOrder, auto_failover)},
	{"connect", MEMBER_FLAG, false, false, offsetof(AgentOrder, connect)},
	{"database", MEMBER_WORD, false, false, offsetof(AgentOrder, database)},
	{"admin_user", MEMBER_WORD, true, false, offsetof(AgentOrder, admin_user)},
	{"admin_password", MEMBER_PASSWORD, true, false, offsetof(AgentOrder, admin_password)},
	{"app_user", MEMBER_WORD, true, false, offsetof(AgentOrder, app_user)},
	{"app_password", MEMBER_PASSWORD, true, false, offsetof(AgentOrder, app_password)},
	{"connect_user", MEMBER_WORD, false, true, offsetof(AgentOrder, connect_user)},
	{"connect_password", MEMBER_PASSWORD, false, true, offsetof(AgentOrder, connect_password)},
	{"agent_token", MEMBER_PASSWORD, false, false, offsetof(AgentOrder, agent_token)},
	{"allowed_cidrs", MEMBER_CIDRS, false, false, 0},
};

static bool
is_made_of(const char *words, const char *more, size_t max)
{
	size_t		i;

	for (i = 0; words[i]; i++)
	{
		unsigned char c = (unsigned char) words[i];

		if (i >= max || c >= 0x80 || !(isalnum(c) || strchr(more, c)))
			return false;
	}
	return i > 0;
}

/* An IPv4 address, with or without /bits: nothing else gets into pg_hba.conf. */
static bool
is_network(struct json_object *item)
{
	char		words[32];
	char	   *slash;
	struct in_addr parsed;

	if (!json_object_is_type(item, json_type_string) || json_object_get_string_len(item) >= (int) sizeof(words))
		return false;
	strlcpy(words, json_object_get_string(item), sizeof(words));
	slash = strchr(words, '/');
	if (slash)
	{
		*slash = '\0';
		if (!is_made_of(slash + 1, "", 2) || strspn(slash + 1, "0123456789") != strlen(slash + 1) || atoi(slash + 1) > 32)
			return false;
	}
	return inet_pton(AF_INET, words, &parsed) == 1;
}

static const char *
take(AgentOrder *order, const Member *member, struct json_object *value)
{
	void	   *where = (char *) order + member->offset;
	const char *words = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
	size_t		i;

	if (words && strlen(words) != (size_t) json_object_get_string_len(value))
		return "must be a text without a NUL";
	switch (member->type)
	{
		case MEMBER_WORD:
			/* it becomes a part of a path, or an argument */
			if (words == NULL || !is_made_of(words, "._-", 63) || words[0] == '.' || words[0] == '-')
				return "must be 1 to 63 letters, digits, dots, hyphens and underscores, and begin with none of the first two of these";
			if (member->offset)
				*(const char **) where = words;
			return NULL;
		case MEMBER_PASSWORD:
			if (words == NULL || !is_made_of(words, "._-~+=", 512) || strlen(words) < 8)
				return "must be 8 to 512 letters, digits and ._-~+=";
			*(const char **) where = words;
			return NULL;
		case MEMBER_COUNT:
			if (!json_object_is_type(value, json_type_int) || json_object_get_int64(value) < 1 || json_object_get_int64(value) > AGENT_MAX_NODES)
				return "must be 1 or 2";
			order->nodes = json_object_get_int(value);
			return NULL;
		case MEMBER_FLAG:
			if (!json_object_is_type(value, json_type_boolean))
				return "must be true or false";
			*(bool *) where = json_object_get_boolean(value);
			return NULL;
		case MEMBER_CIDRS:
			if (!json_object_is_type(value, json_type_array))
				return "must be a list of networks";
			for (i = 0; i < json_object_array_length(value); i++)
			{
				if (!is_network(json_object_array_get_idx(value, i)))
					return "must be a list of IPv4 networks, such as 10.0.1.0/24";
			}
			order->cidrs = value;
			return NULL;
	}
	return NULL;
}

static const Member *
find(const char *name)
{
	size_t		i;

	for (i = 0; i < lengthof(members); i++)
	{
		if (strcmp(members[i].name, name) == 0)
			return &members[i];
	}
	return NULL;
}

/* What no single member shows. */
static char *
whole_fault(AgentOrder *order)
{
	const char *type = cdc_json_string(order->json, "type");
	size_t		i;

	for (i = 0; i < lengthof(members); i++)
	{
		if (members[i].needed && cdc_json_get(order->json, members[i].name) == NULL)
			return psprintf("\"%s\" is missing", members[i].name);
	}
	order->kafka = strcmp(type, "kafka") == 0;
	if (!order->kafka && strcmp(type, "postgresql") != 0)
		return pstrdup("\"type\" must be postgresql or kafka");
	if (order->kafka && order->nodes != 1)
		return pstrdup("\"node_count\" of a Kafka service must be 1");
	if (!order->kafka && order->connect)
		return pstrdup("\"connect\" is for Kafka");
	if (order->connect && (order->agent_token == NULL || strlen(order->agent_token) < 16))
		return pstrdup("\"agent_token\" of at least 16 characters is needed with connect");
	if ((order->connect_user == NULL) != (order->connect_password == NULL))
		return pstrdup("\"connect_user\" and \"connect_password\" go together");
	if (strcmp(order->admin_user, order->app_user) == 0)
		return pstrdup("\"admin_user\" and \"app_user\" must differ");
	if (strncmp(order->admin_user, "pg_", 3) == 0 || strncmp(order->app_user, "pg_", 3) == 0)
		return pstrdup("no user's name may begin with pg_");
	return NULL;
}

bool
agent_order_read(AgentOrder *order, struct json_object *object, char **error)
{
	memset(order, 0, sizeof(*order));
	order->nodes = 1;
	*error = NULL;
	if (!json_object_is_type(object, json_type_object))
	{
		*error = pstrdup("an order must be one JSON object");
		return false;
	}
	order->json = json_object_get(object);
	{
		json_object_object_foreach(object, key, value)
		{
			const Member *member = find(key);
			const char *fault = member ? (value ? take(order, member, value) : NULL) : "is no member of an order";

			if (fault && *error == NULL)
				*error = psprintf("\"%.64s\" %s", key, fault);
		}
	}
	if (*error == NULL)
		*error = whole_fault(order);
	if (order->database == NULL)
		order->database = "defaultdb";
	if (*error == NULL)
		return true;
	agent_order_free(order);
	return false;
}

void
agent_order_free(AgentOrder *order)
{
	json_object_put(order->json);
	memset(order, 0, sizeof(*order));
}

const char *
agent_order_conflict(const AgentOrder *a, const AgentOrder *b)
{
	size_t		i;

	for (i = 0; i < lengthof(members); i++)
	{
		/* Kafka's is in its storage, and an administrator's alone may change it there */
		bool		changeable = members[i].changeable || (!a->kafka && members[i].offset == offsetof(AgentOrder, admin_password));

		if (!changeable &&
			!json_object_equal(cdc_json_get(a->json, members[i].name), cdc_json_get(b->json, members[i].name)))
			return members[i].name;
	}
	return NULL;
}
