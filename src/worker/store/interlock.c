/*
 * interlock.c
 *	  May this server act, and by which epoch?
 *
 * See store_parts.h.  The row of cdc.control_plane: whose metadata this is, the
 * epoch, the highest one that was seen, and the key of marks.  A row that somebody's
 * transaction holds is not waited for: until it is free nothing is done outside
 * that would need what cannot be written.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"

#include "common/mark.h"
#include "common/secrets.h"
#include "extension/settings.h"
#include "worker/store/store_parts.h"
#include "worker/world/agenda.h"

#ifndef CDC_VERSION
#error "the Makefile defines CDC_VERSION from cdc_pipeline.control"
#endif

/* Associated data of the key's ciphertext: sql/operating/calls.sql has the same. */
#define KEY_OWNER "control_plane"
#define KEY_PURPOSE "fence_key"

typedef struct Row
{
	char	   *system_identifier;
	char	   *installation;
	int64		count;
	int64		timeline;		/* of this server now */
	CdcEpoch	acted;			/* when it last acted */
	CdcEpoch	seen;
	char	   *key_id;			/* NULL: there is no key yet */
	bytea	   *key;
	char	   *sealed;			/* the same, to compare it */
} Row;

static const char read_sql[] =
"SELECT system_identifier::pg_catalog.text, installation_id::pg_catalog.text, epoch_base,"
" ('x' || pg_catalog.substr(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 1, 8))::pg_catalog.bit(32)::pg_catalog.int8,"
" epoch, tie, seen_epoch, seen_tie, fence_key_id, fence_key, pg_catalog.encode(fence_key, 'hex') FROM cdc.control_plane";

static const char write_sql[] =
"UPDATE cdc.control_plane SET epoch = $1, tie = $2, seen_epoch = $3, seen_tie = $4,"
" fence_key_id = coalesce($5, fence_key_id), fence_key = coalesce($6, fence_key), updated_at = pg_catalog.now()"
" WHERE singleton IN (SELECT p.singleton FROM cdc.control_plane p FOR NO KEY UPDATE SKIP LOCKED)";

static const char *
text_at(int column)
{
	return SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column);
}

static int64
number_at(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, column, &isnull);

	return isnull ? 0 : DatumGetInt64(value);
}

/* False: there is no row, and nobody has asked for one by making an organization. */
static bool
read_row(Row *row)
{
	bool		isnull;
	Datum		key;

	memset(row, 0, sizeof(*row));
	cdc_statement_run(read_sql, SPI_OK_SELECT, 0, NULL, NULL, NULL);
	if (SPI_processed == 0)
	{
		cdc_statement_run("SELECT cdc_inner.begin_to_act()", SPI_OK_SELECT, 0, NULL, NULL, NULL);
		cdc_statement_run(read_sql, SPI_OK_SELECT, 0, NULL, NULL, NULL);
	}
	if (SPI_processed == 0)
		return false;
	row->system_identifier = unconstify(char *, text_at(1));
	row->installation = unconstify(char *, text_at(2));
	row->count = number_at(3);
	row->timeline = number_at(4);
	row->acted.number = number_at(5);
	strlcpy(row->acted.tie, text_at(6), sizeof(row->acted.tie));
	row->seen.number = number_at(7);
	strlcpy(row->seen.tie, text_at(8), sizeof(row->seen.tie));
	row->key_id = unconstify(char *, text_at(9));
	key = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 10, &isnull);
	row->key = isnull ? NULL : DatumGetByteaPCopy(key);
	row->sealed = unconstify(char *, text_at(11));
	return true;
}

/* False: somebody's transaction holds the row. */
static bool
write_row(const Row *row, char *key_id, bytea *key)
{
	Oid			types[6] = {INT8OID, TEXTOID, INT8OID, TEXTOID, TEXTOID, BYTEAOID};
	Datum		values[6] = {Int64GetDatum(row->acted.number), CStringGetTextDatum(row->acted.tie),
		Int64GetDatum(row->seen.number), CStringGetTextDatum(row->seen.tie),
		key_id ? CStringGetTextDatum(key_id) : (Datum) 0, PointerGetDatum(key)};

	cdc_statement_run(write_sql, SPI_OK_UPDATE, 6, types, values, key_id ? NULL : "    nn");
	return SPI_processed > 0;
}

/* Another tie: no other copy has it. */
static bool
draw_tie(CdcEpoch *epoch)
{
	uint8		bytes[CDC_TIE_LEN / 2];
	int			i;

	if (!pg_strong_random(bytes, sizeof(bytes)))
		return false;
	for (i = 0; i < (int) sizeof(bytes); i++)
		snprintf(epoch->tie + 2 * i, 3, "%02x", bytes[i]);
	return true;
}

/* A new key, sealed for the row; false: it cannot be, and why. */
static bool
make_key(CdcWorld *world, char **key_id, bytea **sealed)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool ok = false;

	PG_TRY();
	{
		char	   *key = cdc_secret_password();

		*sealed = cdc_secret_encrypt(key, KEY_OWNER, KEY_PURPOSE, key_id);
		cdc_world_set_key(world, key);
		explicit_bzero(key, strlen(key));
		pfree(key);
		ok = true;
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		cdc_set_string(world->context, &world->fence.key_error, edata->message);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	return ok;
}

/*
 * The key in the clear, as long as it can be had; one that is not there yet is made.
 * Without it marks are not known, and nothing new is marked: that holds up what it
 * is about, as missing secrets do.
 */
static void
take_key(CdcWorld *world, const Row *row, char **new_id, bytea **new_key)
{
	char	   *error = NULL;

	if (row->key == NULL || row->key_id == NULL)
	{
		if (!make_key(world, new_id, new_key))
			*new_id = NULL;
	}
	else if (world->fence.key == NULL || !cdc_same(world->fence.sealed, row->sealed))
	{
		char	   *key = cdc_store_decrypt(CurrentMemoryContext, row->key, row->key_id, KEY_OWNER, KEY_PURPOSE, &error);

		cdc_world_set_key(world, key);
		cdc_set_string(world->context, &world->fence.key_error, error);
		cdc_set_string(world->context, &world->fence.sealed, row->sealed);
		if (key)
			explicit_bzero(key, strlen(key));
	}
	if (world->fence.key)
		cdc_set_string(world->context, &world->fence.key_error, NULL);
}

/* Why it may not act by this row; NULL: it may. */
static const char *
judge_row(CdcWorld *world, Row *row)
{
	CdcFence   *fence = &world->fence;
	char	   *new_id = NULL;
	bytea	   *new_key = NULL;
	bool		dirty = false;
	CdcEpoch	now = row->acted;
	char		mine[32];

	cdc_set_string(world->context, &world->installation, row->installation);
	snprintf(mine, sizeof(mine), UINT64_FORMAT, GetSystemIdentifier());
	if (strcmp(row->system_identifier, mine) != 0)
		return psprintf("this is a copy of the metadata of server %s (this server is %s): it only reads until SELECT cdc.take_over()",
						row->system_identifier, mine);
	if (!cdc_epoch_number(row->count, row->timeline, &now.number))
		return psprintf("count " INT64_FORMAT " and timeline " INT64_FORMAT " are no epoch: it only reads until SELECT cdc.take_over()",
						row->count, row->timeline);
	take_key(world, row, &new_id, &new_key);
	if (now.number != row->acted.number || now.tie[0] == '\0')
	{
		if (!draw_tie(&now))
			return "there are no random bytes for an epoch";
		dirty = true;
	}
	if (cdc_epoch_compare(&fence->highest, &row->seen) > 0)
	{
		row->seen = fence->highest;
		dirty = true;
	}
	row->acted = now;
	if ((dirty || new_id) && !write_row(row, new_id, new_key))
	{
		if (new_id)
			cdc_world_set_key(world, NULL);
		return "a transaction that is open holds the row of cdc.control_plane";
	}
	cdc_world_set_highest(world, &row->seen);
	if (cdc_epoch_compare(&fence->highest, &now) > 0)
		return psprintf("another control plane with epoch " INT64_FORMAT " acts on these pipelines (ours is " INT64_FORMAT "): it only reads until SELECT cdc.take_over()",
						fence->highest.number, now.number);
	fence->ours = now;
	return NULL;
}

bool
cdc_store_interlock(CdcWorld *world)
{
	const char *reason = NULL;
	bool		readable = false;
	char	   *version = NULL;
	Row			row;

	cdc_statement_run("SELECT extversion FROM pg_catalog.pg_extension WHERE extname OPERATOR(pg_catalog.=) 'cdc_pipeline'",
					  SPI_OK_SELECT, 0, NULL, NULL, NULL);
	if (SPI_processed > 0)
		version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

	if (version == NULL)
		reason = "extension cdc_pipeline is not created in this database";
	else if (strcmp(version, CDC_VERSION) != 0)
		reason = psprintf("the library is version %s, the extension %s: run ALTER EXTENSION cdc_pipeline UPDATE",
						  CDC_VERSION, version);
	else if (!cdc_enabled)
		reason = "cdc_pipeline.enabled is off";
	else if (!read_row(&row))
		reason = "no organization exists yet";
	else
	{
		readable = true;
		reason = judge_row(world, &row);
	}

	if (cdc_agenda_judge(world, reason))
	{
		if (reason)
			ereport(LOG, (errmsg("cdc_pipeline reconciler is idle: %s", reason)));
		else
			ereport(LOG, (errmsg("cdc_pipeline reconciler acts with epoch " INT64_FORMAT, world->fence.ours.number)));
	}
	return readable;
}
