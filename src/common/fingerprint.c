/*
 * fingerprint.c
 *	  See fingerprint.h.
 */
#include "common/fingerprint.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <string.h>

bool
cdc_fingerprint(const char *words, size_t length, CdcFingerprint *print)
{
	static unsigned char key[CDC_FINGERPRINT_LEN];
	static bool keyed = false;
	unsigned int written = 0;

	if (!keyed)
		keyed = RAND_bytes(key, sizeof(key)) == 1;
	return keyed && HMAC(EVP_sha256(), key, sizeof(key), (const unsigned char *) words, length, print->bytes, &written) != NULL &&
		written == sizeof(print->bytes);
}

bool
cdc_fingerprint_same(const CdcFingerprint *a, const CdcFingerprint *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
