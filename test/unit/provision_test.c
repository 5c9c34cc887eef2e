/* flags: -DFRONTEND */
/* link: src/remote/provision.c src/common/json.c src/common/redact.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/*
 * provision_test.c
 *	  The vocabulary of the agent of a host of services: what it says of one.
 */
#include "remote/provision.h"

#include "tap.h"

#define NETWORK "03000000-0000-4000-8000-000000000071"

static CdcProvided
service(const char *members)
{
	return cdc_provision_read(200, psprintf("{\"service\":{%s}}", members));
}

static void
is_json(struct json_object *object, const char *wanted, const char *what)
{
	is(object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN) : NULL, wanted, what);
}

static void
postgresql(void)
{
	CdcProvided p = service("\"type\":\"postgresql\",\"state\":\"running\",\"network_id\":\"" NETWORK "\",\"nodes\":["
							"{\"address\":\"127.77.0.1\",\"port\":5432,\"role\":\"primary\"},{\"address\":\"127.77.0.2\",\"port\":5432}]");

	is_number(p.state, CDC_PROVIDED_RUNNING, "PostgreSQL runs");
	is_json(p.nodes, "[{\"address\":\"127.77.0.1\",\"port\":5432},{\"address\":\"127.77.0.2\",\"port\":5432}]", "... its nodes");
	is(p.network_id, NETWORK, "... its network");
	ok(p.connection == NULL && p.message == NULL, "... and nothing else");
	p = service("\"type\":\"postgresql\",\"state\":\"provisioning\",\"nodes\":[{\"address\":\"127.77.0.1\",\"port\":70000}]");
	is_number(p.state, CDC_PROVIDED_MAKING, "one is being made");
	ok(p.nodes == NULL && p.network_id == NULL, "... a port that is none, and no network");
}

static void
networks(void)
{
	static const char *const none[] = {"\"\"", "\"x\"", "7", "null", "\"" NETWORK "0\"", "\"03000000-0000-4000-8000-00000000007\"",
	"\"03000000-0000-4000-8000-00000000007g\"", "\"03000000x0000-4000-8000-000000000071\"", "\"'; DROP TABLE cdc.service; --\""};
	size_t		i;

	for (i = 0; i < lengthof(none); i++)
		ok(service(psprintf("\"type\":\"postgresql\",\"state\":\"running\",\"network_id\":%s", none[i])).network_id == NULL, psprintf("no network: %s", none[i]));
	is(service("\"type\":\"kafka\",\"state\":\"running\",\"network_id\":\"ABCDEFab-0000-4000-8000-000000000071\"").network_id, "ABCDEFab-0000-4000-8000-000000000071", "a network");
}

static void
kafka(void)
{
	CdcProvided p = service("\"type\":\"kafka\",\"state\":\"running\",\"bootstrap\":\"127.77.0.3:9093\",\"connect_cidr\":\"127.0.0.0/8\",\"network_id\":\"" NETWORK "\","
							"\"connect\":{\"state\":\"provisioning\",\"message\":\"it starts\",\"url\":\"http://127.77.0.3:8083\",\"agent_url\":\"http://127.77.0.3:8085\"}");

	is_json(p.connection, "{\"bootstrap\":\"127.77.0.3:9093\",\"connect_urls\":[\"http:\\/\\/127.77.0.3:8083\"],\"agents\":[{\"url\":\"http:\\/\\/127.77.0.3:8085\"}],"
			"\"connect_cidrs\":[\"127.0.0.0\\/8\"]}", "Kafka: how it is reached");
	is_number(p.connect, CDC_PROVIDED_MAKING, "... its addon is being made");
	is(p.connect_message, "it starts", "... which says what it waits for");
	is(p.network_id, NETWORK, "... its network");
	p = service("\"type\":\"kafka\",\"state\":\"error\",\"message\":\"no free port\",\"bootstrap\":\"127.77.0.3:9093\"");
	is_json(p.connection, "{\"bootstrap\":\"127.77.0.3:9093\"}", "without Kafka Connect");
	is(p.message, "no free port", "... with an error of its own");
}

static void
others(void)
{
	CdcProvided p = cdc_provision_read(404, "{\"error\":\"there is no such service\"}");

	is_number(p.state, CDC_PROVIDED_ABSENT, "404: it is not there");
	p = cdc_provision_read(409, "{\"error\":\"\\\"version\\\" of a service cannot be changed\"}");
	is_number(p.state, CDC_PROVIDED_ERROR, "409: it will not do that");
	is(p.message, "the provisioning agent: HTTP 409: \"version\" of a service cannot be changed", "... and says why");
	p = cdc_provision_read(502, "<html>");
	is_number(p.state, CDC_PROVIDED_UNKNOWN, "a proxy's page is no news");
	p = cdc_provision_read(200, "{\"service\":{}}");
	is_number(p.state, CDC_PROVIDED_UNKNOWN, "nor is a service without a type");
	p = cdc_provision_read(200, NULL);
	is_number(p.state, CDC_PROVIDED_UNKNOWN, "nor an answer without a body");
}

int
main(void)
{
	postgresql();
	networks();
	kafka();
	others();
	return done_testing();
}
