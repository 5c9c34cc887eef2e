/*
 * download.c
 *	  See download.h.
 */
#include "agent/download.h"

#include <curl/curl.h>
#include <openssl/evp.h>
#include <unistd.h>

#define MAX_REDIRECTS 5
#define CONNECT_SECONDS 20

typedef struct Sink
{
	int			fd;
	int64		left;
	bool		too_large;
	int			error;			/* errno of a write */
	EVP_MD_CTX *digest;
} Sink;

/* The URL as libcurl would fetch it, without "../" and with its case folded; NULL: none. */
static char *
normalized(const char *url)
{
	CURLU	   *parts = curl_url();
	char	   *words = NULL;
	char	   *result = NULL;

	if (parts && curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_USER, &words, 0) == CURLUE_NO_USER &&
		curl_url_get(parts, CURLUPART_URL, &words, 0) == CURLUE_OK)
	{
		result = pstrdup(words);
		curl_free(words);
	}
	curl_url_cleanup(parts);
	return result;
}

char *
agent_download_fault(const AgentConfig *config, const char *url)
{
	char	   *whole = normalized(url);
	int			i;

	if (whole == NULL)
		return pstrdup("the url is none that can be fetched (credentials in it are not taken)");
	for (i = 0; i < config->nallowed; i++)
	{
		/* an encoded dot would be a "../" only for whoever decodes it later */
		if (strncmp(whole, config->allowed_urls[i], strlen(config->allowed_urls[i])) == 0 &&
			strstr(whole, "..") == NULL && strcasestr(whole, "%2e") == NULL)
		{
			pfree(whole);
			return NULL;
		}
	}
	pfree(whole);
	return pstrdup("the url does not begin with one of allowed_urls in the agent's configuration");
}

static size_t
on_data(char *data, size_t size, size_t n, void *arg)
{
	Sink	   *sink = arg;
	size_t		length = size * n;
	size_t		done = 0;

	if ((int64) length > sink->left)
	{
		sink->too_large = true;
		return 0;
	}
	while (done < length)
	{
		ssize_t		rc = write(sink->fd, data + done, length - done);

		if (rc < 0 && errno == EINTR)
			continue;
		if (rc <= 0)
		{
			sink->error = errno;
			return 0;
		}
		done += (size_t) rc;
	}
	if (EVP_DigestUpdate(sink->digest, data, length) != 1)
		return 0;
	sink->left -= (int64) length;
	return length;
}

/* One request; *location is where it was sent on to, or NULL. */
static bool
fetch(const AgentConfig *config, const char *url, Sink *sink, char **location, char **error)
{
	CURL	   *easy = curl_easy_init();
	char		words[CURL_ERROR_SIZE] = "";
	char	   *where = NULL;
	long		status = 0;
	CURLcode	code;
	bool		ok = false;

	*location = NULL;
	if (easy == NULL)
	{
		*error = pstrdup("libcurl does not start");
		return false;
	}
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https,file");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT, (long) CONNECT_SECONDS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long) config->download_timeout);
	/* a peer that sends nothing for so long is gone */
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, 30L);
	curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t) config->max_download_bytes);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, words);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, sink);
	code = curl_easy_perform(easy);
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &where);
	if (sink->too_large || code == CURLE_FILESIZE_EXCEEDED)
		*error = psprintf("the download is larger than " INT64_FORMAT " bytes (max_download_bytes)", config->max_download_bytes);
	else if (sink->error)
		*error = psprintf("the download could not be written: %s", strerror(sink->error));
	else if (code != CURLE_OK)
		*error = psprintf("the download failed: %s", words[0] ? words : curl_easy_strerror(code));
	else if (where)
	{
		*location = pstrdup(where);
		ok = true;
	}
	else if (status != 0 && status != 200)
		*error = psprintf("the download failed: HTTP %ld", status);
	else
		ok = true;
	curl_easy_cleanup(easy);
	return ok;
}

static bool
digest_is(EVP_MD_CTX *digest, const char *sha512, char **error)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	char		hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned	n = 0;
	unsigned	i;

	if (EVP_DigestFinal_ex(digest, bytes, &n) != 1)
	{
		*error = pstrdup("OpenSSL cannot make a SHA-512");
		return false;
	}
	for (i = 0; i < n; i++)
		snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
	if (strcmp(hex, sha512) == 0)
		return true;
	*error = psprintf("the download does not have the SHA-512 that was asked for: it has %.16s..., %.16s... was asked for", hex, sha512);
	return false;
}

bool
agent_download(const AgentConfig *config, const char *url, const char *sha512, int fd, char **error)
{
	char	   *here = pstrdup(url);
	int			hop;
	bool		ok = false;

	for (hop = 0; here; hop++)
	{
		Sink		sink = {fd, config->max_download_bytes, false, 0, EVP_MD_CTX_new()};
		char	   *next = NULL;

		ok = false;
		*error = hop > MAX_REDIRECTS ? pstrdup("the download failed: too many redirects") : agent_download_fault(config, here);
		if (*error && hop > 0)
			*error = psprintf("%s, to which it was sent on", *error);
		if (*error == NULL && (ftruncate(fd, 0) != 0 || lseek(fd, 0, SEEK_SET) != 0))
			*error = psprintf("the download could not be written: %m");
		if (*error == NULL && (sink.digest == NULL || EVP_DigestInit_ex(sink.digest, EVP_sha512(), NULL) != 1))
			*error = pstrdup("OpenSSL cannot make a SHA-512");
		if (*error == NULL && fetch(config, here, &sink, &next, error))
			ok = next != NULL || digest_is(sink.digest, sha512, error);
		EVP_MD_CTX_free(sink.digest);
		pfree(here);
		here = ok ? next : NULL;
	}
	return ok;
}
