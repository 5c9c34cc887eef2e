/*
 * secret.c
 *	  See secret.h.
 */
#include "agent/secret.h"

#include <dirent.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "common/text.h"

static int	secret_fd = -1;

bool
agent_secret_init(const AgentConfig *config, char **error)
{
	struct stat st;

	secret_fd = agent_open_dir(AT_FDCWD, config->secret_dir, 0700, false, error);
	if (secret_fd < 0)
		return false;
	if (fstat(secret_fd, &st) != 0 || (st.st_mode & 007) != 0)
	{
		*error = psprintf("secret_dir \"%s\" may be entered by everybody: chmod o-rwx it", config->secret_dir);
		return false;
	}
	if (!agent_is_own_dir(secret_fd, "secret_dir", config->secret_dir, error))
		return false;
	/* Connect hosts may share it */
	agent_remove_leftovers(secret_fd, 60);
	return true;
}

static int
by_name(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(struct json_object *const *) a),
				  json_object_get_string(*(struct json_object *const *) b));
}

struct json_object *
agent_secret_list(char **error)
{
	/* a descriptor of its own: two requests may list at the same time */
	int			fd = openat(secret_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR		   *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct json_object *names;

	if (dir == NULL)
	{
		*error = psprintf("could not read the directory of secrets: %m");
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	names = json_object_new_array();
	while ((entry = readdir(dir)) != NULL)
	{
		struct stat st;

		if (entry->d_name[0] != '.' && cdc_text_clean(entry->d_name, strlen(entry->d_name)) && fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
			json_object_array_add(names, json_object_new_string(entry->d_name));
	}
	closedir(dir);
	json_object_array_sort(names, by_name);
	return names;
}

bool
agent_secret_put(const char *name, const char *value, char **error)
{
	return agent_write_file(secret_fd, name, value, strlen(value), 0600, error);
}

/* Copies each certificate of one BIO to the other; how many, -1: a block is none. */
static int
copy_certificates(BIO *from, BIO *to)
{
	char	   *name;
	char	   *header;
	unsigned char *data;
	long		length;
	int			n = 0;

	while (PEM_read_bio(from, &name, &header, &data, &length))
	{
		const unsigned char *p = data;
		X509	   *certificate = strcmp(name, PEM_STRING_X509) == 0 ? d2i_X509(NULL, &p, length) : NULL;
		bool		good = certificate != NULL && p == data + length && PEM_write_bio_X509(to, certificate) == 1;

		X509_free(certificate);
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t) length);
		if (!good)
			return -1;
		n++;
	}
	/* the end of the text is told as an error too */
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		n = -1;
	ERR_clear_error();
	return n;
}

int
agent_secret_put_certificate(const char *name, const char *pem, char **error)
{
	BIO		   *from = BIO_new_mem_buf(pem, -1);
	BIO		   *to = BIO_new(BIO_s_mem());
	char	   *data;
	long		length;
	int			status = 0;

	ERR_clear_error();
	if (from == NULL || to == NULL)
	{
		*error = pstrdup("out of memory");
		status = 500;
	}
	else if (copy_certificates(from, to) <= 0)
	{
		*error = pstrdup("value must be certificates as PEM text, and nothing else");
		status = 422;
	}
	else
	{
		length = BIO_get_mem_data(to, &data);
		if (!agent_write_file(secret_fd, name, data, (size_t) length, 0600, error))
			status = 500;
	}
	ERR_clear_error();
	BIO_free(from);
	BIO_free(to);
	return status;
}

bool
agent_secret_delete(const char *name, char **error)
{
	return agent_remove_file(secret_fd, name, error);
}
