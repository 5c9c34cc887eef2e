/*
 * common_secrets.c
 *	  Secrets for SQL: encrypted, decrypted, encrypted anew, made.
 *
 * Declared in sql/common/helpers_secrets.sql.  How is src/common/secrets.c's;
 * nothing is kept here, and clear text is wiped where it was not returned.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "common/secrets.h"

PG_FUNCTION_INFO_V1(cdc_decrypt);
PG_FUNCTION_INFO_V1(cdc_encrypt);
PG_FUNCTION_INFO_V1(cdc_random_secret);
PG_FUNCTION_INFO_V1(cdc_reencrypt);

static Datum
sealed(FunctionCallInfo fcinfo, const char *clear, const char *owner, const char *purpose)
{
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};
	char	   *key_id;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[1] = PointerGetDatum(cdc_secret_encrypt(clear, owner, purpose, &key_id));
	values[0] = CStringGetTextDatum(key_id);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/* cdc_inner.encrypt(clear, owner, purpose) -> (key_id, ciphertext) */
Datum
cdc_encrypt(PG_FUNCTION_ARGS)
{
	return sealed(fcinfo, text_to_cstring(PG_GETARG_TEXT_PP(0)),
				  text_to_cstring(PG_GETARG_TEXT_PP(1)), text_to_cstring(PG_GETARG_TEXT_PP(2)));
}

/*
 * cdc_inner.reencrypt(old_key_file, key_id, ciphertext, owner, purpose) -> (key_id,
 * ciphertext) with the present key.  The clear text never reaches SQL.
 */
Datum
cdc_reencrypt(PG_FUNCTION_ARGS)
{
	char	   *owner = text_to_cstring(PG_GETARG_TEXT_PP(3));
	char	   *purpose = text_to_cstring(PG_GETARG_TEXT_PP(4));
	char	   *clear;
	Datum		result;

	clear = cdc_secret_decrypt_with(text_to_cstring(PG_GETARG_TEXT_PP(0)), PG_GETARG_BYTEA_PP(2),
									text_to_cstring(PG_GETARG_TEXT_PP(1)), owner, purpose);
	result = sealed(fcinfo, clear, owner, purpose);
	explicit_bzero(clear, strlen(clear));
	return result;
}

/*
 * cdc_inner.decrypt(key_id, ciphertext, owner, purpose) -> text.  For
 * cdc.rest_reveal_password alone; granted to nobody.
 */
Datum
cdc_decrypt(PG_FUNCTION_ARGS)
{
	char	   *clear = cdc_secret_decrypt(PG_GETARG_BYTEA_PP(1), text_to_cstring(PG_GETARG_TEXT_PP(0)),
										   text_to_cstring(PG_GETARG_TEXT_PP(2)), text_to_cstring(PG_GETARG_TEXT_PP(3)));
	text	   *result = cstring_to_text(clear);

	explicit_bzero(clear, strlen(clear));
	PG_RETURN_TEXT_P(result);
}

/* cdc_inner.random_secret() -> text: 32 random letters and digits. */
Datum
cdc_random_secret(PG_FUNCTION_ARGS)
{
	char	   *secret = cdc_secret_password();
	text	   *result = cstring_to_text(secret);

	explicit_bzero(secret, strlen(secret));
	PG_RETURN_TEXT_P(result);
}
