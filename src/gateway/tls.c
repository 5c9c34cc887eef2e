/*
 * tls.c
 *	  The certificate of the HTTPS listener.
 *
 * A handshake under way may still use the certificate before: it is freed
 * when the one after the next has been loaded, at the earliest.
 */
#include "gateway/tls.h"

#include "gateway/config.h"

#define CHAIN 16

typedef struct Certificate
{
	gnutls_pcert_st chain[CHAIN];
	unsigned int n;
	gnutls_privkey_t key;
} Certificate;

static Certificate *now;
static Certificate *before;

static void
release(Certificate *certificate)
{
	unsigned int i;

	if (certificate == NULL)
		return;
	for (i = 0; i < certificate->n; i++)
		gnutls_pcert_deinit(&certificate->chain[i]);
	if (certificate->key != NULL)
		gnutls_privkey_deinit(certificate->key);
	pg_free(certificate);
}

/* Do certificate and key belong together? */
static bool
fit(Certificate *certificate)
{
	unsigned char of_key[64];
	unsigned char of_certificate[64];
	size_t		key_size = sizeof(of_key);
	size_t		certificate_size = sizeof(of_certificate);
	gnutls_pubkey_t public;
	bool		same = false;

	if (gnutls_pubkey_init(&public) < 0)
		return false;
	if (gnutls_pubkey_import_privkey(public, certificate->key, 0, 0) >= 0 &&
		gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, of_key, &key_size) >= 0 &&
		gnutls_pubkey_get_key_id(certificate->chain[0].pubkey, GNUTLS_KEYID_USE_SHA256, of_certificate, &certificate_size) >= 0)
		same = key_size == certificate_size && memcmp(of_key, of_certificate, key_size) == 0;
	gnutls_pubkey_deinit(public);
	return same;
}

bool
tls_load(void)
{
	Certificate *fresh;
	gnutls_datum_t pem = {NULL, 0};
	gnutls_datum_t key = {NULL, 0};
	const char *what = config.tls_certificate;
	int			code;

	if (config.tls_certificate == NULL)
		return true;
	fresh = pg_malloc0(sizeof(Certificate));
	fresh->n = CHAIN;
	code = gnutls_load_file(config.tls_certificate, &pem);
	if (code >= 0)
	{
		code = gnutls_pcert_list_import_x509_raw(fresh->chain, &fresh->n, &pem, GNUTLS_X509_FMT_PEM, 0);
		if (code < 0)
			fresh->n = 0;
	}
	else
		fresh->n = 0;
	if (code >= 0)
	{
		what = config.tls_key;
		code = gnutls_load_file(config.tls_key, &key);
	}
	if (code >= 0)
		code = gnutls_privkey_init(&fresh->key);
	if (code >= 0)
		code = gnutls_privkey_import_x509_raw(fresh->key, &key, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code >= 0 && !fit(fresh))
		code = GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
	gnutls_free(pem.data);
	if (key.data != NULL)
		explicit_bzero(key.data, key.size);
	gnutls_free(key.data);
	if (code < 0)
	{
		fprintf(stderr, "cdc_gateway: %s: %s%s\n", what, gnutls_strerror(code), now != NULL ? "; the certificate before stays in use" : "");
		release(fresh);
		return false;
	}
	release(before);
	before = now;
	now = fresh;
	return true;
}

int
tls_certificate(gnutls_session_t session, const gnutls_datum_t *names, int nnames,
				const gnutls_pk_algorithm_t *algorithms, int nalgorithms,
				gnutls_pcert_st **pcert, unsigned int *npcert, gnutls_privkey_t *key)
{
	*pcert = now->chain;
	*npcert = now->n;
	*key = now->key;
	return 0;
}
