/*
 * organizations_limits.c
 *	  The door's part of an organization's limits: what is stored is counted, and
 *	  what is over is refused.
 *
 * Declared in sql/organizations.  The kinds and their settings are limits.c's, one
 * organization's own figures cdc.organization_limit's.
 *
 * Counting costs as much as there is, so it is not done for each: a session adds up
 * to its share of what was left when it counted last, one of as many as there can
 * be sessions.  Who adds more than that in one transaction does so alone in the
 * organization until it ends, since no count sees what others have not committed.
 * So what there is never becomes twice the limit, whatever runs side by side, and
 * with a limit below the number of sessions it is exact.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/tuplestore.h"
#include "utils/uuid.h"

#include "common/compat.h"
#include "extension/limits.h"
#include "extension/lock.h"

PG_FUNCTION_INFO_V1(cdc_admit);
PG_FUNCTION_INFO_V1(cdc_limit_kinds_sql);
PG_FUNCTION_INFO_V1(cdc_limit_used);

/*
 * How much an organization ($1) has; of organizations, and of tokens for all of a
 * role's, the role ($2, $1 is null).  NULL: not stored here, or one object's.
 */
static const char *const used_sql[CDC_LIMITS] = {
	[CDC_LIMIT_EVENTS] = "SELECT (SELECT count(*) FROM cdc.pipeline_event e JOIN cdc.pipeline_spec p ON p.id = e.pipeline_id WHERE p.organization_id = $1)" /* NOLINT(bugprone-suspicious-missing-comma): three lines are one statement */
	" + (SELECT count(*) FROM cdc.service_event e JOIN cdc.service s ON s.id = e.service_id WHERE s.organization_id = $1)"
	" + (SELECT count(*) FROM cdc.organization_event e WHERE e.organization_id = $1)",
	[CDC_LIMIT_FINDINGS] = "SELECT count(*) FROM cdc.finding f WHERE f.organization_id = $1",
	[CDC_LIMIT_MEMBERS] = "SELECT count(*) FROM cdc.organization_member m WHERE m.organization_id = $1",
	[CDC_LIMIT_NODES] = "SELECT count(*) FROM cdc.service s JOIN cdc.service_node n ON n.service_id = s.id WHERE s.organization_id = $1 AND s.deleted_at IS NULL",
	[CDC_LIMIT_ORGANIZATIONS] = "SELECT count(*) FROM cdc.organization o WHERE o.made_by_oid = $2 AND o.system_identifier = cdc_inner.system_identifier()",
	[CDC_LIMIT_PIPELINES] = "SELECT count(*) FROM cdc.pipeline_spec p WHERE p.organization_id = $1 AND p.settled_at IS NULL",
	[CDC_LIMIT_SERVICES] = "SELECT count(*) FROM cdc.service s WHERE s.organization_id = $1 AND s.deleted_at IS NULL",
	[CDC_LIMIT_TOKENS] = "SELECT count(*) FROM cdc.api_token t WHERE (t.organization_id = $1 OR ($1 IS NULL AND t.organization_id IS NULL AND t.role_oid = $2))"
	" AND t.revoked_at IS NULL AND t.expires_at > clock_timestamp()",
};

static const char most_sql[] = "SELECT l.most FROM cdc.organization_limit l WHERE l.organization_id = $1 AND l.what = $2";

/* What this session knows of one kind of one organization, or of one role. */
typedef struct Known
{
	struct
	{
		pg_uuid_t	organization;
		Oid			role;
		int32		kind;
	}			key;
	int64		counted;		/* when it was counted last */
	int64		most;			/* then */
	int64		added;			/* by this session since */
	LocalTransactionId transaction;
	int64		in_transaction; /* added in that one */
} Known;

static HTAB *known;

static Known *
known_of(const pg_uuid_t *organization, Oid role, CdcLimit kind)
{
	Known		want;
	Known	   *k;
	bool		found;

	if (known == NULL)
	{
		HASHCTL		how;

		memset(&how, 0, sizeof(how));
		how.keysize = sizeof(want.key);
		how.entrysize = sizeof(Known);
		how.hcxt = TopMemoryContext;
		known = hash_create("cdc_pipeline limits", 16, &how, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	memset(&want, 0, sizeof(want));
	if (organization)
		want.key.organization = *organization;
	else
		want.key.role = role;
	want.key.kind = kind;
	k = hash_search(known, &want.key, HASH_ENTER, &found);
	if (!found)
		memset((char *) k + sizeof(k->key), 0, sizeof(Known) - sizeof(k->key));
	return k;
}

/* The one number that sql gives, of what is committed by now; -1: no row. */
static int64
ask(SPIPlanPtr *kept, const char *sql, int nargs, const Oid *types, const Datum *values, const char *nulls)
{
	Snapshot	snapshot = RegisterSnapshot(GetLatestSnapshot());
	int64		found = -1;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (*kept == NULL)
	{
		SPIPlanPtr	plan = SPI_prepare(sql, nargs, (Oid *) types);

		if (plan == NULL || SPI_keepplan(plan) != 0)
			elog(ERROR, "could not prepare: %s", sql);
		*kept = plan;
	}
	if (SPI_execute_snapshot(*kept, (Datum *) values, nulls, snapshot, InvalidSnapshot, true, false, 1) != SPI_OK_SELECT)
		elog(ERROR, "could not execute: %s", sql);
	if (SPI_processed == 1)
	{
		bool		isnull;

		found = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	}
	SPI_finish();
	UnregisterSnapshot(snapshot);
	return found;
}

static int64
used_of(const pg_uuid_t *organization, Oid role, CdcLimit kind)
{
	static SPIPlanPtr kept[CDC_LIMITS];
	const Oid	types[2] = {UUIDOID, OIDOID};
	Datum		values[2];
	const char	nulls[2] = {organization ? ' ' : 'n', ' '};

	values[0] = organization ? UUIDPGetDatum(organization) : (Datum) 0;
	values[1] = ObjectIdGetDatum(role);
	return ask(&kept[kind], used_sql[kind], 2, types, values, nulls);
}

static int64
most_of(const pg_uuid_t *organization, CdcLimit kind)
{
	static SPIPlanPtr kept;
	const Oid	types[2] = {UUIDOID, TEXTOID};
	Datum		values[2];
	int64		most = -1;

	if (organization)
	{
		values[0] = UUIDPGetDatum(organization);
		values[1] = CStringGetTextDatum(cdc_limit_kinds[kind].name);
		most = ask(&kept, most_sql, 2, types, values, NULL);
	}
	return most >= 0 ? most : cdc_limit_default(kind);
}

static CdcLimit
kind_of(text *name)
{
	CdcLimit	kind = cdc_limit_by_name(text_to_cstring(name));

	if (kind == CDC_LIMITS)
		elog(ERROR, "there is no limit of this name");
	return kind;
}

static char *
uuid_text(const pg_uuid_t *id)
{
	return DatumGetCString(DirectFunctionCall1(uuid_out, UUIDPGetDatum(id)));
}

static void
refuse(const pg_uuid_t *organization, CdcLimit kind, int64 used, int64 more, int64 most)
{
	const char *what = cdc_limit_kinds[kind].name;
	const char *ask_for = psprintf("ask a superuser of the metadata database for a higher %s", cdc_limit_kinds[kind].setting);

	if (cdc_limit_kinds[kind].of_role)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
				 errmsg("this role may make at most " INT64_FORMAT " %s", most, what),
				 errdetail("It has made " INT64_FORMAT ".", used),
				 errhint("Use one that there is, or %s.", ask_for)));
	if (organization)
		ask_for = psprintf("ask a superuser of the metadata database for: SELECT cdc.set_organization_limit('%s', '%s', " INT64_FORMAT ");",
						   uuid_text(organization), what, Max(most, 1) * 2);
	ereport(ERROR,
			(errcode(ERRCODE_CONFIGURATION_LIMIT_EXCEEDED),
			 kind == CDC_LIMIT_TABLES ?
			 errmsg("a pipeline of this organization names at most " INT64_FORMAT " tables", most) :
			 organization ? errmsg("this organization may have at most " INT64_FORMAT " %s", most, what) :
			 errmsg("this role may have at most " INT64_FORMAT " %s for all of its organizations", most, what),
			 kind == CDC_LIMIT_TABLES ?
			 errdetail("This one names " INT64_FORMAT ".", more) :
			 errdetail("There are " INT64_FORMAT "%s, and this would be " INT64_FORMAT " more.", used,
					   kind == CDC_LIMIT_PIPELINES || kind == CDC_LIMIT_SERVICES ? ", those included that are being deleted" : "", more),
			 errhint("Take away what is not needed, or %s", ask_for)));
}

/*
 * cdc_inner.admit(organization uuid, what text, more integer, role oid) -> void:
 * ERROR 53400 when so many more are too many.  Before they are written; organization
 * null: of the role.
 */
Datum
cdc_admit(PG_FUNCTION_ARGS)
{
	const pg_uuid_t *organization = PG_ARGISNULL(0) ? NULL : PG_GETARG_UUID_P(0);
	CdcLimit	kind = kind_of(PG_GETARG_TEXT_PP(1));
	int64		more = PG_GETARG_INT32(2);
	Oid			role = PG_ARGISNULL(3) ? InvalidOid : PG_GETARG_OID(3);
	int64		most = most_of(organization, kind);
	Known	   *k;

	if (used_sql[kind] == NULL)
	{
		if (more > most)
			refuse(organization, kind, 0, more, most);
		PG_RETURN_VOID();
	}
	k = known_of(organization, role, kind);
	if (k->transaction != cdc_local_transaction())
	{
		k->transaction = cdc_local_transaction();
		k->in_transaction = 0;
	}
	if (k->most != most || k->added + more > (most - k->counted) / MaxBackends)
	{
		int64		used = used_of(organization, role, kind);

		if (used + more <= most && k->in_transaction + more > (most - used) / MaxBackends)
		{
			DirectFunctionCall1(cdc_lock, CStringGetTextDatum(organization ?
															  psprintf("limit %s %s", uuid_text(organization), cdc_limit_kinds[kind].name) :
															  psprintf("limit %u %s", role, cdc_limit_kinds[kind].name)));
			used = used_of(organization, role, kind);
		}
		if (used + more > most)
			refuse(organization, kind, used, more, most);
		k->counted = used;
		k->most = most;
		k->added = 0;
	}
	k->added += more;
	k->in_transaction += more;
	PG_RETURN_VOID();
}

/* cdc_inner.limit_kinds() -> (what, most, meaning): of an organization, what holds where nothing else is said. */
Datum
cdc_limit_kinds_sql(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			i;

	InitMaterializedSRF(fcinfo, 0);
	for (i = 0; i < CDC_LIMITS; i++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, false, false};

		if (cdc_limit_kinds[i].of_role)
			continue;
		values[0] = CStringGetTextDatum(cdc_limit_kinds[i].name);
		values[1] = Int64GetDatum(cdc_limit_default((CdcLimit) i));
		values[2] = CStringGetTextDatum(cdc_limit_kinds[i].words);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	PG_RETURN_NULL();
}

/* cdc_inner.limit_used(organization uuid, what text) -> bigint: how much there is; NULL: it is not stored, or one object's. */
Datum
cdc_limit_used(PG_FUNCTION_ARGS)
{
	CdcLimit	kind = kind_of(PG_GETARG_TEXT_PP(1));

	if (used_sql[kind] == NULL)
		PG_RETURN_NULL();
	PG_RETURN_INT64(used_of(PG_GETARG_UUID_P(0), InvalidOid, kind));
}
