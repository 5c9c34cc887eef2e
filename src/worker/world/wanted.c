/*
 * wanted.c
 *	  What a pipeline wants outside: role, configuration, pg_hba lines, verifier.
 *
 * Reads the world, makes values; asks and changes nothing.
 */
#include "postgres.h"

#include <json-c/json.h>

#include "common/cryptohash.h"
#include "common/hashfn.h"
#include "common/sha2.h"

#include "common/json.h"
#include "remote/source_columns.h"
#include "worker/world/facts.h"
#include "worker/world/fence.h"
#include "worker/world/index.h"
#include "worker/world/pair.h"
#include "worker/world/wanted.h"

const char *
cdc_wanted_role(const CdcPipeline *p)
{
	return p->source && !p->source->pg.manage_role && p->source->pg.connector_user ?
		p->source->pg.connector_user : p->object_name;
}

const char *
cdc_wanted_password(const CdcPipeline *p)
{
	return p->source && !p->source->pg.manage_role ? p->source->pg.connector_password : p->secret.password;
}

/* Hexadecimal; NULL when it cannot be made. */
static char *
sha256(const char *words)
{
	pg_cryptohash_ctx *ctx;
	uint8		digest[PG_SHA256_DIGEST_LENGTH];
	char	   *hex;
	int			i;

	ctx = pg_cryptohash_create(PG_SHA256);
	if (ctx == NULL || pg_cryptohash_init(ctx) < 0 ||
		pg_cryptohash_update(ctx, (const uint8 *) words, strlen(words)) < 0 ||
		pg_cryptohash_final(ctx, digest, sizeof(digest)) < 0)
	{
		pg_cryptohash_free(ctx);
		return NULL;
	}
	pg_cryptohash_free(ctx);
	hex = palloc(2 * sizeof(digest) + 1);
	for (i = 0; i < (int) sizeof(digest); i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return hex;
}

void
cdc_wanted_set_verifier(CdcPipeline *p, const char *verifier)
{
	char	   *hash = verifier ? sha256(verifier) : NULL;

	cdc_set_string(p->context, &p->secret.verifier, verifier);
	cdc_set_string(p->context, &p->secret.verifier_hash, hash);
	if (hash)
		pfree(hash);
}

const char *
cdc_wanted_verifier_hash(const CdcPipeline *p)
{
	return p->secret.verifier_hash;
}

/*
 * The name of the file with the CA's certificate beside the password's: another
 * certificate is another file.  NULL: there is none to be.
 */
static char *
certificate_name(const CdcPipeline *p)
{
	const CdcService *source = p->source;
	char	   *hash;

	if (p->wanted.config_generation < 2 || source == NULL || source->ca == NULL || source->pg.sslmode == NULL ||
		strncmp(source->pg.sslmode, "verify-", 7) != 0 || p->sink == NULL || p->sink->kafka.nagents == 0 || p->sink->kafka.connect_ca_path != NULL)
		return NULL;
	hash = sha256(source->ca);
	return hash ? cdc_agent_certificate_name(p->connector_name, hash) : NULL;
}

int
cdc_wanted_files(const CdcPipeline *p, CdcWantedFile *files)
{
	char	   *certificate = certificate_name(p);

	files[0].name = cdc_agents_secret_name(p);
	files[0].value = cdc_wanted_password(p);
	files[0].certificate = false;
	if (certificate == NULL)
		return 1;
	files[1].name = certificate;
	files[1].value = p->source->ca;
	files[1].certificate = true;
	return 2;
}

CdcHbaLine *
cdc_wanted_hba_lines(const CdcPipeline *p, int *n)
{
	CdcHbaLine *lines;
	bool		by_network = cdc_network_gives_ranges(p->sink);
	char	  **cidrs = by_network ? p->sink->kafka.ranges : p->sink ? p->sink->kafka.cidrs : NULL;
	int			count = cidrs == NULL ? 0 : by_network ? p->sink->kafka.nranges : p->sink->kafka.ncidrs;
	int			i;

	lines = palloc0(sizeof(CdcHbaLine) * Max(count, 1));
	for (i = 0; i < count; i++)
	{
		lines[i].pipeline_id = p->id;
		lines[i].database = p->wanted.database;
		lines[i].role = cdc_wanted_role(p);
		lines[i].cidr = cidrs[i];
	}
	*n = count;
	return lines;
}

char *
cdc_wanted_hba_hash(const CdcService *s, const char *file)
{
	const char **ids = palloc(sizeof(char *) * (cdc_count_of_source(s) + 1));
	CdcPipeline *p;
	char	   *hash;
	int			nids = 0;

	cdc_each_of_source(p, s)
		ids[nids++] = p->id;
	hash = cdc_hba_lines_hash(file, ids, nids);
	pfree(ids);
	return hash;
}

/* Are all standbys that answer set up to have slots synced by the server? */
static bool
syncs_slots(const CdcService *s)
{
	int			standbys = 0;
	int			i;

	if (s->pg.primary->version < 170000)
		return false;
	for (i = 0; i < s->pg.nnodes; i++)
	{
		const CdcNode *n = &s->pg.nodes[i];

		if (n == s->pg.primary || !n->reachable || !n->in_recovery)
			continue;
		standbys++;
		if (!n->conf.known || !n->conf.syncs_slots || !n->conf.feedback || n->conf.primary_slot == NULL ||
			n->conf.has_dbname == CDC_NO)
			return false;
	}
	return standbys > 0;
}

/*
 * A failover slot is one from its making on, and Debezium changes none: what
 * there is decides, then what the connector was told, and only for a new slot
 * the source's settings.
 */
static bool
wants_failover_slot(const CdcPipeline *p)
{
	const CdcKcConnector *c = cdc_connector_of(p);

	if (p->look.seen && p->look.seen->slot_exists)
		return p->look.seen->slot_failover;
	if (c && c->config && !p->kept.discarding)
	{
		const char *value = cdc_kc_config_string(c->config, "slot.failover");

		return value && strcmp(value, "true") == 0;
	}
	return syncs_slots(p->source);
}

/*
 * The directory of the files on the Connect hosts, NULL: not known.  Before an
 * agent has answered it is taken from the connector that is there, which may
 * have been told so by anybody.
 */
static const char *
secret_directory(const CdcPipeline *p)
{
	const char *path = cdc_agents_secret_path(p->sink);
	const CdcKcConnector *c = path ? NULL : cdc_connector_of(p);

	if (c == NULL)
		return path;
	path = cdc_connect_reference_directory(cdc_kc_config_string(c->config, "database.password"));
	return path && p->sink->kafka.secret_path && !cdc_connect_path_below(path, p->sink->kafka.secret_path) ? NULL : path;
}

/*
 * What database.password says: a reference to the file on the Connect hosts, or
 * the password itself where that is allowed.
 */
static CdcConnectValue
password_setting(const CdcPipeline *p)
{
	if (p->sink == NULL || p->sink->kafka.nagents == 0)
		return cdc_connect_text(cdc_wanted_password(p));
	return cdc_connect_secret_file(secret_directory(p), cdc_agents_secret_name(p));
}

/* Where the certificate of the source's CA is on the Connect hosts; NULL: nowhere. */
static const char *
ca_setting(const CdcPipeline *p)
{
	char	   *name = certificate_name(p);
	const char *directory = name ? secret_directory(p) : NULL;

	if (p->sink && p->sink->kafka.connect_ca_path)
		return p->sink->kafka.connect_ca_path;
	return directory ? psprintf("%s%s%s", directory, directory[strlen(directory) - 1] == '/' ? "" : "/", name) : NULL;
}

/* Is a table in a list? */
static bool
is_among(const char *table, const char *const *tables, int n)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (strcmp(tables[i], table) == 0)
			return true;
	}
	return false;
}

const char **
cdc_wanted_only(const CdcPipeline *p, int *n)
{
	const CdcKcConnector *c = cdc_connector_of(p);
	const CdcSourceColumns *columns = p->look.columns.told;
	const char **parents = columns ? columns->parents : NULL;
	int			nparents = columns ? columns->nparents : 0;
	const char **only;
	int			kept = 0;
	int			i;

	*n = 0;
	if (strcmp(p->wanted.snapshot_mode, "no_data") == 0)
		return NULL;
	if (c == NULL || c->config == NULL || p->kept.discarding)
	{
		*n = nparents;
		return parents;
	}
	/* its snapshot was begun: a table that became a parent since is for the next one */
	only = cdc_kc_observed_only(c->config, n);
	for (i = 0; i < *n; i++)
	{
		if (p->look.columns.known ? is_among(only[i], parents, nparents) :
			p->wanted.ntables == 0 || is_among(only[i], (const char *const *) p->wanted.tables, p->wanted.ntables))
			only[kept++] = only[i];
	}
	*n = kept;
	return only;
}

/* What the configuration is made of, but for the mark; false: it is not known now. */
static bool
fill_spec(const CdcPipeline *p, CdcConnectorSpec *s)
{
	CdcConnectorSpec spec;

	if (p->source == NULL || p->source->pg.primary == NULL || cdc_wanted_password(p) == NULL)
		return false;
	memset(&spec, 0, sizeof(spec));
	spec.generation = p->wanted.config_generation;
	spec.pipeline_id = p->id;
	spec.name = p->connector_name;
	spec.hostname = p->source->pg.primary->address;
	spec.port = p->source->pg.primary->port;
	spec.database = p->wanted.database;
	spec.user = cdc_wanted_role(p);
	spec.password = password_setting(p);
	if (spec.password.type == CDC_CONNECT_NOTHING)
		return false;
	if (!p->source->pg.manage_role)
		spec.session_name = p->object_name;
	spec.sslmode = p->source->pg.sslmode;
	spec.password_in_tls = p->source->pg.password_in_tls;
	spec.ca_path = ca_setting(p);
	spec.publication = cdc_no_key_inserts(p) ? cdc_source_publication_names(p->object_name) : p->object_name;
	spec.slot = p->object_name;
	spec.slot_failover = wants_failover_slot(p);
	spec.topic_prefix = p->wanted.topic_prefix;
	spec.snapshot_mode = p->wanted.snapshot_mode;
	spec.ntables = p->wanted.ntables;
	spec.tables = p->wanted.tables;
	spec.only = cdc_wanted_only(p, &spec.nonly);
	if (cdc_kc_only_fault(spec.only, spec.nonly, p->wanted.options) != NULL)
		spec.nonly = 0;
	spec.options = p->wanted.options;
	*s = spec;
	return true;
}

struct json_object *
cdc_wanted_config(const CdcPipeline *p, char **fault)
{
	CdcConnectorSpec spec;

	if (fault)
		*fault = NULL;
	if (!fill_spec(p, &spec))
		return NULL;
	spec.epoch = p->world->fence.ours.number;
	spec.signature = cdc_fence_connector_word(p);
	return cdc_kc_config(&spec, fault);
}

struct json_object *
cdc_wanted_tables(const CdcPipeline *p)
{
	struct json_object *tables = json_object_new_array();
	int			i;

	for (i = 0; i < p->wanted.ntables; i++)
		json_object_array_add(tables, json_object_new_string(p->wanted.tables[i]));
	return tables;
}

List *
cdc_wanted_trigger_sharers(const CdcPipeline *p, bool staying)
{
	List	   *sharers = NIL;
	CdcPipeline *other;

	cdc_each_of_source(other, p->source)
	{
		if (other == p || other->kept.status == CDC_DELETED || !cdc_same(other->wanted.database, p->wanted.database) || !cdc_wants_trigger(other))
			continue;
		if (!staying || !other->wanted.want_deleted || (other->look.seen && other->look.seen->pub_exists))
			sharers = lappend(sharers, other);
	}
	return sharers;
}

static uint64
mix(uint64 digest, const char *words)
{
	/* with its end, so that two words are not one; nothing is not an empty one */
	return words ? hash_bytes_extended((const unsigned char *) words, (int) strlen(words) + 1, digest) : hash_bytes_extended((const unsigned char *) "-", 1, digest);
}

uint64
cdc_wanted_digest(const CdcPipeline *p)
{
	CdcConnectorSpec spec;
	uint64		digest;
	int			i;

	if (!fill_spec(p, &spec))
		return 0;
	/* what is given with the row and by that alone, tables and options among it, is told by how often that was read */
	digest = p->wanted.read;
	digest = mix(digest, spec.hostname);
	digest = mix(digest + (uint64) spec.port, spec.user);
	digest = mix(digest + (uint64) spec.password.type, spec.password.text);
	digest = mix(digest, spec.password.directory);
	digest = mix(digest, spec.password.name);
	digest = mix(digest, spec.session_name);
	digest = mix(digest, spec.sslmode);
	digest = mix(digest + (spec.password_in_tls ? 1 : 0) + (spec.slot_failover ? 2 : 0), spec.ca_path);
	for (i = 0; i < spec.nonly; i++)
		digest = mix(digest, spec.only[i]);
	return Max(digest, 1);
}
