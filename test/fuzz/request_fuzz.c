/* link: src/agent/request.c src/common/json.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/*
 * request_fuzz.c
 *	  Any bytes as a request (method, path, installation, epoch, one a line, then
 *	  the body): it is refused with a reason, or all of its parts are safe to use.
 */
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

	memcpy(words, data, size);
	words[size] = '\0';
	method = line(&rest);
	path = line(&rest);
	installation = line(&rest);
	epoch = line(&rest);
	status = agent_request_read(&request, method ? method : "", path ? path : "", installation, epoch,
								rest, size - (size_t) (rest - words), &error);
	if (status == 0)
		check(&request);
	else if (error == NULL || (status != 400 && status != 404 && status != 405))
		abort();
	if (error)
		pfree(error);
	agent_request_wipe(&request);
	free(words);
	return 0;
}
