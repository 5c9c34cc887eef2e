/*
 * source_columns.c
 *	  See source_columns.h.
 *
 * The query runs as an administrator in a database where anybody may have made
 * functions and operators: names are qualified, operands have exactly the types of
 * pg_catalog's operators.  It takes no lock that conflicts with anything but DROP.
 * Which types come as what: docs/types.md, which test/real/31_types.t makes from the
 * real thing.  What becomes a key: Debezium's Key and JdbcConnection.
 */
#include "remote/source_columns.h"

#include <ctype.h>
#include <string.h>

#include "common/json.h"
#include "remote/source_parts.h"

/* Types that come as they are, by oid: most columns, of which nothing more is asked. */
#define PLAIN \
	"16, 17, 18, 20, 21, 23, 25, 26, 114, 142, 600, 601, 602, 603, 604, 628, 650, 700, 701, 718, 774, 829, 869, 1000, 1005, 1007, 1009, 1015, 1016, " \
	"1042, 1043, 1082, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 2950, 2951, 3614, 3802, 3904, 3906, 3908, 3910, 3912, 3926"

/* Types of pg_catalog that come, alone and in arrays; and those of extensions, by name, as Debezium knows them. */
#define COMING_ALONE \
	"bool,bytea,char,int2,int4,int8,oid,text,json,jsonb,xml,point,lseg,path,box,polygon,line,circle,cidr,inet,float4,float8,numeric,money,macaddr,macaddr8," \
	"bpchar,varchar,name,date,time,timetz,timestamp,timestamptz,interval,bit,varbit,uuid,tsvector,int4range,int8range,numrange,daterange,tsrange,tstzrange"
#define COMING_IN_ARRAYS \
	"bool,bytea,char,int2,int4,int8,oid,text,json,jsonb,cidr,inet,float4,float8,numeric,macaddr,macaddr8,bpchar,varchar,date,time,timetz,timestamp,timestamptz,uuid," \
	"tsvector,int4range,int8range,numrange,daterange,tsrange,tstzrange"
#define COMING_OF_EXTENSIONS "citext,hstore,ltree,geometry,geography,vector,halfvec,sparsevec,isbn"

/* Is a row of pg_type (t) an array?  int2vector and oidvector are none to Debezium. */
#define ARRAY "(t.typcategory = 'A' AND t.typlen = -1 AND t.typelem <> 0::pg_catalog.oid AND t.oid <> 22::pg_catalog.oid AND t.oid <> 30::pg_catalog.oid)"

#define COLUMN "pg_catalog.format('%I.%I.%I (%s)', j.nspname, j.relname, j.attname, pg_catalog.format_type(j.atttypid, j.atttypmod))"

/* The list of those that meet a condition, for people. */
#define LIST(condition) \
	"(SELECT " CDC_SOURCE_NAMES(COLUMN, "true") " FROM judged AS j WHERE j.id = a.id AND " condition " HAVING count(*) > 0)"

const char *const cdc_source_columns_sql =
"WITH RECURSIVE ask AS MATERIALIZED ("
"  SELECT a.id, a.tables, a.keys, a.opaque, pg_catalog.jsonb_array_length(a.tables) = 0 AS all_tables"
"  FROM pg_catalog.jsonb_to_recordset($1::pg_catalog.jsonb -> 'pipelines')"
"    AS a(id text, database text, tables pg_catalog.jsonb, keys pg_catalog.jsonb, opaque boolean)"
"  WHERE a.database = pg_catalog.current_database()::text"
/* looked up only when a pipeline asks for all */
"), every AS MATERIALIZED ("
"  SELECT c.oid, c.relkind, c.relhassubclass, n.nspname, c.relname, NULL::text AS version FROM " CDC_SOURCE_CAPTURED
"    AND (SELECT pg_catalog.bool_or(a.all_tables) FROM ask AS a)"
"), tab AS MATERIALIZED ("
"  SELECT a.id, c.* FROM ask AS a"
"  CROSS JOIN LATERAL (SELECT pg_catalog.parse_ident(e.name) AS part"
"    FROM pg_catalog.jsonb_array_elements_text(a.tables) AS e(name) OFFSET 0) AS t"
"  CROSS JOIN LATERAL (SELECT c.oid, c.relkind, c.relhassubclass, n.nspname, c.relname,"
"      pg_catalog.concat_ws(' ', c.oid, c.xmin, c.ctid, n.xmin, n.ctid) AS version"
"    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
"    WHERE n.nspname = t.part[1]::pg_catalog.name AND c.relname = t.part[2]::pg_catalog.name AND c.relkind IN ('r', 'p') OFFSET 0) AS c"
"  UNION ALL SELECT a.id, e.* FROM ask AS a CROSS JOIN every AS e WHERE a.all_tables"
"), relation AS MATERIALIZED ("
"  SELECT DISTINCT t.oid FROM tab AS t"
"), attr AS MATERIALIZED ("
"  SELECT r.oid, b.attnum, b.attname, b.atttypid, b.atttypmod, b.attgenerated, b.attndims"
"  FROM relation AS r JOIN pg_catalog.pg_attribute AS b ON b.attrelid = r.oid"
"  WHERE b.attnum > 0 AND NOT b.attisdropped"
"    AND (b.attgenerated <> '' OR b.attndims > 1 OR b.atttypid <> ALL ('{" PLAIN "}'::pg_catalog.oid[]))"
/* the types below domains and arrays */
"), kind(root, rootmod, oid, typmod, arrays, strange) AS ("
"  SELECT DISTINCT b.atttypid, b.atttypmod, b.atttypid, b.atttypmod, false, false FROM attr AS b"
"  UNION SELECT k.root, k.rootmod, CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.typelem END,"
"    CASE WHEN t.typtype = 'd' AND k.typmod = -1 THEN t.typtypmod ELSE k.typmod END, k.arrays OR t.typtype <> 'd',"
"    k.strange OR (k.arrays AND t.typtype = 'd')"
"  FROM kind AS k JOIN pg_catalog.pg_type AS t ON t.oid = k.oid"
"  WHERE t.typtype = 'd' OR " ARRAY
"), base AS MATERIALIZED ("
"  SELECT k.root, k.rootmod, k.arrays, k.strange, t.typname::text AS name, t.oid < 16384::pg_catalog.oid AS builtin, t.typtype,"
/* 15 digits pass through a double, within its exponents */
"    t.typname = 'numeric' AND (k.typmod = -1 OR ((k.typmod - 4) >> 16 & 65535) > 15"
"      OR pg_catalog.abs(((k.typmod - 4 & 2047) # 1024) - 1024) > 290) OR t.typname = 'money' AS number"
"  FROM kind AS k JOIN pg_catalog.pg_type AS t ON t.oid = k.oid"
"  WHERE NOT (t.typtype = 'd' OR " ARRAY ")"
/* A primary key; without one Debezium takes a unique index, and the server says what a replica identity has. */
"), keyed AS MATERIALIZED ("
"  SELECT DISTINCT i.indrelid AS oid, k.attnum"
"  FROM relation AS r JOIN pg_catalog.pg_index AS i ON i.indrelid = r.oid"
"  CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::pg_catalog.int2[]) WITH ORDINALITY AS k(attnum, n)"
"  WHERE k.n <= i.indnkeyatts AND (i.indisprimary OR i.indisreplident"
"    OR (i.indisunique AND i.indpred IS NULL AND NOT EXISTS (SELECT FROM pg_catalog.pg_index AS x WHERE x.indrelid = r.oid AND x.indisprimary)))"
/* message.key.columns: in place of those, where it names the table; where it may mean it, beside them */
"), chosen AS MATERIALIZED ("
"  SELECT t.id, t.oid, k.c, k.t IS NOT NULL AS exact FROM tab AS t JOIN ask AS a ON a.id = t.id"
"  CROSS JOIN LATERAL pg_catalog.jsonb_to_recordset(a.keys) AS k(t text, c text)"
"  WHERE k.t IS NULL OR pg_catalog.lower(k.t) = pg_catalog.lower(t.nspname::text || '.' || t.relname::text)"
"), judged AS MATERIALIZED ("
"  SELECT t.id, t.nspname, t.relname, b.attname, b.atttypid, b.atttypmod, y.number AND y.builtin AS number,"
"    y.builtin AND y.name = 'refcursor' AND NOT y.arrays AS unreadable, y.builtin AND y.name = 'name' AS is_name, b.attgenerated <> '' AS generated, y.arrays AND b.attndims > 1 AS flattened,"
"    CASE WHEN y.strange THEN true WHEN y.typtype = 'e' THEN false"
"      WHEN y.builtin AND y.arrays THEN y.name <> ALL ('{" COMING_IN_ARRAYS "}'::text[])"
"      WHEN y.builtin THEN y.name <> ALL ('{" COMING_ALONE "}'::text[]) AND NOT a.opaque"
"      ELSE y.name <> ALL ('{" COMING_OF_EXTENSIONS "}'::text[]) AND NOT a.opaque END AS absent,"
"    EXISTS (SELECT FROM chosen AS h WHERE h.id = t.id AND h.oid = t.oid AND (h.c IS NULL OR pg_catalog.lower(h.c) = pg_catalog.lower(b.attname::text)))"
"      OR (EXISTS (SELECT FROM keyed AS k WHERE k.oid = t.oid AND k.attnum = b.attnum)"
"        AND NOT EXISTS (SELECT FROM chosen AS h WHERE h.id = t.id AND h.oid = t.oid AND h.exact)) AS key"
"  FROM tab AS t JOIN ask AS a ON a.id = t.id JOIN attr AS b ON b.oid = t.oid"
"  JOIN base AS y ON y.root = b.atttypid AND y.rootmod = b.atttypmod"
"), one AS ("
"  SELECT pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object("
"    'id', a.id,"
"    'mark', (SELECT pg_catalog.hashtextextended(pg_catalog.string_agg(t.version, ',' ORDER BY t.oid), 0) FROM tab AS t WHERE t.id = a.id),"
"    'numbers', " LIST("j.number AND NOT j.key") ","
"    'key_numbers', " LIST("j.number AND j.key") ","
"    'key_lost', " LIST("j.key AND (j.is_name OR j.absent)") ","
"    'unreadable', " LIST("j.unreadable") ","
"    'left_out', " LIST("j.absent AND NOT j.unreadable") ","
"    'stream_differs', " LIST("(j.is_name OR j.generated) AND NOT j.absent") ","
"    'flattened', " LIST("j.flattened AND NOT j.absent") ","
"    'parents', (SELECT pg_catalog.jsonb_agg(x.name ORDER BY x.name) FROM (SELECT pg_catalog.format('\"%s\".\"%s\"',"
"        pg_catalog.replace(t.nspname::text, '\"', '\"\"'), pg_catalog.replace(t.relname::text, '\"', '\"\"')) AS name"
"      FROM tab AS t WHERE t.id = a.id AND t.relkind = 'r' AND t.relhassubclass"
"        AND EXISTS (SELECT FROM pg_catalog.pg_inherits AS i WHERE i.inhparent = t.oid) ORDER BY 1 LIMIT 1001) AS x))) AS j"
"  FROM ask AS a"
")"
/* as in the look of source.h: of what is not ours the reader makes valid text */
"SELECT CASE WHEN pg_catalog.getdatabaseencoding() IN ('UTF8', 'SQL_ASCII') THEN " CDC_SOURCE_BYTES("answer.words")
"  ELSE pg_catalog.convert_to(answer.words, 'UTF8') END FROM (SELECT pg_catalog.jsonb_build_object("
"  'now', " CDC_SOURCE_EPOCH_US("pg_catalog.clock_timestamp()") ","
"  'pipelines', coalesce((SELECT pg_catalog.jsonb_agg(o.j) FROM one AS o), '[]'::pg_catalog.jsonb))::text AS words OFFSET 0) AS answer";

/* Is a part of message.key.columns, which is an expression, a name all the same?  Then without its escapes. */
static char *
plain_name(const char *part, size_t length)
{
	char	   *name = palloc(length + 1);
	size_t		n = 0;
	size_t		i;

	for (i = 0; i < length; i++)
	{
		if (part[i] == '\\' && i + 1 < length && !isalnum((unsigned char) part[i + 1]))
			i++;
		else if (strchr("\\^$.|?*+()[]{}", part[i]) && part[i] != '.')
			return NULL;
		name[n++] = part[i];
	}
	name[n] = '\0';
	return name;
}

static void
add_key(struct json_object *keys, const char *table, const char *column)
{
	struct json_object *one = json_object_new_object();

	json_object_object_add(one, "t", table ? json_object_new_string(table) : NULL);
	json_object_object_add(one, "c", column ? json_object_new_string(column) : NULL);
	json_object_array_add(keys, one);
}

/* "schema.table:column,column;..." as pairs; what is no plain name may mean any (NULL). */
static struct json_object *
key_columns(const char *option)
{
	struct json_object *keys = json_object_new_array();
	const char *at = option ? option : "";

	while (*at)
	{
		size_t		length = strcspn(at, ";");
		const char *end = at + length;
		const char *colon = memchr(at, ':', length);
		const char *column = colon ? colon + 1 : end;
		const char *from = at + strspn(at, " \t");
		char	   *table = colon ? plain_name(from, colon - from) : NULL;

		while (column < end)
		{
			size_t		n = strcspn(column, ",;");
			size_t		skip = strspn(column, " \t");

			if (n > skip)
			{
				while (n > skip && (column[n - 1] == ' ' || column[n - 1] == '\t'))
					n--;
				add_key(keys, table, plain_name(column + skip, n - skip));
			}
			column += strcspn(column, ",;") + 1;
		}
		at = *end ? end + 1 : end;
	}
	return keys;
}

/* An option as text, whatever its JSON type; NULL: not given. */
static const char *
option(const CdcSourceAsk *ask, const char *key)
{
	struct json_object *value = cdc_json_get(ask->options, key);

	return value ? json_object_get_string(value) : NULL;
}

char *
cdc_source_columns_ask(const CdcSourceAsk *asks, int n)
{
	struct json_object *object = json_object_new_object();
	struct json_object *pipelines = json_object_new_array();
	char	   *result;
	int			i;

	for (i = 0; i < n; i++)
	{
		struct json_object *one = json_object_new_object();
		struct json_object *tables = json_object_new_array();
		const char *opaque = option(&asks[i], "include.unknown.datatypes");
		int			k;

		for (k = 0; k < asks[i].ntables; k++)
			json_object_array_add(tables, json_object_new_string(asks[i].tables[k]));
		json_object_object_add(one, "id", json_object_new_string(asks[i].pipeline_id));
		json_object_object_add(one, "database", json_object_new_string(asks[i].database));
		json_object_object_add(one, "tables", tables);
		json_object_object_add(one, "keys", key_columns(option(&asks[i], "message.key.columns")));
		json_object_object_add(one, "opaque", json_object_new_boolean(opaque && strcmp(opaque, "true") == 0));
		json_object_array_add(pipelines, one);
	}
	json_object_object_add(object, "pipelines", pipelines);
	result = pstrdup(json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN));
	json_object_put(object);
	return result;
}

bool
cdc_source_columns_parse(const char *json, CdcSourceColumnsTake take, void *arg)
{
	struct json_object *j = cdc_json_parse(json);
	struct json_object *pipelines = cdc_json_array(j, "pipelines");
	size_t		i;

	if (pipelines == NULL)
	{
		json_object_put(j);
		return false;
	}
	for (i = 0; i < json_object_array_length(pipelines); i++)
	{
		struct json_object *one = json_object_array_get_idx(pipelines, i);
		CdcSourceColumnsAnswer answer = {cdc_json_string(one, "id"), NULL, cdc_json_int64(one, "mark", 0), cdc_json_time(j, "now")};

		if (answer.pipeline_id == NULL)
			continue;
		json_object_object_del(one, "mark");
		if (json_object_object_length(one) > 1)
			answer.told = json_object_to_json_string_ext(one, JSON_C_TO_STRING_PLAIN);
		take(&answer, arg);
	}
	json_object_put(j);
	return true;
}

CdcSourceColumns *
cdc_source_columns_read(const char *told)
{
	CdcSourceColumns *columns = palloc0(sizeof(CdcSourceColumns));
	struct json_object *j = cdc_json_parse(told);
	struct json_object *parents = cdc_json_array(j, "parents");
	int			n = parents ? (int) Min(json_object_array_length(parents), CDC_SOURCE_PARENTS_MAX + 1) : 0;
	int			i;

	columns->numbers = cdc_json_strdup(j, "numbers");
	columns->key_numbers = cdc_json_strdup(j, "key_numbers");
	columns->key_lost = cdc_json_strdup(j, "key_lost");
	columns->unreadable = cdc_json_strdup(j, "unreadable");
	columns->left_out = cdc_json_strdup(j, "left_out");
	columns->stream_differs = cdc_json_strdup(j, "stream_differs");
	columns->flattened = cdc_json_strdup(j, "flattened");
	columns->parents = palloc(sizeof(char *) * (n + 1));
	for (i = 0; i < n; i++)
	{
		struct json_object *name = json_object_array_get_idx(parents, i);

		if (json_object_is_type(name, json_type_string))
			columns->parents[columns->nparents++] = pstrdup(json_object_get_string(name));
	}
	json_object_put(j);
	return columns;
}
