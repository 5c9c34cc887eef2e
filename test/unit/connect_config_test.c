/* link: src/remote/kafka_connect.c src/remote/connect_value.c src/common/connect_path.c src/remote/debezium.c src/remote/debezium_snapshot.c src/remote/kc_config.c src/remote/debezium_options.c src/common/json.c src/common/redact.c */
/* libs: -ljson-c -lpgcommon -lpgport */
/* flags: -DFRONTEND */
/*
 * connect_config_test.c
 *	  A pipeline keeps the generation of configuration that it was made with:
 *	  what is built for one is compared, byte by byte, with what is kept of it in
 *	  connect_config_<generation>.golden.  Of generation 1 that is what version 0.1
 *	  built, so this file never changes: where it would, every pipeline of 0.1
 *	  would be restarted.  CDC_TEST_ACCEPT=1 writes the newest generation's.
 */
#include "remote/kafka_connect.h"

#include <stdlib.h>

#include "common/json.h"
#include "tap.h"

static void
base(CdcConnectorSpec *s)
{
	memset(s, 0, sizeof(*s));
	s->pipeline_id = "a1b2c3d4-e5f6-7890-abcd-ef1234567890";
	s->epoch = 3;
	s->name = "mdb-pipeline-a1b2c3d4";
	s->hostname = "10.0.0.5";
	s->port = 5432;
	s->database = "defaultdb";
	s->user = "mdb_pipeline_a1b2c3d4";
	s->password = cdc_connect_secret_file("/var/lib/cdc_agent/secrets", "mdb-pipeline-a1b2c3d4.1");
	s->publication = "mdb_pipeline_a1b2c3d4";
	s->slot = "mdb_pipeline_a1b2c3d4";
	s->topic_prefix = "shop";
	s->snapshot_mode = "initial";
}

static void
all_tables(CdcConnectorSpec *s)
{
	(void) s;
}

static void
some_tables(CdcConnectorSpec *s)
{
	static const char *const tables[] = {"\"public\".\"orders\"", "\"S x\".\"T,a\"\"b$\"", "\"$\".\"{dir:/x:y}\""};

	s->ntables = lengthof(tables);
	s->tables = tables;
	s->snapshot_mode = "no_data";
}

static void
given_role(CdcConnectorSpec *s)
{
	s->user = "given \"role\"";
	s->session_name = "mdb_pipeline_a1b2c3d4";
	s->password = cdc_connect_text("in clear, $ {allowed}");
	s->sslmode = "require";
}

static void
failover_slot(CdcConnectorSpec *s)
{
	s->slot_failover = true;
	s->sslmode = "verify-full";
	s->hostname = "db.example.org";
	s->port = 6432;
}

static void
all_options(CdcConnectorSpec *s)
{
	s->sslmode = "verify-ca";
	s->options = cdc_json_parse("{\"on_gap\":\"halt\",\"binary.handling.mode\":\"hex\",\"column.exclude.list\":\"public.t.x,public.t.y\","
								"\"database.sslrootcert\":\"/etc/ssl/ca.pem\",\"decimal.handling.mode\":\"string\",\"heartbeat.interval.ms\":1000,"
								"\"poll.interval.ms\":7,\"tombstones.on.delete\":false,\"topic.creation.default.partitions\":3,"
								"\"message.key.columns\":\"public.t:x\",\"value.converter.schemas.enable\":true,"
								"\"unavailable.value.placeholder\":\"${dir:/secrets:other}\",\"slot.name\":\"x\"}");
}

static const struct
{
	const char *name;
	void		(*fill) (CdcConnectorSpec *s);
}			cases[] = {
	{"all tables", all_tables},
	{"some tables", some_tables},
	{"given role", given_role},
	{"failover slot", failover_slot},
	{"all options", all_options}
};

static char *
built(int generation)
{
	StringInfoData all;
	size_t		i;

	initStringInfo(&all);
	for (i = 0; i < lengthof(cases); i++)
	{
		CdcConnectorSpec spec;
		struct json_object *config;
		char	   *fault = NULL;

		base(&spec);
		spec.generation = generation;
		cases[i].fill(&spec);
		config = cdc_kc_config(&spec, &fault);
		ok(config != NULL && fault == NULL, psprintf("generation %d, %s: it can be sent", generation, cases[i].name));
		appendStringInfo(&all, "# %s\n%s\n", cases[i].name, json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN));
		json_object_put(config);
		json_object_put(spec.options);
	}
	return all.data;
}

static char *
read_file(const char *path)
{
	FILE	   *f = fopen(path, "r");
	char		buf[65536];
	size_t		n = f ? fread(buf, 1, sizeof(buf) - 1, f) : 0;

	if (f)
		fclose(f);
	buf[n] = '\0';
	return pstrdup(buf);
}

int
main(void)
{
	int			generation;

	for (generation = 1; generation <= CDC_KC_GENERATION; generation++)
	{
		char	   *path = psprintf("test/unit/connect_config_%d.golden", generation);
		char	   *now = built(generation);

		if (generation == CDC_KC_GENERATION && getenv("CDC_TEST_ACCEPT") != NULL)
		{
			FILE	   *f = fopen(path, "w");

			fputs(now, f);
			fclose(f);
		}
		is(now, read_file(path), psprintf("generation %d is built as ever", generation));
	}
	return done_testing();
}
