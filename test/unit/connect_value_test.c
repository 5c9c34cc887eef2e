/* link: src/remote/connect_value.c src/common/connect_path.c src/remote/kafka_connect.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/common/json.c src/common/redact.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * connect_value_test.c
 *	  What a member, a source, an agent or Connect gave never becomes a
 *	  reference: every field of a configuration is tried with one.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>

#include "common/json.h"
#include "tap.h"

#define VICTIM "/var/lib/cdc_agent/secrets:mdb-pipeline-deadbeef.1}"

static const char *const variants[] = {
	"${dir:" VICTIM, "${file:/etc/cdc.properties:password}", "${env:PGPASSWORD}", "${securestore:x:y}", "${a}", "x${dir:" VICTIM "y",
	"$${dir:" VICTIM, "${${dir:" VICTIM "}", "$$${", "${", "a ${b:c} ${d:e}", "\\${dir:" VICTIM, "\n${dir:" VICTIM
};

static CdcConnectorSpec
sample(void)
{
	CdcConnectorSpec spec = {0};

	spec.generation = CDC_KC_GENERATION;
	spec.pipeline_id = "a1b2c3d4-e5f6-7890-abcd-ef1234567890";
	spec.epoch = 3;
	spec.name = "mdb-pipeline-a1b2c3d4";
	spec.hostname = "10.0.0.5";
	spec.port = 5432;
	spec.database = "defaultdb";
	spec.user = "u";
	spec.password = cdc_connect_secret_file("/secrets", "mdb-pipeline-a1b2c3d4.1");
	spec.session_name = "s";
	spec.sslmode = "verify-full";
	spec.ca_path = "/secrets/ca";
	spec.publication = "p";
	spec.slot = "s";
	spec.topic_prefix = "shop";
	spec.snapshot_mode = "initial";
	return spec;
}

/* Is there a reference but the password's of sample()? */
static bool
has_reference(struct json_object *config)
{
	const char *text = json_object_to_json_string_ext(config, JSON_C_TO_STRING_NOSLASHESCAPE | JSON_C_TO_STRING_PLAIN);
	const char *first = strstr(text, "${");

	if (strcmp(cdc_json_string(config, "database.password"), "${dir:/secrets:mdb-pipeline-a1b2c3d4.1}") != 0)
		return first != NULL;
	return first == NULL || strstr(first + 1, "${") != NULL;
}

static void
refused(CdcConnectorSpec spec, const char *field, const char *variant)
{
	char	   *fault = NULL;
	struct json_object *config = cdc_kc_config(&spec, &fault);

	ok(config == NULL && fault != NULL && strstr(fault, "deadbeef") == NULL, psprintf("%s = %s is refused, and not shown", field, variant));
	json_object_put(config);
}

static void
every_field(void)
{
#define TRY(field) { CdcConnectorSpec spec = sample(); spec.field = variants[i]; refused(spec, #field, variants[i]); }
	size_t		i;

	for (i = 0; i < lengthof(variants); i++)
	{
		CdcConnectorSpec spec = sample();

		TRY(pipeline_id);
		TRY(hostname);
		TRY(database);
		TRY(user);
		TRY(session_name);
		TRY(ca_path);
		TRY(publication);
		TRY(slot);
		TRY(topic_prefix);
		TRY(snapshot_mode);
		TRY(sslmode);
		spec.password = cdc_connect_text(variants[i]);
		refused(spec, "password in clear", variants[i]);
		spec.password = cdc_connect_secret_file(variants[i], "mdb-pipeline-a1b2c3d4.1");
		refused(spec, "directory", variants[i]);
		spec.password = cdc_connect_secret_file("/secrets", variants[i]);
		refused(spec, "secret's name", variants[i]);
	}
#undef TRY
}

/* What a user names freely cannot become one either: it is escaped, or left out. */
static void
tables_and_options(void)
{
	static const char *const tables[] = {"\"${dir:/x\".\"y}\"", "\"$\".\"{dir:/x:y}\"", "\"a$\".\"{b}\"", "\"$\xc3\xa9{\".\"${\""};
	CdcConnectorSpec spec = sample();
	struct json_object *config;
	char	   *names = cdc_kc_option_names();
	char	   *name;
	char	   *rest = NULL;
	size_t		i;

	spec.tables = tables;
	spec.ntables = lengthof(tables);
	config = cdc_kc_config(&spec, NULL);
	ok(config != NULL && !has_reference(config), "tables that are named like references are escaped");
	json_object_put(config);

	spec = sample();
	spec.options = json_object_new_object();
	for (name = strtok_r(names, ", ", &rest); name != NULL; name = strtok_r(NULL, ", ", &rest))
	{
		for (i = 0; i < lengthof(variants); i++)
			ok(cdc_kc_option_check(CDC_KC_GENERATION, name, variants[i]) != NULL && cdc_kc_option_check(1, name, variants[i]) != NULL,
			   psprintf("option %s = %s is refused", name, variants[i]));
		json_object_object_add(spec.options, name, json_object_new_string(variants[0]));
	}
	config = cdc_kc_config(&spec, NULL);
	ok(config != NULL && !has_reference(config), "of options that were stored so none is sent");
	json_object_put(config);
	json_object_put(spec.options);
	ok(cdc_kc_option_check(CDC_KC_GENERATION, "database.sslrootcert", "/dev/zero") != NULL, "no free path of a certificate");
	ok(cdc_kc_option_check(1, "database.sslrootcert", "/etc/ca.pem") == NULL, "... but for pipelines that have one");
}

static void
closed_list(void)
{
	CdcConnectConfig built;
	char	   *fault;

	cdc_connect_begin(&built);
	cdc_connect_put(&built, "database.user", cdc_connect_secret_file("/s", "n"));
	ok(cdc_connect_finish(&built, &fault) == NULL && fault != NULL, "a reference stands in no other key than the password's");
	cdc_connect_begin(&built);
	cdc_connect_put(&built, "database.password", cdc_connect_text(NULL));
	ok(cdc_connect_finish(&built, &fault) == NULL && fault != NULL, "what is not known is not sent");
	is(cdc_connect_reference_directory("${dir:/var/s:c.1}"), "/var/s", "the directory of one that is there");
	ok(cdc_connect_reference_directory("geheim") == NULL && cdc_connect_reference_directory(NULL) == NULL && cdc_connect_reference_directory("${dir:x}") == NULL &&
	   cdc_connect_reference_directory("${dir:/x:y") == NULL && cdc_connect_reference_directory("${file:/x:y}") == NULL, "what is none");
	ok(cdc_connect_reference_directory("${dir:/x/../y:c.1}") == NULL && cdc_connect_reference_directory("${dir:/x:${dir:y:z}") == NULL, "... or has a fault");
}

static void
paths(void)
{
	static const char *const bad[] = {
		"", "x", "x/y", "../x", "/x/..", "/x/../y", "/..", "/x y", "/x:y", "/x}", "/x${dir:y}", "/x\n", "/x\\y", "/\xc3\xa9", "/x;y", "//../x", "~/x"
	};
	static const char *const good[] = {"/", "/x", "/var/lib/cdc_agent/secrets", "/x/..y", "/x/y..", "/x/./y", "/a-b_c.d/"};
	char		longest[2000];
	size_t		i;

	for (i = 0; i < lengthof(bad); i++)
		ok(cdc_connect_path_fault(bad[i]) != NULL, psprintf("no path: %s", bad[i]));
	for (i = 0; i < lengthof(good); i++)
		is(cdc_connect_path_fault(good[i]), NULL, psprintf("a path: %s", good[i]));
	memset(longest, 'x', sizeof(longest));
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	ok(cdc_connect_path_fault(longest) != NULL, "one that is too long");
	ok(cdc_connect_path_below("/s", "/s") && cdc_connect_path_below("/s/x", "/s") && cdc_connect_path_below("/s/x", "/s/") && cdc_connect_path_below("/x", "/"), "below");
	ok(!cdc_connect_path_below("/sx", "/s") && !cdc_connect_path_below("/", "/s") && !cdc_connect_path_below("/x/s", "/s"), "not below");
}

static void
logins(void)
{
	static const struct
	{
		int			generation;
		const char *sslmode;
		bool		in_tls;
		const char *require;
		const char *binding;
		const char *ca;
	}			cases[] = {
		{1, "verify-full", false, NULL, NULL, NULL},
		{2, NULL, false, "scram-sha-256", NULL, NULL},
		{2, "disable", false, "scram-sha-256", NULL, NULL},
		{2, "prefer", true, "scram-sha-256", NULL, NULL},
		{2, "require", false, "scram-sha-256", "require", NULL},
		{2, "require", true, "scram-sha-256", "require", NULL},
		{2, "verify-ca", true, "scram-sha-256", "require", "/secrets/ca"},
		{2, "verify-full", false, "scram-sha-256", "require", "/secrets/ca"},
		{2, "verify-full", true, "password,scram-sha-256", NULL, "/secrets/ca"}
	};
	size_t		i;

	for (i = 0; i < lengthof(cases); i++)
	{
		CdcConnectorSpec spec = sample();
		struct json_object *config;
		char	   *name = psprintf("generation %d, sslmode %s%s: ", cases[i].generation, cases[i].sslmode ? cases[i].sslmode : "none", cases[i].in_tls ? ", password_in_tls" : "");

		spec.generation = cases[i].generation;
		spec.sslmode = cases[i].sslmode;
		spec.password_in_tls = cases[i].in_tls;
		config = cdc_kc_config(&spec, NULL);
		is(cdc_json_string(config, "driver.requireAuth"), cases[i].require, psprintf("%srequireAuth", name));
		is(cdc_json_string(config, "driver.channelBinding"), cases[i].binding, psprintf("%schannelBinding", name));
		is(cdc_json_string(config, "database.sslrootcert"), cases[i].ca, psprintf("%ssslrootcert", name));
		json_object_put(config);
	}
}

/* As if Connect had told it. */
static bool
equal(struct json_object *wanted, struct json_object *seen)
{
	CdcKcConfig *kept = cdc_kc_config_keep(seen, NULL, 0, 0);
	bool		equal = cdc_kc_config_equal(wanted, kept, NULL);

	free(kept);
	return equal;
}

static void
marks(void)
{
	CdcConnectorSpec spec = sample();
	struct json_object *wanted = cdc_kc_config(&spec, NULL);
	struct json_object *observed = cdc_kc_config(&spec, NULL);

	json_object_object_add(wanted, "cdc.newer", json_object_new_string("x"));
	ok(equal(wanted, observed), "a mark that a connector does not have yet is no drift");
	json_object_object_add(observed, "cdc.newer", json_object_new_string("y"));
	ok(!equal(wanted, observed), "another one is");
	json_object_object_del(observed, "cdc.newer");
	json_object_object_del(observed, "cdc.pipeline.id");
	ok(!equal(wanted, observed), "whose it is is never missing");
	json_object_put(wanted);
	json_object_put(observed);
}

int
main(void)
{
	every_field();
	tables_and_options();
	closed_list();
	paths();
	logins();
	marks();
	return done_testing();
}
