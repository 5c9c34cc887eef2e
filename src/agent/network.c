/*
 * network.c
 *	  See network.h.
 */
#include "agent/network.h"

#include <arpa/inet.h>
#include <time.h>

#include "agent/files.h"
#include "agent/http.h"
#include "common/clock.h"
#include "common/json.h"
#include "common/sdn_api.h"

#define TIMEOUT_MS 10000
#define MAX_ANSWER (16 * 1024 * 1024)
#define MAX_CREDENTIALS 4096
#define SETTLE_SECONDS 120		/* a request without an answer has no effect later */

/* Sets credentials on a request, read anew each time; NULL, or why not. */
static char *
authorize(const AgentConfig *config, CURL *easy)
{
	char	   *error = NULL;
	char	   *words = agent_read_secret("sdn_credentials_file", config->sdn_credentials_file, MAX_CREDENTIALS, &error);
	CdcSdnCredentials c;
	const char *fault;

	if (words == NULL)
		return error;
	fault = cdc_sdn_parse_credentials(words, &c);
	explicit_bzero(words, strlen(words));
	pfree(words);
	if (fault == NULL && c.token)
	{
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, c.token);
	}
	else if (fault == NULL)
	{
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, c.user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, c.password);
	}
	cdc_sdn_wipe(&c);
	return fault ? psprintf("the file \"%s\" of sdn_credentials_file cannot be used: %s", config->sdn_credentials_file, fault) : NULL;
}

/* One request; as agent_http(). */
static bool
ask(const AgentConfig *config, const char *method, const char *url, const char *body, AgentAnswer *answer, char **error)
{
	CURL	   *easy = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
	char	   *why = easy ? authorize(config, easy) : pstrdup("libcurl does not start");
	bool		ok = false;

	memset(answer, 0, sizeof(*answer));
	headers = curl_slist_append(headers, "Accept: application/json");
	if (why)
	{
		*error = why;
		curl_easy_cleanup(easy);
	}
	else
	{
		curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
		if (body)
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
		ok = agent_http(easy, url, TIMEOUT_MS, MAX_ANSWER, answer, &why);
		if (!ok)
		{
			*error = psprintf("the SDN API does not answer: %s", why);
			pfree(why);
		}
	}
	curl_slist_free_all(headers);
	return ok;
}

static void
free_answer(AgentAnswer *answer)
{
	if (answer->body.data)
		pfree(answer->body.data);
}

/* What an answer that is not the wanted one says. */
static char *
fault_of(const AgentAnswer *answer)
{
	char	   *code;
	char	   *said = cdc_sdn_error(answer->body.data, &code);

	return psprintf("the SDN API: HTTP %ld%s%s%s", answer->status, said ? ": " : "", said ? said : "",
					answer->status == 401 ? ": put valid credentials into the file that sdn_credentials_file names" : "");
}

/* UUIDs of the service's objects of a kind ("network", "router"), as a list; NULL with *error. */
static struct json_object *
listed(const AgentService *s, const char *kind, char **error)
{
	char	   *base = cdc_sdn_url_of(s->config->sdn_url, kind, NULL);
	char	   *url = psprintf("%s?label=%s%%3D%s", base, AGENT_NETWORK_LABEL, s->id);
	char	   *plural = psprintf("%ss", kind);
	struct json_object *found = NULL;
	AgentAnswer answer;

	if (ask(s->config, "GET", url, NULL, &answer, error))
	{
		struct json_object *whole = cdc_json_parse(answer.body.data);
		struct json_object *items = cdc_json_array(cdc_json_get(whole, plural), kind);
		size_t		i;

		if (answer.status == 200 && items)
		{
			found = json_object_new_array();
			for (i = 0; i < json_object_array_length(items); i++)
			{
				struct json_object *item = json_object_array_get_idx(items, i);
				const char *owner = cdc_sdn_label(item, AGENT_NETWORK_LABEL);
				const char *uuid = cdc_json_string(item, "uuid");

				/* a filter that an API does not know is no filter */
				if (owner && strcmp(owner, s->id) == 0 && uuid)
					json_object_array_add(found, json_object_new_string(uuid));
			}
		}
		else
			*error = answer.status == 200 ? psprintf("the SDN API's list of %s makes no sense", plural) : fault_of(&answer);
		json_object_put(whole);
	}
	free_answer(&answer);
	pfree(plural);
	pfree(url);
	pfree(base);
	return found;
}

static void
set_network(AgentService *s, const char *uuid)
{
	pthread_mutex_lock(&s->lock);
	strlcpy(s->network, uuid, sizeof(s->network));
	s->network_begun = true;
	pthread_mutex_unlock(&s->lock);
}

/* A request was sent at that time, 0: its outcome is known. */
static void
note_asked(AgentService *s, int64 at)
{
	pthread_mutex_lock(&s->lock);
	s->network_asked = at;
	s->network_begun = true;
	pthread_mutex_unlock(&s->lock);
}

/* {"name", "labels"} */
static struct json_object *
named(const AgentService *s)
{
	char	   *name = psprintf("cdc_pipeline service %.8s", s->id);
	struct json_object *object = json_object_new_object();

	json_object_object_add(object, "name", json_object_new_string(name));
	json_object_object_add(object, "labels", cdc_sdn_labels(AGENT_NETWORK_LABEL, s->id));
	pfree(name);
	return object;
}

/* The network of the service's block of addresses. */
static struct json_object *
network_of(const AgentService *s, const char *router)
{
	struct json_object *object = named(s);
	struct json_object *ranges = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *range = json_object_new_object();
	struct in_addr first;
	char		words[INET_ADDRSTRLEN];
	char	   *cidr;

	inet_pton(AF_INET, s->addresses[0], &first);
	first.s_addr &= htonl(~(uint32) (AGENT_BLOCK - 1));
	cidr = psprintf("%s/%d", inet_ntop(AF_INET, &first, words, sizeof(words)), AGENT_BLOCK_BITS);
	json_object_object_add(object, "zone", json_object_new_string(s->order.zone));
	json_object_object_add(object, "router", json_object_new_string(router));
	json_object_object_add(range, "address", json_object_new_string(cidr));
	json_object_object_add(range, "family", json_object_new_string("IPv4"));
	json_object_object_add(range, "dhcp", json_object_new_string("yes"));
	json_object_object_add(range, "dhcp_default_route", json_object_new_string("no"));
	json_object_array_add(list, range);
	json_object_object_add(ranges, "ip_network", list);
	json_object_object_add(object, "ip_networks", ranges);
	pfree(cidr);
	return object;
}

/* POSTs an object of a kind, which is put; its UUID, or NULL with *error. */
static char *
create(AgentService *s, const char *kind, struct json_object *object, char **error)
{
	/* the one has a slash at its end, the other has none (spec: networks) */
	char	   *url = cdc_sdn_url_of(s->config->sdn_url, strcmp(kind, "network") == 0 ? "network/" : kind, NULL);
	char	   *body = cdc_sdn_enveloped(kind, object);
	char	   *uuid = NULL;
	int64		before;
	AgentAnswer answer;

	/* an older one whose outcome is not known is not settled by this */
	before = s->network_asked;
	note_asked(s, (int64) time(NULL));
	if (agent_service_save(s, error))
	{
		if (ask(s->config, "POST", url, body, &answer, error))
		{
			struct json_object *whole = cdc_json_parse(answer.body.data);
			const char *made = cdc_json_string(cdc_json_get(whole, kind), "uuid");

			if (answer.status >= 200 && answer.status < 300 && made)
				uuid = pstrdup(made);
			else
				*error = fault_of(&answer);
			/* what was refused has no effect later */
			if (uuid || (answer.status >= 400 && answer.status < 500))
				note_asked(s, before);
			json_object_put(whole);
		}
		free_answer(&answer);
	}
	pfree(body);
	pfree(url);
	return uuid;
}

static char *
first_of(struct json_object *list)
{
	return json_object_array_length(list) > 0 ? pstrdup(json_object_get_string(json_object_array_get_idx(list, 0))) : NULL;
}

/* Finds or makes the router, then the network. */
static char *
make(AgentService *s, char **error)
{
	struct json_object *routers;
	char	   *router;
	char	   *network = NULL;

	if (s->order.zone == NULL)
	{
		*error = pstrdup("the order has no \"zone\"");
		return NULL;
	}
	routers = listed(s, "router", error);
	router = routers ? first_of(routers) : NULL;
	if (router)
		note_asked(s, 0);		/* if that was lost, here it is */
	else if (routers)
		router = create(s, "router", named(s), error);
	if (router)
	{
		network = create(s, "network", network_of(s, router), error);
		pfree(router);
	}
	json_object_put(routers);
	return network;
}

bool
agent_network_make(AgentService *s, char **error)
{
	struct json_object *found;
	char	   *network;
	bool		ok;

	if (s->config->sdn_url == NULL || (s->network[0] && cdc_clock_ms() < s->network_at))
		return true;
	s->network_at = cdc_clock_ms() + s->config->network_interval * INT64CONST(1000);
	found = listed(s, "network", error);
	network = found ? first_of(found) : NULL;
	if (network)
		note_asked(s, 0);
	else if (found)
		network = make(s, error);
	json_object_put(found);
	if (network == NULL)
	{
		char	   *why = *error;

		*error = NULL;
		if (s->network[0])
			/* its servers are attended to all the same */
			fprintf(stderr, "cdc_agent: service %s: its network cannot be looked at: %s\n", s->id, why);
		else
			*error = psprintf("its private network cannot be made: %s", why);
		pfree(why);
		return *error == NULL;
	}
	ok = true;
	if (strcmp(s->network, network) != 0)
	{
		set_network(s, network);
		fprintf(stderr, "cdc_agent: service %s: network %s\n", s->id, network);
		ok = agent_service_save(s, error);
	}
	pfree(network);
	return ok;
}

/* Deletes the service's objects of a kind. */
static bool
clear(AgentService *s, const char *kind, char **error)
{
	struct json_object *list = listed(s, kind, error);
	bool		ok = list != NULL;
	size_t		i;

	for (i = 0; ok && i < json_object_array_length(list); i++)
	{
		char	   *url = cdc_sdn_url_of(s->config->sdn_url, kind, json_object_get_string(json_object_array_get_idx(list, i)));
		AgentAnswer answer;

		ok = ask(s->config, "DELETE", url, NULL, &answer, error);
		if (ok && (answer.status < 200 || answer.status > 299) && answer.status != 404)
		{
			*error = fault_of(&answer);
			ok = false;
		}
		free_answer(&answer);
		pfree(url);
	}
	json_object_put(list);
	return ok;
}

bool
agent_network_remove(AgentService *s, char **error)
{
	char	   *why = NULL;
	bool		ok;

	if (!s->network_begun)
		return true;
	if (s->config->sdn_url == NULL)
		why = pstrdup("sdn_url is not set any more");
	ok = why == NULL && clear(s, "network", &why) && clear(s, "router", &why);
	if (ok && s->network_asked != 0 && (int64) time(NULL) - s->network_asked < SETTLE_SECONDS)
	{
		why = pstrdup("a request to make it was not answered and may still take effect");
		ok = false;
	}
	if (!ok)
	{
		*error = psprintf("its private network cannot be removed: %s", why ? why : "unknown fault");
		if (why)
			pfree(why);
	}
	return ok;
}
