/*
 * fingerprint.h
 *	  Is a text the very one that was read before?
 *
 * For texts of strangers that are not worth being kept whole.  A fingerprint is
 * HMAC-SHA-256 under a random key of this process: who writes a text knows no
 * key and is shown no fingerprint, so that he cannot make another with the
 * same.  It is not stored and not sent: the next process has another key.
 * malloc only and no ereport.
 */
#ifndef CDC_FINGERPRINT_H
#define CDC_FINGERPRINT_H

#include "common/base.h"

#define CDC_FINGERPRINT_LEN 32

typedef struct CdcFingerprint
{
	unsigned char bytes[CDC_FINGERPRINT_LEN];
} CdcFingerprint;

/* Of length bytes, any; false: there is none (no randomness, no memory), and nothing may be taken for the same. */
extern bool cdc_fingerprint(const char *words, size_t length, CdcFingerprint *print);

extern bool cdc_fingerprint_same(const CdcFingerprint *a, const CdcFingerprint *b);

#endif							/* CDC_FINGERPRINT_H */
