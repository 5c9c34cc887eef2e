/* link: src/remote/source.c src/remote/source_inserts.c src/remote/source_batch.c src/remote/source_observe.c src/remote/source_node.c src/remote/source_tables.c src/remote/source_trigger.c src/common/text.c src/remote/patroni.c src/remote/pg_hba.c src/remote/pg_hba_file.c src/common/quote.c src/common/json.c src/common/lsn.c */
/* libs: -ljson-c -lpgcommon -lpgport -lcrypto */
/* flags: -DFRONTEND */
/*
 * source_test.c
 *	  The vocabulary of a source without a server: quoting, what is asked, how
 *	  an answer is read.  What the statements do is test/tap/030_source_sql.pl.
 */
#include "remote/source.h"

#include <stdlib.h>

#include "common/json.h"
#include "common/quote.h"
#include "tap.h"

#define ID "a1b2c3d4-e5f6-7890-abcd-ef1234567890"

static void
quoting(void)
{
	is(cdc_quote_ident("a\"b"), "\"a\"\"b\"", "identifier");
	is(cdc_quote_ident(""), "\"\"", "... empty");
	is(cdc_quote_literal("it's"), "'it''s'", "literal");
	is(cdc_quote_literal("a\\'b"), " E'a\\\\''b'", "... with a backslash");
	is(cdc_quote_literal(""), "''", "... empty");
}

static void
asking(void)
{
	static const char *const tables[] = {"\"a\".\"b\"", "\"S x\".\"T\\\"\"\""};
	CdcSourceAsk ask = {.pipeline_id = ID, .name = "mdb_pipeline_a1b2c3d4", .database = "app", .ntables = 2, .tables = tables};

	is(cdc_source_ask(&ask, 1, true), "{\"full\":true,\"database\":\"app\",\"pipelines\":[[\"mdb_pipeline_a1b2c3d4\","
	   "[\"\\\"a\\\".\\\"b\\\"\",\"\\\"S x\\\".\\\"T\\\\\\\"\\\"\\\"\"],null,null]]}", "name and tables, with everything, and the database once");
	ask.ntables = 0;
	ask.txid = 7;
	ask.login = "l";
	is(cdc_source_ask(&ask, 1, false), "{\"database\":\"app\",\"pipelines\":[[\"mdb_pipeline_a1b2c3d4\",[],7,\"l\"]]}", "all tables, a transaction and a login");
	ask.inserts_only = ask.lists_bare = true;
	ask.unlogged = "[5]";
	is(cdc_source_ask(&ask, 1, false), "{\"database\":\"app\",\"pipelines\":[[\"mdb_pipeline_a1b2c3d4\",[],7,\"l\",{\"inserts\":true,\"bare\":true}]]}",
	   "INSERT alone, and what to do about tables without a key");
	ask.inserts_only = ask.lists_bare = false;
	ask.lists_relations = true;
	is(cdc_source_ask(&ask, 1, false), "{\"database\":\"app\",\"pipelines\":[[\"mdb_pipeline_a1b2c3d4\",[],7,\"l\",{\"rels\":true,\"unlogged\":[5]}]]}", "what became of its tables");
	is(cdc_source_ask(NULL, 0, false), "{\"pipelines\":[]}", "nobody asks");
}

static CdcSourceObs *
parsed(const char *server)
{
	return cdc_source_parse(&server, 1);
}

static void
reading(void)
{
	const char *head = "{\"in_recovery\":false,\"system_identifier\":\"18446744073709551615\",\"timeline\":\"x0000001F\","
		"\"version\":150020,\"wal_level\":\"logical\",\"wal_lsn\":\"16/B374D848\",\"now\":1795535735047356,"
		"\"free_slots\":9,\"free_senders\":-1,\"blocker\":\"pid 1\",\"superuser\":true,"
		"\"hba\":\"a\\\\303\\\\251\",\"hba_error\":null}";
	const char *one = "{\"nr\":1,\"role_exists\":true,\"role_login\":null,\"grants_ok\":true,\"missing\":\"a.b\","
		"\"pub_exists\":true,\"pub_mark\":\"m\",\"pub_lacks\":\"it lacks x\",\"pub_besides\":\"it also has y\","
		"\"slot\":{\"fits\":true,\"lost\":null,\"active\":true,\"pid\":77,\"streaming\":true,\"restart\":\"0/1\",\"flush\":\"1/0\",\"made\":5},"
		"\"sessions\":null}";
	const char *two = "{\"nr\":2,\"pub_exists\":true,\"pub_besides\":\"it also has y\",\"slot\":{\"fits\":false,\"lost\":\"invalidated: wal_removed\","
		"\"active\":false,\"flush\":null}}";
	const char *tables = "{\"nr\":2,\"listed\":true,\"logged\":\"a.b\",\"unlogged\":[5,-1,\"7\",4294967296,null,[8],9],"
		"\"bare\":{\"5\":\"d\",\"6\":\"f\",\"x\":\"d\",\"7\":[\"d\"],\"8\":\"n\",\"99999999999\":\"n\",\"9\":\"\"},"
		"\"relations\":{\"5\":[\"a\\u0000b\\nc\",1,2,\"3\",4.5,null],\"6\":[\"a\",1],\"7\":\"x\",\"\\u0000\":[\"a\",1,2,3,4,true],\"8\":[7,1,2,3,4,true],\"9\":[\"a.b\",1,2,3,4,true,5]}}";
	const char *lies = "{\"nr\":3,\"listed\":\"yes\",\"unlogged\":{},\"bare\":[\"d\"],\"relations\":7}";
	const char *three = "{\"nr\":4,\"pub_exists\":false,\"pub_mark\":null,\"slot\":null,\"sessions\":6}";
	CdcSourceObs *o = cdc_source_parse((const char *const[]) {head, one, two, three}, 4);
	const CdcSourcePipeline *p;

	ok(o != NULL && o->n == 3, "read");
	ok(o->system_identifier == PG_UINT64_MAX, "64 bits of a system identifier");
	is_number(o->timeline, 31, "a timeline in hex");
	ok(o->wal_lsn == UINT64CONST(0x16B374D848), "a position");
	is_number(o->free_senders, -1, "no free WAL sender");
	is(o->hba_text, "a\xc3\xa9", "pg_hba.conf is decoded");
	is(o->hba_error, NULL, "no error");
	is(o->blocker, "pid 1", "blocker");

	p = cdc_source_find(o, 0);
	ok(p != NULL && p->role_exists && !p->role_login && p->grants_ok, "role");
	is(p->tables_missing, "a.b", "missing");
	is(p->tables_bad_kind, NULL, "... nothing else");
	ok(p->pub_exists && !p->pub_ok && p->pub_lacks, "publication lacks and has more");
	is(p->pub_wrong, "it lacks x; it also has y", "... in words");
	ok(p->slot_exists && p->slot_fits && !p->slot_lost && p->slot_active && p->slot_streaming && p->slot_consistent, "slot");
	is_number(p->slot_pid, 77, "pid");
	ok(p->restart_lsn == 1 && p->confirmed_flush_lsn == UINT64CONST(0x100000000), "positions");
	is_number(p->slot_made_us, 5, "made");
	is_number(p->sessions_since_us, 0, "no session");
	p = cdc_source_find(o, 1);
	ok(p->pub_exists && !p->pub_ok && !p->pub_lacks, "more than wanted lacks nothing");
	ok(p->slot_exists && !p->slot_fits && p->slot_lost && !p->slot_consistent, "a lost slot");
	is(p->slot_lost_why, "invalidated: wal_removed", "... why");
	p = cdc_source_find(o, 3);
	ok(!p->pub_exists && !p->pub_ok && p->pub_wrong == NULL && !p->slot_exists && !p->slot_lost, "nothing there");
	is_number(p->sessions_since_us, 6, "sessions since");
	ok(cdc_source_find(o, 2) == NULL && cdc_source_find(o, 4) == NULL, "what is not answered is not there");
	ok(cdc_source_parse((const char *const[]) {head, two, one}, 3) == NULL && cdc_source_parse((const char *const[]) {head, two, two}, 3) == NULL &&
	   cdc_source_parse((const char *const[]) {head, "{}"}, 2) == NULL && cdc_source_parse((const char *const[]) {head, ""}, 2) == NULL, "answers come in the order of their questions, once each");

	/* what is remembered is made anew of what it must be */
	o = cdc_source_parse((const char *const[]) {head, tables, lies}, 3);
	p = cdc_source_find(o, 1);
	ok(p->listed && cdc_source_find(o, 2)->listed == false, "tables were listed");
	is(p->logged, "a.b", "logged again");
	is(p->unlogged, "[5,7,9]", "oids, and nothing else");
	is(p->tables_bare, "{\"5\":\"d\",\"8\":\"n\"}", "tables without an identity, and what they have");
	is(p->relations, "{\"5\":[\"a\",1,2,3,4,false],\"9\":[\"a.b\",1,2,3,4,true]}", "names on one line, numbers, and a yes or no");
	p = cdc_source_find(o, 2);
	ok(p->unlogged == NULL && p->tables_bare == NULL && p->relations == NULL, "what is of another type is none");

	o = parsed("{\"in_recovery\":false,\"system_identifier\":\"7\",\"timeline\":\"3\",\"history\":\"1\\t0/36D7AA0\\tno recovery target specified\\n\\n"
			   "2\\t1/57A1400\\t3 4/5\\n# 9 0/9\\n\"}");
	ok(o != NULL && o->history_known && o->nhistory == 2 && o->history[0].timeline == 1 && o->history[0].lsn == UINT64CONST(0x36D7AA0) &&
	   o->history[1].timeline == 2 && o->history[1].lsn == UINT64CONST(0x1057A1400), "a history, with the empty lines that PostgreSQL writes between");
	o = parsed("{\"in_recovery\":true,\"system_identifier\":\"7\",\"timeline\":\"12\",\"wal_lsn\":null}");
	ok(o != NULL && o->in_recovery && o->timeline == 12 && o->n == 0 && o->wal_lsn == 0 && o->hba_text == NULL, "a standby");
	ok(parsed("") == NULL && parsed(NULL) == NULL && parsed("{}") == NULL &&
	   cdc_source_parse(NULL, 0) == NULL, "what is no observation");
}

static void
batch_words(void)
{
	ok(cdc_source_batch_words("") == NULL, "nothing is said");
	is(cdc_source_batch_words("a\\\\b \\303\\251"), "a\\b \xc3\xa9", "what is said comes as bytes");
	ok(cdc_source_batch_words("a\\x") == NULL, "what is no text of ours is none");
}

static void
statements(void)
{
	/* A name with everything must stay within its literals. */
	static const char *const tables[] = {"\"public\".\"x$cdc$'\\; DROP TABLE y; --\""};
	CdcSourceAsk ask = {.pipeline_id = ID, .name = "n'\\\"$$", .database = "app", .ntables = 1, .tables = tables};

	ok(strstr(cdc_source_role_sql(&ask, "SCRAM-SHA-256$4096:a"), "SCRAM-SHA-256$4096:a") != NULL, "the verifier is in the role's statement");
	ok(strstr(cdc_source_role_sql(&ask, "v"), "GRANT SELECT") != NULL, "... which grants");
	ok(strstr(cdc_source_publication_sql(&ask, "cdc_pipeline " ID " epoch 3", NULL), "ALL TABLES") != NULL, "publication");
	is(cdc_source_drop_slot_sql(&(CdcSourceAsk) {.pipeline_id = ID, .name = "it's", .database = "app"}),
	   "SELECT pg_catalog.pg_drop_replication_slot(s.slot_name) FROM pg_catalog.pg_replication_slots AS s "
	   "WHERE s.slot_name = 'it''s'::pg_catalog.name AND s.slot_type = 'logical'::pg_catalog.text "
	   "AND s.plugin = 'pgoutput'::pg_catalog.name AND s.database = pg_catalog.current_database()", "only our slot is dropped");
}

int
main(void)
{
	quoting();
	asking();
	reading();
	batch_words();
	statements();
	return done_testing();
}
