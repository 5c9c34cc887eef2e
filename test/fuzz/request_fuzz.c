/* link: src/agent/request.c src/agent/order.c src/common/json.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/*
 * request_fuzz.c
 *	  Any bytes as a request (method, path, installation, epoch, one a line, then
 *	  the body): it is refused with a reason, or all of its parts are safe to use.
 *	  An order of a service is read as well: its texts get into SQL, pg_hba.conf,
 *	  properties and arguments.
 */
#include "agent/order.h"
#include "agent/request.h"

#include <stdlib.h>

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The next line, cut off; NULL when it is empty. */
static const char *
line(char **rest)
{
	char	   *start = *rest;
	char	   *end = strchr(start, '\n');

	if (end)
		*end = '\0';
	*rest = end ? end + 1 : start + strlen(start);
	return *start ? start : NULL;
}

static void
check(const AgentRequest *r)
{
	const char *p;

	if (r->name[0] == '.' || strchr(r->name, '/') || strlen(r->name) > AGENT_MAX_NAME)
		abort();
	if ((r->call == AGENT_PUT_SECRET || r->call == AGENT_DELETE_SECRET || r->call == AGENT_PUT_PLUGIN ||
		 r->call == AGENT_DELETE_PLUGIN) && r->name[0] == '\0')
		abort();
	if (r->call == AGENT_PUT_SECRET && (r->value == NULL || strlen(r->value) > AGENT_MAX_SECRET))
		abort();
	if (r->call == AGENT_PUT_PLUGIN)
	{
		if (r->url == NULL || r->version == NULL || r->sha512 == NULL || strlen(r->sha512) != 128)
			abort();
		for (p = r->url; *p; p++)
		{
			if (*p <= ' ' || *p == '\\' || *p == '"')
				abort();
		}
	}
	if (r->epoch < 0 || (r->epoch > 0 && r->installation == NULL))
		abort();
}

/* Nothing that ends or quotes anything, wherever it is put. */
static void
check_words(const char *words, bool needed)
{
	if (words == NULL ? needed : words[0] == '\0' || words[strspn(words, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-~+=")] != '\0')
		abort();
}

static void
check_order(struct json_object *object)
{
	AgentOrder	order;
	char	   *error = NULL;
	size_t		i;

	if (!agent_order_read(&order, object, &error))
	{
		if (error == NULL)
			abort();
		pfree(error);
		return;
	}
	check_words(order.version, true);
	check_words(order.database, true);
	check_words(order.admin_user, true);
	check_words(order.admin_password, true);
	check_words(order.app_user, true);
	check_words(order.app_password, true);
	check_words(order.agent_token, order.connect);
	if (order.nodes < 1 || order.nodes > AGENT_MAX_NODES || (order.connect && !order.kafka))
		abort();
	for (i = 0; order.cidrs && i < json_object_array_length(order.cidrs); i++)
	{
		const char *cidr = json_object_get_string(json_object_array_get_idx(order.cidrs, i));

		if (cidr[strspn(cidr, "0123456789./")] != '\0')
			abort();
	}
	if (agent_order_conflict(&order, &order) != NULL)
		abort();
	agent_order_free(&order);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	AgentRequest request;
	char	   *words = malloc(size + 1);
	char	   *rest = words;
	char	   *error = NULL;
	const char *method;
	const char *path;
	const char *installation;
	const char *epoch;
	int			status;

	if (words == NULL)
		abort();
	memcpy(words, data, size);
	words[size] = '\0';
	method = line(&rest);
	path = line(&rest);
	installation = line(&rest);
	epoch = line(&rest);
	status = agent_request_read(&request, method ? method : "", path ? path : "", installation, epoch, epoch,
								rest, size - (size_t) (rest - words), &error);
	if (status == 0)
	{
		check(&request);
		if (request.call == AGENT_PUT_SERVICE)
			check_order(request.order);
	}
	else if (error == NULL || (status != 400 && status != 404 && status != 405))
		abort();
	if (error)
		pfree(error);
	agent_request_wipe(&request);
	free(words);
	return 0;
}
