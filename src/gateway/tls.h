/*
 * tls.h
 *	  The certificate of the HTTPS listener, replaced without a restart.
 */
#ifndef CDC_GATEWAY_TLS_H
#define CDC_GATEWAY_TLS_H

#include "common/base.h"

#include <gnutls/gnutls.h>
#include <gnutls/abstract.h>

/*
 * Reads config.tls_certificate and tls_key; connections from now on get them.
 * On failure what was read before stays in use; false and a message on stderr.
 */
extern bool tls_load(void);

/* GnuTLS' question for a certificate. */
extern int	tls_certificate(gnutls_session_t session, const gnutls_datum_t *names, int nnames,
							const gnutls_pk_algorithm_t *algorithms, int nalgorithms,
							gnutls_pcert_st **pcert, unsigned int *npcert, gnutls_privkey_t *key);

#endif							/* CDC_GATEWAY_TLS_H */
