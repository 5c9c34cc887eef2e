/*
 * secrets.h
 *	  AES-256-GCM of the secrets in the tables, random passwords, SCRAM
 *	  verifiers.  OpenSSL's and PostgreSQL's own code, nothing home made.
 *
 * The key is the 32 bytes of the file cdc_pipeline.secret_key_file (checked:
 * regular file, owner is the server's, no rights for group and others).
 * key_id is the first 16 hex digits of the key's SHA-256.
 */
#ifndef CDC_SECRETS_H
#define CDC_SECRETS_H

#include "postgres.h"

/* The setting of this name; settings.c registers it. */
extern char *cdc_secret_key_file;

/*
 * Encrypts clear for (owner id, purpose), which are bound as associated data:
 * a row moved to another owner does not decrypt.  Result palloc'd: 12-byte
 * nonce, ciphertext, 16-byte tag; *key_id palloc'd.  ERROR with hint when the
 * key cannot be read.
 */
extern bytea *cdc_secret_encrypt(const char *clear, const char *owner,
								 const char *purpose, char **key_id);

/*
 * The clear text, palloc'd; the caller wipes it (explicit_bzero) when it can.
 * ERROR (never quoting the secret) on a wrong key, owner or altered bytes.
 */
extern char *cdc_secret_decrypt(const bytea *cipher, const char *key_id,
								const char *owner, const char *purpose);

/* The same with the key of another file: for the rotation of keys. */
extern char *cdc_secret_decrypt_with(const char *key_file, const bytea *cipher, const char *key_id,
									 const char *owner, const char *purpose);

/*
 * The content of a file that holds a secret: regular, owned by the server's
 * user, no rights for group and others.  At most max bytes, palloc'd and
 * NUL-terminated, *length without that; the caller wipes it.  NULL: *why says
 * why not.  Never ereports on the file.
 */
extern char *cdc_secret_file(const char *path, size_t max, size_t *length, const char **why);

/* 32 random characters of [A-Za-z0-9], palloc'd; ERROR without entropy. */
extern char *cdc_secret_password(void);

/*
 * SCRAM-SHA-256 verifier of a password of cdc_secret_password, as pg_authid
 * keeps it; palloc'd.  Not for passwords that people choose: see SCRAM_ITERATIONS.
 */
extern char *cdc_secret_verifier(const char *password);

#endif							/* CDC_SECRETS_H */
