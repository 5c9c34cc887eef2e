/*
 * secrets.c
 *	  AES-256-GCM of the secrets in the tables; see secrets.h.
 *
 * The key file is read anew for every use: it is small, and a key in memory
 * would outlive its rotation.  Nothing here logs a secret or a key.
 */
#include "postgres.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/compat.h"
#include "common/secrets.h"

#define KEY_LEN 32
#define NONCE_LEN 12
#define TAG_LEN 16

/*
 * RFC 7677 asks for 4096 iterations and more, to slow down who guesses
 * passwords.  Ours have 190 random bits, which nobody guesses at any speed, and a
 * connector logs in seven times when it starts: each iteration is its and
 * Connect's time.  1000 is the least that NIST SP 800-132 allows, which
 * Java's FIPS modules insist on.
 */
#define SCRAM_ITERATIONS 1000

char	   *cdc_secret_key_file;

static void
key_error(const char *path, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the secret key of cdc_pipeline cannot be used"),
			 errdetail("File \"%s\": %s.", path, what),
			 errhint("Make it, as the server's user, with: head -c 32 /dev/urandom > FILE && chmod 600 FILE, the same on every standby, and set cdc_pipeline.secret_key_file.")));
}

char *
cdc_secret_file(const char *path, size_t max, size_t *length, const char **why)
{
	struct stat st;
	char	   *content;
	int			fd;
	ssize_t		n;

	/* cppcheck-suppress [nullPointerRedundantCheck, ctunullpointer]; who has no path has ended in key_error */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
	{
		*why = strerror(errno);
		return NULL;
	}
	*why = NULL;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		*why = "it is not a regular file";
	else if (st.st_uid != geteuid() || (st.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		*why = "its owner must be the server's user and its mode 0600 or less";
	if (*why)
	{
		close(fd);
		return NULL;
	}
	content = palloc(max + 1);
	n = read(fd, content, max + 1);
	close(fd);
	if (n < 0 || n > (ssize_t) max)
	{
		explicit_bzero(content, max + 1);
		pfree(content);
		*why = n < 0 ? "it cannot be read" : "it is too large";
		return NULL;
	}
	content[n] = '\0';
	*length = n;
	return content;
}

static void
read_key(const char *path, unsigned char *key, char *key_id)
{
	unsigned char digest[SHA256_DIGEST_LENGTH];
	const char *why;
	char	   *content;
	size_t		length;
	int			i;

	if (path == NULL || path[0] == '\0')
		key_error("", "cdc_pipeline.secret_key_file is not set");
	content = cdc_secret_file(path, KEY_LEN, &length, &why);
	if (content == NULL)
		key_error(path, strcmp(why, "it is too large") == 0 ? "it must have exactly 32 bytes" : why);
	if (length != KEY_LEN)
		key_error(path, "it must have exactly 32 bytes");
	memcpy(key, content, KEY_LEN);
	explicit_bzero(content, KEY_LEN);
	pfree(content);
	SHA256(key, KEY_LEN, digest);
	for (i = 0; i < 8; i++)
		snprintf(key_id + 2 * i, 3, "%02x", digest[i]);
}

/* Owner and purpose, bound to the ciphertext. */
static char *
associated(const char *owner, const char *purpose)
{
	return psprintf("cdc_pipeline/%s/%s", owner, purpose);
}

bytea *
cdc_secret_encrypt(const char *clear, const char *owner, const char *purpose, char **key_id)
{
	unsigned char key[KEY_LEN];
	char		id[17];
	char	   *aad = associated(owner, purpose);
	int			len = strlen(clear);
	bytea	   *result = palloc(VARHDRSZ + NONCE_LEN + len + TAG_LEN);
	unsigned char *nonce = (unsigned char *) VARDATA(result);
	unsigned char *body = nonce + NONCE_LEN;
	EVP_CIPHER_CTX *ctx;
	int			n;
	bool		ok;

	read_key(cdc_secret_key_file, key, id);
	if (!pg_strong_random(nonce, NONCE_LEN))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not get random bytes for a secret")));
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL &&
		EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_EncryptUpdate(ctx, NULL, &n, (const unsigned char *) aad, strlen(aad)) == 1 &&
		EVP_EncryptUpdate(ctx, body, &n, (const unsigned char *) clear, len) == 1 &&
		EVP_EncryptFinal_ex(ctx, body + n, &n) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, body + len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	explicit_bzero(key, sizeof(key));
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not encrypt a secret")));
	SET_VARSIZE(result, VARHDRSZ + NONCE_LEN + len + TAG_LEN);
	*key_id = pstrdup(id);
	return result;
}

char *
cdc_secret_decrypt(const bytea *cipher, const char *key_id, const char *owner, const char *purpose)
{
	return cdc_secret_decrypt_with(cdc_secret_key_file, cipher, key_id, owner, purpose);
}

char *
cdc_secret_decrypt_with(const char *key_file, const bytea *cipher, const char *key_id,
						const char *owner, const char *purpose)
{
	unsigned char key[KEY_LEN];
	char		id[17];
	char	   *aad = associated(owner, purpose);
	int			len = (int) VARSIZE_ANY_EXHDR(cipher) - NONCE_LEN - TAG_LEN;
	const unsigned char *nonce = (const unsigned char *) VARDATA_ANY(cipher);
	const unsigned char *body = nonce + NONCE_LEN;
	char	   *clear;
	EVP_CIPHER_CTX *ctx;
	int			n = 0;
	int			m = 0;
	bool		ok;

	read_key(key_file, key, id);
	if (strcmp(id, key_id) != 0)
	{
		explicit_bzero(key, sizeof(key));
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a secret was encrypted with another key"),
				 errdetail("It needs the key with id %s; \"%s\" has the key with id %s.", key_id, key_file, id),
				 errhint("Put the key file that belongs to this metadata in place, on this server too, and reload.")));
	}
	if (len < 0)
		len = 0;
	clear = palloc(len + 1);
	ctx = EVP_CIPHER_CTX_new();
	ok = ctx != NULL && VARSIZE_ANY_EXHDR(cipher) >= NONCE_LEN + TAG_LEN &&
		EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce) == 1 &&
		EVP_DecryptUpdate(ctx, NULL, &n, (const unsigned char *) aad, strlen(aad)) == 1 &&
		EVP_DecryptUpdate(ctx, (unsigned char *) clear, &n, body, len) == 1 &&
		EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, unconstify(unsigned char *, body + len)) == 1 &&
		EVP_DecryptFinal_ex(ctx, (unsigned char *) clear + n, &m) == 1;
	EVP_CIPHER_CTX_free(ctx);
	explicit_bzero(key, sizeof(key));
	if (!ok)
	{
		/* what a wrong tag has decrypted may still be a secret */
		explicit_bzero(clear, len);
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("a secret cannot be decrypted"),
				 errdetail("Its bytes, its owner or its purpose are not those that were encrypted (%s of %s).", purpose, owner),
				 errhint("Restore the row from a dump, or register the service again.")));
	}
	clear[len] = '\0';
	return clear;
}

char *
cdc_secret_password(void)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	const int	letters = sizeof(alphabet) - 1;
	char	   *password = palloc(33);
	int			n = 0;

	while (n < 32)
	{
		unsigned char byte;

		if (!pg_strong_random(&byte, 1))
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("could not get random bytes for a password")));
		/* the rest of the division would favor the first letters */
		if (byte < 256 - 256 % letters)
			password[n++] = alphabet[byte % letters];
	}
	password[n] = '\0';
	return password;
}

char *
cdc_secret_verifier(const char *password)
{
	char		salt[SCRAM_DEFAULT_SALT_LEN];
	const char *why = NULL;
	char	   *verifier;

	if (!pg_strong_random(salt, sizeof(salt)))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not get random bytes for a salt")));
	verifier = cdc_scram_build_secret(salt, sizeof(salt), SCRAM_ITERATIONS, password, &why);
	if (verifier == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not make a SCRAM verifier"),
				 errdetail("%s", why ? why : "No reason was given.")));
	return verifier;
}
