/*
 * secret.c
 *	  Secrets of a row that was read, in the clear.
 *
 * See store_parts.h.  One that cannot be decrypted (key missing) makes its owner
 * say so and hurts no other.
 */
#include "postgres.h"

#include "common/base64.h"

#include "common/compat.h"
#include "common/secrets.h"
#include "worker/store/store_parts.h"

/*
 * Catches the ERROR: one bad secret hurts only its owner.  What is done within
 * touches no database, so a transaction that is open goes on.
 */
char *
cdc_store_decrypt(MemoryContext context, const bytea *cipher, const char *key_id,
				  const char *owner, const char *purpose, char **error)
{
	MemoryContext caller = CurrentMemoryContext;
	char	   *volatile clear = NULL;

	PG_TRY();
	{
		char	   *words = cdc_secret_decrypt(cipher, key_id, owner, purpose);

		clear = MemoryContextStrdup(context, words);
		explicit_bzero(words, strlen(words));
		pfree(words);
	}
	PG_CATCH();
	{
		ErrorData  *edata;

		MemoryContextSwitchTo(caller);
		edata = CopyErrorData();
		FlushErrorState();
		if (error && *error == NULL)
			*error = MemoryContextStrdup(context, edata->message);
		FreeErrorData(edata);
	}
	PG_END_TRY();
	return clear;
}

char *
cdc_store_secret(MemoryContext context, struct json_object *row, const char *owner,
				 const char *purpose, char **error)
{
	struct json_object *secrets;
	char	   *clear = NULL;
	int			n;
	int			i;

	secrets = cdc_row_array(row, "secrets", &n);
	for (i = 0; i < n; i++)
	{
		struct json_object *secret = json_object_array_get_idx(secrets, i);
		const char *its_purpose = cdc_row_text(secret, "purpose");
		const char *data = cdc_row_text(secret, "data");
		bytea	   *cipher;
		int			len;

		if (data == NULL || its_purpose == NULL || strcmp(its_purpose, purpose) != 0)
			continue;
		len = pg_b64_dec_len(strlen(data));
		cipher = palloc(VARHDRSZ + len);
		len = pg_b64_decode(data, strlen(data), (void *) VARDATA(cipher), len);
		if (len < 0)
			continue;
		SET_VARSIZE(cipher, VARHDRSZ + len);
		clear = cdc_store_decrypt(context, cipher, cdc_row_text(secret, "key_id"), owner, purpose, error);
		pfree(cipher);
	}
	return clear;
}
