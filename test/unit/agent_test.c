/* flags: -DFRONTEND */
/* link: src/remote/agent.c src/remote/kafka_connect.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/remote/connect_value.c src/common/connect_path.c src/common/text.c src/common/json.c src/common/redact.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/*
 * agent_test.c
 *	  The vocabulary of cdc_agent: what it says, what we say to it.
 */
#include "remote/agent.h"

#include "tap.h"

static void
states(void)
{
	static const char *const none[] = {
		NULL, "", "x", "[]", "{}", "{\"secrets\":[]}", "{\"secret_path\":\"/s\"}", "{\"secrets\":{},\"secret_path\":\"/s\"}",
		"{\"secrets\":[1],\"secret_path\":\"/s\"}", "{\"secrets\":[],\"secret_path\":1}", "{\"secrets\":[],\"secret_path\":\"/s\"} x"
	};
	static const char *const keep[] = {"mdb-pipeline-1.2", "mdb-pipeline-1.ca-0f"};
	CdcAgentState *s;
	const char **names;
	size_t		i;

	for (i = 0; i < lengthof(none); i++)
		ok(cdc_agent_parse_state(none[i]) == NULL, psprintf("no state: %s", none[i] ? none[i] : "NULL"));

	s = cdc_agent_parse_state("{\"version\":\"1\",\"plugins\":[],\"job\":null,\"secrets\":[],\"secret_path\":\"/s\",\"epoch\":7}");
	ok(s && s->job == CDC_AGENT_JOB_NONE && strcmp(s->fence.epoch, "7") == 0 && s->fence.word == NULL && s->nsecrets == 0, "a state of nothing");
	ok(!cdc_agent_has_secret(s, "a") && cdc_agent_secrets_of(s, "a", NULL, 0, &names) == 0, "... has no secrets");
	cdc_agent_state_free(s);

	s = cdc_agent_parse_state("{\"secret_path\":\"/s\",\"secrets\":[\"mdb-pipeline-1\",\"mdb-pipeline-1.1\",\"mdb-pipeline-1.2\",\"mdb-pipeline-1.ca-0f\",\"mdb-pipeline-10.1\",\"zz\"],"
							  "\"job\":{\"id\":\"j\",\"kind\":\"install\",\"state\":\"extracting\",\"sha512\":\"ab\",\"version\":\"3\"}}");
	ok(s && s->job == CDC_AGENT_JOB_RUNNING, "a job runs");
	is(s->job_state, "extracting", "... its state");
	is(s->job_version, "3", "... its version");
	ok(cdc_agent_has_secret(s, "mdb-pipeline-1.2") && cdc_agent_has_secret(s, "zz") && !cdc_agent_has_secret(s, "mdb-pipeline-1.3") &&
	   !cdc_agent_has_secret(s, "") && !cdc_agent_has_secret(s, "zzz"), "secrets are found by name");
	is_number(cdc_agent_secrets_of(s, "mdb-pipeline-1", keep, 2, &names), 1, "secrets of a connector but those to keep");
	is(names[0], "mdb-pipeline-1.1", "... not those of a longer name");
	is_number(cdc_agent_secrets_of(s, "mdb-pipeline-1", NULL, 0, &names), 3, "... all");
	is_number(cdc_agent_secrets_of(s, "mdb-pipeline-2", NULL, 0, &names), 0, "... of one that has none");
	cdc_agent_state_free(s);

	s = cdc_agent_parse_state("{\"secret_path\":\"/s\",\"secrets\":[],\"job\":{\"id\":\"j\",\"state\":\"failed\",\"error\":\"why\"}}");
	ok(s && s->job == CDC_AGENT_JOB_FAILED, "a job failed");
	is(s->job_error, "why", "... why");
	cdc_agent_state_free(s);
	s = cdc_agent_parse_state("{\"secret_path\":\"/s\",\"secrets\":[],\"job\":{\"id\":\"j\",\"state\":\"done\"}}");
	ok(s && s->job == CDC_AGENT_JOB_DONE, "a job is done");
	cdc_agent_state_free(s);
	cdc_agent_state_free(NULL);
}

static void
words(void)
{
	static const char *const sent[] = {"geheim"};
	char	   *message;

	is(cdc_agent_secret_name("mdb-pipeline-1", 3), "mdb-pipeline-1.3", "a secret's name");
	is(cdc_agent_certificate_name("mdb-pipeline-1", "0123456789abcdef0123"), "mdb-pipeline-1.ca-0123456789abcdef", "a certificate's");
	is(cdc_agent_url("http://h:1/", "/v1/fence", NULL, "i-d", 7, "ab.cd"), "http://h:1/v1/fence?installation=i-d&epoch=7&mark=ab.cd", "... and by which mark");
	is(cdc_agent_fence_body("12"), "{\"from\":\"12\"}", "the epoch that is replaced");
	is(cdc_agent_url("http://h:1/", "/v1/secrets/%s", "a.1", "i-d", 7, NULL), "http://h:1/v1/secrets/a.1?installation=i-d&epoch=7", "a change says who asks");
	is(cdc_agent_url("http://h:1", "/v1/state", NULL, "i-d", 0, NULL), "http://h:1/v1/state?installation=i-d", "a look too");
	is(cdc_agent_install_body("u", "s", "v"), "{\"url\":\"u\",\"sha512\":\"s\",\"version\":\"v\",\"class\":\"io.debezium.connector.postgresql.PostgresConnector\"}", "an installation");
	is(cdc_agent_secret_body("a\"b"), "{\"value\":\"a\\\"b\"}", "a secret");

	ok(cdc_agent_meaning(202, "{}", NULL, 0, &message) == CDC_AGENT_DONE && message == NULL, "202 is done");
	ok(cdc_agent_meaning(409, "{\"error\":\"busy\"}", NULL, 0, &message) == CDC_AGENT_BUSY, "409 is busy");
	is(message, "busy", "... its words");
	ok(cdc_agent_meaning(412, "{\"error\":\"e\"}", NULL, 0, &message) == CDC_AGENT_FENCED, "412 is a higher epoch");
	ok(cdc_agent_meaning(401, "{\"error\":\"e\"}", NULL, 0, &message) == CDC_AGENT_REFUSED && cdc_agent_meaning(422, "{\"error\":\"e\"}", NULL, 0, &message) == CDC_AGENT_REFUSED, "4xx is refused");
	ok(cdc_agent_meaning(500, "{\"error\":\"e\"}", NULL, 0, &message) == CDC_AGENT_MAYBE, "5xx may have happened");
	ok(!cdc_agent_forbids("{\"error\":\"e\"}") && cdc_agent_forbids("<html>") && cdc_agent_forbids(""), "a 403 refuses our token unless the agent says what it refuses");
	ok(cdc_agent_meaning(404, "<html>", NULL, 0, &message) == CDC_AGENT_MAYBE, "so may what another server says");
	is(message, "no reason given", "... which gives no reason");
	cdc_agent_meaning(422, "{\"error\":\"password=geheim\"}", NULL, 0, &message);
	is(message, "password=[redacted]", "no secret of others is told");
	cdc_agent_meaning(422, "{\"error\":\"geheim is no value\"}", sent, 1, &message);
	is(message, "[redacted] is no value", "nor one that it was sent");
}

int
main(void)
{
	states();
	words();
	return done_testing();
}
