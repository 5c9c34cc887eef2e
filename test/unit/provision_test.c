/* flags: -DFRONTEND */
/* link: src/remote/provision.c src/remote/agent.c src/remote/kafka_connect.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/remote/connect_value.c src/common/connect_path.c src/common/text.c src/common/json.c src/common/redact.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/*
 * provision_test.c
 *	  The vocabulary of the agent that makes services: what is ordered, what it
 *	  says.
 */
#include "remote/provision.h"

#include "common/json.h"
#include "tap.h"

static const char pg_running[] =
"{\"service\":{\"id\":\"x\",\"type\":\"postgresql\",\"state\":\"running\",\"message\":null,\"network_id\":\"03000000-0000-4000-8000-000000000071\",\"limits\":\"2048 MB of memory\",\"version\":\"17.6\","
"\"nodes\":[{\"address\":\"127.77.0.1\",\"port\":5432,\"role\":\"primary\",\"state\":\"running\"},{\"address\":\"127.77.0.2\",\"port\":5432,\"role\":\"standby\",\"state\":\"starting\"}],\"failovers\":0}}";

static const char kafka_running[] =
"{\"service\":{\"id\":\"x\",\"type\":\"kafka\",\"state\":\"running\",\"message\":null,\"version\":\"3.9\",\"bootstrap\":\"127.77.0.3:9093\",\"connect_cidr\":\"127.0.0.0/8\","
"\"connect\":{\"state\":\"provisioning\",\"message\":\"Kafka Connect does not answer yet\",\"url\":\"http://127.77.0.3:8083\",\"agent_url\":\"http://127.77.0.3:8085\"}}}";

static const char *
words_of(struct json_object *object)
{
	return object ? json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE) : NULL;
}

static void
orders(void)
{
	CdcOrder	o;
	struct json_object *cidrs = cdc_json_parse("[\"10.0.0.0/8\"]");
	struct json_object *none = cdc_json_parse("[]");

	memset(&o, 0, sizeof(o));
	o.version = "17";
	o.nodes = 2;
	o.auto_failover = true;
	o.database = "defaultdb";
	o.admin_user = "postgres";
	o.admin_password = "a";
	o.app_user = "app_user";
	o.app_password = "b";
	o.agent_token = "c";
	o.cidrs = cidrs;
	is(cdc_provision_order(&o), "{\"type\":\"postgresql\",\"version\":\"17\",\"node_count\":2,\"auto_failover\":true,\"connect\":false,\"database\":\"defaultdb\","
	   "\"admin_user\":\"postgres\",\"admin_password\":\"a\",\"app_user\":\"app_user\",\"app_password\":\"b\",\"allowed_cidrs\":[\"10.0.0.0/8\"]}", "an order of PostgreSQL");
	o.kafka = o.connect = true;
	o.nodes = 1;
	o.auto_failover = false;
	o.cidrs = none;
	o.plan = "tier-3";
	o.connect_user = "worker";
	o.connect_password = "d";
	is(cdc_provision_order(&o), "{\"type\":\"kafka\",\"version\":\"17\",\"plan\":\"tier-3\",\"node_count\":1,\"auto_failover\":false,\"connect\":true,"
	   "\"admin_user\":\"postgres\",\"admin_password\":\"a\",\"app_user\":\"app_user\",\"app_password\":\"b\",\"agent_token\":\"c\",\"connect_user\":\"worker\",\"connect_password\":\"d\"}", "an order of Kafka: no database, a token, a password for Kafka Connect, no empty list");
	json_object_put(cidrs);
	json_object_put(none);
}

static void
answers(void)
{
	CdcProvided p = cdc_provision_read(200, pg_running);

	is_number(p.state, CDC_PROVIDED_RUNNING, "running");
	is(p.message, NULL, "nothing is the matter");
	is(words_of(p.nodes), "[{\"address\":\"127.77.0.1\",\"port\":5432},{\"address\":\"127.77.0.2\",\"port\":5432}]", "its nodes, addresses and ports alone");
	ok(p.connection == NULL, "a PostgreSQL has nodes, no connection");
	is(p.limits, "2048 MB of memory", "what it is held to");
	is(p.network_id, "03000000-0000-4000-8000-000000000071", "its network");
	p = cdc_provision_read(202, kafka_running);
	is_number(p.state, CDC_PROVIDED_RUNNING, "a broker that runs ...");
	is_number(p.connect, CDC_PROVIDED_MAKING, "... its addon not yet");
	is(p.connect_message, "Kafka Connect does not answer yet", "and why");
	is(words_of(p.connection), "{\"bootstrap\":\"127.77.0.3:9093\",\"connect_urls\":[\"http://127.77.0.3:8083\"],\"agents\":[{\"url\":\"http://127.77.0.3:8085\"}],\"connect_cidrs\":[\"127.0.0.0/8\"]}",
	   "how it is reached, as a registered one's connection");
	p = cdc_provision_read(202, "{\"service\":{\"type\":\"kafka\",\"state\":\"checking\"}}");
	is_number(p.state, CDC_PROVIDED_UNKNOWN, "an agent that has just started has no news");
	ok(p.connection == NULL && p.message == NULL, "nor addresses");
	p = cdc_provision_read(200, "{\"service\":{\"type\":\"postgresql\",\"state\":\"running\",\"nodes\":[{\"address\":\"a\",\"port\":5432},{\"address\":\"b\",\"port\":99999}]}}");
	ok(p.nodes == NULL, "a node without a port is no list of nodes");
	p = cdc_provision_read(200, "{\"service\":{\"type\":\"postgresql\",\"state\":\"error\",\"message\":\"initdb failed: password=hidden-one\",\"nodes\":[]}}");
	is_number(p.state, CDC_PROVIDED_ERROR, "error");
	ok(strstr(p.message, "initdb failed") && !strstr(p.message, "hidden-one"), "its reason, without a secret");
	is_number(cdc_provision_read(202, "{\"service\":{\"type\":\"kafka\",\"state\":\"deleting\"}}").state, CDC_PROVIDED_LEAVING, "deleting");
	is_number(cdc_provision_read(404, "{\"error\":\"there is no such service\"}").state, CDC_PROVIDED_ABSENT, "absent");
	is_number(cdc_provision_read(404, "<html>").state, CDC_PROVIDED_UNKNOWN, "not absent by somebody else's word");
	is_number(cdc_provision_read(412, "{\"error\":\"a control plane with epoch 7 acts here\"}").state, CDC_PROVIDED_UNKNOWN, "who was replaced learns nothing of the service");
	p = cdc_provision_read(412, "{\"error\":\"x\",\"epoch\":9e18,\"mark\":\"a.b\"}");
	ok(p.answered && strcmp(p.fence.epoch, "9e18") == 0 && strcmp(p.fence.word, "a.b") == 0, "what it keeps of our epoch, as it says it");
	p = cdc_provision_read(404, "{\"error\":\"x\",\"epoch\":0}");
	ok(p.answered && p.fence.epoch == NULL && p.fence.word == NULL, "none");
	ok(!cdc_provision_read(200, "x").answered, "nor from who is no agent");
}

static void
refusals(void)
{
	CdcProvided p = cdc_provision_read(409, "{\"error\":\"\\\"version\\\" of a service cannot be changed\"}");

	is_number(p.state, CDC_PROVIDED_ERROR, "what it refuses is an error");
	is(p.message, "the provisioning agent: HTTP 409: \"version\" of a service cannot be changed", "in its words");
	is_number(cdc_provision_read(401, "{\"error\":\"the token is missing or wrong\"}").state, CDC_PROVIDED_ERROR, "so is a wrong token");
	p = cdc_provision_read(502, "<html>bad gateway</html>");
	is_number(p.state, CDC_PROVIDED_UNKNOWN, "nonsense is no news");
	is(p.message, "the provisioning agent: HTTP 502", "but told");
	is_number(cdc_provision_read(200, "[]").state, CDC_PROVIDED_UNKNOWN, "an answer of something else neither");
	is_number(cdc_provision_read(200, "{\"service\":{\"type\":\"kafka\",\"state\":\"a-new-word\"}}").state, CDC_PROVIDED_UNKNOWN, "nor a word that we do not know");
}

int
main(void)
{
	orders();
	answers();
	refusals();
	return done_testing();
}
